//! Volumes as they were.
#![allow(missing_docs, reason = "a case is its name")]

use crate::copying::*;
use crate::plant::*;
use crate::{Copying, Outcome, Skip, Subject};
use futures::future::join_all;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tombolo_backend_api::{Backend, Class, CreateVolume, SnapshotId};

async fn taker(subject: &dyn Subject) -> Result<Arc<dyn Backend>, Skip> {
    let backend = able(subject, |declared| declared.snapshot).await?;
    backend.create(&volume("pvc-1")).await.unwrap();
    Ok(backend)
}

async fn listed(backend: &dyn Backend) -> Vec<SnapshotId> {
    let listed = backend.snapshots().unwrap().list_snapshots().await.unwrap();
    let mut ids: Vec<_> = listed.into_iter().map(|found| found.id).collect();
    ids.sort();
    ids
}

async fn remove(backend: &Arc<dyn Backend>, name: &str) {
    let snapshots = backend.snapshots().unwrap();
    snapshots.remove_snapshot(&snapshot(name)).await.unwrap();
    assert_eq!(snapshots.find_snapshot(&snapshot(name)).await.unwrap(), None);
}

pub async fn whoever_takes_snapshots_makes_clones(subject: &dyn Subject) -> Outcome {
    let backend = taker(subject).await?;
    assert!(backend.capabilities().clone && backend.clones().is_some());
    Ok(())
}

pub async fn a_snapshot_is_the_volume_as_it_was(subject: &dyn Subject) -> Outcome {
    let backend = taker(subject).await?;
    for file in ["file", "dir/file", "dir/gone"] {
        subject.write(&format!("pvc-1/{file}"), b"then");
    }
    let taken = take(&backend, "s-1", "pvc-1").await.unwrap();
    assert_eq!((&taken.id, &taken.of), (&snapshot("s-1"), &path("pvc-1")));
    for file in ["file", "dir/file", "new"] {
        subject.write(&format!("pvc-1/{file}"), b"now");
    }
    restore(&backend, "s-1", &volume("team/pvc-2")).await.unwrap();
    for (file, was) in [("file", Some(&b"then"[..])), ("dir/gone", Some(b"then")), ("new", None)] {
        assert_eq!(subject.read(&format!("team/pvc-2/{file}")).as_deref(), was, "{file}");
    }
    assert_eq!(subject.read("pvc-1/file").as_deref(), Some(&b"now"[..]));
    assert_eq!(unfinished(subject), [] as [String; 0]);
    Ok(())
}

pub async fn a_snapshot_outlives_its_volume(subject: &dyn Subject) -> Outcome {
    let backend = taker(subject).await?;
    subject.write("pvc-1/file", b"then");
    let taken = take(&backend, "s-1", "pvc-1").await.unwrap();
    purge_whole(subject, "pvc-1", "t").await;
    let other = subject.backend().await;
    let found = other.snapshots().unwrap().find_snapshot(&snapshot("s-1")).await;
    assert_eq!(found.unwrap(), Some(taken));
    restore(&other, "s-1", &volume("pvc-1")).await.unwrap();
    assert_eq!(subject.read("pvc-1/file").as_deref(), Some(&b"then"[..]));
    Ok(())
}

pub async fn a_snapshot_is_restored_as_often_as_one_likes(subject: &dyn Subject) -> Outcome {
    let backend = taker(subject).await?;
    subject.write("pvc-1/file", b"then");
    take(&backend, "s-1", "pvc-1").await.unwrap();
    for at in ["pvc-2", "pvc-3"] {
        let wanted = CreateVolume {
            mode: 0o750,
            ..volume(at)
        };
        restore(&backend, "s-1", &wanted).await.unwrap();
        assert_eq!(subject.read(&format!("{at}/file")).as_deref(), Some(&b"then"[..]));
        assert_eq!(subject.mode(at), 0o750);
        subject.write(&format!("{at}/file"), b"since");
        // One that is there is left alone.
        restore(&backend, "s-1", &wanted).await.unwrap();
        assert_eq!(subject.read(&format!("{at}/file")).as_deref(), Some(&b"since"[..]));
    }
    assert_eq!(listed(&*backend).await, [snapshot("s-1")]);
    Ok(())
}

