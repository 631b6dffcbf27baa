//! Letting volumes go: one atomic step, reversible until a purge begins.
#![allow(missing_docs, reason = "a case is its name")]

use crate::plant::*;
use crate::subject::directory;
use crate::{Outcome, Subject};
use futures::future::join_all;
use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use tombolo_backend_api::{Backend, Disposal, Remains, TrashId};

/// An entry without its time, which differs from run to run.
type Seen = (TrashId, Option<serde_json::Value>, Remains);

fn entry(name: &str) -> Seen {
    (id(name), Some(serde_json::json!({ "entry": name })), Remains::Whole)
}

async fn entries(backend: &dyn Backend) -> Vec<Seen> {
    let mut entries: Vec<_> = backend.trash().await.unwrap();
    entries.sort_by(|a, b| a.id.cmp(&b.id));
    entries.into_iter().map(|e| (e.id, e.record, e.remains)).collect()
}

pub async fn discarding_twice_is_discarding_once(subject: &dyn Subject) -> Outcome {
    let backend = stocked(subject, "pvc-1", 2).await;
    backend.discard(&path("pvc-1"), &trash("t")).await.unwrap();
    let once = contents(subject);
    backend.discard(&path("pvc-1"), &trash("t")).await.unwrap();
    subject
        .backend()
        .await
        .discard(&path("pvc-1"), &trash("t"))
        .await
        .unwrap();
    assert_eq!(contents(subject), once);
    assert_eq!(entries(&*backend).await, [entry("t")]);
    Ok(())
}

pub async fn discarding_what_is_not_there_is_success(subject: &dyn Subject) -> Outcome {
    let backend = marked(subject).await;
    let before = contents(subject);
    backend.discard(&path("pvc-1"), &trash("t")).await.unwrap();
    backend
        .discard(&path("team/pvc-1"), &Disposal::Archive { id: id("t") })
        .await
        .unwrap();
    assert_eq!(backend.trash().await.unwrap(), []);
    assert_eq!(contents(subject), before);
    Ok(())
}

pub async fn a_discarded_volume_comes_back_whole(subject: &dyn Subject) -> Outcome {
    let backend = stocked(subject, "pvc-1", 2).await;
    subject.write("pvc-1/deeper/file", b"deep");
    let root = directory(subject).ok();
    if let Some(root) = &root {
        set_permissions(root.join("pvc-1/file-0"), Permissions::from_mode(0o640)).unwrap();
        set_permissions(root.join("pvc-1/deeper"), Permissions::from_mode(0o3751)).unwrap();
    }
    let before = contents(subject);
    backend.discard(&path("pvc-1"), &trash("t")).await.unwrap();
    assert_eq!(subject.read("pvc-1/file-0"), None);
    assert_eq!(entries(&*subject.backend().await).await, [entry("t")]);
    subject.backend().await.restore(&id("t"), &path("pvc-1")).await.unwrap();
    assert_eq!(subject.read("pvc-1/file-1").as_deref(), Some(&b"bytes of 1"[..]));
    assert_eq!(subject.read("pvc-1/deeper/file").as_deref(), Some(&b"deep"[..]));
    if root.is_some() {
        let modes = ["pvc-1", "pvc-1/file-0", "pvc-1/deeper"].map(|at| subject.mode(at));
        assert_eq!(modes, [0o777, 0o640, 0o3751]);
    }
    assert_eq!(backend.trash().await.unwrap(), []);
    assert_eq!(contents(subject), before, "a restored volume left its record behind");
    Ok(())
}

pub async fn a_volume_can_come_back_elsewhere(subject: &dyn Subject) -> Outcome {
    let backend = stocked(subject, "pvc-1", 1).await;
    backend.discard(&path("pvc-1"), &trash("t")).await.unwrap();
    backend.restore(&id("t"), &path("team/pvc-2")).await.unwrap();
    assert!(subject.read("team/pvc-2/file-0").is_some());
    assert_eq!(backend.inspect(&path("pvc-1")).await.unwrap(), None);
    Ok(())
}

pub async fn restoring_onto_an_existing_path_is_refused(subject: &dyn Subject) -> Outcome {
    let backend = stocked(subject, "pvc-1", 1).await;
    backend.discard(&path("pvc-1"), &trash("t")).await.unwrap();
    // Empty, because a plain rename(2) replaces just that.
    backend.create(&volume("pvc-1")).await.unwrap();
    backend.create(&volume("pvc-2")).await.unwrap();
    subject.write("pvc-2/other", b"other");
    for at in ["pvc-1", "pvc-2"] {
        invalid(backend.restore(&id("t"), &path(at)).await);
    }
    assert_eq!(entries(&*backend).await, [entry("t")]);
    assert_eq!(subject.read("pvc-1/file-0"), None);
    assert!(subject.read("pvc-2/other").is_some());
    Ok(())
}

