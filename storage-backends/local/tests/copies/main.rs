//! Copies on a real file system: what comes across, what an interruption leaves, and what a tenant cannot do about it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod exact;
mod hostile;
mod interrupted;
mod room;

use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tombolo_backend_api::*;
use tombolo_backend_local::Local;

/// A marked root.
struct Ground {
    root: PathBuf,
    backend: Local,
    /// Removed when this is dropped.
    _holder: TempDir,
}

impl Ground {
    async fn new() -> Self {
        let holder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        Self::at(holder.path().to_owned(), holder).await
    }

    async fn at(root: PathBuf, holder: TempDir) -> Self {
        let backend = local(&root);
        let mark = Mark {
            backend_id: BackendId::parse("b").unwrap(),
            cluster_id: ClusterId("c".into()),
        };
        backend.place_mark(&mark).await.unwrap();
        Self {
            root,
            backend,
            _holder: holder,
        }
    }

    /// The directory of a volume, which is made.
    async fn volume(&self, at: &str) -> PathBuf {
        self.backend.create(&volume(at)).await.unwrap();
        self.root.join(at)
    }

    async fn copy(&self, from: &str, into: &str, epoch: u64) -> Result<Copied, BackendError> {
        copy(&self.backend, from, &volume(into), epoch).await
    }

    /// What lies among the unfinished copies.
    fn unfinished(&self) -> Vec<PathBuf> {
        let copies = std::fs::read_dir(self.root.join(".tombolo/copies"));
        copies
            .map(|all| all.map(|entry| entry.unwrap().path()).collect())
            .unwrap_or_default()
    }
}

async fn copy(backend: &Local, from: &str, into: &CreateVolume, epoch: u64) -> Result<Copied, BackendError> {
    backend.clone_volume(&path(from), into, &terms(epoch), &()).await
}

fn local(root: &Path) -> Local {
    Local::at(root, "node-1")
}

fn path(text: &str) -> VolumePath {
    VolumePath::parse(text).unwrap()
}

fn volume(at: &str) -> CreateVolume {
    CreateVolume {
        path: path(at),
        mode: 0o2770,
        bytes: 1 << 30,
    }
}

fn terms(epoch: u64) -> CopyTerms {
    CopyTerms {
        epoch,
        drop_set_id: false,
        max_entries: 1_000_000,
    }
}
