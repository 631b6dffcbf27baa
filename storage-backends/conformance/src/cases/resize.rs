//! Sizes that change where they are enforced.
#![allow(missing_docs, reason = "a case is its name")]

use crate::filling::*;
use crate::hands::Refused;
use crate::plant::*;
use crate::{Outcome, Skip, Subject};
use std::sync::Arc;
use tombolo_backend_api::{Backend, BackendError, Class, Found};

async fn resizer(subject: &dyn Subject) -> Result<Arc<dyn Backend>, Skip> {
    let backend = able(subject, |declared| declared.resize).await?;
    backend.create(&limited("pvc-1", LIMIT)).await.unwrap();
    Ok(backend)
}

async fn resize(backend: &dyn Backend, at: &str, bytes: u64) -> Result<Found, BackendError> {
    backend.resize().unwrap().resize_volume(&path(at), bytes).await
}

async fn limit(backend: &dyn Backend) -> Option<u64> {
    backend.inspect(&path("pvc-1")).await.unwrap().unwrap().enforced_bytes
}

pub async fn whoever_resizes_enforces(subject: &dyn Subject) -> Outcome {
    let backend = resizer(subject).await?;
    assert!(
        backend.capabilities().quota,
        "a size that is no limit is nothing to change"
    );
    Ok(())
}

pub async fn a_new_size_is_told_to_everybody(subject: &dyn Subject) -> Outcome {
    let backend = resizer(subject).await?;
    for bytes in [2 * LIMIT, 2 * LIMIT, 3 * LIMIT, LIMIT] {
        let told = resize(&*backend, "pvc-1", bytes).await.unwrap();
        assert_eq!(told.enforced_bytes, Some(bytes));
        assert_eq!(limit(&*backend).await, Some(bytes));
        assert_eq!(limit(&*subject.backend().await).await, Some(bytes));
    }
    Ok(())
}

pub async fn a_volume_that_grows_takes_more_at_once(subject: &dyn Subject) -> Outcome {
    let backend = resizer(subject).await?;
    let writer = subject.writer("pvc-1").await?;
    let (_, refused) = fill(&*writer, "a", 2 * LIMIT).await;
    assert_eq!(refused, Some(Refused::NoSpace));
    resize(&*backend, "pvc-1", 2 * LIMIT).await.unwrap();
    let (more, _) = fill(&*writer, "b", LIMIT / 2).await;
    assert!(more >= LIMIT / 2, "{more} bytes after growing");
    Ok(())
}

pub async fn a_volume_does_not_shrink_below_what_it_uses(subject: &dyn Subject) -> Outcome {
    let backend = resizer(subject).await?;
    let writer = subject.writer("pvc-1").await?;
    let (_, refused) = fill(&*writer, "a", LIMIT / 2).await;
    assert_eq!(refused, None);
    for bytes in [LIMIT / 4, 1, 0] {
        let (class, certainty) = refusal(resize(&*backend, "pvc-1", bytes).await);
        assert_eq!(
            (class, certainty),
            (Class::TooLarge, tombolo_backend_api::Certainty::NotDone)
        );
        assert_eq!(limit(&*backend).await, Some(LIMIT));
    }
    assert_eq!(
        fill(&*writer, "b", LIMIT / 8).await.1,
        None,
        "it takes no more though it was left alone"
    );
    resize(&*backend, "pvc-1", LIMIT - LIMIT / 8).await.unwrap();
    assert_eq!(fill(&*writer, "c", LIMIT).await.1, Some(Refused::NoSpace));
    Ok(())
}

/// A controller that stood still may make a volume again that has grown since.
pub async fn a_volume_that_is_made_again_keeps_the_size_it_has_grown_to(subject: &dyn Subject) -> Outcome {
    let backend = resizer(subject).await?;
    resize(&*backend, "pvc-1", 3 * LIMIT).await.unwrap();
    let told = backend.create(&limited("pvc-1", LIMIT)).await.unwrap();
    assert_eq!(told.enforced_bytes, Some(3 * LIMIT));
    assert_eq!(limit(&*backend).await, Some(3 * LIMIT));
    Ok(())
}

pub async fn what_is_not_there_has_no_size(subject: &dyn Subject) -> Outcome {
    let backend = resizer(subject).await?;
    subject.write("a-file", b"x");
    backend.discard(&path("pvc-1"), &trash("t")).await.unwrap();
    for at in ["pvc-1", "absent", "absent/too", "a-file", "a-file/below"] {
        invalid(resize(&*backend, at, LIMIT).await);
    }
    Ok(())
}
