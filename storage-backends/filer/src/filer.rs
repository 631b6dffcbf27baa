//! The filer itself: what it was started with, and how work gets to the root.

use crate::config::{Config, QuotaMode};
use crate::exports::Exports;
use crate::exposed::Exposed;
use crate::start::{self, FileSystem};
use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OwnedMutexGuard;
use tombolo_backend_api::{BackendError, VolumePath};
use tombolo_backend_local::blocking::{Threads, Work};
use tombolo_backend_local::{Local, dir};
use tombolo_btrfs::Division;

/// What a volume is here.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// A btrfs subvolume with a limit, mounted by itself where it is exported. The file system divides its room so, when it is opened.
    Subvolumes(Exposed, Division),
    /// A directory of a file system without subvolumes, exported where it is.
    Directories,
}

/// A Linux host as a filer. Clones are one.
#[derive(Clone)]
pub struct Filer(Arc<Inner>);

struct Inner {
    config: Config,
    kind: Kind,
    /// What it does with directories as such.
    local: Local,
    /// The root as the kernel spells it.
    root: PathBuf,
    exports: Arc<dyn Exports>,
    threads: Threads,
    locks: Mutex<HashMap<VolumePath, Arc<tokio::sync::Mutex<()>>>>,
    overcommitted: Mutex<Option<String>>,
}

impl Filer {
    /// Looks at the file system below the root, switches simple quotas on where a btrfs has none, and prepares the place for mounts.
    /// Touches no volume; [`Filer::settle`] mounts those that are exported.
    ///
    /// # Errors
    /// `Invalid` if the root lies on the file system of `/`, or on one that holds something else, or if its quotas are not those that
    /// were asked for; `Waiting` if it is not there.
    pub async fn open(config: Config, exports: Arc<dyn Exports>) -> Result<Self, BackendError> {
        let threads = Threads::default();
        let looked_at = config.clone();
        let (kind, root) = threads.run(Work::Changes, move || start::start(&looked_at)).await?;
        Ok(Self::of(config, exports, kind, root, threads))
    }

    /// Looks at the file system below the root, and changes nothing: for calls that only read. Whatever it is told to change may fail.
    ///
    /// # Errors
    /// As those of [`Filer::open`], but for quotas.
    pub async fn look(config: Config, exports: Arc<dyn Exports>) -> Result<Self, BackendError> {
        let threads = Threads::default();
        let looked_at = config.clone();
        let looked = threads.run(Work::Reads, move || start::look(&looked_at)).await?;
        let kind = match looked.on {
            FileSystem::Btrfs(_, division) => Kind::Subvolumes(Exposed::as_it_is(config.exports_dir()), division),
            FileSystem::Other => Kind::Directories,
        };
        Ok(Self::of(config, exports, kind, looked.root, threads))
    }

    /// Looks on what kind of file system the root lies, and whether nothing else does.
    ///
    /// # Errors
    /// As those of [`Filer::open`], but for quotas.
    pub async fn file_system(config: &Config) -> Result<FileSystem, BackendError> {
        let (config, threads) = (config.clone(), Threads::default());
        let looked = threads.run(Work::Reads, move || start::look(&config)).await?;
        Ok(looked.on)
    }

    fn of(config: Config, exports: Arc<dyn Exports>, kind: Kind, root: PathBuf, threads: Threads) -> Self {
        Self(Arc::new(Inner {
            local: Local::at(&root, config.host()),
            config,
            kind,
            root,
            exports,
            threads,
            locks: Mutex::default(),
            overcommitted: Mutex::default(),
        }))
    }

    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }

    pub(crate) fn kind(&self) -> &Kind {
        &self.0.kind
    }

    pub(crate) fn local(&self) -> &Local {
        &self.0.local
    }

    pub(crate) fn root_path(&self) -> &PathBuf {
        &self.0.root
    }

    pub(crate) fn exported(&self) -> &dyn Exports {
        &*self.0.exports
    }

    pub(crate) fn threads(&self) -> &Threads {
        &self.0.threads
    }

    /// Where subvolumes are mounted, if volumes are subvolumes.
    pub(crate) fn subvolumes(&self) -> Option<&Exposed> {
        match &self.0.kind {
            Kind::Subvolumes(exposed, _) => Some(exposed),
            Kind::Directories => None,
        }
    }

    /// Runs `job` on the open root.
    pub(crate) async fn on_root<T: Send + 'static>(
        &self,
        work: Work,
        job: impl FnOnce(&OwnedFd) -> Result<T, BackendError> + Send + 'static,
    ) -> Result<T, BackendError> {
        let root = self.0.root.clone();
        self.0.threads.run(work, move || job(&dir::root(&root)?)).await
    }

    /// Waits for a volume: it is not mounted for an export while it is being discarded.
    pub(crate) async fn alone_with(&self, path: &VolumePath) -> OwnedMutexGuard<()> {
        let lock = {
            let mut locks = self.0.locks.lock().unwrap_or_else(PoisonError::into_inner);
            locks.retain(|_, lock| Arc::strong_count(lock) > 1);
            locks.entry(path.clone()).or_default().clone()
        };
        lock.lock_owned().await
    }

    pub(crate) fn tell_overcommitted(&self, message: Option<String>) {
        *self.0.overcommitted.lock().unwrap_or_else(PoisonError::into_inner) = message;
    }

    /// What works but not as one might think.
    pub(crate) fn what_to_know(&self) -> Option<String> {
        let told = self.0.overcommitted.lock().unwrap_or_else(PoisonError::into_inner);
        match (&self.0.kind, self.0.config.quota()) {
            (Kind::Directories, _) => Some("the root is on no btrfs: sizes are not limits".to_owned()),
            (Kind::Subvolumes(..), QuotaMode::Full) => Some(
                "full quota groups may be on: deletions are slow with them, and snapshots escape their limits"
                    .to_owned(),
            ),
            (Kind::Subvolumes(_, division), QuotaMode::Simple) => told.clone().or_else(|| apart(*division)),
        }
    }
}

/// What is to be known of a btrfs whose data and metadata lie apart.
fn apart(division: Division) -> Option<String> {
    let (usual, share) = (90, division.promisable(90));
    (share < usual).then(|| {
        format!(
            "data and metadata have block groups of their own on this btrfs, so that {share} % of it, and not {usual} %, can be promised and be \
             there for any use: make one with mkfs.btrfs --mixed for more"
        )
    })
}
