//! Values that the cases share, and the hands of a tenant who plants things in a volume.

use crate::hands::Hands;
use crate::{Skip, Subject};
use rustix::fs::{AtFlags, Mode, OFlags, mkdirat, openat};
use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use tombolo_backend_api::*;

pub(crate) fn path(text: &str) -> VolumePath {
    VolumePath::parse(text).unwrap()
}

pub(crate) fn id(text: &str) -> TrashId {
    TrashId::parse(text).unwrap()
}

/// A volume with room for everything that the cases write, but for those about limits.
pub(crate) fn volume(at: &str) -> CreateVolume {
    CreateVolume {
        path: path(at),
        mode: 0o777,
        bytes: 16 << 20,
    }
}

/// The way of `tenant` to the volume at `at`, to read and write.
pub(crate) fn export(at: &str, tenant: &str) -> ExportKey {
    ExportKey {
        path: path(at),
        tenant: Tenant::parse(tenant).unwrap(),
        access: Access::ReadWrite,
    }
}

/// The same way to read only.
pub(crate) fn reader(at: &str, tenant: &str) -> ExportKey {
    ExportKey {
        access: Access::ReadOnly,
        ..export(at, tenant)
    }
}

/// Mounts, as a node does for a tenant.
pub(crate) async fn mounted(
    subject: &dyn Subject,
    backend: &dyn Backend,
    key: &ExportKey,
) -> Result<Box<dyn Hands>, Skip> {
    subject.hands(&backend.mount(key).await.unwrap()).await
}

pub(crate) fn trash(entry: &str) -> Disposal {
    Disposal::Trash {
        id: id(entry),
        record: serde_json::json!({ "entry": entry }),
    }
}

pub(crate) fn mark(name: &str) -> Mark {
    Mark {
        backend_id: BackendId::parse(name).unwrap(),
        cluster_id: ClusterId("cluster-1".to_owned()),
    }
}

/// A backend on the subject's root, marked.
pub(crate) async fn marked(subject: &dyn Subject) -> Arc<dyn Backend> {
    let backend = subject.backend().await;
    backend.place_mark(&mark("suite")).await.unwrap();
    backend
}

/// The same, if it declares what `wanted` names; otherwise the case does not run.
pub(crate) async fn able(
    subject: &dyn Subject,
    wanted: impl Fn(Capabilities) -> bool,
) -> Result<Arc<dyn Backend>, Skip> {
    let backend = marked(subject).await;
    if wanted(backend.capabilities()) {
        Ok(backend)
    } else {
        Err(Skip::undeclared())
    }
}

/// A backend on a marked root with one volume that holds `files` files.
pub(crate) async fn stocked(subject: &dyn Subject, at: &str, files: usize) -> Arc<dyn Backend> {
    let backend = marked(subject).await;
    backend.create(&volume(at)).await.unwrap();
    for n in 0..files {
        subject.write(&format!("{at}/file-{n}"), format!("bytes of {n}").as_bytes());
    }
    backend
}

/// An answer that must be an error, as its class and certainty.
#[track_caller]
pub(crate) fn refusal<T: std::fmt::Debug>(answer: Result<T, BackendError>) -> (Class, Certainty) {
    let error = answer.unwrap_err();
    assert!(!error.message.is_empty(), "an error without words: {error:?}");
    (error.class, error.certainty)
}

/// An answer that must say: never, and nothing was changed.
#[track_caller]
pub(crate) fn invalid<T: std::fmt::Debug>(answer: Result<T, BackendError>) {
    assert_eq!(refusal(answer), (Class::Invalid, Certainty::NotDone));
}

/// Polls `future` until it is ready, but at most `polls` times; then drops it.
pub(crate) async fn dropped_after<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending => {
            left = left.saturating_sub(1);
            if left == 0 { Poll::Ready(None) } else { Poll::Pending }
        }
    })
    .await
}

/// Discards the volume at `at` as entry `entry`, purges it, and checks that nothing of it is left.
pub(crate) async fn purge_whole(subject: &dyn Subject, at: &str, entry: &str) -> Purged {
    let backend = subject.backend().await;
    backend.discard(&path(at), &trash(entry)).await.unwrap();
    let purged = backend.purge(&id(entry), &()).await.unwrap();
    nothing_left(subject, entry).await;
    purged
}

/// Checks what a purge counted: everything, or one thing where the file system removes a tree as a whole.
#[track_caller]
pub(crate) fn counted(purged: Purged, files: u64, directories: u64) {
    let as_a_whole = Purged {
        files: 0,
        directories: 1,
    };
    assert!(
        [Purged { files, directories }, as_a_whole].contains(&purged),
        "{purged:?}, not {files} files and {directories} directories"
    );
}

/// Checks that nothing of a trash entry is left, its record included.
pub(crate) async fn nothing_left(subject: &dyn Subject, entry: &str) {
    let entries = subject.backend().await.trash().await.unwrap();
    assert!(entries.iter().all(|left| left.id != id(entry)), "{entries:?}");
    let everything = subject.everything();
    let mut trashed = everything
        .iter()
        .filter_map(|found| found.strip_prefix(".tombolo/trash/"));
    assert_eq!(trashed.find(|found| found.contains(entry)), None);
}

const PRIVATE: [&str; 5] = [
    ".tombolo",
    ".tombolo/trash",
    ".tombolo/archive",
    ".tombolo/copies",
    ".tombolo/snapshots",
];

/// Everything below the root but the private directories, which a backend makes when it likes.
pub(crate) fn contents(subject: &dyn Subject) -> BTreeSet<String> {
    let mut all = subject.everything();
    all.retain(|found| !PRIVATE.contains(&found.as_str()));
    all
}

/// Makes `levels` directories inside each other, far beyond the longest path there can be, with a file in the last.
pub(crate) fn plant_deep(at: &Path, levels: usize) {
    let mut directory: OwnedFd = rustix::fs::open(at, OFlags::DIRECTORY, Mode::empty()).unwrap();
    for _ in 0..levels {
        mkdirat(&directory, "deep", Mode::RWXU).unwrap();
        directory = openat(&directory, "deep", OFlags::DIRECTORY | OFlags::NOFOLLOW, Mode::empty()).unwrap();
    }
    openat(&directory, "file", OFlags::CREATE | OFlags::WRONLY, Mode::RUSR).unwrap();
}

/// Makes a file whose name is any bytes.
pub(crate) fn plant_named(at: &Path, name: &[u8]) {
    let directory = rustix::fs::open(at, OFlags::DIRECTORY, Mode::empty()).unwrap();
    openat(&directory, name, OFlags::CREATE | OFlags::WRONLY, Mode::RUSR).unwrap();
}

/// Makes a FIFO.
pub(crate) fn plant_fifo(at: &Path) {
    rustix::fs::mknodat(rustix::fs::CWD, at, rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
}

/// The inode behind a name.
pub(crate) fn inode(at: &Path) -> u64 {
    rustix::fs::statat(rustix::fs::CWD, at, AtFlags::SYMLINK_NOFOLLOW)
        .unwrap()
        .st_ino
}

/// Makes a socket. Its address has room for about 100 bytes, so it is bound through a short name of its directory.
pub(crate) fn plant_socket(at: &Path) -> std::os::unix::net::UnixListener {
    let directory = rustix::fs::open(at, OFlags::DIRECTORY, Mode::empty()).unwrap();
    let short = format!("/proc/self/fd/{}/socket", std::os::fd::AsRawFd::as_raw_fd(&directory));
    std::os::unix::net::UnixListener::bind(short).unwrap()
}
