//! What a volume uses.
#![allow(missing_docs, reason = "a case is its name")]

use crate::filling::*;
use crate::plant::*;
use crate::{Outcome, Skip, Subject};
use std::sync::Arc;
use tombolo_backend_api::{Backend, Usage};

async fn measurer(subject: &dyn Subject) -> Result<Arc<dyn Backend>, Skip> {
    able(subject, |declared| declared.usage).await
}

async fn measure(backend: &dyn Backend, at: &str) -> Option<Usage> {
    backend.measure().unwrap().measure_volume(&path(at)).await.unwrap()
}

pub async fn what_is_not_there_is_not_measured(subject: &dyn Subject) -> Outcome {
    let backend = measurer(subject).await?;
    for at in ["pvc-1", "absent/too"] {
        assert_eq!(measure(&*backend, at).await, None, "{at}");
    }
    backend.create(&limited("pvc-1", LIMIT)).await.unwrap();
    assert!(measure(&*backend, "pvc-1").await.is_some());
    backend.discard(&path("pvc-1"), &trash("t")).await.unwrap();
    assert_eq!(measure(&*backend, "pvc-1").await, None);
    Ok(())
}

pub async fn usage_follows_what_is_written(subject: &dyn Subject) -> Outcome {
    let backend = measurer(subject).await?;
    for at in ["pvc-1", "pvc-11"] {
        backend.create(&limited(at, LIMIT)).await.unwrap();
    }
    let empty = measure(&*backend, "pvc-1").await.unwrap().bytes;
    assert!(empty <= LIMIT / 8, "an empty volume of {empty} bytes");
    let (written, _) = fill(&*subject.writer("pvc-1").await?, "a", LIMIT / 2).await;
    eventually("what was written", async || {
        let used = measure(&*subject.backend().await, "pvc-1").await.unwrap().bytes;
        (written..=written + LIMIT / 8).contains(&used)
    })
    .await;
    let neighbour = measure(&*backend, "pvc-11").await.unwrap().bytes;
    assert!(
        neighbour <= LIMIT / 8,
        "a neighbour that wrote nothing uses {neighbour} bytes"
    );
    if let Some(files) = measure(&*backend, "pvc-1").await.unwrap().files {
        assert_eq!(files, written / PIECE as u64);
    }
    for n in 0..written / PIECE as u64 {
        subject.remove(&format!("pvc-1/{}", piece("a", n)));
    }
    eventually("what was removed", async || {
        measure(&*backend, "pvc-1").await.unwrap().bytes <= LIMIT / 8
    })
    .await;
    Ok(())
}
