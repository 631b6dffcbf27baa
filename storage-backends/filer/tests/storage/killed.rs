//! A process that is killed at any moment of a volume's life: the next one finishes what it finds, and nothing is left.

use super::*;
use crate::stage::Recording;
use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tombolo_backend_filer::Config;

/// Root and directory of mounts for a process of its own.
const WHERE: [&str; 2] = ["TOMBOLO_TEST_LIVED_ROOT", "TOMBOLO_TEST_LIVED_EXPORTS"];
/// Where it is killed: soon after it has begun with one of these, or in what follows.
const STEPS: [&str; 8] = [
    "create",
    "mount",
    "snapshot",
    "clone",
    "restore",
    "remove the snapshot",
    "discard",
    "purge",
];
/// How often at each.
const TIMES: u64 = 2;

/// A process that lives no longer than this value.
struct Mortal(Child);

impl Drop for Mortal {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Everything that happens to volumes, in order. `at` is told of each step before it.
async fn life(filer: &Filer, at: &dyn Fn(&str)) -> Result<(), BackendError> {
    let id = SnapshotId::parse("s-1").unwrap();
    let (clones, snapshots) = (filer.clones().unwrap(), filer.snapshots().unwrap());
    let terms = CopyTerms {
        drop_set_id: true,
        ..TERMS
    };
    at("create");
    filer.create(&volume("team/pvc", 8 * MIB)).await?;
    at("mount");
    filer.mount(&key("team/pvc", "one")).await?;
    at("snapshot");
    snapshots
        .take_snapshot(&id, &path("team/pvc"), 8 * MIB, &terms, &())
        .await?;
    at("clone");
    clones
        .clone_volume(&path("team/pvc"), &volume("clone", 8 * MIB), &terms, &())
        .await?;
    at("restore");
    snapshots
        .restore_snapshot(&id, &volume("restored", 8 * MIB), &terms, &())
        .await?;
    at("remove the snapshot");
    snapshots.remove_snapshot(&id).await?;
    for (name, entry) in [("team/pvc", "t-1"), ("clone", "t-2"), ("restored", "t-3")] {
        at("discard");
        filer.discard(&path(name), &trash(entry)).await?;
    }
    for entry in ["t-1", "t-2", "t-3"] {
        at("purge");
        filer.purge(&super::id(entry), &()).await?;
    }
    at("remove what is empty");
    filer.remove_empty(&path("team")).await.map(drop)
}

/// What the test below runs, in a process that it kills.
#[tokio::test]
async fn volumes_live_and_end_again_and_again() {
    let [Ok(root), Ok(exports)] = WHERE.map(std::env::var) else {
        let Some(stage) = stage(512 * MIB) else { return };
        let filer = marked(&stage).await;
        for _ in 0..3 {
            life(&filer, &|_| {}).await.unwrap();
        }
        return assert_eq!(tombolo_btrfs::subvolume::all(dir(&stage.root())).unwrap(), []);
    };
    let step = Path::new(&exports).with_file_name("step");
    let config = Config::parse(&root, &exports, "NAS").unwrap();
    let filer = Filer::open(config, Arc::new(Recording::default())).await.unwrap();
    loop {
        life(&filer, &|at| fs::write(&step, at).unwrap()).await.unwrap();
    }
}

#[tokio::test]
async fn whatever_a_killed_process_leaves_the_next_one_finishes() {
    let Some(stage) = stage(1024 * MIB) else { return };
    drop(marked(&stage).await);
    let step = stage.exports_dir().with_file_name("step");
    let mut met = BTreeSet::new();
    for (time, wanted) in (0..TIMES).flat_map(|time| STEPS.map(|step| (time, step))) {
        let _ = fs::remove_file(&step);
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "killed::volumes_live_and_end_again_and_again"])
            .env(WHERE[0], stage.root())
            .env(WHERE[1], stage.exports_dir())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let child = Mortal(child.unwrap());
        let began = Instant::now();
        while fs::read_to_string(&step).ok().as_deref() != Some(wanted) {
            assert!(began.elapsed() < Duration::from_secs(60), "it does not {wanted}");
            std::thread::sleep(Duration::from_micros(200));
        }
        std::thread::sleep(Duration::from_millis(time * 7));
        drop(child);
        let at = fs::read_to_string(&step).unwrap();

        let filer = stage.open().await;
        let settled = filer.settle().await.unwrap();
        assert_eq!(settled.failed, vec![], "{at}");
        // A mount point may be left, and nothing on it.
        assert_eq!(exported::shown(&stage), [""; 0], "{at}");
        // As the controller does: what is in the trash goes, and the rest is done again from the beginning.
        for entry in filer.trash().await.unwrap() {
            filer
                .purge(&entry.id, &())
                .await
                .unwrap_or_else(|e| panic!("{at}: purge: {e}"));
            filer.forget(&entry.id).await.unwrap();
        }
        life(&filer, &|_| {}).await.unwrap_or_else(|e| panic!("{at}: {e}"));
        assert_eq!(tombolo_btrfs::subvolume::all(dir(&stage.root())).unwrap(), [], "{at}");
        for private in ["copies", "snapshots", "trash"] {
            let left = fs::read_dir(stage.root().join(".tombolo").join(private)).unwrap();
            let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
            assert_eq!(left, [""; 0], "{at}: {private}");
        }
        met.insert(at);
    }
    assert!(met.len() >= STEPS.len() / 2, "it was killed at these alone: {met:?}");
}
