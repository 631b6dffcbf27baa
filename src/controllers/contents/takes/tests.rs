//! Takes whose content goes, or is refused, while they wait or run.

use super::*;
use crate::controllers::contents::reconcile;
use crate::controllers::context::Next;
use crate::controllers::copies::{Copies, Settings};
use crate::controllers::testing::objects::Objects;
use crate::controllers::testing::snapshots::Snapshots;
use crate::controllers::testing::{World, world};
use crate::domain::ids::{Namespace, SnapshotClassName};
use crate::domain::snapshot::content::DeletionPolicy;
use crate::plan::copy::schedule::Bounds;
use crate::plan::testing::snapshots::{class, content, own_handle, snapshot};
use crate::plan::testing::{claim, pv};
use tombolo_backend_api::{Backend as _, Class};
use tombolo_backend_fake::{Fault, Moment, Op};

mod crash;
mod removing;
mod room;
mod stopped;
mod telling;
mod waiting;

/// `team/before` of `team/data`, of which nothing was taken yet.
async fn begun() -> (World, Arc<Snapshots>) {
    begun_with(content().policy).await
}

async fn begun_with(policy: DeletionPolicy) -> (World, Arc<Snapshots>) {
    let mut w = world(Vec::new(), []).await;
    let (objects, snapshots) = (Arc::new(Objects::default()), Arc::new(Snapshots::default()));
    objects.put(pv("team/data"));
    objects.put_claim(claim("team/data").bound());
    objects.put_claim(claim("team/reader"));
    objects.show(&w.ctx.caches);
    snapshots.put(snapshot(), Content { policy, ..content() });
    (w.ctx.ports.cluster, w.ctx.ports.snapshots) = (objects, snapshots.clone());
    w.caches(|index| index.reset_snapshot_classes(vec![class()]));
    w.directory("pvc-team-data").await;
    assert_eq!(class().name, SnapshotClassName::new("snaps"));
    (w, snapshots)
}

async fn look(w: &World) -> Next {
    reconcile(&w.ctx, &content().name).await.unwrap()
}

fn begin(w: &World) -> Option<Running> {
    w.ctx.takes.begin(w.ctx.copies.places())
}

fn heard(w: &World) -> Heard {
    Heard::after(Copied::default(), &w.ctx.metrics)
}

/// An attempt at what is wanted, in the background.
fn attempted(w: &World) -> tokio::task::JoinHandle<Result<(), Failed>> {
    let (wanted, ctx, heard) = (begin(w).unwrap(), w.ctx.clone(), heard(w));
    tokio::spawn(async move { attempt(&ctx, &wanted.take, &heard).await })
}

/// Takes what is wanted, if anything is.
async fn take(w: &World) {
    if let Some(mut running) = begin(w) {
        running.failed = attempt(&w.ctx, &running.take, &heard(w)).await.err();
    }
}

fn sizes_are_enforced(w: &World, quota: bool) {
    let name = crate::domain::ids::BackendName::new("nas1");
    let mut root = w.ctx.roots.get(&name).unwrap();
    root.capabilities.as_mut().unwrap().quota = quota;
    w.ctx.roots.put(name, root);
}

/// There is one place, and a copy in another namespace has it.
fn the_only_place(w: &mut World) -> Place {
    let bounds = Bounds {
        per_namespace: 1,
        in_all: 1,
    };
    w.ctx.copies = Arc::new(Copies::new(Settings {
        bounds,
        ..Settings::default()
    }));
    let elsewhere = Namespace::new("dev");
    let (_, place) = w.ctx.copies.places().take(Line::Copies, [((), &elsewhere)]).unwrap();
    place
}

async fn on_server(w: &World) -> usize {
    let snapshots = w.fake.snapshots().unwrap().list_snapshots().await.unwrap();
    snapshots.len()
}

#[tokio::test(start_paused = true)]
async fn one_is_taken_reported_and_removed_with_its_content() {
    let (w, objects) = begun().await;
    look(&w).await;
    let marked = objects.now();
    assert!(marked.being_created && marked.taking == Some(own_handle().to_string()));
    take(&w).await;
    look(&w).await;
    let ready = objects.now();
    assert!(ready.is_ready() && !ready.being_created && ready.taking.is_none());
    assert_eq!(on_server(&w).await, 1);
    objects.deleted();
    look(&w).await;
    assert_eq!((on_server(&w).await, objects.now().finalizers), (0, vec![]));
}

