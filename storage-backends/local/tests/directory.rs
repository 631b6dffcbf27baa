//! What is particular to directories: mounts inside the root, a full disk, a root that is not what it should be.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tombolo_backend_api::*;
use tombolo_backend_local::Local;

fn scratch() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

fn local(root: &Path) -> Local {
    Local::at(root, "node-1")
}

fn path(text: &str) -> VolumePath {
    VolumePath::parse(text).unwrap()
}

fn id(text: &str) -> TrashId {
    TrashId::parse(text).unwrap()
}

fn volume(text: &str) -> CreateVolume {
    CreateVolume {
        path: path(text),
        mode: 0o777,
        bytes: 1,
    }
}

fn trash(text: &str) -> Disposal {
    Disposal::Trash {
        id: id(text),
        record: serde_json::json!({ "entry": text }),
    }
}

fn mark() -> Mark {
    Mark {
        backend_id: BackendId::parse("b").unwrap(),
        cluster_id: ClusterId("c".into()),
    }
}

fn kind<T: std::fmt::Debug>(answer: Result<T, BackendError>) -> (Class, Certainty) {
    let error = answer.unwrap_err();
    (error.class, error.certainty)
}

/// The mounts below a directory, which go with the test.
struct Mounts(PathBuf);

impl Mounts {
    fn below(directory: &Path) -> Self {
        // As the kernel spells it.
        Self(directory.canonicalize().unwrap())
    }

    /// Mounts something, or says why this test is skipped.
    fn add(&self, arguments: &[&str], at: &Path) -> Option<()> {
        let ended = Command::new("mount").args(arguments).arg(at).output();
        if ended.as_ref().is_ok_and(|output| output.status.success()) {
            return Some(());
        }
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("a test");
        let why = format!("test {name} ... skipped: this process may not mount: {ended:?}\n");
        std::io::stderr().write_all(why.as_bytes()).unwrap();
        None
    }

    fn end(self) {}
}

impl Drop for Mounts {
    fn drop(&mut self) {
        // They move with the directories that hold them, so where they were made is not where they are.
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let points = mounts.lines().filter_map(|line| line.split(' ').nth(1));
        for point in points.filter(|point| Path::new(point).starts_with(&self.0)) {
            let _ = Command::new("umount").arg("-l").arg(point).status();
        }
    }
}

#[tokio::test]
async fn a_mount_inside_a_volume_is_never_entered() {
    let (root, outside) = (scratch(), scratch());
    fs::write(outside.path().join("kept"), "x").unwrap();
    let backend = local(root.path());
    backend.place_mark(&mark()).await.unwrap();
    backend.create(&volume("pvc-1")).await.unwrap();
    for at in ["pvc-1/mounted", "pvc-1/deep/er/mounted", "pvc-1/beside/it"] {
        fs::create_dir_all(root.path().join(at)).unwrap();
        fs::write(root.path().join(at).join("file"), "x").unwrap();
    }
    backend.discard(&path("pvc-1"), &trash("t")).await.unwrap();
    // Both on the same device as the root, so a comparison of devices would not notice.
    let source = outside.path().to_str().unwrap();
    let trashed = root.path().join(".tombolo/trash/t");
    let mounts = Mounts::below(root.path());
    for at in ["mounted", "deep/er/mounted"] {
        let Some(()) = mounts.add(&["--bind", source], &trashed.join(at)) else {
            return;
        };
    }

    assert_eq!(
        kind(backend.purge(&id("t"), &()).await),
        (Class::Denied, Certainty::MaybeDone)
    );
    assert_eq!(fs::read_to_string(outside.path().join("kept")).unwrap(), "x");
    assert!(
        !root.path().join(".tombolo/trash/purging-t/beside").exists(),
        "the rest was not removed"
    );

    mounts.end();
    backend.purge(&id("t"), &()).await.unwrap();
    assert_eq!(backend.trash().await.unwrap(), []);
    assert_eq!(fs::read_to_string(outside.path().join("kept")).unwrap(), "x");
}

#[tokio::test]
async fn a_file_system_mounted_below_the_root_holds_no_volumes() {
    let root = scratch();
    let backend = local(root.path());
    backend.place_mark(&mark()).await.unwrap();
    let other = root.path().join("other");
    fs::create_dir(&other).unwrap();
    let mounts = Mounts::below(root.path());
    let Some(()) = mounts.add(&["-t", "tmpfs", "tmpfs"], &other) else {
        return;
    };
    fs::create_dir(other.join("pvc-1")).unwrap();
    let denied = (Class::Denied, Certainty::NotDone);
    assert_eq!(kind(backend.inspect(&path("other/pvc-1")).await), denied);
    assert_eq!(kind(backend.create(&volume("other/pvc-2")).await), denied);
    assert_eq!(kind(backend.discard(&path("other/pvc-1"), &trash("t")).await), denied);
    assert_eq!(kind(backend.discard(&path("other"), &trash("t")).await), denied);
    assert!(other.join("pvc-1").is_dir() && !other.join("pvc-2").exists());
}

