//! Nothing is changed, and nothing is called absent, on a root that is not the one recorded.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod capable;

use std::sync::Arc;
use tombolo_backend_api::*;
use tombolo_backend_fake::{Call, Fake, Moment, Op, Tree};

fn mark(id: &str) -> Mark {
    Mark {
        backend_id: BackendId::parse(id).unwrap(),
        cluster_id: ClusterId("cluster".into()),
    }
}

fn path() -> VolumePath {
    VolumePath::parse("pvc-1").unwrap()
}

fn export() -> ExportKey {
    ExportKey {
        path: path(),
        tenant: Tenant::parse("ns").unwrap(),
        access: Access::ReadWrite,
    }
}

fn id() -> TrashId {
    TrashId::parse("t").unwrap()
}

fn volume() -> CreateVolume {
    CreateVolume {
        path: path(),
        mode: 0o777,
        bytes: 1,
    }
}

fn disposal() -> Disposal {
    Disposal::Trash {
        id: id(),
        record: serde_json::Value::Null,
    }
}

/// A marked root with one volume on it and one volume in its trash.
async fn stocked() -> (Fake, Guarded) {
    let fake = Fake::default();
    fake.place_mark(&mark("mine")).await.unwrap();
    fake.create(&volume()).await.unwrap();
    fake.write("pvc-1/data", "kept");
    fake.discard(&path(), &disposal()).await.unwrap();
    fake.create(&volume()).await.unwrap();
    fake.write("pvc-1/data", "kept too");
    fake.take_calls();
    let guarded = Guarded::new(Arc::new(fake.clone()), mark("mine"));
    (fake, guarded)
}

fn refused<T: std::fmt::Debug>(answer: Result<T, BackendError>) {
    let error = answer.unwrap_err();
    assert_eq!(
        (error.class, error.certainty),
        (Class::Waiting, Certainty::NotDone),
        "{error}"
    );
}

async fn all_refused(guarded: &Guarded) {
    capable::all_refused(guarded).await;
    refused(guarded.check().await);
    refused(guarded.inspect(&path()).await);
    refused(guarded.create(&volume()).await);
    refused(guarded.discard(&path(), &disposal()).await);
    refused(guarded.list().await);
    refused(guarded.remove_empty(&path()).await);
    refused(guarded.trash().await);
    refused(guarded.restore(&id(), &path()).await);
    refused(guarded.purge(&id(), &()).await);
    refused(guarded.forget(&id()).await);
}

#[tokio::test]
async fn a_root_without_a_mark_is_left_alone() {
    let (fake, guarded) = stocked().await;
    let disk = fake.swap_root(Tree::default());
    all_refused(&guarded).await;
    assert_eq!(fake.swap_root(disk), Tree::default());
    assert!(
        fake.calls().iter().all(|call| *call == Call::ReadMark),
        "{:?}",
        fake.calls()
    );
}

#[tokio::test]
async fn a_root_with_another_mark_is_left_alone() {
    let (fake, _) = stocked().await;
    let before = fake.tree();
    for other in [
        mark("other"),
        Mark {
            cluster_id: ClusterId("elsewhere".into()),
            ..mark("mine")
        },
    ] {
        all_refused(&Guarded::new(Arc::new(fake.clone()), other)).await;
    }
    assert_eq!(fake.tree(), before);
}

#[tokio::test]
async fn an_unreadable_mark_is_no_mark_of_ours() {
    let (fake, guarded) = stocked().await;
    fake.write(".tombolo/backend.json", "{");
    all_refused(&guarded).await;
}

#[tokio::test]
async fn with_its_mark_everything_works() {
    let (_, guarded) = stocked().await;
    guarded.check().await.unwrap();
    assert!(guarded.inspect(&path()).await.unwrap().is_some());
    assert_eq!(guarded.trash().await.unwrap().len(), 1);
    assert_eq!(
        guarded.purge(&id(), &()).await.unwrap(),
        Purged {
            files: 1,
            directories: 1
        }
    );
    guarded.discard(&path(), &disposal()).await.unwrap();
    assert_eq!(guarded.inspect(&path()).await.unwrap(), None);
    guarded.restore(&id(), &path()).await.unwrap();
    assert!(!guarded.remove_empty(&path()).await.unwrap());
    assert_eq!(guarded.list().await.unwrap().len(), 1);
}

async fn call(guarded: &Guarded, op: Op) -> Result<(), BackendError> {
    match op {
        Op::Inspect => guarded.inspect(&path()).await.map(|_| ()),
        Op::Discard => guarded.discard(&path(), &disposal()).await,
        Op::Purge => guarded.purge(&id(), &()).await.map(|_| ()),
        Op::Mount => guarded.mount(&export()).await.map(|_| ()),
        other => capable::call(guarded, other).await,
    }
}

/// The disk goes after the look at the mark and before the call: the call finds an empty directory, and must not say so.
#[tokio::test]
async fn a_disk_that_goes_in_between_is_not_taken_for_a_deletion() {
    let changes_nothing_then = [
        Op::Mount,
        Op::ResizeVolume,
        Op::CloneVolume,
        Op::TakeSnapshot,
        Op::RestoreSnapshot,
    ];
    let says_success = [
        Op::Inspect,
        Op::Discard,
        Op::Purge,
        Op::AbandonCopy,
        Op::FindSnapshot,
        Op::ListSnapshots,
        Op::RemoveSnapshot,
        Op::MeasureVolume,
    ];
    for op in changes_nothing_then.into_iter().chain(says_success) {
        let (fake, guarded) = stocked().await;
        let gate = fake.gate(op, Moment::Before);
        let asked = tokio::spawn(async move { call(&guarded, op).await });
        gate.arrived(1).await;
        let _disk = fake.swap_root(Tree::default());
        gate.open();
        let error = asked.await.unwrap().unwrap_err();
        let certainty = if changes_nothing_then.contains(&op) {
            Certainty::NotDone
        } else {
            Certainty::MaybeDone
        };
        assert_eq!((error.class, error.certainty), (Class::Waiting, certainty), "{op:?}");
    }
}

#[tokio::test]
async fn mounting_a_mere_path_asks_nobody_and_an_export_is_made_under_the_right_mark() {
    let paths = Capabilities {
        share: true,
        ..Capabilities::default()
    };
    for (capabilities, away) in [(paths, true), (Capabilities::ALL, false)] {
        let fake = Fake::new("mounts", capabilities);
        fake.set_away(true);
        let guarded = Guarded::new(Arc::new(fake.clone()), mark("mine"));
        assert_eq!(guarded.mount(&export()).await.is_ok(), away, "{capabilities:?}");
        assert_eq!(guarded.root(), fake.root());
    }
}
