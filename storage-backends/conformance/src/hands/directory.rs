//! Hands on a directory of this machine, as a `hostPath` volume gives.

use super::{Hands, Held, Refused};
use async_trait::async_trait;
use std::collections::BTreeSet;
use std::fs;
use std::io::{ErrorKind, Read};
use std::path::PathBuf;

/// A volume that is a directory here.
#[derive(Debug, Clone)]
pub struct OnDirectory(pub PathBuf);

#[async_trait]
impl Hands for OnDirectory {
    async fn read(&self, file: &str) -> Result<Vec<u8>, Refused> {
        fs::read(self.0.join(file)).map_err(refused)
    }

    async fn write(&self, file: &str, bytes: &[u8]) -> Result<(), Refused> {
        let mut open = fs::File::create(self.0.join(file)).map_err(refused)?;
        std::io::Write::write_all(&mut open, bytes).map_err(refused)?;
        open.sync_all().map_err(refused)
    }

    async fn list(&self) -> Result<BTreeSet<String>, Refused> {
        let entries = fs::read_dir(&self.0).map_err(refused)?;
        entries
            .map(|entry| Ok(entry.map_err(refused)?.file_name().to_string_lossy().into_owned()))
            .collect()
    }

    async fn hold(&self, file: &str) -> Result<Box<dyn Held>, Refused> {
        Ok(Box::new(Open(fs::File::open(self.0.join(file)).map_err(refused)?)))
    }
}

struct Open(fs::File);

#[async_trait]
impl Held for Open {
    async fn rest(mut self: Box<Self>) -> Result<Vec<u8>, Refused> {
        let mut bytes = Vec::new();
        self.0.read_to_end(&mut bytes).map_err(refused)?;
        Ok(bytes)
    }
}

fn refused(error: std::io::Error) -> Refused {
    match error.kind() {
        ErrorKind::ReadOnlyFilesystem => Refused::ReadOnly,
        ErrorKind::StaleNetworkFileHandle => Refused::Gone,
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Refused::NoSpace,
        _ => Refused::Other(error.to_string()),
    }
}
