//! The filer itself: what it was started with, and how work gets to the root.

use crate::config::{Config, QuotaMode};
use crate::exports::Exports;
use crate::exposed::Exposed;
use crate::start::{self, FileSystem};
use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OwnedMutexGuard;
use tombolo_backend_api::{BackendError, VolumePath};
use tombolo_backend_local::blocking::{Threads, Work};
use tombolo_backend_local::error::Certain;
use tombolo_backend_local::{Local, dir};
use tombolo_btrfs::Division;

/// What a volume is here.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// A btrfs subvolume with a limit, mounted by itself where it is exported.
    Subvolumes(Exposed),
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
    /// How a btrfs divides its room, where it was when this was opened.
    division: Option<Division>,
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
        let begin = move || {
            let (kind, root) = start::start(&looked_at)?;
            let division = division(&kind, &root)?;
            Ok((kind, root, division))
        };
        let (kind, root, division) = threads.run(Work::Changes, begin).await?;
        Ok(Self::of(config, exports, (kind, root, division), threads))
    }

    /// Looks at the file system below the root, and changes nothing: for calls that only read. Whatever it is told to change may fail.
    ///
    /// # Errors
    /// As those of [`Filer::open`], but for quotas.
    pub async fn look(config: Config, exports: Arc<dyn Exports>) -> Result<Self, BackendError> {
        let threads = Threads::default();
        let looked_at = config.clone();
        let look = move || {
            let looked = start::look(&looked_at)?;
            let kind = match looked.on {
                FileSystem::Btrfs(_) => Kind::Subvolumes(Exposed::as_it_is(looked_at.exports_dir())),
                FileSystem::Other => Kind::Directories,
            };
            // The root may not be there yet.
            let division = division(&kind, &looked.root).unwrap_or_default();
            Ok((kind, looked.root, division))
        };
        let looked = threads.run(Work::Reads, look).await?;
        Ok(Self::of(config, exports, looked, threads))
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

    fn of(
        config: Config,
        exports: Arc<dyn Exports>,
        (kind, root, division): (Kind, PathBuf, Option<Division>),
        threads: Threads,
    ) -> Self {
        Self(Arc::new(Inner {
            local: Local::at(&root, config.host()),
            config,
            kind,
            root,
            exports,
            threads,
            locks: Mutex::default(),
            overcommitted: Mutex::default(),
            division,
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
            Kind::Subvolumes(exposed) => Some(exposed),
            Kind::Directories => None,
        }
    }

    pub(crate) fn open_root(&self) -> Result<OwnedFd, BackendError> {
        dir::root(&self.0.root)
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
            (Kind::Subvolumes(_), QuotaMode::Full) => Some(
                "full quota groups may be on: deletions are slow with them, and snapshots escape their limits"
                    .to_owned(),
            ),
            (Kind::Subvolumes(_), QuotaMode::Simple) => told.clone().or_else(|| self.apart()),
        }
    }

    /// What is to be known of a btrfs whose data and metadata lie apart.
    fn apart(&self) -> Option<String> {
        let (divided, of) = (self.0.division?, 100);
        let share = divided.promisable(of);
        (share < of).then(|| {
            format!(
                "data and metadata have room of their own on this btrfs, so that no more than {share} % of nine tenths of it can be promised and \
                 be there for any use; on one made with `mkfs.btrfs --mixed` it is all of them"
            )
        })
    }
}

/// How a root's file system divides its room, if its volumes are subvolumes. The root may be missing: what is above it is on the same.
fn division(kind: &Kind, root: &Path) -> Result<Option<Division>, BackendError> {
    match kind {
        Kind::Directories => Ok(None),
        Kind::Subvolumes(_) => {
            let inside = dir::root(root).or_else(|error| root.parent().map_or(Err(error), dir::root))?;
            Ok(Some(Division::of(inside).not_done("ask how room is divided")?))
        }
    }
}
