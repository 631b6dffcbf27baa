//! Sizes that are limits: for whoever writes, for all of it, and for nobody else.
#![allow(missing_docs, reason = "a case is its name")]

use crate::copying::{copy, restore, take, terms};
use crate::filling::*;
use crate::hands::{Refused, SMALL};
use crate::plant::*;
use crate::{Outcome, Skip, Subject};
use std::sync::Arc;
use tombolo_backend_api::Backend;

async fn limiter(subject: &dyn Subject) -> Result<Arc<dyn Backend>, Skip> {
    able(subject, |declared| declared.quota).await
}

async fn pinned(backend: &dyn Backend) -> u64 {
    backend.quota().unwrap().pinned().await.unwrap()
}

/// Right after `create`: there is no moment in which a volume has no limit.
pub async fn a_volume_takes_what_it_may_and_no_more(subject: &dyn Subject) -> Outcome {
    let backend = limiter(subject).await?;
    for at in ["pvc-1", "team/pvc-1"] {
        backend.create(&limited(at, LIMIT)).await.unwrap();
        let (written, refused) = fill(&*subject.writer(at).await?, "a", 4 * LIMIT).await;
        assert_eq!(refused, Some(Refused::NoSpace));
        assert!((LIMIT / 2..=LIMIT).contains(&written), "{written} of {LIMIT} bytes");
    }
    Ok(())
}

pub async fn a_neighbour_of_a_full_volume_writes_on(subject: &dyn Subject) -> Outcome {
    let backend = limiter(subject).await?;
    for at in ["pvc-1", "pvc-11", "pvc-2"] {
        backend.create(&limited(at, LIMIT)).await.unwrap();
    }
    let writer = subject.writer("pvc-1").await?;
    assert_eq!(fill(&*writer, "a", 4 * LIMIT).await.1, Some(Refused::NoSpace));
    for at in ["pvc-11", "pvc-2"] {
        let (written, refused) = fill(&*subject.writer(at).await?, "a", LIMIT / 2).await;
        assert_eq!((written >= LIMIT / 2, refused), (true, None), "{at}: {written}");
    }
    backend.create(&limited("pvc-3", LIMIT)).await.unwrap();
    Ok(())
}

/// Whoever has it mounted is told that there is no room, and can read what is there.
pub async fn a_tenant_of_a_full_volume_is_told_so(subject: &dyn Subject) -> Outcome {
    let backend = limiter(subject).await?;
    backend.create(&limited("pvc-1", LIMIT)).await.unwrap();
    let hands = mounted(subject, &*backend, &export("pvc-1", "one")).await?;
    let neighbour = export("pvc-2", "one");
    backend.create(&limited("pvc-2", LIMIT)).await.unwrap();
    let neighbour = mounted(subject, &*backend, &neighbour).await?;
    hands.write("first", b"first").await.unwrap();
    assert_eq!(
        fill(&*subject.writer("pvc-1").await?, "a", 4 * LIMIT).await.1,
        Some(Refused::NoSpace)
    );
    let mut refused = None;
    for n in 0..200 {
        refused = hands.write(&format!("late-{n}"), &[7; SMALL]).await.err();
        if refused.is_some() {
            break;
        }
    }
    assert_eq!(refused, Some(Refused::NoSpace));
    assert_eq!(hands.read("first").await.unwrap(), b"first");
    neighbour.write("first", b"first").await.unwrap();
    Ok(())
}

pub async fn what_is_removed_makes_room(subject: &dyn Subject) -> Outcome {
    let backend = limiter(subject).await?;
    backend.create(&limited("pvc-1", LIMIT)).await.unwrap();
    let writer = subject.writer("pvc-1").await?;
    let (written, _) = fill(&*writer, "a", 4 * LIMIT).await;
    for n in 0..written / PIECE as u64 {
        subject.remove(&format!("pvc-1/{}", piece("a", n)));
    }
    let mut round = 0;
    eventually("room for what was removed", async || {
        round += 1;
        fill(&*writer, &format!("b-{round}"), LIMIT / 8).await.1.is_none()
    })
    .await;
    Ok(())
}

