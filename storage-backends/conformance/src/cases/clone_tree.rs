//! What comes across in a copy, and how.
#![allow(missing_docs, reason = "a case is its name")]

use crate::copying::*;
use crate::plant::*;
use crate::subject::directory;
use crate::{Outcome, Skip, Subject};
use rustix::fs::{CWD, Mode};
use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};
use std::path::PathBuf;
use std::sync::Arc;
use tombolo_backend_api::{Backend, CopyTerms};

/// A backend, and the directory of a volume on it.
pub(super) async fn copier(subject: &dyn Subject) -> Result<(Arc<dyn Backend>, PathBuf, PathBuf), Skip> {
    let backend = able(subject, |declared| declared.clone).await?;
    let root = directory(subject)?;
    backend.create(&volume("pvc-1")).await.unwrap();
    Ok((backend, root.join("pvc-1"), root.join("pvc-2")))
}

fn may_chown() -> bool {
    rustix::process::geteuid().is_root()
}

pub async fn a_clone_has_modes_owners_and_times(subject: &dyn Subject) -> Outcome {
    let (backend, source, target) = copier(subject).await?;
    let modes = [0o000, 0o400, 0o640, 0o777, 0o1644, 0o4755, 0o2711, 0o6777];
    for mode in modes {
        let (file, inside) = (
            source.join(format!("file-{mode:o}")),
            source.join(format!("dir-{mode:o}")),
        );
        std::fs::create_dir(&inside).unwrap();
        for at in [&file, &inside.join("file")] {
            std::fs::write(at, "x").unwrap();
        }
        for (at, mode) in [(file, mode), (inside, mode | 0o700)] {
            if may_chown() {
                chown(&at, Some(1234), Some(2345)).unwrap();
            }
            set_permissions(&at, Permissions::from_mode(mode)).unwrap();
        }
    }
    symlink("file-640", source.join("link")).unwrap();
    if may_chown() {
        lchown(source.join("link"), Some(1234), Some(2345)).unwrap();
    }
    let old = std::time::UNIX_EPOCH + std::time::Duration::new(1_000_000_000, 123_456_789);
    for at in ["file-640", "dir-777", "dir-1644"] {
        let at = std::fs::File::open(source.join(at)).unwrap();
        at.set_times(std::fs::FileTimes::new().set_modified(old)).unwrap();
    }
    let before = things(&source);
    assert_eq!(before.len(), 3 * modes.len() + 1);
    copy(&backend, "pvc-1", &volume("pvc-2"), terms(1)).await.unwrap();
    assert_eq!(things(&target), before);
    Ok(())
}

pub async fn a_clone_drops_set_id_bits_of_files_iff_asked(subject: &dyn Subject) -> Outcome {
    let (backend, source, target) = copier(subject).await?;
    std::fs::create_dir(source.join("dir")).unwrap();
    let files = [("a", 0o4755), ("dir/b", 0o2755), ("dir/c", 0o6511), ("d", 0o644)];
    for (name, mode) in files {
        std::fs::write(source.join(name), "x").unwrap();
        if may_chown() {
            chown(source.join(name), Some(1234), Some(2345)).unwrap();
        }
        set_permissions(source.join(name), Permissions::from_mode(mode)).unwrap();
    }
    std::fs::hard_link(source.join("a"), source.join("dir/also-a")).unwrap();
    copy(&backend, "pvc-1", &volume("pvc-2"), terms(1)).await.unwrap();
    let dropping = CopyTerms {
        drop_set_id: true,
        ..terms(1)
    };
    copy(&backend, "pvc-1", &volume("pvc-3"), dropping).await.unwrap();
    for (name, mode) in files.into_iter().chain([("dir/also-a", 0o4755)]) {
        assert_eq!(subject.mode(&format!("pvc-2/{name}")), mode, "{name}");
        assert_eq!(subject.mode(&format!("pvc-3/{name}")), mode & 0o1777, "{name}");
        assert_eq!(subject.mode(&format!("pvc-1/{name}")), mode, "{name}");
    }
    assert!(target.join("dir").is_dir());
    Ok(())
}

pub async fn a_clone_has_hard_links_within_it(subject: &dyn Subject) -> Outcome {
    let (backend, source, target) = copier(subject).await?;
    backend.create(&volume("neighbour")).await.unwrap();
    for dir in ["a", "b", "b/c"] {
        std::fs::create_dir(source.join(dir)).unwrap();
    }
    std::fs::write(source.join("a/one"), "one").unwrap();
    for name in ["two", "b/three", "b/c/four"] {
        std::fs::hard_link(source.join("a/one"), source.join(name)).unwrap();
    }
    std::fs::write(source.join("half"), "half").unwrap();
    // A volume with a file system of its own has no names outside.
    let outside = std::fs::hard_link(source.join("half"), source.join("../neighbour/half"));
    let outside = match outside {
        Err(error) if error.kind() == std::io::ErrorKind::CrossesDevices => false,
        made => made.map(|()| true).unwrap(),
    };
    copy(&backend, "pvc-1", &volume("pvc-2"), terms(1)).await.unwrap();
    let names = ["a/one", "two", "b/three", "b/c/four"];
    let numbers = names.map(|name| inode(&target.join(name)));
    assert!(numbers.iter().all(|number| *number == numbers[0]), "{numbers:?}");
    std::fs::write(target.join("two"), "changed").unwrap();
    assert_eq!(std::fs::read(target.join("b/c/four")).unwrap(), b"changed");
    assert_eq!(std::fs::read(source.join("a/one")).unwrap(), b"one");
    std::fs::write(target.join("half"), "changed").unwrap();
    if outside {
        assert_eq!(subject.read("neighbour/half").as_deref(), Some(&b"half"[..]));
    }
    Ok(())
}

