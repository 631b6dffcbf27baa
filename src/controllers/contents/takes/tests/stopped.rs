//! Takes that are under way when nobody wants them any more.

use super::*;
use tokio::task::JoinHandle;
use tombolo_backend_fake::Gate;

/// One that is half taken, and goes no further by itself.
async fn half_taken(policy: DeletionPolicy, at_once: bool) -> (World, Arc<Snapshots>, Gate, JoinHandle<()>) {
    let (w, objects) = begun_with(policy).await;
    sizes_are_enforced(&w, at_once);
    look(&w).await;
    let gate = w.fake.gate(Op::TakeSnapshot, Moment::Midway);
    let taking = tokio::spawn(see_through(w.ctx.clone(), begin(&w).unwrap()));
    gate.arrived(1).await;
    assert!(in_private(&w) > 0);
    (w, objects, gate, taking)
}

async fn settled() {
    tokio::time::sleep(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn one_whose_snapshot_is_deleted_is_stopped_and_what_was_copied_goes() {
    for policy in [DeletionPolicy::Delete, DeletionPolicy::Retain] {
        let (w, objects, _gate, taking) = half_taken(policy, false).await;
        objects.deleted();
        look(&w).await;
        settled().await;
        assert!(taking.is_finished(), "{policy:?}");
        assert!(w.woken().await.contains(&Work::Content(content().name)));
        look(&w).await;
        let left = (on_server(&w).await, in_private(&w), objects.now().finalizers);
        assert_eq!(left, (0, 0, vec![]), "{policy:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_whose_content_vanishes_is_stopped_and_what_was_copied_goes() {
    let (w, objects, gate, taking) = half_taken(DeletionPolicy::Delete, false).await;
    objects.vanished();
    look(&w).await;
    settled().await;
    assert!(taking.is_finished());
    gate.open();
    assert!(matches!(look(&w).await, Next::After(_)));
    take(&w).await;
    assert_eq!((on_server(&w).await, in_private(&w)), (0, 0));
    assert_eq!(look(&w).await, Next::Change, "nothing is left to do");
}

#[tokio::test(start_paused = true)]
async fn one_that_takes_a_moment_or_whose_snapshot_is_there_comes_to_its_end() {
    for (at_once, being_deleted) in [(true, true), (false, false)] {
        let (w, objects, gate, taking) = half_taken(DeletionPolicy::Delete, at_once).await;
        objects.deleted();
        objects.edit(|content| content.being_deleted = being_deleted);
        look(&w).await;
        settled().await;
        assert!(!taking.is_finished(), "{at_once}");
        gate.open();
        taking.await.unwrap();
        assert_eq!(on_server(&w).await, 1);
        look(&w).await;
        assert_eq!(on_server(&w).await, usize::from(!being_deleted), "{at_once}");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_takes_over_does_not_begin_anew_what_nobody_wants() {
    let (mut w, objects, gate, taking) = half_taken(DeletionPolicy::Delete, false).await;
    taking.abort();
    assert!(taking.await.is_err());
    gate.open();
    w.ctx.takes = Arc::default();
    objects.deleted();
    look(&w).await;
    assert!(begin(&w).is_none());
    let left = (on_server(&w).await, in_private(&w), objects.now().finalizers);
    assert_eq!(left, (0, 0, vec![]));
}
