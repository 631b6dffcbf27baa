//! Removing for ever: everything in the entry, nothing outside it, whatever a tenant has planted there.
#![allow(missing_docs, reason = "a case is its name")]

use crate::plant::*;
use crate::subject::directory;
use crate::{Outcome, Skip, Subject};
use std::os::unix::fs::symlink;
use std::sync::Mutex;
use tombolo_backend_api::{Certainty, Class, PurgeProgress, Purged, Remains};

#[derive(Default)]
struct Heard(Mutex<Vec<Purged>>);

impl PurgeProgress for Heard {
    fn purged(&self, so_far: Purged) {
        self.0.lock().unwrap().push(so_far);
    }
}

pub async fn purging_removes_everything_and_counts_it(subject: &dyn Subject) -> Outcome {
    let backend = stocked(subject, "pvc-1", 5).await;
    for file in ["a/1", "a/2", "a/b/3", "c/d/e/4"] {
        subject.write(&format!("pvc-1/{file}"), b"x");
    }
    backend.discard(&path("pvc-1"), &trash("t")).await.unwrap();
    let heard = Heard::default();
    let purged = backend.purge(&id("t"), &heard).await.unwrap();
    counted(purged, 9, 6);
    let heard = heard.0.into_inner().unwrap();
    assert!(
        heard.iter().all(|so_far| so_far.files <= 9 && so_far.directories <= 6),
        "{heard:?}"
    );
    nothing_left(subject, "t").await;
    Ok(())
}

pub async fn purging_twice_or_nothing_is_success(subject: &dyn Subject) -> Outcome {
    let backend = stocked(subject, "pvc-1", 1).await;
    assert_eq!(backend.purge(&id("t"), &()).await.unwrap(), Purged::default());
    purge_whole(subject, "pvc-1", "t").await;
    assert_eq!(backend.purge(&id("t"), &()).await.unwrap(), Purged::default());
    Ok(())
}

pub async fn purging_one_entry_leaves_the_others(subject: &dyn Subject) -> Outcome {
    let backend = stocked(subject, "pvc-1", 1).await;
    // Names that begin like the purged one, because a prefix is no match.
    for name in ["t", "t2", "t.2"] {
        backend.create(&volume(name)).await.unwrap();
        subject.write(&format!("{name}/file"), name.as_bytes());
        backend.discard(&path(name), &trash(name)).await.unwrap();
    }
    backend.purge(&id("t"), &()).await.unwrap();
    for name in ["t2", "t.2"] {
        backend.restore(&id(name), &path(name)).await.unwrap();
        assert_eq!(subject.read(&format!("{name}/file")).as_deref(), Some(name.as_bytes()));
    }
    assert!(subject.read("pvc-1/file-0").is_some());
    Ok(())
}

pub async fn a_purge_dropped_midway_is_finished_by_the_next(subject: &dyn Subject) -> Outcome {
    let backend = marked(subject).await;
    for polls in [1, 2, 3, 5, 8, 13, 40] {
        let name = format!("t-{polls}");
        backend.create(&volume("pvc-1")).await.unwrap();
        (0..30).for_each(|n| subject.write(&format!("pvc-1/{}/{n}", n % 5), b"x"));
        backend.discard(&path("pvc-1"), &trash(&name)).await.unwrap();
        dropped_after(polls, backend.purge(&id(&name), &())).await;
        subject.backend().await.purge(&id(&name), &()).await.unwrap();
        nothing_left(subject, &name).await;
    }
    Ok(())
}

pub async fn what_is_under_purge_can_only_be_purged(subject: &dyn Subject) -> Outcome {
    let backend = stocked(subject, "pvc-1", 2).await;
    backend.discard(&path("pvc-1"), &trash("t")).await.unwrap();
    // What a purge leaves that stopped right after its rename.
    subject.write(".tombolo/trash/purging-u/file", b"x");
    let mut entries = backend.trash().await.unwrap();
    entries.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(
        entries.iter().map(|e| (e.id.as_str(), e.remains)).collect::<Vec<_>>(),
        [("t", Remains::Whole), ("u", Remains::Purging)]
    );
    invalid(backend.restore(&id("u"), &path("pvc-2")).await);
    backend.create(&volume("pvc-2")).await.unwrap();
    let (class, certainty) = refusal(backend.discard(&path("pvc-2"), &trash("u")).await);
    assert_eq!(
        (class, certainty),
        (Class::Transient, Certainty::NotDone),
        "its name is free once the purge has ended"
    );
    counted(backend.purge(&id("u"), &()).await.unwrap(), 1, 1);
    nothing_left(subject, "u").await;
    backend.discard(&path("pvc-2"), &trash("u")).await.unwrap();
    Ok(())
}

pub async fn two_purges_at_once_both_succeed(subject: &dyn Subject) -> Outcome {
    let backend = stocked(subject, "pvc-1", 50).await;
    (0..50).for_each(|n| subject.write(&format!("pvc-1/{}/{}/{n}", n % 7, n % 3), b"x"));
    backend.discard(&path("pvc-1"), &trash("t")).await.unwrap();
    let other = subject.backend().await;
    let (t, nothing) = (id("t"), ());
    let (one, two) = tokio::join!(backend.purge(&t, &nothing), other.purge(&t, &nothing));
    // Each counts what it removed itself, so neither need have seen all, and nothing is counted twice.
    let (one, two) = (one.unwrap(), two.unwrap());
    let sum = Purged {
        files: one.files + two.files,
        directories: one.directories + two.directories,
    };
    counted(sum, 100, 1 + 7 + 7 * 3);
    nothing_left(subject, "t").await;
    Ok(())
}

