//! The trait, on a directory.

use crate::blocking::{DEADLINE, Threads, Work};
use crate::purge::{Counters, purge};
use crate::{Config, dir, mark, trash, volumes};
use async_trait::async_trait;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tombolo_backend_api::{
    Backend, BackendError, Capabilities, Class, CreateVolume, Disposal, ExportKey, Exported, Found, Listed, Mark,
    MountSource, PurgeProgress, Purged, RootLocation, Share, Space, TrashEntry, TrashId, VolumePath,
};

/// How often a purge tells how far it has come.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);

/// A directory on one node.
#[derive(Debug, Clone)]
pub struct Local {
    root: Arc<PathBuf>,
    node: String,
    threads: Threads,
}

impl Local {
    /// The backend of a checked configuration. Touches nothing: the root may be away, and come.
    pub fn open(config: &Config) -> Self {
        Self::at(Path::new(config.path()), config.node())
    }

    /// A backend on any directory, without the rules of [`Config`]: for tests, whose directories may lie where no
    /// `PersistentVolume` may point.
    pub fn at(root: &Path, node: &str) -> Self {
        Self {
            root: Arc::new(root.to_owned()),
            node: node.to_owned(),
            threads: Threads::default(),
        }
    }

    /// Runs `job` on the open root.
    async fn on_root<T: Send + 'static>(
        &self,
        work: Work,
        job: impl FnOnce(&OwnedFd) -> Result<T, BackendError> + Send + 'static,
    ) -> Result<T, BackendError> {
        let root = self.root.clone();
        self.threads.run(work, move || job(&dir::root(&root)?)).await
    }
}

#[async_trait]
impl Backend for Local {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            share: true,
            ..Capabilities::default()
        }
    }

    fn root(&self) -> RootLocation {
        RootLocation {
            host: self.node.to_lowercase(),
            path: self.root.display().to_string(),
        }
    }

    async fn read_mark(&self) -> Result<Option<Mark>, BackendError> {
        self.on_root(Work::Reads, mark::read).await
    }

    async fn place_mark(&self, mark: &Mark) -> Result<Mark, BackendError> {
        let (root, mark) = (self.root.clone(), mark.clone());
        self.threads.run(Work::Changes, move || mark::place(&root, &mark)).await
    }

    async fn inspect(&self, path: &VolumePath) -> Result<Option<Found>, BackendError> {
        let path = path.clone();
        self.on_root(Work::Reads, move |root| volumes::inspect(root, &path))
            .await
    }

    async fn create(&self, volume: &CreateVolume) -> Result<Found, BackendError> {
        let volume = volume.clone();
        self.on_root(Work::Changes, move |root| volumes::create(root, &volume))
            .await
    }

    async fn mount(&self, export: &ExportKey) -> Result<MountSource, BackendError> {
        volumes::spared_by_others(&export.path)?;
        Ok(MountSource::HostPath {
            path: format!("{}/{}", self.root.display(), export.path),
            node: self.node.clone(),
        })
    }

    async fn discard(&self, path: &VolumePath, disposal: &Disposal) -> Result<(), BackendError> {
        let (path, disposal) = (path.clone(), disposal.clone());
        self.on_root(Work::Changes, move |root| trash::discard(root, &path, &disposal))
            .await
    }

    async fn space(&self) -> Result<Space, BackendError> {
        self.on_root(Work::Reads, volumes::space).await
    }

    async fn list(&self) -> Result<Vec<Listed>, BackendError> {
        self.on_root(Work::Reads, volumes::list).await
    }

    async fn remove_empty(&self, path: &VolumePath) -> Result<bool, BackendError> {
        let path = path.clone();
        self.on_root(Work::Changes, move |root| volumes::remove_empty(root, &path))
            .await
    }

    async fn trash(&self) -> Result<Vec<TrashEntry>, BackendError> {
        self.on_root(Work::Reads, trash::list).await
    }

    async fn restore(&self, id: &TrashId, path: &VolumePath) -> Result<(), BackendError> {
        let (id, path) = (id.clone(), path.clone());
        self.on_root(Work::Changes, move |root| trash::restore(root, &id, &path))
            .await
    }

    async fn forget(&self, id: &TrashId) -> Result<(), BackendError> {
        let id = id.clone();
        self.on_root(Work::Changes, move |root| trash::forget(root, &id)).await
    }

    async fn purge(&self, id: &TrashId, progress: &dyn PurgeProgress) -> Result<Purged, BackendError> {
        let permit = self.threads.permit().await?;
        let counters = Arc::new(Counters::default());
        let _abandoned_with_this_call = Abandon(counters.clone());
        let (root, doomed, counted) = (self.root.clone(), id.clone(), counters.clone());
        let mut running = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            purge(&dir::root(&root)?, &doomed, &counted)
        });
        let (mut so_far, mut last_progress) = (Purged::default(), Instant::now());
        loop {
            if let Ok(ended) = tokio::time::timeout(PROGRESS_EVERY, &mut running).await {
                ended.map_err(|panic| BackendError::maybe_done(Class::Bug, "a purge broke").because(panic))??;
                return Ok(counters.read());
            }
            let now = counters.read();
            if now != so_far {
                (so_far, last_progress) = (now, Instant::now());
                progress.purged(now);
            } else if last_progress.elapsed() > DEADLINE {
                let message = format!("the purge of {id} made no progress for {DEADLINE:?}");
                return Err(BackendError::maybe_done(Class::Waiting, message));
            }
        }
    }

    fn share(&self) -> Option<&dyn Share> {
        Some(self)
    }
}

/// A way to a volume is a mere path, so there is nothing to take back.
#[async_trait]
impl Share for Local {
    async fn release(&self, _: &ExportKey) -> Result<(), BackendError> {
        Ok(())
    }

    async fn exports(&self) -> Result<Vec<Exported>, BackendError> {
        Ok(Vec::new())
    }
}

/// Stops a purge whose caller has gone.
struct Abandon(Arc<Counters>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.abandon();
    }
}