pub async fn restoring_what_is_not_in_the_trash_is_refused(subject: &dyn Subject) -> Outcome {
    let backend = stocked(subject, "pvc-1", 1).await;
    invalid(backend.restore(&id("t"), &path("pvc-2")).await);
    backend.discard(&path("pvc-1"), &trash("t")).await.unwrap();
    invalid(backend.restore(&id("u"), &path("pvc-2")).await);
    backend.restore(&id("t"), &path("pvc-2")).await.unwrap();
    invalid(backend.restore(&id("t"), &path("pvc-3")).await);
    assert_eq!(backend.inspect(&path("pvc-3")).await.unwrap(), None);
    Ok(())
}

pub async fn discarding_onto_a_taken_entry_loses_nothing(subject: &dyn Subject) -> Outcome {
    let backend = stocked(subject, "pvc-1", 1).await;
    backend.create(&volume("pvc-2")).await.unwrap();
    subject.write("pvc-2/other", b"other");
    backend.discard(&path("pvc-1"), &trash("t")).await.unwrap();
    let record = serde_json::json!("another");
    invalid(
        backend
            .discard(&path("pvc-2"), &Disposal::Trash { id: id("t"), record })
            .await,
    );
    assert!(subject.read("pvc-2/other").is_some());
    assert_eq!(entries(&*backend).await, [entry("t")]);
    Ok(())
}

pub async fn a_discard_dropped_midway_is_finished_by_the_next(subject: &dyn Subject) -> Outcome {
    let backend = marked(subject).await;
    for polls in 1..=8 {
        let (at, name) = (format!("pvc-{polls}"), format!("t-{polls}"));
        backend.create(&volume(&at)).await.unwrap();
        subject.write(&format!("{at}/file"), b"kept");
        dropped_after(polls, backend.discard(&path(&at), &trash(&name))).await;
        backend.discard(&path(&at), &trash(&name)).await.unwrap();
        assert_eq!(backend.inspect(&path(&at)).await.unwrap(), None);
        assert!(
            entries(&*backend).await.contains(&entry(&name)),
            "dropped after {polls} polls"
        );
        assert!(subject.read(&format!(".tombolo/trash/{name}/file")).is_some());
    }
    Ok(())
}

pub async fn six_discards_of_one_volume_at_once_all_succeed(subject: &dyn Subject) -> Outcome {
    let backends = [marked(subject).await, subject.backend().await];
    // Once is not enough to meet the moment between one's look and another's rename.
    for round in 0..15 {
        let (at, name) = (format!("pvc-{round}"), format!("t-{round}"));
        backends[0].create(&volume(&at)).await.unwrap();
        subject.write(&format!("{at}/file"), b"x");
        let discards = (0..6).map(|n| {
            let (backend, from, to) = (backends[n % 2].clone(), path(&at), trash(&name));
            tokio::spawn(async move { backend.discard(&from, &to).await })
        });
        for answer in join_all(discards).await {
            answer.unwrap().unwrap();
        }
        assert!(entries(&*backends[0]).await.contains(&entry(&name)));
        assert!(subject.read(&format!(".tombolo/trash/{name}/file")).is_some());
    }
    Ok(())
}

/// A discard that copied would make new inodes; one that walked would read the directories inside.
pub async fn discarding_moves_and_does_not_walk(subject: &dyn Subject) -> Outcome {
    let root = directory(subject)?;
    let backend = stocked(subject, "pvc-1", 0).await;
    for n in 0..300 {
        subject.write(&format!("pvc-1/inside/file-{n}"), b"x");
    }
    let inside = root.join("pvc-1/inside");
    let moved = root.join(".tombolo/trash/t/inside");
    let last_read = |at: &std::path::Path| std::fs::metadata(at).unwrap().accessed().unwrap();
    let (numbers, read) = ([inode(&inside), inode(&inside.join("file-7"))], last_read(&inside));
    backend.discard(&path("pvc-1"), &trash("t")).await.unwrap();
    assert_eq!([inode(&moved), inode(&moved.join("file-7"))], numbers);
    assert_eq!(last_read(&moved), read, "somebody read the directory");
    Ok(())
}

