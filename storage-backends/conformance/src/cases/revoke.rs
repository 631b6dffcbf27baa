//! Access taken away while it is mounted, and given back.
#![allow(missing_docs, reason = "a case is its name")]

use crate::hands::{Hands, Refused};
use crate::plant::*;
use crate::{Outcome, Skip, Subject};
use std::collections::BTreeMap;
use std::sync::Arc;
use tombolo_backend_api::{Admission, Backend, ExportKey};

/// A backend with a volume that has a small file and a large one.
async fn revoker(subject: &dyn Subject) -> Result<Arc<dyn Backend>, Skip> {
    let backend = able(subject, |declared| declared.revoke).await?;
    backend.create(&volume("pvc-1")).await.unwrap();
    subject.write("pvc-1/file", b"kept");
    Ok(backend)
}

async fn admit(backend: &dyn Backend, key: &ExportKey, admission: Admission) {
    backend.revoke().unwrap().admit(key, admission).await.unwrap();
}

async fn listed(backend: &dyn Backend) -> BTreeMap<ExportKey, Admission> {
    let exports = backend.share().unwrap().exports().await.unwrap();
    exports.into_iter().map(|found| (found.key, found.admission)).collect()
}

async fn nothing_passes(hands: &dyn Hands) {
    assert_eq!(hands.read("file").await, Err(Refused::Gone));
    assert_eq!(hands.write("while-cut", b"x").await, Err(Refused::Gone));
    assert_eq!(hands.list().await, Err(Refused::Gone));
    assert_eq!(hands.hold("file").await.err(), Some(Refused::Gone));
}

async fn everything_passes(hands: &dyn Hands, new: &str) {
    assert_eq!(hands.read("file").await.unwrap(), b"kept");
    hands.write(new, b"new").await.unwrap();
    assert!(hands.list().await.unwrap().contains(new));
}

pub async fn whoever_revokes_shares(subject: &dyn Subject) -> Outcome {
    let backend = revoker(subject).await?;
    assert!(backend.capabilities().share && backend.share().is_some());
    Ok(())
}

pub async fn a_cut_stops_who_has_it_mounted_and_open(subject: &dyn Subject) -> Outcome {
    let backend = revoker(subject).await?;
    subject.write("pvc-1/large", &vec![7; 8 << 20]);
    let key = export("pvc-1", "one");
    let hands = mounted(subject, &*backend, &key).await?;
    everything_passes(&*hands, "before").await;
    let held = hands.hold("large").await.unwrap();
    admit(&*backend, &key, Admission::Cut).await;
    assert_eq!(held.rest().await, Err(Refused::Gone));
    nothing_passes(&*hands).await;
    assert_eq!(subject.read("pvc-1/while-cut"), None);
    assert_eq!(subject.read("pvc-1/file").as_deref(), Some(&b"kept"[..]));
    Ok(())
}

pub async fn what_is_restored_is_the_same_way(subject: &dyn Subject) -> Outcome {
    let backend = revoker(subject).await?;
    for key in [export("pvc-1", "one"), reader("pvc-1", "one")] {
        let source = backend.mount(&key).await.unwrap();
        let hands = subject.hands(&source).await?;
        for round in 0..3 {
            admit(&*backend, &key, Admission::Cut).await;
            nothing_passes(&*hands).await;
            admit(&*backend, &key, Admission::Full).await;
            // The mount from before the cut goes on.
            assert_eq!(hands.read("file").await.unwrap(), b"kept");
            if key == export("pvc-1", "one") {
                everything_passes(&*hands, &format!("round-{round}")).await;
            }
        }
        assert_eq!(subject.backend().await.mount(&key).await.unwrap(), source);
        assert_eq!(listed(&*backend).await.get(&key), Some(&Admission::Full));
    }
    Ok(())
}

