//! The guard in front of this backend: nothing is changed, and absent is not success, unless the root is the one recorded.
#![allow(missing_docs, reason = "a case is its name")]

use crate::plant::*;
use crate::{Outcome, Subject};
use tombolo_backend_api::{BackendError, Certainty, Class, Guarded};

fn waiting<T: std::fmt::Debug>(answer: Result<T, BackendError>) {
    assert_eq!(refusal(answer), (Class::Waiting, Certainty::NotDone));
}

async fn everything_is_refused(guarded: &Guarded) {
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
