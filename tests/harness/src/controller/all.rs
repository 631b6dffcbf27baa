//! All controllers of a cluster, whoever started them.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::NAME;
use crate::process::{Lifetime, Processes};

/// The directory of a cluster with one directory per controller.
pub(super) const DIRECTORY: &str = "controllers";

/// The last lines of the logs of all controllers of a cluster that speak of `what`, or of trouble.
pub(crate) fn words_on(cluster: &Path, what: &str) -> String {
    const LINES: usize = 30;
    let telling = |line: &&str| line.contains(what) || line.contains(" WARN tombolo") || line.contains(" ERROR ");
    let mut said = String::new();
    for entry in std::fs::read_dir(cluster.join(DIRECTORY))
        .into_iter()
        .flatten()
        .flatten()
    {
        let log = std::fs::read(entry.path().join(format!("logs/{NAME}.log"))).unwrap_or_default();
        let text = String::from_utf8_lossy(&log);
        let mut last: Vec<_> = text.lines().rev().filter(telling).take(LINES).collect();
        last.reverse();
        said += &format!("{} on {what:?}:\n{}\n", entry.file_name().display(), last.join("\n"));
    }
    said
}

/// Ends all controllers of a cluster, by their records.
pub(crate) fn end_all(cluster: &Path, grace: Duration) -> Result<()> {
    let directory = cluster.join(DIRECTORY);
    if !directory.exists() {
        return Ok(());
    }
    for entry in std::fs::read_dir(&directory).with_context(|| format!("reading {}", directory.display()))? {
        Processes::new(&entry?.path(), Lifetime::Detached)?.end(NAME, grace)?;
    }
    Ok(())
}
