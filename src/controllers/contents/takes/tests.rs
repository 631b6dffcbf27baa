//! Takes whose content goes, or is refused, while they wait or run.

use super::*;
use crate::controllers::contents::reconcile;
use crate::controllers::context::Next;
use crate::controllers::testing::objects::Objects;
use crate::controllers::testing::snapshots::Snapshots;
use crate::controllers::testing::{World, world};
use crate::domain::ids::SnapshotClassName;
use crate::plan::testing::snapshots::{class, content, own_handle, snapshot};
use crate::plan::testing::{claim, pv};
use tombolo_backend_api::{Backend as _, Disposal, TrashId, VolumePath};
use tombolo_backend_fake::{Fault, Moment, Op};

mod crash;

/// `team/before` of `team/data`, of which nothing was taken yet.
async fn begun() -> (World, Arc<Snapshots>) {
    let mut w = world(Vec::new(), []).await;
    let (objects, snapshots) = (Arc::new(Objects::default()), Arc::new(Snapshots::default()));
    objects.put(pv("team/data"));
    objects.put_claim(claim("team/data").bound());
    objects.show(&w.ctx.caches);
    snapshots.put(snapshot(), content());
    (w.ctx.ports.cluster, w.ctx.ports.snapshots) = (objects, snapshots.clone());
    w.caches(|index| index.reset_snapshot_classes(vec![class()]));
    w.directory("pvc-team-data").await;
    assert_eq!(class().name, SnapshotClassName::new("snaps"));
    (w, snapshots)
}

async fn look(w: &World) -> Next {
    reconcile(&w.ctx, &content().name).await.unwrap()
}

