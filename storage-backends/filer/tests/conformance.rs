//! A filer keeps every promise of a backend, with subvolumes and with plain directories, on a real NFS-Ganesha.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod stage;

use async_trait::async_trait;
use stage::served::Served;
use stage::{MIB, Stage};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tombolo_backend_api::{Backend, MountSource};
use tombolo_backend_conformance::hands::{Hands, Libnfs};
use tombolo_backend_conformance::{Image, Skip, Subject, conformance};
use tombolo_backend_filer::Filer;
use tombolo_ganesha::testing::TestServer;

struct Host {
    stage: Stage,
    /// As several processes would have them.
    filers: [Filer; 2],
    next: AtomicUsize,
}

impl Host {
    async fn on(image: Result<Image, String>) -> Result<Self, Skip> {
        if let Some(why) = TestServer::unavailable() {
            return Err(Skip::for_want_of(why));
        }
        let stage = Stage::on(image.map_err(Skip::for_want_of)?);
        // One server has one owner of its records, whoever else works on the root.
        let served = Served::default();
        Ok(Self {
            filers: [stage.open_for(served.clone()).await, stage.open_for(served).await],
            stage,
            next: AtomicUsize::new(0),
        })
    }
}

#[async_trait]
impl Subject for Host {
    async fn backend(&self) -> Arc<dyn Backend> {
        let [one, two] = self.filers.clone();
        Arc::new(if self.next.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            one
        } else {
            two
        })
    }

    fn directory(&self) -> Option<PathBuf> {
        Some(self.stage.root())
    }

    async fn hands(&self, source: &MountSource) -> Result<Box<dyn Hands>, Skip> {
        Ok(Box::new(Libnfs::mount(source)?))
    }

    fn put_away(&self) -> Result<(), Skip> {
        std::fs::rename(self.stage.root(), self.stage.root().with_extension("away")).unwrap();
        Ok(())
    }
}

mod subvolumes {
    use super::*;
    // Sparse, and more than all limits of a test together.
    conformance!(Host::on(Image::new(8192 * MIB)).await);
}

mod directories {
    use super::*;
    conformance!(Host::on(Image::ext4(256 * MIB)).await);
}
