//! All filers of a cluster, whoever started them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::{NAME, host, server};
use crate::process::{Lifetime, Processes};
use crate::{bus, rpcbind};

/// The directory of a cluster with one directory per filer.
pub(super) fn directory(cluster: &Path) -> PathBuf {
    cluster.join("filers")
}

/// Ends all filers of a cluster by their records; their file systems go with the last process.
pub(crate) fn end_all(cluster: &Path, grace: Duration) -> Result<()> {
    let directory = directory(cluster);
    if !directory.exists() {
        return Ok(());
    }
    for entry in std::fs::read_dir(&directory).with_context(|| format!("reading {}", directory.display()))? {
        let filer = entry?.path();
        let processes = Processes::new(&filer, Lifetime::Detached)?;
        for name in [NAME, server::NAME, bus::NAME, host::NAME] {
            processes.end(name, grace)?;
        }
        rpcbind::end(&processes)?;
    }
    Ok(())
}
