//! What the cases about copies share: making them, catching them in the midst, and comparing trees.

use crate::plant::*;
use crate::{Copying, Subject};
use rustix::fs::{AtFlags, FileType, statat};
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tombolo_backend_api::*;

/// Files of a source that takes long enough to be caught in the midst.
pub(crate) const MANY: usize = 120;

pub(crate) fn terms(epoch: u64) -> CopyTerms {
    CopyTerms {
        epoch,
        drop_set_id: false,
        max_entries: 100_000,
    }
}

pub(crate) fn snapshot(name: &str) -> SnapshotId {
    SnapshotId::parse(name).unwrap()
}

pub(crate) async fn copy(
    backend: &Arc<dyn Backend>,
    from: &str,
    into: &CreateVolume,
    terms: CopyTerms,
) -> Result<Copied, BackendError> {
    let clones = backend.clones().unwrap();
    clones.clone_volume(&path(from), into, &terms, &()).await
}

pub(crate) async fn take(backend: &Arc<dyn Backend>, name: &str, of: &str) -> Result<Snapshot, BackendError> {
    let snapshots = backend.snapshots().unwrap();
    let bytes = volume(of).bytes;
    snapshots
        .take_snapshot(&snapshot(name), &path(of), bytes, &terms(1), &())
        .await
}

pub(crate) async fn restore(
    backend: &Arc<dyn Backend>,
    name: &str,
    into: &CreateVolume,
) -> Result<Copied, BackendError> {
    let snapshots = backend.snapshots().unwrap();
    snapshots.restore_snapshot(&snapshot(name), into, &terms(1), &()).await
}

/// A volume of many files in some directories.
pub(crate) async fn plant_many(subject: &dyn Subject, backend: &Arc<dyn Backend>, at: &str) {
    backend.create(&volume(at)).await.unwrap();
    for n in 0..MANY {
        subject.write(&many(at, n), &bytes_of(n));
    }
}

/// Whether a volume has all that [`plant_many`] makes.
pub(crate) fn has_many(subject: &dyn Subject, at: &str) -> bool {
    (0..MANY).all(|n| subject.read(&many(at, n)).as_deref() == Some(&bytes_of(n)))
}

fn many(at: &str, n: usize) -> String {
    format!("{at}/{}/{}/file-{n}", n % 5, n % 3)
}

fn bytes_of(n: usize) -> Vec<u8> {
    n.to_be_bytes().repeat(100 + n)
}

/// What there is of copies that are not finished.
pub(crate) fn unfinished(subject: &dyn Subject) -> Vec<String> {
    let all = subject.everything().into_iter();
    all.filter(|found| found.starts_with(".tombolo/copies/")).collect()
}

/// Repeats an attempt that is dropped, or fails halfway, until there is something unfinished. `false` if it was finished before.
pub(crate) async fn caught_midway<T>(
    subject: &dyn Subject,
    kind: Copying,
    attempt: impl AsyncFn() -> Result<T, BackendError>,
) -> bool {
    if subject.interrupt_next(kind) {
        assert!(attempt().await.is_err(), "it was to fail halfway");
        assert!(!unfinished(subject).is_empty());
        return true;
    }
    for polls in [1, 2, 3, 4, 6, 8, 12, 16, 24, 32] {
        if let Some(answer) = dropped_after(polls, attempt()).await {
            answer.map(|_| ()).unwrap();
            return false;
        }
        if !unfinished(subject).is_empty() {
            return true;
        }
    }
    for milliseconds in [1, 2, 4, 8, 16, 32, 64, 128] {
        if let Ok(answer) = tokio::time::timeout(Duration::from_millis(milliseconds), attempt()).await {
            answer.map(|_| ()).unwrap();
            return false;
        }
        if !unfinished(subject).is_empty() {
            return true;
        }
    }
    false
}

/// Checks that everything in the trash is there to be purged and for nothing else, and purges it.
pub(crate) async fn purge_the_doomed(subject: &dyn Subject) {
    let backend = subject.backend().await;
    for entry in backend.trash().await.unwrap() {
        assert_eq!(entry.remains, Remains::Purging, "{entry:?}");
        backend.purge(&entry.id, &()).await.unwrap();
    }
    assert_eq!(backend.trash().await.unwrap(), []);
}

/// What a name stands for, as far as a copy has it too.
#[allow(missing_docs, reason = "each field is what stat(2) calls it")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Thing {
    File {
        bytes: Vec<u8>,
        mode: u32,
        owner: (u32, u32),
        modified: (i64, i64),
        links: u64,
    },
    Directory {
        mode: u32,
        owner: (u32, u32),
        modified: (i64, i64),
    },
    Link {
        target: std::path::PathBuf,
        owner: (u32, u32),
    },
}

/// Everything below a directory but what a copy leaves out, by its path from there.
pub fn things(root: &Path) -> BTreeMap<std::path::PathBuf, Thing> {
    let mut found = BTreeMap::new();
    let mut todo = vec![root.to_owned()];
    while let Some(directory) = todo.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let at = entry.unwrap().path();
            let meta = std::fs::symlink_metadata(&at).unwrap();
            let owner = (meta.uid(), meta.gid());
            let modified = (meta.mtime(), meta.mtime_nsec());
            let mode = meta.mode() & 0o7777;
            let thing = if meta.is_dir() {
                todo.push(at.clone());
                Thing::Directory { mode, owner, modified }
            } else if meta.is_symlink() {
                let target = std::fs::read_link(&at).unwrap();
                Thing::Link { target, owner }
            } else if meta.is_file() {
                let (bytes, links) = (std::fs::read(&at).unwrap(), meta.nlink());
                Thing::File {
                    bytes,
                    mode,
                    owner,
                    modified,
                    links,
                }
            } else {
                continue;
            };
            found.insert(at.strip_prefix(root).unwrap().to_owned(), thing);
        }
    }
    found
}

/// Bytes that a file takes on the disk.
pub fn allocated(at: &Path) -> u64 {
    let stat = statat(rustix::fs::CWD, at, AtFlags::SYMLINK_NOFOLLOW).unwrap();
    assert!(FileType::from_raw_mode(stat.st_mode).is_file());
    u64::try_from(stat.st_blocks).unwrap() * 512
}