pub async fn a_purge_never_follows_a_symlink(subject: &dyn Subject) -> Outcome {
    let root = directory(subject)?;
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("file"), "kept").unwrap();
    std::fs::create_dir(outside.path().join("dir")).unwrap();
    stocked(subject, "pvc-1", 1).await;
    subject.backend().await.create(&volume("pvc-2")).await.unwrap();
    subject.write("pvc-2/file", b"kept");
    let volume = root.join("pvc-1");
    std::fs::create_dir(volume.join("dir")).unwrap();
    for (target, name) in [
        (outside.path(), "to-directory"),
        (&outside.path().join("file"), "to-file"),
        (outside.path(), "dir/to-directory"),
        (std::path::Path::new("../../pvc-2"), "dir/to-neighbour"),
        (std::path::Path::new("../../.."), "dir/up"),
        (std::path::Path::new("/"), "to-root"),
        (std::path::Path::new("nowhere"), "dangling"),
        (std::path::Path::new("loop"), "loop"),
    ] {
        symlink(target, volume.join(name)).unwrap();
    }
    counted(purge_whole(subject, "pvc-1", "t").await, 9, 2);
    assert_eq!(std::fs::read_to_string(outside.path().join("file")).unwrap(), "kept");
    assert!(outside.path().join("dir").is_dir());
    assert_eq!(subject.read("pvc-2/file").as_deref(), Some(&b"kept"[..]));
    Ok(())
}

pub async fn a_purge_leaves_the_other_name_of_a_hard_link(subject: &dyn Subject) -> Outcome {
    let root = directory(subject)?;
    let backend = stocked(subject, "pvc-1", 1).await;
    backend.create(&volume("pvc-2")).await.unwrap();
    std::fs::hard_link(root.join("pvc-1/file-0"), root.join("pvc-1/again")).unwrap();
    if std::fs::hard_link(root.join("pvc-1/file-0"), root.join("pvc-2/kept")).is_err() {
        return Err(Skip::because("no hard link leads out of its volumes"));
    }
    counted(purge_whole(subject, "pvc-1", "t").await, 2, 1);
    assert_eq!(subject.read("pvc-2/kept").as_deref(), Some(&b"bytes of 0"[..]));
    Ok(())
}

pub async fn a_purge_removes_names_of_any_kind(subject: &dyn Subject) -> Outcome {
    let longest = "ä".repeat(127) + "x";
    let names = [
        "new\nline",
        "tab\t",
        " ",
        "trailing ",
        "-rf",
        "--",
        "*",
        "...",
        ".hidden",
        "back\\slash",
        "\u{1b}[31m",
        "日本語",
        "e\u{301}",
        "é",
        "\u{202e}rtl",
        "t.json",
        "purging-t",
        ".tombolo",
        &longest,
    ];
    stocked(subject, "pvc-1", 0).await;
    for name in names {
        subject.write(&format!("pvc-1/{name}"), b"x");
        subject.write(&format!("pvc-1/in/{name}/{name}"), b"x");
    }
    let (files, directories) = (2 * names.len() as u64, names.len() as u64 + 2);
    counted(purge_whole(subject, "pvc-1", "t").await, files, directories);
    Ok(())
}

pub async fn a_purge_removes_names_that_are_no_utf8(subject: &dyn Subject) -> Outcome {
    let root = directory(subject)?;
    if let Some(skip) = subject.speaks_utf8_only() {
        return Err(skip);
    }
    stocked(subject, "pvc-1", 1).await;
    for name in [&b"\xff"[..], b"latin-\xe9", b"\xc3\x28", b"half-\xf0\x9f"] {
        plant_named(&root.join("pvc-1"), name);
    }
    counted(purge_whole(subject, "pvc-1", "t").await, 5, 1);
    Ok(())
}

pub async fn a_purge_removes_special_files(subject: &dyn Subject) -> Outcome {
    let root = directory(subject)?;
    stocked(subject, "pvc-1", 1).await;
    // Opening a FIFO to look at it would wait for a writer for ever.
    plant_fifo(&root.join("pvc-1/fifo"));
    subject.write("pvc-1/in/file", b"x");
    plant_fifo(&root.join("pvc-1/in/fifo"));
    let _socket = plant_socket(&root.join("pvc-1"));
    counted(purge_whole(subject, "pvc-1", "t").await, 5, 2);
    Ok(())
}

pub async fn a_purge_goes_2000_levels_deep(subject: &dyn Subject) -> Outcome {
    stocked(subject, "pvc-1", 1).await;
    match directory(subject) {
        Ok(root) => plant_deep(&root.join("pvc-1"), 2000),
        Err(_) => subject.write(&format!("pvc-1/{}/file", vec!["deep"; 2000].join("/")), b"x"),
    }
    let backend = subject.backend().await;
    backend.discard(&path("pvc-1"), &trash("t")).await.unwrap();
    counted(backend.purge(&id("t"), &()).await.unwrap(), 2, 2001);
    nothing_left(subject, "t").await;
    Ok(())
}

pub async fn a_purge_goes_3000_files_wide(subject: &dyn Subject) -> Outcome {
    stocked(subject, "pvc-1", 3000).await;
    counted(purge_whole(subject, "pvc-1", "t").await, 3000, 1);
    Ok(())
}
