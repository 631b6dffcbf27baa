//! Whatever a tenant has planted in a source, nothing comes across that is not the tenant's.
#![allow(missing_docs, reason = "a case is its name")]

use super::clone_tree::copier;
use crate::copying::*;
use crate::plant::*;
use crate::{Outcome, Subject};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub async fn a_clone_has_symlinks_as_symlinks(subject: &dyn Subject) -> Outcome {
    let (backend, source, target) = copier(subject).await?;
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "secret").unwrap();
    backend.create(&volume("neighbour")).await.unwrap();
    subject.write("neighbour/secret", b"secret");
    std::fs::create_dir(source.join("dir")).unwrap();
    std::fs::write(source.join("file"), "own").unwrap();
    for (to, name) in [
        (outside.path(), "to-directory"),
        (&outside.path().join("secret"), "to-file"),
        (outside.path(), "dir/to-directory"),
        (Path::new("../../neighbour"), "dir/to-neighbour"),
        (Path::new("../../.tombolo"), "dir/to-private"),
        (Path::new("../../.."), "dir/up"),
        (Path::new("/"), "to-root"),
        (Path::new("/proc/self/environ"), "to-environment"),
        (Path::new("nowhere"), "dangling"),
        (Path::new("loop"), "loop"),
        (Path::new("file"), "to-own"),
    ] {
        symlink(to, source.join(name)).unwrap();
    }
    let before = things(&source);
    copy(&backend, "pvc-1", &volume("pvc-2"), terms(1)).await.unwrap();
    assert_eq!(things(&target), before);
    Ok(())
}

/// A tenant exchanges a directory and a link to elsewhere, all the time.
pub async fn a_source_that_changes_meanwhile_leads_nowhere_else(subject: &dyn Subject) -> Outcome {
    let (backend, source, _) = copier(subject).await?;
    let outside = tempfile::tempdir().unwrap();
    for n in 0..20 {
        subject.write(&format!("pvc-1/dir/file-{n}"), b"own");
        std::fs::write(outside.path().join(format!("file-{n}")), "secret").unwrap();
    }
    symlink(outside.path(), source.join("link")).unwrap();
    symlink(outside.path().join("file-0"), source.join("file-link")).unwrap();
    subject.write("pvc-1/file", b"own");
    let ends = Arc::new(AtomicBool::new(false));
    let (at, told) = (source.clone(), ends.clone());
    let tenant = std::thread::spawn(move || {
        while !told.load(Ordering::Relaxed) {
            for (one, two) in [("dir", "link"), ("file", "file-link")] {
                renameat_with(CWD, at.join(one), CWD, at.join(two), RenameFlags::EXCHANGE).unwrap();
            }
        }
    });
    let mut answers = vec![];
    for n in 0..6 {
        answers.push(copy(&backend, "pvc-1", &volume(&format!("clone-{n}")), terms(1)).await);
    }
    ends.store(true, Ordering::Relaxed);
    tenant.join().unwrap();
    // A copy may fail of it, but it has nothing that is not the tenant's.
    for found in subject.everything() {
        assert_ne!(
            subject_bytes(subject, &found).as_deref(),
            Some(&b"secret"[..]),
            "{found}"
        );
    }
    for n in 0..20 {
        let secret = std::fs::read(outside.path().join(format!("file-{n}"))).unwrap();
        assert_eq!(secret, b"secret", "{answers:?}");
    }
    Ok(())
}

/// The bytes of a regular file, and of nothing that a link leads to.
fn subject_bytes(subject: &dyn Subject, at: &str) -> Option<Vec<u8>> {
    let full = subject.directory()?.join(at);
    let regular = std::fs::symlink_metadata(full).ok()?.is_file();
    regular.then(|| subject.read(at)).flatten()
}