pub async fn a_snapshot_taken_twice_is_taken_once(subject: &dyn Subject) -> Outcome {
    let backend = taker(subject).await?;
    subject.write("pvc-1/file", b"then");
    let first = take(&backend, "s-1", "pvc-1").await.unwrap();
    subject.write("pvc-1/file", b"now");
    let again = take(&subject.backend().await, "s-1", "pvc-1").await.unwrap();
    assert_eq!(again, first);
    restore(&backend, "s-1", &volume("pvc-2")).await.unwrap();
    assert_eq!(subject.read("pvc-2/file").as_deref(), Some(&b"then"[..]));
    // Also when there is no volume any more that it could be taken of.
    purge_whole(subject, "pvc-1", "t").await;
    assert_eq!(take(&backend, "s-1", "pvc-1").await.unwrap(), first);
    Ok(())
}

pub async fn a_name_is_of_one_volume_only(subject: &dyn Subject) -> Outcome {
    let backend = taker(subject).await?;
    backend.create(&volume("pvc-2")).await.unwrap();
    let first = take(&backend, "s-1", "pvc-1").await.unwrap();
    invalid(take(&backend, "s-1", "pvc-2").await);
    assert_eq!(take(&backend, "s-1", "pvc-1").await.unwrap(), first);
    assert_eq!(listed(&*backend).await, [snapshot("s-1")]);
    Ok(())
}

pub async fn a_snapshot_of_nothing_and_a_restore_of_none_are_refused(subject: &dyn Subject) -> Outcome {
    let backend = taker(subject).await?;
    subject.write("a-file", b"x");
    let before = contents(subject);
    for of in ["absent", "absent/too", "a-file", "a-file/below"] {
        invalid(take(&backend, "s-1", of).await);
    }
    invalid(restore(&backend, "s-1", &volume("pvc-2")).await);
    assert_eq!(contents(subject), before);
    assert_eq!(listed(&*backend).await, []);
    Ok(())
}

pub async fn snapshots_are_listed_and_are_no_volumes(subject: &dyn Subject) -> Outcome {
    let backend = taker(subject).await?;
    backend.create(&volume("team/pvc-2")).await.unwrap();
    assert_eq!(listed(&*backend).await, []);
    // Names that contain each other, and the longest.
    let longest = "s".repeat(128);
    let names = ["s", "s-1", "s-11", "s.1", &longest];
    for (n, name) in names.iter().enumerate() {
        let of = ["pvc-1", "team/pvc-2"][n % 2];
        let taken = take(&backend, name, of).await.unwrap();
        assert_eq!(taken.of, path(of));
        let found = backend.snapshots().unwrap().find_snapshot(&snapshot(name)).await;
        assert_eq!(found.unwrap(), Some(taken));
    }
    let mut wanted = names.map(snapshot);
    wanted.sort();
    assert_eq!(listed(&*subject.backend().await).await, wanted);
    let volumes = backend.list().await.unwrap();
    let mut volumes: Vec<_> = volumes.iter().map(|volume| volume.path.as_str()).collect();
    volumes.sort_unstable();
    assert_eq!(volumes, ["pvc-1", "team"]);
    assert_eq!(backend.trash().await.unwrap(), []);
    remove(&backend, "s").await;
    assert_eq!(listed(&*backend).await.len(), names.len() - 1);
    assert!(!listed(&*backend).await.contains(&snapshot("s")));
    Ok(())
}

pub async fn a_removed_snapshot_is_gone_and_its_name_is_free(subject: &dyn Subject) -> Outcome {
    let backend = taker(subject).await?;
    subject.write("pvc-1/file", b"then");
    remove(&backend, "s-1").await;
    take(&backend, "s-1", "pvc-1").await.unwrap();
    for _ in 0..2 {
        remove(&backend, "s-1").await;
        assert_eq!(listed(&*backend).await, []);
    }
    invalid(restore(&backend, "s-1", &volume("pvc-2")).await);
    assert_eq!(subject.read("pvc-1/file").as_deref(), Some(&b"then"[..]));
    subject.write("pvc-1/file", b"now");
    take(&backend, "s-1", "pvc-1").await.unwrap();
    remove(&subject.backend().await, "s-1").await;
    purge_the_doomed(subject).await;
    let left: Vec<_> = contents(subject)
        .into_iter()
        .filter(|found| found.contains("s-1"))
        .collect();
    assert_eq!(left, [] as [String; 0]);
    Ok(())
}

