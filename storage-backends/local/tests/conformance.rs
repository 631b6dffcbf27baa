//! A local directory keeps every promise of a backend.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use async_trait::async_trait;
use std::path::PathBuf;
use std::sync::Arc;
use tombolo_backend_api::{Backend, MountSource};
use tombolo_backend_conformance::hands::{Hands, OnDirectory};
use tombolo_backend_conformance::{Skip, Subject, conformance};
use tombolo_backend_local::Local;

struct Directory {
    root: PathBuf,
    /// Removed when the subject is dropped.
    _holder: tempfile::TempDir,
}

impl Directory {
    fn empty() -> Result<Self, Skip> {
        let holder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let root = holder.path().join("root");
        std::fs::create_dir(&root).unwrap();
        Ok(Self { root, _holder: holder })
    }
}

#[async_trait]
impl Subject for Directory {
    async fn backend(&self) -> Arc<dyn Backend> {
        Arc::new(Local::at(&self.root, "Node-1"))
    }

    fn directory(&self) -> Option<PathBuf> {
        Some(self.root.clone())
    }

    async fn hands(&self, source: &MountSource) -> Result<Box<dyn Hands>, Skip> {
        match source {
            MountSource::HostPath { path, .. } => Ok(Box::new(OnDirectory(path.into()))),
            MountSource::Nfs { .. } => panic!("{source:?} is no directory"),
        }
    }

    fn put_away(&self) -> Result<(), Skip> {
        std::fs::rename(&self.root, self.root.with_extension("away")).unwrap();
        Ok(())
    }
}

conformance!(Directory::empty());
