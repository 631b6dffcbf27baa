//! Where volumes lie: inside the root, whatever stands in the way.
#![allow(missing_docs, reason = "a case is its name")]

use crate::plant::*;
use crate::subject::directory;
use crate::{Outcome, Subject};
use std::os::unix::fs::symlink;
use tombolo_backend_api::{BackendError, MountSource};

pub async fn the_longest_names_work(subject: &dyn Subject) -> Outcome {
    let backend = marked(subject).await;
    let long = "x".repeat(128);
    // Beside the other, because not every backend has volumes inside volumes.
    let nested = format!("{}/{long}/{long}", "y".repeat(128));
    for at in [long.as_str(), nested.as_str()] {
        backend.create(&volume(at)).await.unwrap();
        subject.write(&format!("{at}/file"), b"x");
    }
    for at in [nested.as_str(), long.as_str()] {
        backend.discard(&path(at), &trash(&long)).await.unwrap();
        assert_eq!(backend.trash().await.unwrap()[0].id, id(&long));
        backend.purge(&id(&long), &()).await.unwrap();
        assert_eq!(backend.trash().await.unwrap(), []);
    }
    Ok(())
}

pub async fn a_path_of_two_components_is_a_volume_of_its_own(subject: &dyn Subject) -> Outcome {
    let backend = stocked(subject, "team/a", 1).await;
    backend.create(&volume("team/b")).await.unwrap();
    assert!(backend.inspect(&path("team/a")).await.unwrap().is_some());
    assert!(backend.inspect(&path("team/c")).await.unwrap().is_none());
    assert!(backend.inspect(&path("other/a")).await.unwrap().is_none());
    assert_eq!(
        subject.mode("team"),
        0o711,
        "a directory above volumes is searched, not read or written"
    );
    assert_eq!(subject.mode("team/a"), 0o777);
    backend.discard(&path("team/b"), &trash("t")).await.unwrap();
    backend.discard(&path("other/b"), &trash("u")).await.unwrap();
    assert!(subject.read("team/a/file-0").is_some());
    Ok(())
}

/// An answer that must be a refusal that changed nothing, because of what stands at the path.
#[track_caller]
fn in_the_way<T: std::fmt::Debug>(answer: Result<T, BackendError>) {
    invalid(answer);
}

pub async fn a_file_in_the_place_of_a_volume_is_refused(subject: &dyn Subject) -> Outcome {
    let backend = stocked(subject, "pvc-1", 1).await;
    backend.discard(&path("pvc-1"), &trash("t")).await.unwrap();
    subject.write("file", b"not a volume");
    let before = contents(subject);
    for at in ["file", "file/below"] {
        in_the_way(backend.inspect(&path(at)).await);
        in_the_way(backend.create(&volume(at)).await);
        in_the_way(backend.discard(&path(at), &trash("u")).await);
        in_the_way(backend.restore(&id("t"), &path(at)).await);
        in_the_way(backend.remove_empty(&path(at)).await);
    }
    assert_eq!(contents(subject), before);
    assert_eq!(subject.read("file").as_deref(), Some(&b"not a volume"[..]));
    Ok(())
}

pub async fn a_symlink_is_never_followed(subject: &dyn Subject) -> Outcome {
    let root = directory(subject)?;
    let outside = tempfile::tempdir().unwrap();
    std::fs::create_dir(outside.path().join("below")).unwrap();
    let backend = stocked(subject, "pvc-1", 1).await;
    backend.discard(&path("pvc-1"), &trash("t")).await.unwrap();
    symlink(outside.path(), root.join("link")).unwrap();
    symlink("nowhere", root.join("dangling")).unwrap();
    let before = contents(subject);
    for at in ["link", "link/below", "link/new", "dangling", "dangling/new"] {
        in_the_way(backend.inspect(&path(at)).await);
        in_the_way(backend.create(&volume(at)).await);
        in_the_way(backend.discard(&path(at), &trash("u")).await);
        in_the_way(backend.restore(&id("t"), &path(at)).await);
        in_the_way(backend.remove_empty(&path(at)).await);
    }
    assert_eq!(contents(subject), before);
    let names: Vec<_> = std::fs::read_dir(outside.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["below"]);
    Ok(())
}

pub async fn a_mount_is_stable_and_inside_the_root(subject: &dyn Subject) -> Outcome {
    let backend = marked(subject).await;
    let root = backend.root();
    backend.create(&volume("team/pvc-1")).await.unwrap();
    let one = export("team/pvc-1", "one");
    let first = backend.mount(&one).await.unwrap();
    assert_eq!(backend.mount(&one).await.unwrap(), first);
    assert_eq!(subject.backend().await.mount(&one).await.unwrap(), first);
    let (MountSource::Nfs { path: mounted, .. } | MountSource::HostPath { path: mounted, .. }) = first;
    if !backend.capabilities().has_exports() {
        assert_eq!(mounted, format!("{}/team/pvc-1", root.path));
    }
    Ok(())
}
