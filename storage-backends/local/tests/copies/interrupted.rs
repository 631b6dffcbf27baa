//! Copies that are cut off, killed, taken over.

use crate::*;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tombolo_backend_conformance::things;

const FILES: usize = 2500;
/// Names the root on which a test in a process of its own works.
const ROOT: &str = "TOMBOLO_TEST_COPY_ROOT";

async fn plant(ground: &Ground) -> PathBuf {
    let source = ground.volume("source").await;
    for n in 0..FILES {
        let dir = source.join(format!("{}/{}", n % 10, n % 7));
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join(format!("file-{n}")), n.to_string().repeat(1000)).unwrap();
        if n % 50 == 0 {
            fs::hard_link(dir.join(format!("file-{n}")), source.join(format!("also-{n}"))).unwrap();
        }
    }
    source
}

/// Everything below a directory by its inode, and whether it is a directory.
fn inodes(at: &Path) -> BTreeMap<u64, bool> {
    let mut found = BTreeMap::new();
    let mut todo = vec![at.to_owned()];
    while let Some(dir) = todo.pop() {
        // What is being copied may be renamed and removed at any moment.
        let (Ok(entries), Ok(meta)) = (fs::read_dir(&dir), fs::metadata(&dir)) else {
            continue;
        };
        found.insert(meta.ino(), true);
        for entry in entries.flatten() {
            match entry.metadata() {
                Ok(meta) if meta.is_dir() => todo.push(entry.path()),
                Ok(meta) => _ = found.insert(meta.ino(), false),
                Err(_) => {}
            }
        }
    }
    found
}

fn trees(ground: &Ground) -> BTreeMap<u64, bool> {
    let trees = ground
        .unfinished()
        .into_iter()
        .filter(|at| at.to_string_lossy().ends_with(".tree"));
    trees.flat_map(|tree| inodes(&tree)).collect()
}

fn files(inodes: &BTreeMap<u64, bool>) -> usize {
    inodes.values().filter(|is_dir| !**is_dir).count()
}

/// Whether a copy is what it is a copy of, once what earlier attempts have left is purged: until then the files that they gave
/// have further names there.
async fn is_same(ground: &Ground, source: &Path) -> bool {
    for entry in ground.backend.trash().await.unwrap() {
        assert_eq!(entry.remains, Remains::Purging);
        ground.backend.purge(&entry.id, &()).await.unwrap();
    }
    things(source) == things(&ground.root.join("target"))
}