pub async fn a_clone_keeps_holes(subject: &dyn Subject) -> Outcome {
    const LENGTH: u64 = 16 << 20;
    let (backend, source, target) = copier(subject).await?;
    for (name, at) in [
        ("begins", 0),
        ("ends", LENGTH - 1),
        ("between", LENGTH / 2),
        ("empty", LENGTH),
    ] {
        let file = std::fs::File::create(source.join(name)).unwrap();
        file.set_len(LENGTH).unwrap();
        if at < LENGTH {
            std::os::unix::fs::FileExt::write_at(&file, b"x", at).unwrap();
        }
        file.sync_all().unwrap();
        if allocated(&source.join(name)) > 1 << 20 {
            return Err(Skip::because("the file system behind its root keeps no holes"));
        }
    }
    let small = tombolo_backend_api::CreateVolume {
        bytes: 8 << 20,
        ..volume("pvc-2")
    };
    copy(&backend, "pvc-1", &small, terms(1)).await.unwrap();
    for name in ["begins", "ends", "between", "empty"] {
        let (from, to) = (source.join(name), target.join(name));
        assert!(std::fs::read(from).unwrap() == std::fs::read(&to).unwrap(), "{name}");
        assert!(allocated(&to) <= 1 << 20, "{name}: {}", allocated(&to));
    }
    Ok(())
}

pub async fn a_clone_leaves_special_files_out_and_counts_them(subject: &dyn Subject) -> Outcome {
    let (backend, source, target) = copier(subject).await?;
    std::fs::create_dir(source.join("dir")).unwrap();
    std::fs::write(source.join("dir/file"), "x").unwrap();
    plant_fifo(&source.join("fifo"));
    plant_fifo(&source.join("dir/fifo"));
    let _socket = plant_socket(&source);
    let mut special = vec!["fifo", "dir/fifo", "socket"];
    if may_chown() {
        let null = rustix::fs::makedev(1, 3);
        let kind = rustix::fs::FileType::CharacterDevice;
        if rustix::fs::mknodat(CWD, source.join("null"), kind, Mode::RWXU, null).is_ok() {
            special.push("null");
        }
    }
    let copied = copy(&backend, "pvc-1", &volume("pvc-2"), terms(1)).await.unwrap();
    assert!(target.join("dir/file").is_file());
    if (copied.files, copied.directories) == (0, 0) {
        return Err(Skip::because(
            "its file system copies a tree as a whole, and leaves nothing out",
        ));
    }
    assert_eq!((copied.files, copied.skipped), (1, special.len() as u64));
    for name in special {
        assert!(std::fs::symlink_metadata(target.join(name)).is_err(), "{name}");
    }
    Ok(())
}

pub async fn a_clone_has_names_of_any_kind(subject: &dyn Subject) -> Outcome {
    let (backend, source, target) = copier(subject).await?;
    let longest = "n".repeat(255);
    for name in [
        "two words",
        "a\nb",
        "back\\slash",
        "-rf",
        "é",
        ".hidden",
        "*",
        ".nfs0001",
        &longest,
    ] {
        plant_named(&source, name.as_bytes());
    }
    let before = things(&source);
    copy(&backend, "pvc-1", &volume("pvc-2"), terms(1)).await.unwrap();
    assert_eq!(things(&target), before);
    Ok(())
}

pub async fn a_clone_has_names_that_are_no_utf8(subject: &dyn Subject) -> Outcome {
    let (backend, source, target) = copier(subject).await?;
    if let Some(reason) = subject.speaks_utf8_only() {
        return Err(reason);
    }
    plant_named(&source, b"\xff\xfe");
    let before = things(&source);
    copy(&backend, "pvc-1", &volume("pvc-2"), terms(1)).await.unwrap();
    assert_eq!(things(&target), before);
    Ok(())
}

/// Deeper than the longest path, and than a stack of directories may grow.
pub async fn a_clone_goes_1000_levels_deep(subject: &dyn Subject) -> Outcome {
    let (backend, source, _) = copier(subject).await?;
    plant_deep(&source, 1000);
    copy(&backend, "pvc-1", &volume("pvc-2"), terms(1)).await.unwrap();
    for (at, entry) in [("pvc-1", "one"), ("pvc-2", "two")] {
        backend.discard(&path(at), &trash(entry)).await.unwrap();
        let purged = backend.purge(&id(entry), &()).await.unwrap();
        counted(purged, 1, 1001);
    }
    // Only now: what is left of either is too deep to be looked at by paths.
    for entry in ["one", "two"] {
        nothing_left(subject, entry).await;
    }
    Ok(())
}