pub async fn a_removed_snapshot_leaves_what_was_restored_of_it(subject: &dyn Subject) -> Outcome {
    let backend = taker(subject).await?;
    subject.write("pvc-1/file", b"then");
    take(&backend, "s-1", "pvc-1").await.unwrap();
    restore(&backend, "s-1", &volume("pvc-2")).await.unwrap();
    remove(&backend, "s-1").await;
    purge_the_doomed(subject).await;
    assert_eq!(subject.read("pvc-2/file").as_deref(), Some(&b"then"[..]));
    assert_eq!(subject.read("pvc-1/file").as_deref(), Some(&b"then"[..]));
    Ok(())
}

pub async fn a_restore_that_does_not_fit_leaves_only_what_is_doomed(subject: &dyn Subject) -> Outcome {
    let backend = taker(subject).await?;
    (0..16).for_each(|n| subject.write(&format!("pvc-1/file-{n}"), &[1; 256 << 10]));
    take(&backend, "s-1", "pvc-1").await.unwrap();
    let small = CreateVolume {
        bytes: 1 << 20,
        ..volume("pvc-2")
    };
    let (class, _) = refusal(restore(&backend, "s-1", &small).await);
    assert_eq!(class, Class::TooLarge);
    assert_eq!(backend.inspect(&small.path).await.unwrap(), None);
    assert_eq!(unfinished(subject), [] as [String; 0]);
    purge_the_doomed(subject).await;
    restore(&backend, "s-1", &volume("pvc-2")).await.unwrap();
    assert!(subject.read("pvc-2/file-15").is_some());
    Ok(())
}

pub async fn a_snapshot_dropped_midway_is_finished_by_the_next(subject: &dyn Subject) -> Outcome {
    let backend = taker(subject).await?;
    plant_many(subject, &backend, "pvc-1").await;
    let caught = caught_midway(subject, Copying::Snapshot, async || {
        take(&backend, "s-1", "pvc-1").await
    })
    .await;
    let snapshots = backend.snapshots().unwrap();
    if caught && snapshots.find_snapshot(&snapshot("s-1")).await.unwrap().is_none() {
        assert_eq!(listed(&*backend).await, []);
        invalid(restore(&backend, "s-1", &volume("pvc-2")).await);
    }
    let other = subject.backend().await;
    take(&other, "s-1", "pvc-1").await.unwrap();
    assert_eq!(unfinished(subject), [] as [String; 0]);
    let wanted = volume("pvc-2");
    caught_midway(subject, Copying::Restore, async || {
        restore(&backend, "s-1", &wanted).await
    })
    .await;
    restore(&other, "s-1", &wanted).await.unwrap();
    assert!(has_many(subject, "pvc-2"));
    assert_eq!(unfinished(subject), [] as [String; 0]);
    purge_the_doomed(subject).await;
    Ok(())
}

pub async fn a_snapshot_is_removed_that_was_never_finished(subject: &dyn Subject) -> Outcome {
    let backend = taker(subject).await?;
    plant_many(subject, &backend, "pvc-1").await;
    caught_midway(subject, Copying::Snapshot, async || {
        take(&backend, "s-1", "pvc-1").await
    })
    .await;
    remove(&subject.backend().await, "s-1").await;
    assert_eq!(unfinished(subject), [] as [String; 0]);
    assert_eq!(listed(&*backend).await, []);
    purge_the_doomed(subject).await;
    // Behind a connection, whoever was dropped midway finds out later, and until then is in the way of the next.
    let deadline = Instant::now() + Duration::from_secs(10);
    while let Err(error) = take(&backend, "s-1", "pvc-1").await {
        assert!(error.class == Class::Transient && Instant::now() < deadline, "{error}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    restore(&backend, "s-1", &volume("pvc-2")).await.unwrap();
    assert!(has_many(subject, "pvc-2"));
    Ok(())
}

pub async fn five_snapshots_of_one_volume_at_once_all_succeed(subject: &dyn Subject) -> Outcome {
    let backends = [taker(subject).await?, subject.backend().await];
    (0..20).for_each(|n| subject.write(&format!("pvc-1/file-{n}"), b"then"));
    let takers = (0..5).map(|n| {
        let backend = backends[n % 2].clone();
        tokio::spawn(async move { take(&backend, &format!("s-{n}"), "pvc-1").await })
    });
    for answer in join_all(takers).await {
        answer.unwrap().unwrap();
    }
    assert_eq!(listed(&*backends[0]).await.len(), 5);
    restore(&backends[0], "s-4", &volume("pvc-2")).await.unwrap();
    assert!((0..20).all(|n| subject.read(&format!("pvc-2/file-{n}")).is_some()));
    Ok(())
}
