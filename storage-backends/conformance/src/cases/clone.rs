//! Copies of volumes: what they need, what they leave alone, and who makes them at once.
#![allow(missing_docs, reason = "a case is its name")]

use crate::copying::*;
use crate::plant::*;
use crate::subject::directory;
use crate::{Outcome, Skip, Subject};
use futures::future::join_all;
use std::os::unix::fs::symlink;
use std::sync::{Arc, Mutex};
use tombolo_backend_api::{Backend, Class, Copied, CopyProgress, CopyTerms, CreateVolume, Seen};

async fn copier(subject: &dyn Subject) -> Result<Arc<dyn Backend>, Skip> {
    able(subject, |declared| declared.clone).await
}

#[derive(Default)]
struct Heard(Mutex<Vec<(Copied, Seen)>>);

impl CopyProgress for Heard {
    fn copied(&self, done: Copied, of: Seen) {
        self.0.lock().unwrap().push((done, of));
    }
}

pub async fn a_clone_has_the_contents_of_its_source(subject: &dyn Subject) -> Outcome {
    let backend = copier(subject).await?;
    plant_many(subject, &backend, "pvc-1").await;
    subject.write("pvc-1/empty", b"");
    subject.write("pvc-1/large", &[7; 3_000_001]);
    let copied = copy(&backend, "pvc-1", &volume("team/pvc-2"), terms(1)).await.unwrap();
    assert!(has_many(subject, "team/pvc-2"));
    assert_eq!(subject.read("team/pvc-2/empty").as_deref(), Some(&b""[..]));
    assert_eq!(subject.read("team/pvc-2/large"), Some(vec![7; 3_000_001]));
    assert_eq!(subject.mode("team"), 0o711);
    let (files, directories) = (MANY as u64 + 2, 5 * 3 + 5 + 1);
    if copied != Copied::default() {
        assert_eq!(
            (copied.files, copied.directories, copied.skipped),
            (files, directories, 0)
        );
    }
    assert_eq!(unfinished(subject), [] as [String; 0]);
    assert_eq!(backend.trash().await.unwrap(), []);
    Ok(())
}

/// A source without a single entry, and one that has only directories.
pub async fn an_empty_volume_is_copied_too(subject: &dyn Subject) -> Outcome {
    let backend = copier(subject).await?;
    backend.create(&volume("empty")).await.unwrap();
    copy(&backend, "empty", &volume("pvc-2"), terms(1)).await.unwrap();
    assert!(backend.inspect(&path("pvc-2")).await.unwrap().is_some());
    assert!(backend.remove_empty(&path("pvc-2")).await.unwrap());
    Ok(())
}

pub async fn a_clone_is_a_volume_of_its_own(subject: &dyn Subject) -> Outcome {
    let backend = copier(subject).await?;
    backend.create(&volume("pvc-1")).await.unwrap();
    subject.write("pvc-1/file", b"as it was");
    let wanted = CreateVolume {
        mode: 0o750,
        ..volume("pvc-2")
    };
    copy(&backend, "pvc-1", &wanted, terms(1)).await.unwrap();
    assert_eq!(subject.mode("pvc-2"), 0o750);
    let mut listed: Vec<_> = backend.list().await.unwrap().into_iter().map(|v| v.path).collect();
    listed.sort();
    assert_eq!(listed, [path("pvc-1"), path("pvc-2")]);
    subject.write("pvc-1/file", b"of the source");
    assert_eq!(subject.read("pvc-2/file").as_deref(), Some(&b"as it was"[..]));
    subject.write("pvc-2/file", b"of the clone");
    assert_eq!(subject.read("pvc-1/file").as_deref(), Some(&b"of the source"[..]));
    purge_whole(subject, "pvc-1", "t").await;
    assert_eq!(subject.read("pvc-2/file").as_deref(), Some(&b"of the clone"[..]));
    copy(&backend, "pvc-2", &volume("pvc-3"), terms(1)).await.unwrap();
    purge_whole(subject, "pvc-2", "t").await;
    assert_eq!(subject.read("pvc-3/file").as_deref(), Some(&b"of the clone"[..]));
    Ok(())
}

pub async fn a_clone_that_is_there_is_left_alone(subject: &dyn Subject) -> Outcome {
    let backend = copier(subject).await?;
    for at in ["pvc-1", "pvc-2"] {
        backend.create(&volume(at)).await.unwrap();
        subject.write(&format!("{at}/file"), at.as_bytes());
    }
    copy(&backend, "pvc-1", &volume("pvc-3"), terms(1)).await.unwrap();
    subject.write("pvc-3/file", b"written since");
    let before = contents(subject);
    // Whatever becomes of the source, and whoever asks.
    for (from, epoch) in [
        ("pvc-1", 1),
        ("pvc-1", 2),
        ("pvc-1", 0),
        ("pvc-2", 1),
        ("absent", 1),
        ("pvc-3", 1),
    ] {
        let backend = subject.backend().await;
        copy(&backend, from, &volume("pvc-3"), terms(epoch)).await.unwrap();
    }
    assert_eq!(subject.read("pvc-3/file").as_deref(), Some(&b"written since"[..]));
    assert_eq!(contents(subject), before);
    Ok(())
}

pub async fn a_clone_of_nothing_is_refused(subject: &dyn Subject) -> Outcome {
    let backend = copier(subject).await?;
    backend.create(&volume("gone")).await.unwrap();
    backend.discard(&path("gone"), &trash("t")).await.unwrap();
    subject.write("a-file", b"x");
    subject.write("in-the-way", b"x");
    backend.create(&volume("pvc-1")).await.unwrap();
    let before = contents(subject);
    for from in ["absent", "absent/too", "gone", "a-file", "a-file/below"] {
        invalid(copy(&backend, from, &volume("pvc-2"), terms(1)).await);
    }
    for into in ["in-the-way", "in-the-way/below"] {
        invalid(copy(&backend, "pvc-1", &volume(into), terms(1)).await);
    }
    assert_eq!(contents(subject), before);
    Ok(())
}