/// Begins a copy and drops it when so many files are there. How it was before it could be dropped, if it ended.
async fn dropped_at(ground: &Ground, epoch: u64, wanted: usize) -> bool {
    let (backend, into) = (ground.backend.clone(), volume("target"));
    let task = tokio::spawn(async move { copy(&backend, "source", &into, epoch).await });
    while files(&trees(ground)) < wanted && !task.is_finished() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    task.abort();
    let dropped = task.await.is_err();
    // The last steps have begun in threads of their own.
    tokio::time::sleep(Duration::from_millis(300)).await;
    dropped
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_complete_is_not_copied_again_and_no_directory_is_taken_over() {
    let ground = Ground::new().await;
    let source = plant(&ground).await;
    assert!(dropped_at(&ground, 3, FILES / 3).await);
    let before = trees(&ground);
    assert!(files(&before) >= FILES / 3);
    let copied = copy(&local(&ground.root), "source", &volume("target"), 4)
        .await
        .unwrap();
    let target = ground.root.join("target");
    assert!(is_same(&ground, &source).await);
    assert_eq!(copied.files as usize, FILES + FILES / 50);
    let after = inodes(&target);
    // All but those that were being made; of each file that has two names, both lead to one.
    let kept = before
        .iter()
        .filter(|(inode, is_dir)| !**is_dir && after.contains_key(inode))
        .count();
    assert!(kept + 40 >= files(&before), "{kept} of {}", files(&before));
    // Whoever still has a directory of the earlier attempt open reaches nothing of the volume.
    let reachable = before
        .iter()
        .filter(|(inode, is_dir)| **is_dir && after.contains_key(inode));
    assert_eq!(reachable.count(), 0);
    assert_eq!(ground.unfinished(), [] as [PathBuf; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_was_changed_since_is_copied_again_whatever_its_time_says() {
    let ground = Ground::new().await;
    let source = plant(&ground).await;
    assert!(dropped_at(&ground, 1, FILES / 3).await);
    for n in 0..FILES {
        let at = source.join(format!("{}/{}/file-{n}", n % 10, n % 7));
        let before = fs::metadata(&at).unwrap().modified().unwrap();
        let other: String = fs::read_to_string(&at).unwrap().chars().rev().collect();
        fs::write(&at, other).unwrap();
        fs::File::options()
            .write(true)
            .open(&at)
            .unwrap()
            .set_modified(before)
            .unwrap();
    }
    ground.copy("source", "target", 1).await.unwrap();
    assert!(is_same(&ground, &source).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_another_source_are_never_taken() {
    let ground = Ground::new().await;
    let source = plant(&ground).await;
    assert!(dropped_at(&ground, 1, FILES / 3).await);
    // As like each other as can be, and not the same.
    let other = ground.volume("other").await;
    for entry in fs::read_dir(&source).unwrap() {
        let name = entry.unwrap().file_name();
        fs::write(other.join(&name), "other").unwrap_or(());
    }
    ground.copy("other", "target", 1).await.unwrap();
    assert!(is_same(&ground, &other).await);
    assert_eq!(ground.unfinished(), [] as [PathBuf; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deposed_leader_comes_to_no_end() {
    let ground = Ground::new().await;
    let source = plant(&ground).await;
    let (backend, into) = (ground.backend.clone(), volume("target"));
    let deposed = tokio::spawn(async move { copy(&backend, "source", &into, 1).await });
    while files(&trees(&ground)) < FILES / 10 && !deposed.is_finished() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for tree in ground.unfinished() {
        let name = tree.file_name().unwrap().to_str().unwrap().replace(".1.", ".2.");
        fs::rename(&tree, tree.with_file_name(name)).unwrap();
    }
    let error = deposed.await.unwrap().unwrap_err();
    assert_eq!(
        (error.class, error.certainty),
        (Class::Transient, Certainty::MaybeDone),
        "{error}"
    );
    assert!(!ground.root.join("target").exists());
    let refused = ground.copy("source", "target", 1).await.unwrap_err();
    assert_eq!(
        (refused.class, refused.certainty),
        (Class::Transient, Certainty::NotDone),
        "{refused}"
    );
    ground.copy("source", "target", 2).await.unwrap();
    assert!(is_same(&ground, &source).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_is_deleted_meanwhile_gives_no_smaller_copy() {
    let ground = Ground::new().await;
    plant(&ground).await;
    let (backend, into) = (ground.backend.clone(), volume("target"));
    let running = tokio::spawn(async move { copy(&backend, "source", &into, 1).await });
    while files(&trees(&ground)) < FILES / 10 && !running.is_finished() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let id = TrashId::parse("source").unwrap();
    let record = serde_json::Value::Null;
    let disposal = Disposal::Trash { id: id.clone(), record };
    ground.backend.discard(&path("source"), &disposal).await.unwrap();
    ground.backend.purge(&id, &()).await.unwrap();
    let error = running.await.unwrap().unwrap_err();
    assert!(matches!(error.class, Class::Invalid | Class::Transient), "{error}");
    assert!(!ground.root.join("target").exists());
    let error = ground.copy("source", "target", 1).await.unwrap_err();
    assert_eq!(error.class, Class::Invalid, "{error}");
    assert!(!ground.root.join("target").exists());
    assert_eq!(ground.unfinished(), [] as [PathBuf; 0]);
}

/// Also what the test below runs, in a process that it kills.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_in_a_process_of_its_own_ends() {
    match std::env::var_os(ROOT) {
        Some(root) => {
            _ = copy(&local(Path::new(&root)), "source", &volume("target"), 1)
                .await
                .unwrap()
        }
        None => {
            let ground = Ground::new().await;
            ground.volume("source").await;
            ground.copy("source", "target", 1).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_whose_process_is_killed_at_any_moment_goes_on() {
    let ground = Ground::new().await;
    let source = plant(&ground).await;
    let mut kills = 0;
    for more in (1..).map(|n| n * FILES / 8) {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "interrupted::a_copy_in_a_process_of_its_own_ends"])
            .env(ROOT, &ground.root)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        let ended = loop {
            if let Some(ended) = child.try_wait().unwrap() {
                break ended;
            }
            assert!(begun.elapsed() < Duration::from_secs(60));
            if files(&trees(&ground)) > more {
                child.kill().unwrap();
                break child.wait().unwrap();
            }
        };
        if ended.success() {
            break;
        }
        kills += 1;
        // The kill may come when the copy is already in its place, and only its process has not ended. What else is the same is
        // asked below: here files of earlier attempts may still have further names.
        let target = ground.root.join("target");
        let is_whole = || things(&source).keys().eq(things(&target).keys());
        assert!(!target.exists() || is_whole(), "half a copy stands in its place");
    }
    assert!(kills >= 2, "it was killed {kills} times only");
    assert!(is_same(&ground, &source).await);
    assert_eq!(ground.unfinished(), [] as [PathBuf; 0]);
}
