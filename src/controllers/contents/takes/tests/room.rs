//! What snapshots take of a backend's limits, and who is looked at when there is room again.

use super::*;
use crate::domain::ids::Namespace;
use tombolo_backend_api::{Disposal, TrashId, VolumePath};

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
    see_through(w.ctx.clone(), begin(&w).unwrap()).await;
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
async fn a_snapshot_that_waits_for_room_is_looked_at_when_one_goes_that_no_listing_has_shown() {
    let name = crate::domain::ids::BackendName::new("nas1");
    for taken in [false, true] {
        let (w, objects) = begun().await;
        sizes_are_enforced(&w, false);
        let count = async || crate::controllers::trash::reconcile(&w.ctx, &name).await.unwrap();
        count().await;
        look(&w).await;
        if taken {
            take(&w).await;
            look(&w).await;
            objects.deleted();
        } else {
            objects.vanished();
        }
        look(&w).await;
        let waits = Content {
            name: ContentName::new("snapcontent-waits"),
            ..content()
        };
        w.caches(|index| index.put_content(waits.clone()));
        assert!(w.woken().await.contains(&Work::Trash(name.clone())), "{taken}");
        count().await;
        assert!(w.woken().await.contains(&Work::Content(waits.name)), "{taken}");
    }
}
