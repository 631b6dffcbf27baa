//! Whatever is behind HTTP keeps every promise of a backend as it does without: over TLS, each test with a server of its own.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

// One stage for a filer, here and beside it.
#[path = "../../filer/tests/stage/mod.rs"]
mod stage;
mod support;

use async_trait::async_trait;
use stage::served::Served;
use stage::{MIB, Stage};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use support::Far;
use tombolo_backend_api::{Backend, Capabilities, Class, MountSource};
use tombolo_backend_conformance::hands::{Hands, Libnfs};
use tombolo_backend_conformance::{Copying, Image, Skip, Subject, conformance};
use tombolo_backend_fake::{ALL, Fake, Fault, Op, Tree};
use tombolo_backend_local::Local;
use tombolo_ganesha::testing::TestServer;

struct RemoteFake {
    fake: Fake,
    far: Far,
}

impl RemoteFake {
    async fn declaring(capabilities: Capabilities) -> Result<Self, Skip> {
        let fake = Fake::new("suite", capabilities);
        let far = Far::start(Arc::new(fake.clone())).await;
        Ok(Self { fake, far })
    }
}

#[async_trait]
impl Subject for RemoteFake {
    async fn backend(&self) -> Arc<dyn Backend> {
        Arc::new(self.far.client().await)
    }

    fn directory(&self) -> Option<PathBuf> {
        None
    }

    fn put_away(&self) -> Result<(), Skip> {
        self.fake.set_away(true);
        Ok(())
    }

    fn interrupt_next(&self, copying: Copying) -> bool {
        let op = match copying {
            Copying::Clone => Op::CloneVolume,
            Copying::Snapshot => Op::TakeSnapshot,
            Copying::Restore => Op::RestoreSnapshot,
        };
        self.fake.fail_next(op, Fault::Interrupted(Class::Transient));
        true
    }

    fn write(&self, file: &str, bytes: &[u8]) {
        self.fake.write(file, bytes);
    }

    fn read(&self, file: &str) -> Option<Vec<u8>> {
        self.fake.read(file)
    }

    fn mode(&self, path: &str) -> u32 {
        self.fake.tree().mode(path).unwrap()
    }

    fn wipe(&self) {
        let _ = self.fake.swap_root(Tree::default());
    }

    fn everything(&self) -> BTreeSet<String> {
        self.fake.tree().paths().map(str::to_owned).collect()
    }
}

struct RemoteLocal {
    root: PathBuf,
    far: Far,
    /// Removed when the subject is dropped.
    _holder: tempfile::TempDir,
}

impl RemoteLocal {
    async fn empty() -> Result<Self, Skip> {
        let holder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let root = holder.path().join("root");
        std::fs::create_dir(&root).unwrap();
        let far = Far::start(Arc::new(Local::at(&root, "Node-1"))).await;
        Ok(Self {
            root,
            far,
            _holder: holder,
        })
    }
}

#[async_trait]
impl Subject for RemoteLocal {
    async fn backend(&self) -> Arc<dyn Backend> {
        Arc::new(self.far.client().await)
    }

    fn directory(&self) -> Option<PathBuf> {
        Some(self.root.clone())
    }

    fn put_away(&self) -> Result<(), Skip> {
        std::fs::rename(&self.root, self.root.with_extension("away")).unwrap();
        Ok(())
    }
}

struct RemoteFiler {
    far: Far,
    stage: Stage,
}

impl RemoteFiler {
    async fn empty() -> Result<Self, Skip> {
        if let Some(why) = TestServer::unavailable() {
            return Err(Skip::for_want_of(why));
        }
        // Sparse, and more than all limits of a test together.
        let stage = Stage::on(Image::new(8192 * MIB).map_err(Skip::for_want_of)?);
        let far = Far::start(Arc::new(stage.open_for(Served::default()).await)).await;
        Ok(Self { far, stage })
    }
}

#[async_trait]
impl Subject for RemoteFiler {
    async fn backend(&self) -> Arc<dyn Backend> {
        Arc::new(self.far.client().await)
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

mod fake {
    use super::*;
    conformance!(RemoteFake::declaring(ALL).await);
}

mod fake_without_capabilities {
    use super::*;
    conformance!(RemoteFake::declaring(Capabilities::default()).await);
}

mod local {
    use super::*;
    conformance!(RemoteLocal::empty().await);
}

mod filer {
    use super::*;
    conformance!(RemoteFiler::empty().await);
}
