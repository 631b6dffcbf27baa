//! The backend keeps every promise of a backend, on a real NFS server, in both versions of the protocol.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod ganesha;

use async_trait::async_trait;
use ganesha::{Caches, Ganesha, OPEN};
use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tombolo_backend_api::{Backend, MountSource};
use tombolo_backend_conformance::hands::{Hands, Libnfs};
use tombolo_backend_conformance::{Skip, Subject, conformance};

struct Export {
    server: Arc<Ganesha>,
    root: String,
    version: &'static str,
}

impl Export {
    fn empty(version: &'static str) -> Result<Self, Skip> {
        static ROOTS: AtomicU64 = AtomicU64::new(0);
        // The suite plants and looks behind the server's back.
        let server = Ganesha::shared(Caches::Off).map_err(Skip::because)?;
        let root = format!("root-{}", ROOTS.fetch_add(1, Ordering::Relaxed));
        fs::create_dir(server.behind(OPEN).join(&root)).unwrap();
        Ok(Self { server, root, version })
    }

    fn behind(&self) -> PathBuf {
        self.server.behind(OPEN).join(&self.root)
    }
}

#[async_trait]
impl Subject for Export {
    async fn backend(&self) -> Arc<dyn Backend> {
        let config = self.server.config(OPEN, Some(&self.root), self.version);
        Arc::new(tombolo_backend_nfs::open(config))
    }

    fn directory(&self) -> Option<PathBuf> {
        Some(self.behind())
    }

    async fn hands(&self, source: &MountSource) -> Result<Box<dyn Hands>, Skip> {
        Ok(Box::new(Libnfs::mount(source)?))
    }

    fn put_away(&self) -> Result<(), Skip> {
        fs::rename(self.behind(), self.behind().with_extension("away")).unwrap();
        Ok(())
    }

    /// NFS-Ganesha 4.3 then answers to every reading of the directory that it failed, until it is started again.
    fn loses_track(&self) -> bool {
        true
    }

    fn speaks_utf8_only(&self) -> Option<Skip> {
        let reason = "the client library has no way to say such a name; on_ganesha::purges shows what becomes of it";
        Some(Skip::because(reason))
    }
}

mod v3 {
    use super::*;
    conformance!(Export::empty("3"));
}

mod v4_1 {
    use super::*;
    conformance!(Export::empty("4.1"));
}
