//! Ending clusters: by their records, in an order in which nobody loses what it needs, with all of their files.
//!
//! A cluster that belongs to a process is swept by the next one that starts when its owner died without cleaning up.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::process::{Lifetime, Processes, Recorded};
use crate::{
    apiserver, bus, controller, controller_manager, directories, etcd, filer, ganesha, rpcbind, snapshot_controller,
};

const PREFIX: &str = "run-";
const OWNER: &str = "owner.json";

/// What happens to the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Data {
    /// It is used again: servers get the time to end in order.
    Kept,
    /// It is removed: no server needs to finish anything.
    Discarded,
}

/// Ends every process of a cluster.
pub(crate) fn end(directory: &Path, data: Data) -> Result<()> {
    let processes = Processes::new(directory, Lifetime::Detached)?;
    let grace = match data {
        Data::Kept => Duration::from_secs(5),
        Data::Discarded => Duration::ZERO,
    };
    controller::end_all(directory, grace)?;
    filer::end_all(directory, grace)?;
    for name in [
        snapshot_controller::NAME,
        controller_manager::NAME,
        apiserver::NAME,
        etcd::NAME,
    ] {
        processes.end(name, grace)?;
    }
    // Asked kindly in any case: it takes itself off the port mapper's list.
    processes.end(ganesha::NAME, Duration::from_secs(5))?;
    processes.end(bus::NAME, grace)?;
    rpcbind::end(&processes)
}

/// Removes a cluster's files.
pub(crate) fn remove(directory: &Path) -> Result<()> {
    let export = directory.join("nfs/export");
    if let Ok(elsewhere) = std::fs::read_link(&export) {
        remove_tree(&elsewhere)?;
    }
    remove_tree(directory)
}

fn remove_tree(directory: &Path) -> Result<()> {
    match std::fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", directory.display()))
        }
        _ => Ok(()),
    }
}

/// The directory of servers that live no longer than this value or this process.
#[derive(Debug)]
pub(crate) struct OwnDirectory(PathBuf);

impl OwnDirectory {
    pub(crate) async fn create() -> Result<Self> {
        // Sweeping waits for processes to end.
        tokio::task::spawn_blocking(Self::create_now).await?
    }

    fn create_now() -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let root = directories::state_root()?;
        // Of two that sweep one directory, the slower would miss what the faster removes.
        let _lock = directories::lock(&root.join("sweep.lock"))?;
        sweep(&root)?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let directory = root.join(format!("{PREFIX}{}-{number}", std::process::id()));
        remove(&directory)?;
        std::fs::create_dir(&directory).with_context(|| format!("creating {}", directory.display()))?;
        std::fs::write(directory.join(OWNER), serde_json::to_vec(&Recorded::myself()?)?)?;
        Ok(Self(directory))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    fn clear(&self) -> Result<()> {
        end(&self.0, Data::Discarded)?;
        // The logs of a failed test are worth more than a tidy directory; the next run sweeps them.
        if std::thread::panicking() {
            Ok(())
        } else {
            remove(&self.0)
        }
    }
}

impl Drop for OwnDirectory {
    fn drop(&mut self) {
        if let Err(error) = self.clear() {
            eprintln!("ending the servers in {}: {error:#}", self.0.display());
        }
    }
}

/// Ends and removes what dead owners left behind.
fn sweep(root: &Path) -> Result<()> {
    for entry in std::fs::read_dir(root)? {
        let directory = entry?.path();
        let owned = directory
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.starts_with(PREFIX));
        // Without a readable owner it is being made or removed at this moment.
        let owner = std::fs::read(directory.join(OWNER))
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok());
        if let (true, Some(owner)) = (owned, owner) {
            let owner: Recorded = owner;
            if !owner.is_alive() {
                end(&directory, Data::Discarded)?;
                remove(&directory)?;
            }
        }
    }
    Ok(())
}
