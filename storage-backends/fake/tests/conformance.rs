//! The fake keeps every promise of a backend, with all capabilities and with none.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use async_trait::async_trait;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use tombolo_backend_api::{Backend, Capabilities, Class};
use tombolo_backend_conformance::{Copying, Skip, Subject, conformance};
use tombolo_backend_fake::{ALL, Fake, Fault, Op, Tree};

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

mod all_capabilities {
    use super::*;
    conformance!(InMemory::declaring(ALL));
}

mod no_capability {
    use super::*;
    conformance!(InMemory::declaring(Capabilities::default()));
}
