//! Stories of volumes that begin as copies.

use super::{COPY, MEMBER, OWNER};

stories! {
    STORIES

    copy(w) {
        w.owned("gold");
        w.copy(COPY, OWNER, "gold");
        w.settle();
    } => ["primary/copy Bound pvc-c2; primary/data Bound pvc-c1; owner pvc-c1 Bound; owner pvc-c2 Bound; data pvc-c1; data pvc-c2; record pvc-c1 Live []; record pvc-c2 Live []"]

    copy_before_there_is_a_source(w) {
        w.copy(COPY, OWNER, "gold");
        w.settle();
        w.owned("gold");
    } => ["primary/copy Bound pvc-c1; primary/data Bound pvc-c2; owner pvc-c1 Bound; owner pvc-c2 Bound; data pvc-c1; data pvc-c2; record pvc-c1 Live []; record pvc-c2 Live []"]

    copy_and_its_claim_is_deleted_midway(w) {
        w.owned("gold");
        w.copy(COPY, OWNER, "gold");
        w.midway();
        w.delete(COPY);
        w.settle();
    } => ["primary/data Bound pvc-c1; owner pvc-c1 Bound; data pvc-c1; record pvc-c1 Live []"]

    copy_and_its_source_is_deleted_midway(w) {
        w.owned("gold");
        w.copy(COPY, OWNER, "gold");
        w.midway();
        w.delete(OWNER);
        w.settle();
    } => ["primary/copy Pending", "primary/copy Bound pvc-c2; owner pvc-c2 Bound; data pvc-c2; record pvc-c2 Live []"]

    copy_whose_source_is_stripped_and_deleted_midway(w) {
        w.owned("gold");
        w.copy(COPY, OWNER, "gold");
        w.midway();
        w.strip_hold(OWNER);
        w.delete(OWNER);
        w.strip_hold(OWNER);
        w.settle();
    } => ["primary/copy Pending", "primary/copy Bound pvc-c2; owner pvc-c2 Bound; data pvc-c2; record pvc-c2 Live []"]

    // Whoever slept just before the object was made makes it when the copy has been cleared away, as it would for an ordinary volume: an
    // object without data, whose claim is gone, and which Retain keeps for an admin to delete.
    copy_to_be_kept_and_all_is_deleted_midway(w) {
        w.owned("gold");
        w.copy(COPY, OWNER, "kept");
        w.midway();
        w.delete(OWNER);
        w.delete(COPY);
        w.delete_pv("pvc-c2");
        w.settle();
    } => ["nothing", "owner pvc-c2 Released Retain; data pvc-c2 copied; record pvc-c2 SoftDeleted []", "data pvc-c2", "data pvc-c2 copied"], slept ["owner pvc-c2 Released Retain; record pvc-c2 SoftDeleted []"]

    copy_and_join_at_once(w) {
        w.owned("gold");
        w.copy(COPY, OWNER, "gold");
        w.asked(MEMBER, "gold");
        w.settle();
        w.delete(OWNER);
        w.settle();
        w.delete(MEMBER);
        w.settle();
    } => ["primary/copy Bound pvc-c2; owner pvc-c2 Bound; data pvc-c2; record pvc-c2 Live []"]
}
