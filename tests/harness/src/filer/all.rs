//! All filers of a cluster, whoever started them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::{NAME, disk, server};
use crate::bus;
use crate::process::{Lifetime, Processes};

/// The directory of a cluster with one directory per filer.
pub(super) fn directory(cluster: &Path) -> PathBuf {
    cluster.join("filers")
}

/// Ends all filers of a cluster by their records, and takes their file systems away.
pub(crate) fn end_all(cluster: &Path, grace: Duration) -> Result<()> {
    let directory = directory(cluster);
    if !directory.exists() {
        return Ok(());
    }
    for entry in std::fs::read_dir(&directory).with_context(|| format!("reading {}", directory.display()))? {
        let filer = entry?.path();
        let processes = Processes::new(&filer, Lifetime::Detached)?;
        for name in [NAME, server::NAME, bus::NAME] {
            processes.end(name, grace)?;
        }
        disk::unmount(&filer)?;
    }
    Ok(())
}
