//! One volume, several tenants: each has a way of its own where ways are something on the server.
#![allow(missing_docs, reason = "a case is its name")]

use crate::hands::Refused;
use crate::plant::*;
use crate::{Outcome, Skip, Subject};
use futures::future::join_all;
use std::collections::BTreeSet;
use std::sync::Arc;
use tombolo_backend_api::{Admission, Backend, ExportKey, Exported, MountSource};

async fn sharer(subject: &dyn Subject) -> Result<Arc<dyn Backend>, Skip> {
    let backend = able(subject, |declared| declared.share).await?;
    backend.create(&volume("pvc-1")).await.unwrap();
    Ok(backend)
}

/// The same, where ways are something on the server.
async fn exporter(subject: &dyn Subject) -> Result<Arc<dyn Backend>, Skip> {
    able(subject, |declared| declared.share && declared.has_exports()).await?;
    sharer(subject).await
}

async fn ways(backend: &dyn Backend) -> BTreeSet<ExportKey> {
    let exports = backend.share().unwrap().exports().await.unwrap();
    let (count, full) = (exports.len(), |found: &Exported| found.admission == Admission::Full);
    assert!(exports.iter().all(full), "{exports:?}");
    let keys: BTreeSet<_> = exports.into_iter().map(|found| found.key).collect();
    assert_eq!(keys.len(), count, "one of them is listed twice: {keys:?}");
    keys
}

async fn release(backend: &dyn Backend, key: &ExportKey) {
    backend.share().unwrap().release(key).await.unwrap();
}

fn place(source: MountSource) -> String {
    let (MountSource::Nfs { path, .. } | MountSource::HostPath { path, .. }) = source;
    path
}

pub async fn ways_are_listed_where_there_are_any(subject: &dyn Subject) -> Outcome {
    let backend = sharer(subject).await?;
    assert_eq!(ways(&*backend).await, [].into());
    let keys = [export("pvc-1", "one"), reader("pvc-1", "one"), export("pvc-1", "two")];
    for key in &keys {
        backend.mount(key).await.unwrap();
    }
    let other = subject.backend().await;
    let there = if backend.capabilities().has_exports() {
        keys.clone().into()
    } else {
        BTreeSet::new()
    };
    assert_eq!(ways(&*other).await, there);
    for key in &keys {
        other.mount(key).await.unwrap();
    }
    assert_eq!(ways(&*backend).await, there);
    for key in &keys {
        release(&*other, key).await;
    }
    assert_eq!(ways(&*backend).await, [].into());
    Ok(())
}

pub async fn each_tenant_has_a_way_of_its_own(subject: &dyn Subject) -> Outcome {
    let backend = sharer(subject).await?;
    for at in ["a", "b-c", "c", "team/a", "team-a"] {
        backend.create(&volume(at)).await.unwrap();
    }
    // Pairs that look alike once they are put together.
    let keys = [
        export("a", "b-c"),
        export("c", "a-b"),
        export("b-c", "a"),
        export("c", "a"),
        reader("c", "a"),
        export("team/a", "x"),
        export("team-a", "x"),
        export("a", "x-team"),
        export("a", "ro"),
        reader("a", "rw"),
    ];
    let mut places = BTreeSet::new();
    for key in &keys {
        places.insert(place(backend.mount(key).await.unwrap()));
    }
    let volumes: BTreeSet<_> = keys.iter().map(|key| key.path.clone()).collect();
    let wanted = if backend.capabilities().has_exports() {
        keys.len()
    } else {
        volumes.len()
    };
    assert_eq!(places.len(), wanted, "{places:?}");
    Ok(())
}

pub async fn what_one_tenant_writes_another_reads(subject: &dyn Subject) -> Outcome {
    let backend = sharer(subject).await?;
    let one = mounted(subject, &*backend, &export("pvc-1", "one")).await?;
    let two = mounted(subject, &*backend, &export("pvc-1", "two")).await?;
    one.write("of-one", b"one").await.unwrap();
    two.write("of-two", b"two").await.unwrap();
    assert_eq!(two.read("of-one").await.unwrap(), b"one");
    assert_eq!(one.read("of-two").await.unwrap(), b"two");
    assert_eq!(one.list().await.unwrap(), ["of-one", "of-two"].map(String::from).into());
    assert_eq!(subject.read("pvc-1/of-one").as_deref(), Some(&b"one"[..]));
    Ok(())
}

pub async fn releasing_twice_or_nothing_is_success(subject: &dyn Subject) -> Outcome {
    let backend = sharer(subject).await?;
    let key = export("pvc-1", "one");
    release(&*backend, &key).await;
    release(&*backend, &export("absent", "one")).await;
    backend.mount(&key).await.unwrap();
    release(&*backend, &key).await;
    release(&*subject.backend().await, &key).await;
    assert_eq!(ways(&*backend).await, [].into());
    assert!(backend.inspect(&path("pvc-1")).await.unwrap().is_some());
    Ok(())
}

