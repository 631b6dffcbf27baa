//! Stories of snapshots, and of volumes that are made from them.

use super::OWNER;
use crate::users::{ELSEWHERE, RESTORED, SNAPSHOT};

stories! {
    STORIES

    snapshot(w) {
        w.owned("gold");
        w.begin_here();
        w.snap(SNAPSHOT, OWNER, "snaps");
        w.settle();
    } => ["primary/data Bound pvc-c1; owner pvc-c1 Bound; data pvc-c1; record pvc-c1 Live []; snapshot primary/before ready; content s1 ready; taken s1"]

    snapshot_of_the_default_class(w) {
        w.owned("gold");
        w.begin_here();
        w.snap_by_default(SNAPSHOT, OWNER);
        w.settle();
    } => ["primary/data Bound pvc-c1; owner pvc-c1 Bound; data pvc-c1; record pvc-c1 Live []; snapshot primary/before ready; content s1 ready; taken s1"]

    snapshot_of_what_csi_mounts(w) {
        w.make_class_again("gold", "csi");
        w.owned("gold");
        w.begin_here();
        w.snap(SNAPSHOT, OWNER, "snaps");
        w.settle();
    } => ["primary/data Bound pvc-c1; owner pvc-c1 Bound csi; data pvc-c1; record pvc-c1 Live []; snapshot primary/before ready; content s1 ready; taken s1"]

    restore(w) {
        w.taken("snaps");
        w.begin_here();
        w.restore(RESTORED, SNAPSHOT, "gold");
        w.settle();
    } => ["primary/data Bound pvc-c1; primary/restored Bound pvc-c2; owner pvc-c1 Bound; owner pvc-c2 Bound; data pvc-c1; data pvc-c2; record pvc-c1 Live []; record pvc-c2 Live []; snapshot primary/before ready; content s1 ready; taken s1"]

    restore_elsewhere(w) {
        w.taken("snaps");
        w.begin_here();
        w.restore(ELSEWHERE, SNAPSHOT, "gold");
        w.settle();
        w.grant("primary", "secondary");
        w.settle();
    } => ["primary/data Bound pvc-c1; secondary/restored Bound pvc-c2; owner pvc-c1 Bound; owner pvc-c2 Bound; data pvc-c1; data pvc-c2; record pvc-c1 Live []; record pvc-c2 Live []; snapshot primary/before ready; content s1 ready; taken s1"]

    restore_and_the_snapshot_is_deleted_midway(w) {
        w.taken("snaps");
        w.begin_here();
        w.restore(RESTORED, SNAPSHOT, "gold");
        w.midway();
        w.delete_snapshot(SNAPSHOT);
        w.settle();
    } => ["primary/data Bound pvc-c1; primary/restored Pending; owner pvc-c1 Bound; data pvc-c1; record pvc-c1 Live []; snapshot primary/before ready terminating; content s1 ready; taken s1", "primary/data Bound pvc-c1; primary/restored Bound pvc-c2; owner pvc-c1 Bound; owner pvc-c2 Bound; data pvc-c1; data pvc-c2; record pvc-c1 Live []; record pvc-c2 Live []"]

    restore_elsewhere_and_the_snapshot_is_deleted_midway(w) {
        w.taken("snaps");
        w.grant("primary", "secondary");
        w.begin_here();
        w.restore(ELSEWHERE, SNAPSHOT, "gold");
        w.midway();
        w.delete_snapshot(SNAPSHOT);
        w.settle();
    } => ["primary/data Bound pvc-c1; secondary/restored Bound pvc-c2; owner pvc-c1 Bound; owner pvc-c2 Bound; data pvc-c1; data pvc-c2; record pvc-c1 Live []; record pvc-c2 Live []", "primary/data Bound pvc-c1; secondary/restored Pending; owner pvc-c1 Bound; data pvc-c1; record pvc-c1 Live []"]

    // Without a record nobody knows the whole copy of a claim that is gone from a kept volume: it stays, and is counted.
    restore_elsewhere_and_all_is_deleted_midway(w) {
        w.taken("snaps");
        w.grant("primary", "secondary");
        w.begin_here();
        w.restore(ELSEWHERE, SNAPSHOT, "gold");
        w.midway();
        w.delete_snapshot(SNAPSHOT);
        w.delete(ELSEWHERE);
        w.settle();
    } => ["primary/data Bound pvc-c1; owner pvc-c1 Bound; data pvc-c1; record pvc-c1 Live []"] ; lost ["primary/data Bound pvc-c1; owner pvc-c1 Bound; data pvc-c1; data pvc-c2 copied; record pvc-c1 Live []"]

    // Whoever slept before the POST of the content makes it when the snapshot is gone: a POST carries no precondition. Nothing is taken for it.
    snapshot_and_it_is_deleted_midway(w) {
        w.owned("gold");
        w.begin_here();
        w.snap(SNAPSHOT, OWNER, "snaps");
        w.midway();
        w.delete_snapshot(SNAPSHOT);
        w.settle();
    } => ["primary/data Bound pvc-c1; owner pvc-c1 Bound; data pvc-c1; record pvc-c1 Live []"], slept ["primary/data Bound pvc-c1; owner pvc-c1 Bound; data pvc-c1; record pvc-c1 Live []; content s1"]

    snapshot_of_what_csi_mounts_and_it_is_deleted_midway(w) {
        w.make_class_again("gold", "csi");
        w.owned("gold");
        w.begin_here();
        w.snap(SNAPSHOT, OWNER, "snaps");
        w.midway();
        w.delete_snapshot(SNAPSHOT);
        w.settle();
    } => ["primary/data Bound pvc-c1; owner pvc-c1 Bound csi; data pvc-c1; record pvc-c1 Live []"]

    snapshot_and_its_claim_is_deleted_midway(w) {
        w.owned("gold");
        w.begin_here();
        w.snap(SNAPSHOT, OWNER, "snaps");
        w.midway();
        w.delete(OWNER);
        w.settle();
    } => ["snapshot primary/before ready; content s1 ready; taken s1", "snapshot primary/before"]

    the_claim_is_deleted_and_its_snapshot_restored(w) {
        w.taken("snaps");
        w.begin_here();
        w.delete(OWNER);
        w.settle();
        w.restore(RESTORED, SNAPSHOT, "gold");
        w.settle();
    } => ["primary/restored Bound pvc-c2; owner pvc-c2 Bound; data pvc-c2; record pvc-c2 Live []; snapshot primary/before ready; content s1 ready; taken s1"]

    snapshot_to_be_kept_and_it_is_deleted(w) {
        w.taken("keeps");
        w.begin_here();
        w.delete_snapshot(SNAPSHOT);
        w.settle();
    } => ["primary/data Bound pvc-c1; owner pvc-c1 Bound; data pvc-c1; record pvc-c1 Live []; content s1 Retain ready; taken s1"]

    snapshot_to_be_kept_and_its_content_is_deleted_too(w) {
        w.taken("keeps");
        w.begin_here();
        w.delete_snapshot(SNAPSHOT);
        w.settle();
        w.delete_content("snapcontent-s1");
        w.settle();
    } => ["primary/data Bound pvc-c1; owner pvc-c1 Bound; data pvc-c1; record pvc-c1 Live []; taken s1"]
}