#[tokio::test(start_paused = true)]
async fn one_whose_content_is_gone_when_its_turn_comes_is_not_taken() {
    let (w, objects) = begun().await;
    look(&w).await;
    objects.vanished();
    take(&w).await;
    assert_eq!(on_server(&w).await, 0);

    let (w, objects) = begun().await;
    look(&w).await;
    objects.vanished();
    look(&w).await;
    assert!(begin(&w).is_none(), "nobody wants it any more");
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_while_its_content_vanishes_is_removed_again_unless_somebody_may_have_it() {
    for (made_again, left) in [(false, 0), (true, 1)] {
        let (w, objects) = begun().await;
        look(&w).await;
        let gate = w.fake.gate(Op::TakeSnapshot, Moment::Before);
        let taking = attempted(&w);
        gate.arrived(1).await;
        objects.vanished();
        if made_again {
            objects.put(snapshot(), content());
        }
        gate.open();
        taking.await.unwrap().unwrap();
        assert_eq!(on_server(&w).await, left, "{made_again}");
    }
}

fn in_private(w: &World) -> usize {
    let tree = w.fake.tree();
    tree.paths().filter(|p| p.starts_with(".tombolo/copies/")).count()
}

#[tokio::test(start_paused = true)]
async fn what_a_failed_take_has_left_is_removed_when_its_content_vanishes_meanwhile_whatever_the_policy() {
    for policy in [DeletionPolicy::Delete, DeletionPolicy::Retain] {
        let (w, objects) = begun_with(policy).await;
        look(&w).await;
        w.fake.fail_next(Op::TakeSnapshot, Fault::Interrupted(Class::Transient));
        let gate = w.fake.gate(Op::TakeSnapshot, Moment::Before);
        let taking = attempted(&w);
        gate.arrived(1).await;
        objects.vanished();
        gate.open();
        assert!(taking.await.unwrap().is_err(), "{policy:?}");
        assert_eq!(in_private(&w), 0, "{policy:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_failed_take_has_left_is_removed_when_its_content_vanishes_before_the_next_one() {
    for (policy, seen) in [
        (DeletionPolicy::Delete, false),
        (DeletionPolicy::Retain, false),
        (DeletionPolicy::Delete, true),
        (DeletionPolicy::Retain, true),
    ] {
        let (w, objects) = begun_with(policy).await;
        look(&w).await;
        w.fake.fail_next(Op::TakeSnapshot, Fault::Interrupted(Class::Transient));
        take(&w).await;
        assert!(in_private(&w) > 0, "what is half taken lies where no listing looks");
        if !seen {
            look(&w).await;
            tokio::time::sleep(Duration::from_secs(3600)).await;
            look(&w).await;
        }
        objects.vanished();
        if seen {
            assert!(matches!(look(&w).await, Next::After(_)));
        }
        take(&w).await;
        assert_eq!(in_private(&w), 0, "{policy:?} {seen}");
        assert_eq!(look(&w).await, Next::Change, "nothing is left to do");
    }
}

#[tokio::test(start_paused = true)]
async fn what_still_runs_has_no_outcome_and_keeps_its_content() {
    let (w, objects) = begun().await;
    look(&w).await;
    let mut wanted = begin(&w).unwrap();
    // Its claim is stripped of what keeps it, and goes.
    objects.unsourced();
    objects.deleted();
    look(&w).await;
    look(&w).await;
    assert!(objects.now().being_created, "its outcome is not known");
    wanted.failed = attempt(&w.ctx, &wanted.take, &heard(&w)).await.err();
    drop(wanted);
    look(&w).await;
    assert_eq!((on_server(&w).await, objects.now().finalizers), (0, vec![]));
}

#[tokio::test(start_paused = true)]
async fn what_a_refused_take_has_left_goes_with_its_content() {
    let (w, objects) = begun().await;
    look(&w).await;
    w.fake.fail_next(Op::TakeSnapshot, Fault::LostAnswer(Class::Transient));
    take(&w).await;
    assert_eq!(on_server(&w).await, 1);
    objects.unsourced();
    look(&w).await;
    look(&w).await;
    let given_up = objects.now();
    assert!(!given_up.being_created && given_up.taking.is_some(), "{given_up:?}");
    objects.deleted();
    look(&w).await;
    assert_eq!((on_server(&w).await, objects.now().finalizers), (0, vec![]));
}

#[tokio::test(start_paused = true)]
async fn what_is_looked_at_while_it_is_taken_is_not_taken_once_more() {
    let (w, objects) = begun().await;
    look(&w).await;
    let mut running = begin(&w).unwrap();
    look(&w).await;
    running.failed = attempt(&w.ctx, &running.take, &heard(&w)).await.err();
    drop(running);
    assert!(begin(&w).is_none());
    look(&w).await;
    assert!(objects.now().is_ready());
}

#[tokio::test(start_paused = true)]
async fn one_that_breaks_is_tried_again_and_keeps_nothing_waiting() {
    let (w, objects) = begun().await;
    look(&w).await;
    let running = begin(&w).unwrap();
    let gate = w.fake.gate(Op::TakeSnapshot, Moment::Before);
    let broken = tokio::spawn(see_through(w.ctx.clone(), running));
    gate.arrived(1).await;
    assert!(w.ctx.takes.runs(&content().name));
    broken.abort();
    assert!(broken.await.is_err());
    gate.open();
    assert!(!w.ctx.takes.runs(&content().name));
    assert!(w.woken().await.contains(&Work::Content(content().name)));
    look(&w).await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    look(&w).await;
    take(&w).await;
    look(&w).await;
    assert!(objects.now().is_ready());
}

#[tokio::test(start_paused = true)]
async fn what_a_full_backend_does_not_take_does_not_keep_a_content_that_is_deleted() {
    let (w, objects) = begun().await;
    look(&w).await;
    w.fake.fail_always(Op::TakeSnapshot, Fault::Refused(Class::Full));
    take(&w).await;
    objects.deleted();
    look(&w).await;
    assert_eq!((on_server(&w).await, objects.now().finalizers), (0, vec![]));
}