pub async fn releasing_one_way_leaves_the_others(subject: &dyn Subject) -> Outcome {
    let backend = sharer(subject).await?;
    backend.create(&volume("pvc-11")).await.unwrap();
    let gone = export("pvc-1", "one");
    // Names that begin like it, because a prefix is no match.
    let others = [
        reader("pvc-1", "one"),
        export("pvc-1", "one-1"),
        export("pvc-1", "on"),
        export("pvc-11", "one"),
    ];
    backend.mount(&gone).await.unwrap();
    let mut hands = vec![];
    for key in &others {
        subject.write(&format!("{}/file", key.path), b"kept");
        hands.push(mounted(subject, &*backend, key).await?);
    }
    release(&*backend, &gone).await;
    if backend.capabilities().has_exports() {
        assert_eq!(ways(&*backend).await, others.into());
    }
    for hands in hands {
        assert_eq!(hands.read("file").await.unwrap(), b"kept");
    }
    Ok(())
}

pub async fn a_released_way_is_gone_and_one_made_again_works(subject: &dyn Subject) -> Outcome {
    let backend = exporter(subject).await?;
    subject.write("pvc-1/file", &vec![7; 8 << 20]);
    let key = export("pvc-1", "one");
    let former = mounted(subject, &*backend, &key).await?;
    let held = former.hold("file").await.unwrap();
    release(&*backend, &key).await;
    assert_eq!(former.read("file").await, Err(Refused::Gone));
    let again = mounted(subject, &*backend, &key).await?;
    again.write("new", b"new").await.unwrap();
    assert!(again.read("file").await.unwrap().len() == 8 << 20);
    // What a client has kept of the former way opens nothing: not even the same.
    assert_eq!(held.rest().await, Err(Refused::Gone));
    assert_eq!(ways(&*backend).await, [key].into());
    Ok(())
}

pub async fn a_volume_that_goes_takes_its_ways_along(subject: &dyn Subject) -> Outcome {
    let backend = exporter(subject).await?;
    backend.create(&volume("pvc-11")).await.unwrap();
    subject.write("pvc-1/file", b"kept");
    let (key, neighbour) = (export("pvc-1", "one"), export("pvc-11", "one"));
    let hands = mounted(subject, &*backend, &key).await?;
    backend.mount(&reader("pvc-1", "two")).await.unwrap();
    backend.mount(&neighbour).await.unwrap();
    backend.discard(&path("pvc-1"), &trash("t")).await.unwrap();
    assert_eq!(ways(&*backend).await, [neighbour.clone()].into());
    assert_eq!(hands.read("file").await, Err(Refused::Gone));
    assert_eq!(hands.write("new", b"new").await, Err(Refused::Gone));
    backend.restore(&id("t"), &path("pvc-1")).await.unwrap();
    assert_eq!(ways(&*backend).await, [neighbour].into());
    let hands = mounted(subject, &*backend, &key).await?;
    assert_eq!(hands.read("file").await.unwrap(), b"kept");
    Ok(())
}

pub async fn an_empty_volume_that_is_removed_takes_its_ways_along(subject: &dyn Subject) -> Outcome {
    let backend = exporter(subject).await?;
    backend.mount(&export("pvc-1", "one")).await.unwrap();
    assert!(backend.remove_empty(&path("pvc-1")).await.unwrap());
    assert_eq!(ways(&*backend).await, [].into());
    Ok(())
}

pub async fn a_way_to_nothing_is_refused(subject: &dyn Subject) -> Outcome {
    let backend = exporter(subject).await?;
    backend.discard(&path("pvc-1"), &trash("t")).await.unwrap();
    subject.write("a-file", b"x");
    for at in ["pvc-1", "absent", "absent/too", "a-file", "a-file/below"] {
        invalid(backend.mount(&export(at, "one")).await);
    }
    assert_eq!(ways(&*backend).await, [].into());
    Ok(())
}

pub async fn a_mount_dropped_midway_is_finished_by_the_next(subject: &dyn Subject) -> Outcome {
    let backend = exporter(subject).await?;
    let mut keys = BTreeSet::new();
    for polls in 1..=8 {
        let key = export("pvc-1", &format!("tenant-{polls}"));
        dropped_after(polls, backend.mount(&key)).await;
        let source = subject.backend().await.mount(&key).await.unwrap();
        assert_eq!(backend.mount(&key).await.unwrap(), source);
        keys.insert(key);
        assert_eq!(ways(&*backend).await, keys, "dropped after {polls} polls");
    }
    for (polls, key) in keys.iter().enumerate() {
        dropped_after(polls + 1, backend.share().unwrap().release(key)).await;
        release(&*subject.backend().await, key).await;
    }
    assert_eq!(ways(&*backend).await, [].into());
    Ok(())
}

pub async fn twenty_ways_at_once_are_twenty_ways(subject: &dyn Subject) -> Outcome {
    let backends = [sharer(subject).await?, subject.backend().await];
    // Each is asked for twice.
    let mounts = (0..40).map(|n| {
        let (backend, key) = (backends[n % 2].clone(), export("pvc-1", &format!("tenant-{}", n / 2)));
        tokio::spawn(async move { place(backend.mount(&key).await.unwrap()) })
    });
    let places: BTreeSet<_> = join_all(mounts).await.into_iter().map(Result::unwrap).collect();
    let (there, listed) = if backends[0].capabilities().has_exports() {
        (20, 20)
    } else {
        (1, 0)
    };
    assert_eq!(places.len(), there, "{places:?}");
    assert_eq!(ways(&*backends[1]).await.len(), listed);
    Ok(())
}