pub async fn a_clone_follows_no_symlink_on_its_way(subject: &dyn Subject) -> Outcome {
    let backend = copier(subject).await?;
    let root = directory(subject)?;
    let outside = tempfile::tempdir().unwrap();
    std::fs::create_dir(outside.path().join("below")).unwrap();
    backend.create(&volume("pvc-1")).await.unwrap();
    symlink(outside.path(), root.join("link")).unwrap();
    symlink("nowhere", root.join("dangling")).unwrap();
    let before = contents(subject);
    for at in ["link", "link/below", "dangling", "dangling/new"] {
        invalid(copy(&backend, at, &volume("pvc-2"), terms(1)).await);
        invalid(copy(&backend, "pvc-1", &volume(at), terms(1)).await);
        let _ = backend.clones().unwrap().abandon_copy(&path(at)).await;
    }
    assert_eq!(contents(subject), before);
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
    Ok(())
}

pub async fn a_clone_that_does_not_fit_leaves_only_what_is_doomed(subject: &dyn Subject) -> Outcome {
    let backend = copier(subject).await?;
    backend.create(&volume("pvc-1")).await.unwrap();
    (0..16).for_each(|n| subject.write(&format!("pvc-1/{}/file-{n}", n % 3), &[1; 256 << 10]));
    let small = CreateVolume {
        bytes: 1 << 20,
        ..volume("team/pvc-2")
    };
    let (class, _) = refusal(copy(&backend, "pvc-1", &small, terms(1)).await);
    assert_eq!(class, Class::TooLarge);
    assert_eq!(backend.inspect(&small.path).await.unwrap(), None);
    assert_eq!(unfinished(subject), [] as [String; 0]);
    purge_the_doomed(subject).await;
    copy(&backend, "pvc-1", &volume("team/pvc-2"), terms(1)).await.unwrap();
    assert!(subject.read("team/pvc-2/0/file-15").is_some());
    Ok(())
}

pub async fn whoever_counts_entries_stops_at_too_many(subject: &dyn Subject) -> Outcome {
    let backend = copier(subject).await?;
    plant_many(subject, &backend, "pvc-1").await;
    let few = CopyTerms {
        max_entries: 50,
        ..terms(1)
    };
    let Err(error) = copy(&backend, "pvc-1", &volume("pvc-2"), few).await.map(|copied| {
        assert_eq!(copied, Copied::default(), "it counted, and went on");
    }) else {
        return Err(Skip::because(
            "its file system copies a tree as a whole, and counts nothing",
        ));
    };
    assert_eq!(error.class, Class::TooLarge, "{error}");
    assert_eq!(backend.inspect(&path("pvc-2")).await.unwrap(), None);
    assert_eq!(unfinished(subject), [] as [String; 0]);
    purge_the_doomed(subject).await;
    Ok(())
}

pub async fn progress_only_grows(subject: &dyn Subject) -> Outcome {
    let backend = copier(subject).await?;
    plant_many(subject, &backend, "pvc-1").await;
    let heard = Heard::default();
    let clones = backend.clones().unwrap();
    let copied = clones
        .clone_volume(&path("pvc-1"), &volume("pvc-2"), &terms(1), &heard)
        .await
        .unwrap();
    let mut last = (Copied::default(), Seen::default());
    for (done, of) in heard.0.into_inner().unwrap() {
        assert!(
            last.0.bytes <= done.bytes && last.0.files <= done.files,
            "{last:?} {done:?}"
        );
        assert!(
            last.1.bytes <= of.bytes && last.1.entries <= of.entries,
            "{last:?} {of:?}"
        );
        assert!(
            done.bytes <= copied.bytes && done.files <= copied.files,
            "{done:?} {copied:?}"
        );
        last = (done, of);
    }
    Ok(())
}

pub async fn ten_clones_of_one_source_at_once_all_succeed(subject: &dyn Subject) -> Outcome {
    let backends = [copier(subject).await?, subject.backend().await];
    backends[0].create(&volume("pvc-1")).await.unwrap();
    (0..20).for_each(|n| subject.write(&format!("pvc-1/{}/file-{n}", n % 3), b"bytes"));
    let clones = (0..10).map(|n| {
        let backend = backends[n % 2].clone();
        tokio::spawn(async move { copy(&backend, "pvc-1", &volume(&format!("clone-{n}")), terms(1)).await })
    });
    for answer in join_all(clones).await {
        answer.unwrap().unwrap();
    }
    for n in 0..10 {
        let whole = (0..20).all(|file| subject.read(&format!("clone-{n}/{}/file-{file}", file % 3)).is_some());
        assert!(whole, "clone-{n}");
    }
    assert_eq!(unfinished(subject), [] as [String; 0]);
    Ok(())
}

pub async fn a_clone_leaves_its_source_alone(subject: &dyn Subject) -> Outcome {
    let backend = copier(subject).await?;
    plant_many(subject, &backend, "pvc-1").await;
    let root = directory(subject).ok();
    let look = || {
        (
            root.as_ref().map(|root| things(&root.join("pvc-1"))),
            subject.mode("pvc-1"),
        )
    };
    let before = look();
    copy(&backend, "pvc-1", &volume("pvc-2"), terms(1)).await.unwrap();
    assert_eq!(look(), before);
    assert!(has_many(subject, "pvc-1"));
    Ok(())
}
