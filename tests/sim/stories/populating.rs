//! Stories of a populator: it has a volume made for a helper claim, and gives it to the claim that asked for it.

use super::{HELPER, MEMBER, OWNER};

stories! {
    STORIES

    populate(w) {
        w.filled("gold");
        w.hand_over("pvc-c2", OWNER);
        w.settle();
        w.delete(HELPER);
        w.settle();
    } => ["primary/data Bound pvc-c2; owner pvc-c2 Bound; data pvc-c2; record pvc-c2 Live []"]

    populate_and_the_helper_stays(w) {
        w.filled("gold");
        w.hand_over("pvc-c2", OWNER);
        w.settle();
    } => ["primary/data Bound pvc-c2; third/prime Lost pvc-c2; owner pvc-c2 Bound; data pvc-c2; record pvc-c2 Live []"]

    populate_and_the_helper_is_deleted_midway(w) {
        w.filled("gold");
        w.hand_over("pvc-c2", OWNER);
        w.midway();
        w.delete(HELPER);
        w.settle();
    } => ["primary/data Bound pvc-c2; owner pvc-c2 Bound; data pvc-c2; record pvc-c2 Live []"]

    populate_and_the_claim_is_deleted_midway(w) {
        w.filled("gold");
        w.hand_over("pvc-c2", OWNER);
        w.midway();
        w.delete(OWNER);
        w.settle();
        w.delete(HELPER);
        w.settle();
    } => ["nothing"]

    populate_and_never_finish(w) {
        w.wanted(OWNER, "gold");
        w.helper(HELPER, "gold");
        w.midway();
        w.delete(OWNER);
        w.delete(HELPER);
        w.settle();
    } => ["nothing"]

    populate_and_share(w) {
        w.filled("gold");
        w.asked(MEMBER, "gold");
        w.hand_over("pvc-c2", OWNER);
        w.midway();
        w.delete(HELPER);
        w.settle();
        w.delete(OWNER);
        w.settle();
        w.delete(MEMBER);
        w.settle();
    } => ["nothing"]

    populate_and_the_helper_is_deleted_at_last(w) {
        w.filled("gold");
        w.asked(MEMBER, "gold");
        w.hand_over("pvc-c2", OWNER);
        w.settle();
        w.delete(OWNER);
        w.settle();
        w.delete(HELPER);
        w.settle();
    } => ["secondary/data Bound pvc-c3; owner pvc-c2 Released; member pvc-c3 Bound; data pvc-c2; record pvc-c2 SoftDeleted [pvc-c3]"]

    populate_and_grow(w) {
        w.filled("gold");
        w.hand_over("pvc-c2", OWNER);
        w.settle();
        w.resize(OWNER, 2);
        w.midway();
        w.delete(HELPER);
        w.settle();
    } => ["primary/data Bound pvc-c2 2Gi; owner pvc-c2 Bound; data pvc-c2; record pvc-c2 Live []"]
}
