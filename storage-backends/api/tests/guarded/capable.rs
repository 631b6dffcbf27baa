//! What a backend can do beyond making and discarding volumes, behind the guard.

use super::{export, mark, path, refused, stocked, volume};
use std::sync::Arc;
use tombolo_backend_api::*;
use tombolo_backend_fake::{Fake, Op, Tree};

fn snapshot() -> SnapshotId {
    SnapshotId::parse("s").unwrap()
}

const TERMS: CopyTerms = CopyTerms {
    epoch: 1,
    drop_set_id: false,
    max_entries: 10,
};

/// What a backend can do beyond making and discarding volumes.
pub(crate) async fn all_refused(guarded: &Guarded) {
    refused(guarded.mount(&export()).await);
    refused(guarded.release(&export()).await);
    refused(guarded.exports().await);
    refused(guarded.admit(&export(), Admission::Cut).await);
    refused(guarded.clone_volume(&path(), &volume(), &TERMS, &()).await);
    refused(guarded.abandon_copy(&path()).await);
    refused(guarded.take_snapshot(&snapshot(), &path(), 1, &TERMS, &()).await);
    refused(guarded.find_snapshot(&snapshot()).await);
    refused(guarded.list_snapshots().await);
    refused(guarded.remove_snapshot(&snapshot()).await);
    refused(guarded.restore_snapshot(&snapshot(), &volume(), &TERMS, &()).await);
    refused(guarded.resize_volume(&path(), 1).await);
    refused(guarded.pinned().await);
    refused(guarded.measure_volume(&path()).await);
}

pub(crate) async fn call(guarded: &Guarded, op: Op) -> Result<(), BackendError> {
    match op {
        Op::AbandonCopy => guarded.abandon_copy(&path()).await,
        Op::FindSnapshot => guarded.find_snapshot(&snapshot()).await.map(|_| ()),
        Op::ListSnapshots => guarded.list_snapshots().await.map(|_| ()),
        Op::RemoveSnapshot => guarded.remove_snapshot(&snapshot()).await,
        Op::MeasureVolume => guarded.measure_volume(&path()).await.map(|_| ()),
        Op::ResizeVolume => guarded.resize_volume(&path(), 1 << 30).await.map(|_| ()),
        Op::CloneVolume => {
            let into = CreateVolume {
                path: VolumePath::parse("pvc-2").unwrap(),
                ..volume()
            };
            guarded.clone_volume(&path(), &into, &TERMS, &()).await.map(|_| ())
        }
        Op::TakeSnapshot => {
            let taken = guarded.take_snapshot(&snapshot(), &path(), 1, &TERMS, &()).await;
            taken.map(|_| ())
        }
        Op::RestoreSnapshot => {
            let restored = guarded.restore_snapshot(&snapshot(), &volume(), &TERMS, &()).await;
            restored.map(|_| ())
        }
        other => panic!("{other:?} does not answer whether something is absent"),
    }
}

/// Who reaches the server has nothing to do with whose root it is.
#[tokio::test]
async fn nodes_are_admitted_whatever_the_root() {
    let (fake, guarded) = stocked().await;
    let _disk = fake.swap_root(Tree::default());
    let nodes = ["192.0.2.1".parse().unwrap()].into();
    guarded.admit_nodes(&nodes).await.unwrap();
    assert_eq!(fake.nodes(), Some(nodes));
}

/// Not even whether the root carries the mark.
#[tokio::test]
async fn of_what_is_not_declared_nothing_is_asked() {
    fn lacks<T: std::fmt::Debug>(answer: Result<T, BackendError>) {
        let error = answer.unwrap_err();
        assert_eq!(
            (error.class, error.certainty),
            (Class::Invalid, Certainty::NotDone),
            "{error}"
        );
    }
    let fake = Fake::new("poor", Capabilities::default());
    let guarded = Guarded::new(Arc::new(fake.clone()), mark("mine"));
    lacks(guarded.release(&export()).await);
    lacks(guarded.exports().await);
    lacks(guarded.admit(&export(), Admission::Cut).await);
    lacks(guarded.admit_nodes(&Default::default()).await);
    lacks(guarded.clone_volume(&path(), &volume(), &TERMS, &()).await);
    lacks(guarded.abandon_copy(&path()).await);
    lacks(guarded.take_snapshot(&snapshot(), &path(), 1, &TERMS, &()).await);
    lacks(guarded.find_snapshot(&snapshot()).await);
    lacks(guarded.list_snapshots().await);
    lacks(guarded.remove_snapshot(&snapshot()).await);
    lacks(guarded.restore_snapshot(&snapshot(), &volume(), &TERMS, &()).await);
    lacks(guarded.resize_volume(&path(), 1).await);
    lacks(guarded.pinned().await);
    lacks(guarded.measure_volume(&path()).await);
    assert_eq!(fake.calls(), []);
}

#[tokio::test]
async fn with_its_mark_the_optional_works_too() {
    let (_, guarded) = stocked().await;
    let source = guarded.mount(&export()).await.unwrap();
    guarded.admit(&export(), Admission::Cut).await.unwrap();
    assert_eq!(guarded.exports().await.unwrap()[0].admission, Admission::Cut);
    assert_eq!(guarded.mount(&export()).await.unwrap(), source);
    guarded.release(&export()).await.unwrap();
    guarded.resize_volume(&path(), 1 << 20).await.unwrap();
    assert_eq!(guarded.measure_volume(&path()).await.unwrap().unwrap().bytes, 8);
    let taken = guarded.take_snapshot(&snapshot(), &path(), 1 << 20, &TERMS, &()).await;
    assert_eq!(guarded.find_snapshot(&snapshot()).await.unwrap(), Some(taken.unwrap()));
    assert_eq!(guarded.list_snapshots().await.unwrap().len(), 1);
    for (at, from_snapshot) in [("pvc-2", true), ("pvc-3", false)] {
        let into = CreateVolume {
            path: VolumePath::parse(at).unwrap(),
            bytes: 1 << 20,
            ..volume()
        };
        let copied = if from_snapshot {
            guarded.restore_snapshot(&snapshot(), &into, &TERMS, &()).await
        } else {
            guarded.clone_volume(&path(), &into, &TERMS, &()).await
        };
        assert_eq!(copied.unwrap().files, 1);
        guarded.abandon_copy(&into.path).await.unwrap();
    }
    guarded.remove_snapshot(&snapshot()).await.unwrap();
    assert_eq!(guarded.pinned().await.unwrap(), 0);
}
