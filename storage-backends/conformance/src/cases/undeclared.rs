//! What a backend does not declare is refused, and it is not even asked.
#![allow(missing_docs, reason = "a case is its name")]

use crate::copying::{snapshot, terms};
use crate::plant::*;
use crate::{Outcome, Subject};
use tombolo_backend_api::{Admission, BackendError, Capabilities, Guarded};

/// The guard in front of the backend, if it lacks something. Whoever asks such a backend whether its root is there gets an error of
/// another kind.
async fn poor(subject: &dyn Subject, lacks: impl Fn(Capabilities) -> bool) -> Option<Guarded> {
    let backend = marked(subject).await;
    if !lacks(backend.capabilities()) {
        return None;
    }
    // A subject that cannot go away shows as much by its answers.
    let _ = subject.put_away();
    Some(Guarded::new(backend, mark("another")))
}

/// Answers that must all be: never, and nothing was changed.
fn all_invalid<const N: usize>(answers: [Result<(), BackendError>; N]) -> Outcome {
    for answer in answers {
        invalid(answer);
    }
    Ok(())
}

pub async fn sharing_is_refused(subject: &dyn Subject) -> Outcome {
    let Some(guarded) = poor(subject, |declared| !declared.share).await else {
        return Ok(());
    };
    all_invalid([
        guarded.release(&export("pvc-1", "one")).await,
        guarded.exports().await.map(|_| ()),
    ])
}

pub async fn revoking_is_refused(subject: &dyn Subject) -> Outcome {
    let Some(guarded) = poor(subject, |declared| !declared.revoke).await else {
        return Ok(());
    };
    let key = export("pvc-1", "one");
    all_invalid([
        guarded.admit(&key, Admission::Cut).await,
        guarded.admit(&key, Admission::Full).await,
    ])
}

pub async fn snapshots_are_refused(subject: &dyn Subject) -> Outcome {
    let Some(guarded) = poor(subject, |declared| !declared.snapshot).await else {
        return Ok(());
    };
    let (name, of, into) = (snapshot("s-1"), path("pvc-1"), volume("pvc-2"));
    all_invalid([
        guarded.take_snapshot(&name, &of, 1, &terms(1), &()).await.map(|_| ()),
        guarded.find_snapshot(&name).await.map(|_| ()),
        guarded.list_snapshots().await.map(|_| ()),
        guarded.remove_snapshot(&name).await,
        guarded.restore_snapshot(&name, &into, &terms(1), &()).await.map(|_| ()),
    ])
}

pub async fn clones_are_refused(subject: &dyn Subject) -> Outcome {
    let Some(guarded) = poor(subject, |declared| !declared.clone).await else {
        return Ok(());
    };
    let (from, into) = (path("pvc-1"), volume("pvc-2"));
    all_invalid([
        guarded.clone_volume(&from, &into, &terms(1), &()).await.map(|_| ()),
        guarded.abandon_copy(&into.path).await,
    ])
}

pub async fn resizing_is_refused(subject: &dyn Subject) -> Outcome {
    let Some(guarded) = poor(subject, |declared| !declared.resize).await else {
        return Ok(());
    };
    all_invalid([guarded.resize_volume(&path("pvc-1"), 1).await.map(|_| ())])
}

pub async fn asking_what_is_pinned_is_refused(subject: &dyn Subject) -> Outcome {
    let Some(guarded) = poor(subject, |declared| !declared.quota).await else {
        return Ok(());
    };
    all_invalid([guarded.pinned().await.map(|_| ())])
}

pub async fn asking_what_is_used_is_refused(subject: &dyn Subject) -> Outcome {
    let Some(guarded) = poor(subject, |declared| !declared.usage).await else {
        return Ok(());
    };
    all_invalid([guarded.measure_volume(&path("pvc-1")).await.map(|_| ())])
}

pub async fn admitting_nodes_is_refused(subject: &dyn Subject) -> Outcome {
    let Some(guarded) = poor(subject, |declared| !declared.node_access).await else {
        return Ok(());
    };
    all_invalid([guarded.admit_nodes(&Default::default()).await])
}

/// A reader's way is anybody's, so that nobody takes it for more than it is.
pub async fn a_way_to_read_is_the_same_path(subject: &dyn Subject) -> Outcome {
    let backend = marked(subject).await;
    if backend.capabilities().has_exports() {
        return Ok(());
    }
    backend.create(&volume("pvc-1")).await.unwrap();
    let source = backend.mount(&export("pvc-1", "one")).await.unwrap();
    assert_eq!(backend.mount(&reader("pvc-1", "two")).await.unwrap(), source);
    Ok(())
}
