//! The guard in front of this backend: nothing is changed, and absent is not success, unless the root is the one recorded.
#![allow(missing_docs, reason = "a case is its name")]

use crate::copying::{snapshot, terms};
use crate::plant::*;
use crate::{Outcome, Subject};
use tombolo_backend_api::{Admission, BackendError, Certainty, Class, Guarded};

fn waiting<T: std::fmt::Debug>(answer: Result<T, BackendError>) {
    assert_eq!(refusal(answer), (Class::Waiting, Certainty::NotDone));
}

/// Whatever it can do beyond making and discarding volumes.
async fn everything_optional_is_refused(guarded: &Guarded) {
    let (declared, key) = (guarded.capabilities(), export("pvc-1", "one"));
    let (from, into, name) = (path("pvc-1"), volume("pvc-2"), snapshot("s-1"));
    if declared.has_exports() {
        waiting(guarded.mount(&key).await);
    }
    if declared.share {
        waiting(guarded.release(&key).await);
        waiting(guarded.exports().await);
    }
    if declared.revoke {
        waiting(guarded.admit(&key, Admission::Cut).await);
    }
    if declared.clone {
        waiting(guarded.clone_volume(&from, &into, &terms(1), &()).await);
        waiting(guarded.abandon_copy(&into.path).await);
    }
    if declared.snapshot {
        waiting(guarded.take_snapshot(&name, &from, 1, &terms(1), &()).await);
        waiting(guarded.find_snapshot(&name).await);
        waiting(guarded.list_snapshots().await);
        waiting(guarded.remove_snapshot(&name).await);
        waiting(guarded.restore_snapshot(&name, &into, &terms(1), &()).await);
    }
    if declared.resize {
        waiting(guarded.resize_volume(&from, 1).await);
    }
    if declared.quota {
        waiting(guarded.pinned().await);
    }
    if declared.usage {
        waiting(guarded.measure_volume(&from).await);
    }
}

async fn everything_is_refused(guarded: &Guarded) {
    everything_optional_is_refused(guarded).await;
    waiting(guarded.check().await);
    waiting(guarded.inspect(&path("pvc-1")).await);
    waiting(guarded.create(&volume("pvc-2")).await);
    waiting(guarded.discard(&path("pvc-1"), &trash("u")).await);
    waiting(guarded.list().await);
    waiting(guarded.remove_empty(&path("empty")).await);
    waiting(guarded.trash().await);
    waiting(guarded.restore(&id("t"), &path("pvc-3")).await);
    waiting(guarded.purge(&id("t"), &()).await);
    waiting(guarded.forget(&id("t")).await);
}

/// A guarded backend on a root with a volume, an empty volume and a trash entry.
async fn guarded(subject: &dyn Subject, name: &str) -> Guarded {
    let backend = stocked(subject, "pvc-1", 1).await;
    backend.create(&volume("trashed")).await.unwrap();
    backend.discard(&path("trashed"), &trash("t")).await.unwrap();
    backend.create(&volume("empty")).await.unwrap();
    Guarded::new(backend, mark(name))
}

pub async fn nothing_happens_on_a_wiped_root(subject: &dyn Subject) -> Outcome {
    let guarded = guarded(subject, "suite").await;
    subject.wipe();
    everything_is_refused(&guarded).await;
    assert_eq!(subject.everything().len(), 0);
    Ok(())
}

pub async fn nothing_happens_under_another_mark(subject: &dyn Subject) -> Outcome {
    let guarded = guarded(subject, "another").await;
    let before = subject.everything();
    everything_is_refused(&guarded).await;
    assert_eq!(subject.everything(), before);
    assert!(subject.read("pvc-1/file-0").is_some());
    Ok(())
}

pub async fn everything_works_under_the_right_mark(subject: &dyn Subject) -> Outcome {
    let guarded = guarded(subject, "suite").await;
    guarded.check().await.unwrap();
    guarded.create(&volume("pvc-2")).await.unwrap();
    assert!(guarded.inspect(&path("pvc-1")).await.unwrap().is_some());
    assert_eq!(guarded.list().await.unwrap().len(), 3);
    assert!(guarded.remove_empty(&path("empty")).await.unwrap());
    guarded.restore(&id("t"), &path("trashed")).await.unwrap();
    guarded.discard(&path("pvc-1"), &trash("u")).await.unwrap();
    assert_eq!(guarded.inspect(&path("pvc-1")).await.unwrap(), None);
    assert_eq!(guarded.trash().await.unwrap().len(), 1);
    guarded.forget(&id("u")).await.unwrap();
    counted(guarded.purge(&id("u"), &()).await.unwrap(), 1, 1);
    Ok(())
}