pub async fn writing_alone_can_be_taken_away(subject: &dyn Subject) -> Outcome {
    let backend = revoker(subject).await?;
    let key = export("pvc-1", "one");
    let hands = mounted(subject, &*backend, &key).await?;
    for admission in [Admission::ReadOnly, Admission::Cut, Admission::ReadOnly] {
        admit(&*backend, &key, admission).await;
    }
    assert_eq!(hands.read("file").await.unwrap(), b"kept");
    assert_eq!(hands.write("new", b"x").await, Err(Refused::ReadOnly));
    assert_eq!(listed(&*backend).await, [(key.clone(), Admission::ReadOnly)].into());
    backend.mount(&key).await.unwrap();
    assert_eq!(hands.write("new", b"x").await, Err(Refused::ReadOnly));
    assert_eq!(subject.read("pvc-1/new"), None);
    admit(&*backend, &key, Admission::Full).await;
    everything_passes(&*hands, "new").await;
    Ok(())
}

pub async fn saying_it_again_changes_nothing(subject: &dyn Subject) -> Outcome {
    let backend = revoker(subject).await?;
    let key = export("pvc-1", "one");
    let source = backend.mount(&key).await.unwrap();
    for admission in [Admission::Full, Admission::ReadOnly, Admission::Cut, Admission::Full] {
        for _ in 0..2 {
            admit(&*backend, &key, admission).await;
            admit(&*subject.backend().await, &key, admission).await;
            assert_eq!(listed(&*backend).await, [(key.clone(), admission)].into());
            assert_eq!(backend.mount(&key).await.unwrap(), source);
        }
    }
    Ok(())
}

pub async fn a_cut_way_stays_cut_when_it_is_mounted(subject: &dyn Subject) -> Outcome {
    let backend = revoker(subject).await?;
    let key = export("pvc-1", "one");
    let source = backend.mount(&key).await.unwrap();
    admit(&*backend, &key, Admission::Cut).await;
    // Another controller, and the same one after a restart.
    let other = subject.backend().await;
    for backend in [&backend, &other] {
        assert_eq!(backend.mount(&key).await.unwrap(), source);
        assert_eq!(listed(&**backend).await, [(key.clone(), Admission::Cut)].into());
        // Where there is nothing to be mounted, this is where a client learns it.
        match subject.hands(&source).await {
            Ok(hands) => nothing_passes(&*hands).await,
            Err(skip) => return Err(skip),
        }
    }
    admit(&*other, &key, Admission::Full).await;
    everything_passes(&*subject.hands(&source).await?, "after").await;
    Ok(())
}

pub async fn cutting_what_is_not_there_makes_nothing(subject: &dyn Subject) -> Outcome {
    let backend = revoker(subject).await?;
    let key = export("pvc-1", "one");
    for never in [&key, &export("absent", "one"), &reader("absent/too", "two")] {
        admit(&*backend, never, Admission::Cut).await;
    }
    assert_eq!(listed(&*backend).await, [].into());
    // So a way that is made later is none that was cut.
    everything_passes(&*mounted(subject, &*backend, &key).await?, "new").await;
    Ok(())
}

pub async fn admitting_what_is_not_there_makes_it(subject: &dyn Subject) -> Outcome {
    let backend = revoker(subject).await?;
    let (full, narrow) = (export("pvc-1", "one"), export("pvc-1", "two"));
    admit(&*backend, &full, Admission::Full).await;
    admit(&*backend, &narrow, Admission::ReadOnly).await;
    let wanted = [(full.clone(), Admission::Full), (narrow.clone(), Admission::ReadOnly)];
    assert_eq!(listed(&*backend).await, wanted.into());
    everything_passes(&*mounted(subject, &*backend, &full).await?, "new").await;
    let narrow = mounted(subject, &*backend, &narrow).await?;
    assert_eq!(narrow.read("file").await.unwrap(), b"kept");
    assert_eq!(narrow.write("other", b"x").await, Err(Refused::ReadOnly));
    Ok(())
}

