//! Copies for which there is no room.

use crate::*;
use std::fs;
use std::process::Command;
use tombolo_backend_conformance::lacking;

/// A root on a file system of one megabyte, which goes with the test.
struct Small(PathBuf);

impl Small {
    fn mount(test: &str, at: &Path) -> Option<Self> {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
            .arg(at)
            .output();
        if mounted.as_ref().is_ok_and(|output| output.status.success()) {
            return Some(Self(at.to_owned()));
        }
        lacking(test, &format!("this process may not mount: {mounted:?}"));
        None
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test]
async fn a_full_disk_ends_a_copy_and_abandoning_it_makes_room() {
    let holder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let root = holder.path().join("root");
    fs::create_dir(&root).unwrap();
    let Some(_small) = Small::mount("a_full_disk_ends_a_copy_and_abandoning_it_makes_room", &root) else {
        return;
    };
    let ground = Ground::at(root, holder).await;
    let source = ground.volume("source").await;
    for n in 0..6 {
        fs::write(source.join(n.to_string()), vec![1; 100_000]).unwrap();
    }
    let error = ground.copy("source", "target", 1).await.unwrap_err();
    assert_eq!(
        (error.class, error.certainty),
        (Class::Full, Certainty::MaybeDone),
        "{error}"
    );
    assert_eq!(ground.backend.inspect(&path("target")).await.unwrap(), None);
    ground.backend.abandon_copy(&path("target")).await.unwrap();
    for entry in ground.backend.trash().await.unwrap() {
        assert_eq!(entry.remains, Remains::Purging);
        ground.backend.purge(&entry.id, &()).await.unwrap();
    }
    fs::remove_file(source.join("0")).unwrap();
    fs::remove_file(source.join("1")).unwrap();
    ground.copy("source", "target", 1).await.unwrap();
}

#[tokio::test]
async fn a_source_larger_than_its_target_is_doomed_at_once() {
    let ground = Ground::new().await;
    let source = ground.volume("source").await;
    for n in 0..20 {
        fs::write(source.join(n.to_string()), vec![1; 1 << 20]).unwrap();
    }
    let into = CreateVolume {
        bytes: 5 << 20,
        ..volume("target")
    };
    let error = copy(&ground.backend, "source", &into, 1).await.unwrap_err();
    assert_eq!(error.class, Class::TooLarge, "{error}");
    assert_eq!(ground.unfinished(), [] as [PathBuf; 0]);
    let entries = ground.backend.trash().await.unwrap();
    assert!(!entries.is_empty() && entries.iter().all(|entry| entry.remains == Remains::Purging));
    let exact = CreateVolume {
        bytes: 20 << 20,
        ..volume("target")
    };
    copy(&ground.backend, "source", &exact, 1).await.unwrap();
}
