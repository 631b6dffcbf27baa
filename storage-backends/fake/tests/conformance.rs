//! The fake keeps every promise of a backend, with all capabilities and with none.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use async_trait::async_trait;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tombolo_backend_api::{Access, Backend, Capabilities, Class, ExportKey, MountSource, Tenant, VolumePath};
use tombolo_backend_conformance::hands::{Hands, Held, Refused};
use tombolo_backend_conformance::{Copying, Skip, Subject, conformance};
use tombolo_backend_fake::{ALL, Denial, Fake, Fault, Op, Through, Tree};

struct InMemory(Fake);

impl InMemory {
    fn declaring(capabilities: Capabilities) -> Result<Self, Skip> {
        Ok(Self(Fake::new("suite", capabilities)))
    }
}

#[async_trait]
impl Subject for InMemory {
    async fn backend(&self) -> Arc<dyn Backend> {
        Arc::new(self.0.clone())
    }

    fn directory(&self) -> Option<PathBuf> {
        None
    }

    fn put_away(&self) -> Result<(), Skip> {
        self.0.set_away(true);
        Ok(())
    }

    async fn hands(&self, source: &MountSource) -> Result<Box<dyn Hands>, Skip> {
        Ok(Box::new(Mounted {
            fake: self.0.clone(),
            source: source.clone(),
            through: Mutex::new(self.0.through(source).ok()),
        }))
    }

    async fn writer(&self, at: &str) -> Result<Box<dyn Hands>, Skip> {
        let key = ExportKey {
            path: VolumePath::parse(at).unwrap(),
            tenant: Tenant::parse("writer").unwrap(),
            access: Access::ReadWrite,
        };
        let source = self.0.mount(&key).await.unwrap();
        self.hands(&source).await
    }

    fn interrupt_next(&self, copying: Copying) -> bool {
        let op = match copying {
            Copying::Clone => Op::CloneVolume,
            Copying::Snapshot => Op::TakeSnapshot,
            Copying::Restore => Op::RestoreSnapshot,
        };
        self.0.fail_next(op, Fault::Interrupted(Class::Transient));
        true
    }

    fn write(&self, file: &str, bytes: &[u8]) {
        self.0.write(file, bytes);
    }

    fn read(&self, file: &str) -> Option<Vec<u8>> {
        self.0.read(file)
    }

    fn remove(&self, file: &str) {
        self.0.remove(file);
    }

    fn mode(&self, path: &str) -> u32 {
        self.0.tree().mode(path).unwrap()
    }

    fn wipe(&self) {
        let _ = self.0.swap_root(Tree::default());
    }

    fn everything(&self) -> BTreeSet<String> {
        self.0.tree().paths().map(str::to_owned).collect()
    }
}

/// A client that mounts once, and tries again to if there was nothing to be mounted.
struct Mounted {
    fake: Fake,
    source: MountSource,
    through: Mutex<Option<Through>>,
}

impl Mounted {
    fn through(&self) -> Result<Through, Refused> {
        let mut through = self.through.lock().unwrap();
        if through.is_none() {
            *through = Some(self.fake.through(&self.source).map_err(|_| Refused::Gone)?);
        }
        Ok(through.clone().unwrap())
    }
}

fn refused(error: Denial) -> Refused {
    match error {
        Denial::Stale => Refused::Gone,
        Denial::ReadOnly => Refused::ReadOnly,
        Denial::NoSpace => Refused::NoSpace,
        Denial::Missing => Refused::Other("ENOENT".to_owned()),
    }
}

#[async_trait]
impl Hands for Mounted {
    async fn read(&self, file: &str) -> Result<Vec<u8>, Refused> {
        self.through()?.read(file).map_err(refused)
    }

    async fn write(&self, file: &str, bytes: &[u8]) -> Result<(), Refused> {
        self.through()?.write(file, bytes).map_err(refused)
    }

    async fn list(&self) -> Result<BTreeSet<String>, Refused> {
        self.through()?.list("").map_err(refused)
    }

    async fn hold(&self, file: &str) -> Result<Box<dyn Held>, Refused> {
        let through = self.through()?;
        through.read(file).map_err(refused)?;
        Ok(Box::new(Open(through, file.to_owned())))
    }
}

struct Open(Through, String);

#[async_trait]
impl Held for Open {
    async fn rest(self: Box<Self>) -> Result<Vec<u8>, Refused> {
        self.0.read(&self.1).map_err(refused)
    }
}

mod all_capabilities {
    use super::*;
    conformance!(InMemory::declaring(ALL));
}

/// Exports that are something on the server, and no limits on anything.
mod exports_only {
    use super::*;
    conformance!(InMemory::declaring(Capabilities {
        share: true,
        revoke: true,
        read_only_enforced: true,
        ..Capabilities::default()
    }));
}

mod no_capability {
    use super::*;
    conformance!(InMemory::declaring(Capabilities::default()));
}