/// Takes what is wanted, if anything is.
async fn take(w: &World) {
    if let Some(mut running) = w.ctx.takes.begin(Bounds::default()) {
        running.failed = attempt(&w.ctx, &running.take).await.err();
    }
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
    assert!(
        w.ctx.takes.begin(Bounds::default()).is_none(),
        "nobody wants it any more"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_while_its_content_vanishes_is_removed_again_unless_somebody_may_have_it() {
    for (made_again, left) in [(false, 0), (true, 1)] {
        let (w, objects) = begun().await;
        look(&w).await;
        let wanted = w.ctx.takes.begin(Bounds::default()).unwrap();
        let gate = w.fake.gate(Op::TakeSnapshot, Moment::Before);
        let ctx = w.ctx.clone();
        let taking = tokio::spawn(async move { attempt(&ctx, &wanted.take).await });
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

#[tokio::test(start_paused = true)]
async fn what_still_runs_has_no_outcome_and_keeps_its_content() {
    let (w, objects) = begun().await;
    look(&w).await;
    let mut wanted = w.ctx.takes.begin(Bounds::default()).unwrap();
    // Its claim is stripped of what keeps it, and goes.
    objects.unsourced();
    objects.deleted();
    look(&w).await;
    look(&w).await;
    assert!(objects.now().being_created, "its outcome is not known");
    wanted.failed = attempt(&w.ctx, &wanted.take).await.err();
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

fn sizes_are_enforced(w: &World, quota: bool) {
    let name = crate::domain::ids::BackendName::new("nas1");
    let mut root = w.ctx.roots.get(&name).unwrap();
    root.capabilities.as_mut().unwrap().quota = quota;
    w.ctx.roots.put(name, root);
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_counts_from_its_beginning_until_it_is_removed() {
    let (w, objects) = begun().await;
    sizes_are_enforced(&w, false);
    let used = |by: Option<&str>| {
        let views = w
            .ctx
            .roots
            .views(&*w.ctx.ports.ledger, &Namespace::new(by.unwrap_or("team")), &[]);
        views
            .first()
            .map(|view| (view.used.bytes, view.used_by_namespace.bytes))
    };
    let size = pv("team/data").capacity;
    assert_eq!(used(None), Some((0, 0)));
    look(&w).await;
    assert_eq!(used(None), Some((size, size)));
    look(&w).await;
    take(&w).await;
    look(&w).await;
    assert_eq!(used(None), Some((size, size)));
    assert_eq!(used(Some("dev")), Some((size, 0)));
    objects.deleted();
    look(&w).await;
    assert_eq!(used(None), Some((0, 0)));
}

#[tokio::test(start_paused = true)]
async fn where_sizes_are_enforced_the_backend_has_a_snapshot_s_bytes_in_those_of_its_volume() {
    let (w, objects) = begun().await;
    sizes_are_enforced(&w, true);
    look(&w).await;
    assert!(objects.now().being_created);
    let size = pv("team/data").capacity;
    let views = w.ctx.roots.views(&*w.ctx.ports.ledger, &Namespace::new("team"), &[]);
    let used = views
        .first()
        .map(|view| (view.used.bytes, view.used_by_namespace.bytes));
    assert_eq!(used, Some((0, size)));
}

/// Puts another content beside, of which nothing was begun; answers what names it.
fn another_waits(w: &World) -> Work {
    let waits = Content {
        name: ContentName::new("snapcontent-waits"),
        ..content()
    };
    w.caches(|index| index.put_content(waits.clone()));
    Work::Content(waits.name)
}

/// What a look at the trash wakes, whoever was woken before.
async fn woken_by_counting(w: &World) -> Vec<Work> {
    w.woken().await;
    crate::controllers::trash::reconcile(&w.ctx, &nas()).await.unwrap();
    w.woken().await
}

fn nas() -> crate::domain::ids::BackendName {
    crate::domain::ids::BackendName::new("nas1")
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_waits_for_room_is_looked_at_when_another_one_is_removed() {
    for listed_between in [true, false] {
        let (w, objects) = begun().await;
        woken_by_counting(&w).await;
        look(&w).await;
        take(&w).await;
        look(&w).await;
        let waits = another_waits(&w);
        if listed_between {
            assert!(!woken_by_counting(&w).await.contains(&waits));
        }
        objects.deleted();
        look(&w).await;
        let woken = w.woken().await;
        assert!(woken.contains(&Work::Trash(nas())) && !woken.contains(&waits));
        assert!(woken_by_counting(&w).await.contains(&waits), "{listed_between}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_waits_for_room_is_looked_at_when_taking_another_one_has_failed() {
    let (w, _) = begun().await;
    woken_by_counting(&w).await;
    look(&w).await;
    look(&w).await;
    let waits = another_waits(&w);
    w.fake.fail_next(Op::TakeSnapshot, Fault::Refused(Class::Full));
    see_through(w.ctx.clone(), w.ctx.takes.begin(Bounds::default()).unwrap()).await;
    assert!(woken_by_counting(&w).await.contains(&waits));
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_waits_for_room_is_looked_at_when_trash_is_purged() {
    let (w, _) = begun().await;
    let disposal = Disposal::Trash {
        id: TrashId::parse("pvc-team-data").unwrap(),
        record: serde_json::Value::Null,
    };
    let path = VolumePath::parse("pvc-team-data").unwrap();
    w.fake.discard(&path, &disposal).await.unwrap();
    let waits = another_waits(&w);
    assert!(!woken_by_counting(&w).await.contains(&waits));
    let entries = w.fake.trash().await.unwrap();
    w.fake.purge(&entries[0].id, &()).await.unwrap();
    assert!(woken_by_counting(&w).await.contains(&waits));
}

#[tokio::test(start_paused = true)]
async fn what_is_looked_at_while_it_is_taken_is_not_taken_once_more() {
    let (w, objects) = begun().await;
    look(&w).await;
    let mut running = w.ctx.takes.begin(Bounds::default()).unwrap();
    look(&w).await;
    running.failed = attempt(&w.ctx, &running.take).await.err();
    drop(running);
    assert!(w.ctx.takes.begin(Bounds::default()).is_none());
    look(&w).await;
    assert!(objects.now().is_ready());
}

#[tokio::test(start_paused = true)]
async fn one_that_breaks_is_tried_again_and_keeps_nothing_waiting() {
    let (w, objects) = begun().await;
    look(&w).await;
    let running = w.ctx.takes.begin(Bounds::default()).unwrap();
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