pub async fn admitting_to_nothing_is_refused(subject: &dyn Subject) -> Outcome {
    let backend = revoker(subject).await?;
    for at in ["absent", "absent/too", "pvc-1/file"] {
        for admission in [Admission::ReadOnly, Admission::Full] {
            invalid(backend.revoke().unwrap().admit(&export(at, "one"), admission).await);
        }
    }
    assert_eq!(listed(&*backend).await, [].into());
    Ok(())
}

pub async fn neighbours_notice_nothing(subject: &dyn Subject) -> Outcome {
    let backend = revoker(subject).await?;
    for at in ["pvc-11", "team/pvc-1"] {
        backend.create(&volume(at)).await.unwrap();
        subject.write(&format!("{at}/file"), b"kept");
    }
    subject.write("pvc-1/large", &vec![7; 8 << 20]);
    let key = export("pvc-1", "one");
    backend.mount(&key).await.unwrap();
    let others = [
        reader("pvc-1", "one"),
        export("pvc-1", "one-1"),
        export("pvc-11", "one"),
        export("team/pvc-1", "one"),
    ];
    let mut neighbours = vec![];
    for other in &others {
        neighbours.push(mounted(subject, &*backend, other).await?);
    }
    let held = neighbours[1].hold("large").await.unwrap();
    for (round, admission) in [Admission::Cut, Admission::ReadOnly, Admission::Cut]
        .into_iter()
        .enumerate()
    {
        admit(&*backend, &key, admission).await;
        for (hands, other) in neighbours.iter().zip(&others) {
            assert_eq!(hands.read("file").await.unwrap(), b"kept", "{other}");
            if *other != reader("pvc-1", "one") {
                everything_passes(&**hands, &format!("round-{round}")).await;
            }
        }
    }
    assert!(held.rest().await.is_ok(), "a file that another tenant has open");
    Ok(())
}

pub async fn a_cut_way_can_be_released_and_made_anew(subject: &dyn Subject) -> Outcome {
    let backend = revoker(subject).await?;
    let key = export("pvc-1", "one");
    let former = mounted(subject, &*backend, &key).await?;
    admit(&*backend, &key, Admission::Cut).await;
    backend.share().unwrap().release(&key).await.unwrap();
    assert_eq!(listed(&*backend).await, [].into());
    nothing_passes(&*former).await;
    everything_passes(&*mounted(subject, &*backend, &key).await?, "new").await;
    Ok(())
}

pub async fn a_cut_goes_with_its_volume(subject: &dyn Subject) -> Outcome {
    let backend = revoker(subject).await?;
    let key = export("pvc-1", "one");
    backend.mount(&key).await.unwrap();
    admit(&*backend, &key, Admission::Cut).await;
    backend.discard(&path("pvc-1"), &trash("t")).await.unwrap();
    assert_eq!(listed(&*backend).await, [].into());
    Ok(())
}

pub async fn a_cut_dropped_midway_is_finished_by_the_next(subject: &dyn Subject) -> Outcome {
    let backend = revoker(subject).await?;
    let key = export("pvc-1", "one");
    let source = backend.mount(&key).await.unwrap();
    let hands = subject.hands(&source).await?;
    for polls in 1..=8 {
        for admission in [Admission::Cut, Admission::Full] {
            dropped_after(polls, backend.revoke().unwrap().admit(&key, admission)).await;
            admit(&*subject.backend().await, &key, admission).await;
            assert_eq!(listed(&*backend).await, [(key.clone(), admission)].into());
            match admission {
                Admission::Cut => assert_eq!(hands.read("file").await, Err(Refused::Gone)),
                Admission::ReadOnly | Admission::Full => assert_eq!(hands.read("file").await.unwrap(), b"kept"),
            }
            assert_eq!(backend.mount(&key).await.unwrap(), source);
        }
    }
    Ok(())
}