/// As much as ever is rewritten, and every state of it kept.
pub async fn snapshots_do_not_escape_the_limit(subject: &dyn Subject) -> Outcome {
    let backend = limiter(subject).await?;
    able(subject, |declared| declared.snapshot).await?;
    backend.create(&limited("pvc-1", LIMIT)).await.unwrap();
    let writer = subject.writer("pvc-1").await?;
    let (mut written, mut rounds) = (0, 0);
    let refused = loop {
        let name = format!("round-{rounds}");
        let (bytes, refused) = fill(&*writer, &name, LIMIT / 4).await;
        written += bytes;
        if refused.is_some() {
            break refused;
        }
        assert!(
            written <= LIMIT,
            "{written} bytes in {rounds} snapshots, where {LIMIT} may be"
        );
        take(&backend, &format!("s-{rounds}"), "pvc-1").await.unwrap();
        for n in 0..bytes / PIECE as u64 {
            subject.remove(&format!("pvc-1/{}", piece(&name, n)));
        }
        rounds += 1;
    };
    assert_eq!(refused, Some(Refused::NoSpace), "after {written} bytes");
    assert!(rounds >= 1, "not even {LIMIT} bytes in four parts");
    // What snapshots hold is given back with them.
    for round in 0..rounds {
        let snapshots = backend.snapshots().unwrap();
        snapshots
            .remove_snapshot(&crate::copying::snapshot(&format!("s-{round}")))
            .await
            .unwrap();
    }
    purge_all(subject).await;
    let mut round = 0;
    eventually("room for what the snapshots held", async || {
        round += 1;
        fill(&*writer, &format!("after-{round}"), LIMIT / 8).await.1.is_none()
    })
    .await;
    Ok(())
}

pub async fn what_snapshots_of_a_gone_volume_hold_is_told(subject: &dyn Subject) -> Outcome {
    let backend = limiter(subject).await?;
    able(subject, |declared| declared.snapshot).await?;
    assert_eq!(pinned(&*backend).await, 0);
    for at in ["pvc-1", "pvc-2"] {
        backend.create(&limited(at, LIMIT)).await.unwrap();
        assert_eq!(fill(&*subject.writer(at).await?, "a", LIMIT / 2).await.1, None);
    }
    take(&backend, "s-1", "pvc-1").await.unwrap();
    take(&backend, "s-2", "pvc-2").await.unwrap();
    purge_whole(subject, "pvc-1", "t").await;
    eventually("what the snapshot of the gone volume holds", async || {
        (LIMIT / 4..=LIMIT).contains(&pinned(&*backend).await)
    })
    .await;
    let snapshots = backend.snapshots().unwrap();
    snapshots
        .remove_snapshot(&crate::copying::snapshot("s-1"))
        .await
        .unwrap();
    purge_all(subject).await;
    eventually("nothing that is held any more", async || {
        pinned(&*backend).await <= LIMIT / 16
    })
    .await;
    Ok(())
}

pub async fn a_copy_has_the_limit_that_it_was_made_with(subject: &dyn Subject) -> Outcome {
    let backend = limiter(subject).await?;
    able(subject, |declared| declared.clone).await?;
    backend.create(&limited("pvc-1", LIMIT)).await.unwrap();
    assert_eq!(fill(&*subject.writer("pvc-1").await?, "a", LIMIT / 2).await.1, None);
    let mut copies = vec!["clone"];
    copy(&backend, "pvc-1", &limited("clone", 2 * LIMIT), terms(1))
        .await
        .unwrap();
    if backend.snapshots().is_some() {
        take(&backend, "s-1", "pvc-1").await.unwrap();
        restore(&backend, "s-1", &limited("restored", 2 * LIMIT)).await.unwrap();
        copies.push("restored");
    }
    for at in copies {
        let found = backend.inspect(&path(at)).await.unwrap().unwrap();
        assert_eq!(found.enforced_bytes, Some(2 * LIMIT));
        // What it shares with its source may be charged to it or not.
        let (written, refused) = fill(&*subject.writer(at).await?, "b", 8 * LIMIT).await;
        assert_eq!(refused, Some(Refused::NoSpace), "{at}");
        assert!((LIMIT..=2 * LIMIT).contains(&written), "{at}: {written}");
    }
    Ok(())
}
