//! Looking at a root as a whole.
#![allow(missing_docs, reason = "a case is its name")]

use crate::plant::*;
use crate::subject::directory;
use crate::{Outcome, Subject};

pub async fn listing_shows_volumes_and_nothing_else(subject: &dyn Subject) -> Outcome {
    let backend = stocked(subject, "full", 1).await;
    assert_eq!(backend.trash().await.unwrap(), []);
    backend.create(&volume("empty")).await.unwrap();
    backend.create(&volume("team/pvc-1")).await.unwrap();
    backend.create(&volume("gone")).await.unwrap();
    backend.discard(&path("gone"), &trash("t")).await.unwrap();
    subject.write("a-file", b"x");
    subject.write("not a volume/file", b"x");
    subject.write(".hidden/file", b"x");
    if let Ok(root) = directory(subject) {
        std::os::unix::fs::symlink("full", root.join("a-link")).unwrap();
    }
    let listed = backend.list().await.unwrap();
    let mut found: Vec<_> = listed.iter().map(|v| v.path.as_str()).collect();
    found.sort_unstable();
    assert_eq!(found, ["empty", "full", "team"]);
    Ok(())
}

pub async fn removing_empty_takes_only_what_is_empty(subject: &dyn Subject) -> Outcome {
    let backend = stocked(subject, "full", 1).await;
    backend.create(&volume("empty")).await.unwrap();
    backend.create(&volume("team/pvc-1")).await.unwrap();
    subject.write("only-hidden/.file", b"x");
    for (at, removed) in [
        ("full", false),
        ("only-hidden", false),
        ("absent", false),
        ("absent/too", false),
        ("team", false),
        ("empty", true),
        ("empty", false),
        ("team/pvc-1", true),
    ] {
        assert_eq!(backend.remove_empty(&path(at)).await.unwrap(), removed, "{at}");
    }
    assert!(subject.read("full/file-0").is_some());
    assert_eq!(subject.backend().await.inspect(&path("empty")).await.unwrap(), None);
    Ok(())
}

pub async fn the_space_makes_sense(subject: &dyn Subject) -> Outcome {
    let backend = marked(subject).await;
    let space = backend.space().await.unwrap();
    assert!(0 < space.total && space.free <= space.total, "{space:?}");
    // A mistaken block size shows as a disk of a few megabytes.
    assert!(space.total > 64 << 20, "{space:?}");
    Ok(())
}
