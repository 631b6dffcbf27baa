//! The trait, on a directory.

use crate::blocking::{Steps, Threads, Work};
use crate::purge::{Counters, purge};
use crate::{Config, dir, mark, trash, volumes};
use async_trait::async_trait;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tombolo_backend_api::{
    Backend, BackendError, Capabilities, Clones, CreateVolume, Disposal, ExportKey, Exported, Found, Listed, Mark,
    Measure, MountSource, PurgeProgress, Purged, RootLocation, Share, Snapshots, Space, TrashEntry, TrashId,
    VolumePath,
};

/// A directory on one node.
#[derive(Debug, Clone)]
pub struct Local {
    pub(crate) root: Arc<PathBuf>,
    node: String,
    pub(crate) threads: Threads,
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
    pub(crate) async fn on_root<T: Send + 'static>(
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
            snapshot: true,
            clone: true,
            usage: true,
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
        volumes::spared_by_others(path)?;
        let (id, path) = (id.clone(), path.clone());
        self.on_root(Work::Changes, move |root| trash::restore(root, &id, &path))
            .await
    }

    async fn forget(&self, id: &TrashId) -> Result<(), BackendError> {
        let id = id.clone();
        self.on_root(Work::Changes, move |root| trash::forget(root, &id)).await
    }

    async fn purge(&self, id: &TrashId, progress: &dyn PurgeProgress) -> Result<Purged, BackendError> {
        let counters = Arc::new(Counters::default());
        let (root, doomed) = (self.root.clone(), id.clone());
        let tell = |so_far| progress.purged(so_far);
        let what = format!("the purge of {id}");
        let job = move |counters: &Counters| {
            purge(&dir::root(&root)?, &doomed, counters)?;
            Ok(counters.so_far())
        };
        self.threads.watch(&what, counters, tell, job).await
    }

    fn share(&self) -> Option<&dyn Share> {
        Some(self)
    }

    fn snapshots(&self) -> Option<&dyn Snapshots> {
        Some(self)
    }

    fn clones(&self) -> Option<&dyn Clones> {
        Some(self)
    }

    fn measure(&self) -> Option<&dyn Measure> {
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