pub async fn an_unreadable_record_is_no_record(subject: &dyn Subject) -> Outcome {
    let backend = stocked(subject, "pvc-1", 1).await;
    backend.discard(&path("pvc-1"), &trash("t")).await.unwrap();
    subject.write(".tombolo/trash/t.json", b"{\"entry\":");
    assert_eq!(entries(&*backend).await, [(id("t"), None, Remains::Whole)]);
    backend.purge(&id("t"), &()).await.unwrap();
    nothing_left(subject, "t").await;
    Ok(())
}

/// As a discard leaves it that was cut off before its rename, or was the slower of two.
pub async fn a_record_without_a_volume_is_shown_as_one_and_forgotten(subject: &dyn Subject) -> Outcome {
    let backend = stocked(subject, "pvc-1", 1).await;
    backend.discard(&path("pvc-1"), &trash("t")).await.unwrap();
    subject.write(".tombolo/trash/gone.json", b"{\"entry\":\"gone\"}");
    subject.write(".tombolo/trash/torn.json", b"{");
    subject.write(".tombolo/trash/.draft.json.0", b"{}");
    let gone = (
        id("gone"),
        Some(serde_json::json!({"entry": "gone"})),
        Remains::RecordOnly,
    );
    let torn = (id("torn"), None, Remains::RecordOnly);
    assert_eq!(entries(&*backend).await, [gone, entry("t"), torn.clone()]);
    for name in ["gone", "gone", "never"] {
        backend.forget(&id(name)).await.unwrap();
    }
    assert_eq!(entries(&*backend).await, [entry("t"), torn]);
    backend.purge(&id("torn"), &()).await.unwrap();
    nothing_left(subject, "torn").await;
    Ok(())
}

pub async fn forgetting_spares_what_is_there(subject: &dyn Subject) -> Outcome {
    let backend = stocked(subject, "pvc-1", 1).await;
    backend.discard(&path("pvc-1"), &trash("t")).await.unwrap();
    backend.forget(&id("t")).await.unwrap();
    assert_eq!(entries(&*backend).await, [entry("t")]);
    // An entry whose purge has begun has its record until shortly before the end.
    subject.write(".tombolo/trash/purging-u/file", b"x");
    subject.write(".tombolo/trash/u.json", b"{\"entry\":\"u\"}");
    backend.forget(&id("u")).await.unwrap();
    let (u, record, _) = entry("u");
    assert_eq!(entries(&*backend).await, [entry("t"), (u, record, Remains::Purging)]);
    Ok(())
}

/// What has no record can only be judged by this.
pub async fn an_entry_is_as_old_as_its_discard(subject: &dyn Subject) -> Outcome {
    let root = directory(subject)?;
    let backend = stocked(subject, "pvc-1", 1).await;
    let changed = |at: &str| {
        let found = std::fs::metadata(root.join(at)).unwrap();
        jiff::Timestamp::new(found.ctime(), found.ctime_nsec().try_into().unwrap()).unwrap()
    };
    let made = changed("pvc-1");
    // The file system's clock ticks slower than we work.
    while changed("pvc-1/file-0") <= made {
        set_permissions(root.join("pvc-1/file-0"), Permissions::from_mode(0o600)).unwrap();
    }
    backend.discard(&path("pvc-1"), &trash("t")).await.unwrap();
    subject.write(".tombolo/trash/gone.json", b"{}");
    let found = backend.trash().await.unwrap();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.iter().all(|entry| entry.since > made), "{found:?} {made}");
    let now = changed(".tombolo/trash/gone.json");
    assert!(found.iter().all(|entry| entry.since <= now), "{found:?} {now}");
    Ok(())
}

pub async fn an_archived_volume_is_kept_outside_the_trash(subject: &dyn Subject) -> Outcome {
    let backend = stocked(subject, "pvc-1", 1).await;
    let archive = Disposal::Archive { id: id("pvc-1") };
    backend.discard(&path("pvc-1"), &archive).await.unwrap();
    backend.discard(&path("pvc-1"), &archive).await.unwrap();
    assert_eq!(
        subject.read(".tombolo/archive/pvc-1/file-0").as_deref(),
        Some(&b"bytes of 0"[..])
    );
    assert_eq!(backend.trash().await.unwrap(), []);
    backend.create(&volume("pvc-1")).await.unwrap();
    invalid(backend.discard(&path("pvc-1"), &archive).await);
    assert!(backend.inspect(&path("pvc-1")).await.unwrap().is_some());
    assert!(subject.read(".tombolo/archive/pvc-1/file-0").is_some());
    Ok(())
}
