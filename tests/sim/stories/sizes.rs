//! Stories of volumes that grow.

use super::{MEMBER, OWNER};

stories! {
    STORIES

    grow(w) {
        w.owned("gold");
        w.resize(OWNER, 2);
        w.settle();
    } => ["primary/data Bound pvc-c1 2Gi; owner pvc-c1 Bound; data pvc-c1; record pvc-c1 Live []"]

    grow_with_a_member(w) {
        w.shared("gold");
        w.resize(OWNER, 2);
        w.settle();
    } => ["primary/data Bound pvc-c1 2Gi; secondary/data Bound pvc-c2 2Gi; owner pvc-c1 Bound; member pvc-c2 Bound; data pvc-c1; record pvc-c1 Live [pvc-c2]"]

    grow_and_ask_for_more_midway(w) {
        w.owned("gold");
        w.resize(OWNER, 2);
        w.midway();
        w.resize(OWNER, 3);
        w.settle();
    } => ["primary/data Bound pvc-c1 3Gi; owner pvc-c1 Bound; data pvc-c1; record pvc-c1 Live []"]

    // Less than what the backend may have been told of is made only if it was not.
    grow_and_ask_for_less_midway(w) {
        w.owned("gold");
        w.resize(OWNER, 3);
        w.midway();
        w.resize(OWNER, 2);
        w.settle();
    } => [
        "primary/data Bound pvc-c1 2Gi; owner pvc-c1 Bound; data pvc-c1; record pvc-c1 Live []",
        "primary/data Bound pvc-c1 3Gi; owner pvc-c1 Bound; data pvc-c1; record pvc-c1 Live []"
    ]

    grow_and_the_claim_is_deleted_midway(w) {
        w.owned("gold");
        w.resize(OWNER, 2);
        w.midway();
        w.delete(OWNER);
        w.settle();
    } => ["nothing"]

    grow_and_somebody_joins_midway(w) {
        w.owned("gold");
        w.resize(OWNER, 2);
        w.midway();
        w.asked(MEMBER, "gold");
        w.settle();
    } => ["primary/data Bound pvc-c1 2Gi; secondary/data Bound pvc-c2 2Gi; owner pvc-c1 Bound; member pvc-c2 Bound; data pvc-c1; record pvc-c1 Live [pvc-c2]"]
}