#[tokio::test]
async fn a_full_disk_takes_no_volume_and_still_lets_one_go() {
    let root = scratch();
    let mounts = Mounts::below(root.path());
    let Some(()) = mounts.add(&["-t", "tmpfs", "-o", "size=1m,nr_inodes=12", "tmpfs"], root.path()) else {
        return;
    };
    let backend = local(root.path());
    backend.place_mark(&mark()).await.unwrap();
    let made = loop {
        let at = format!("pvc-{}", backend.list().await.unwrap().len());
        if let Err(error) = backend.create(&volume(&at)).await {
            assert_eq!(
                (error.class, error.certainty),
                (Class::Full, Certainty::NotDone),
                "{error}"
            );
            break backend.list().await.unwrap();
        }
    };
    assert!((2..12).contains(&made.len()), "{made:?}");
    backend.discard(&path("pvc-0"), &trash("t")).await.unwrap();
    let entries = backend.trash().await.unwrap();
    let [entry] = entries.as_slice() else {
        panic!("{entries:?}")
    };
    assert_eq!((&entry.record, entry.remains), (&None, Remains::Whole));
    backend.purge(&id("t"), &()).await.unwrap();
    // The kernel counts what is free a moment after it was removed.
    let deadline = Instant::now() + Duration::from_secs(5);
    while let Err(error) = backend.create(&volume("pvc-0")).await {
        assert!(error.class == Class::Full && Instant::now() < deadline, "{error}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn marking_makes_the_root_but_nothing_above_it() {
    let holder = scratch();
    let root = holder.path().join("root");
    assert_eq!(
        kind(local(&root).read_mark().await),
        (Class::Waiting, Certainty::NotDone)
    );
    local(&root).place_mark(&mark()).await.unwrap();
    assert_eq!(fs::metadata(&root).unwrap().permissions().mode() & 0o7777, 0o711);
    // More likely a disk that is not mounted than a wish for directories.
    let far = holder.path().join("disk/root");
    assert_eq!(
        kind(local(&far).place_mark(&mark()).await),
        (Class::Waiting, Certainty::NotDone)
    );
    assert!(!holder.path().join("disk").exists());
}

#[tokio::test]
async fn a_root_or_a_private_directory_that_is_none_is_waiting() {
    let (holder, outside) = (scratch(), scratch());
    let file = holder.path().join("file");
    fs::write(&file, "x").unwrap();
    assert_eq!(
        kind(local(&file).read_mark().await),
        (Class::Waiting, Certainty::NotDone)
    );

    let root = holder.path().join("root");
    fs::create_dir(&root).unwrap();
    symlink(outside.path(), root.join(".tombolo")).unwrap();
    let backend = local(&root);
    assert_eq!(kind(backend.read_mark().await), (Class::Waiting, Certainty::NotDone));
    assert_eq!(
        kind(backend.place_mark(&mark()).await),
        (Class::Waiting, Certainty::NotDone)
    );
    assert_eq!(kind(backend.trash().await), (Class::Waiting, Certainty::NotDone));
    assert_eq!(
        kind(backend.purge(&id("t"), &()).await),
        (Class::Waiting, Certainty::NotDone)
    );
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_volume_below_a_directory_named_tmp_is_refused() {
    let root = scratch();
    let backend = local(root.path());
    backend.place_mark(&mark()).await.unwrap();
    let refused = (Class::Invalid, Certainty::NotDone);
    assert_eq!(kind(backend.create(&volume("tmp/pvc-1")).await), refused);
    assert_eq!(
        kind(backend.mount(&export("team/tmp/pvc-1", Access::ReadWrite)).await),
        refused
    );
    // It is the slash behind it that makes it one.
    backend.create(&volume("tmp")).await.unwrap();
}

fn export(at: &str, access: Access) -> ExportKey {
    ExportKey {
        path: path(at),
        tenant: Tenant::parse("ns").unwrap(),
        access,
    }
}

#[tokio::test]
async fn a_volume_is_mounted_on_its_node() {
    let source = local(Path::new("/data"))
        .mount(&export("pvc-1", Access::ReadOnly))
        .await
        .unwrap();
    assert_eq!(
        source,
        MountSource::HostPath {
            path: "/data/pvc-1".into(),
            node: "node-1".into()
        }
    );
}
