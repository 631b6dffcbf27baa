//! Stories of access that is cut, and comes back.

use super::{MEMBER, OWNER};

stories! {
    STORIES

    access_is_cut(w) {
        w.shared_strictly();
        w.share_to(OWNER, "third");
        w.settle();
    } => ["primary/data Bound pvc-c1; secondary/data Bound pvc-c2; owner pvc-c1 Bound; member pvc-c2 Bound; data pvc-c1; record pvc-c1 Live [pvc-c2]; Cut secondary of pvc-c1"]

    access_is_cut_and_comes_back(w) {
        w.shared_strictly();
        w.share_to(OWNER, "third");
        w.settle();
        w.share_to(OWNER, "*");
        w.settle();
    } => ["primary/data Bound pvc-c1; secondary/data Bound pvc-c2; owner pvc-c1 Bound; member pvc-c2 Bound; data pvc-c1; record pvc-c1 Live [pvc-c2]"]

    access_is_cut_and_consent_is_back_midway(w) {
        w.shared_strictly();
        w.unrefer("secondary", "data");
        w.midway();
        w.refer("secondary", OWNER);
        w.settle();
    } => ["primary/data Bound pvc-c1; secondary/data Bound pvc-c2; owner pvc-c1 Bound; member pvc-c2 Bound; data pvc-c1; record pvc-c1 Live [pvc-c2]"]

    access_is_cut_and_stays_so_when_the_owner_goes(w) {
        w.shared_strictly();
        w.share_to(OWNER, "third");
        w.settle();
        w.delete(OWNER);
        w.settle();
    } => ["secondary/data Bound pvc-c2; owner pvc-c1 Released; member pvc-c2 Bound; data pvc-c1; record pvc-c1 SoftDeleted [pvc-c2]; Cut secondary of pvc-c1"]

    access_is_cut_and_the_owner_is_deleted_midway(w) {
        w.shared_strictly();
        w.share_to(OWNER, "third");
        w.midway();
        w.delete(OWNER);
        w.settle();
    } => [
        "secondary/data Bound pvc-c2; owner pvc-c1 Released; member pvc-c2 Bound; data pvc-c1; record pvc-c1 SoftDeleted [pvc-c2]; Cut secondary of pvc-c1",
        "secondary/data Bound pvc-c2; owner pvc-c1 Released; member pvc-c2 Bound; data pvc-c1; record pvc-c1 SoftDeleted [pvc-c2]"
    ]

    access_is_cut_and_everybody_leaves(w) {
        w.shared_strictly();
        w.unrefer("secondary", "data");
        w.settle();
        w.delete(OWNER);
        w.settle();
        w.delete(MEMBER);
        w.settle();
    } => ["nothing"]

    access_is_cut_and_the_namespace_joins_again(w) {
        w.shared_strictly();
        w.share_to(OWNER, "third");
        w.settle();
        w.delete(MEMBER);
        w.share_to(OWNER, "*");
        w.ask("secondary/again", OWNER, "gold");
        w.settle();
    } => ["primary/data Bound pvc-c1; secondary/again Bound pvc-c3; owner pvc-c1 Bound; member pvc-c3 Bound; data pvc-c1; record pvc-c1 Live [pvc-c3]"]
}
