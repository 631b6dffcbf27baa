//! The trait, on a filer: each operation in one line, and what is declared where.

use crate::copies::{self, Source};
use crate::filer::Filer;
use crate::{discard, purge, sharing, snapshots, subvolumes};
use async_trait::async_trait;
use tombolo_backend_api::{
    Backend, BackendError, Capabilities, Clones, Copied, CopyProgress, CopyTerms, CreateVolume, Disposal, ExportKey,
    Found, Listed, Mark, Measure, MountSource, NodeAccess, PurgeProgress, Purged, Quota, Resize, Revoke, RootLocation,
    Share, Snapshot, SnapshotId, Snapshots, Space, TrashEntry, TrashId, VolumePath,
};
use tombolo_backend_local::blocking::Work;
use tombolo_backend_local::trash;

#[async_trait]
impl Backend for Filer {
    fn capabilities(&self) -> Capabilities {
        let exported = Capabilities {
            share: true,
            revoke: true,
            read_only_enforced: true,
            node_access: self.exported().knows_nodes(),
            ..Capabilities::default()
        };
        if self.subvolumes().is_some() {
            return Capabilities {
                snapshot: true,
                clone: true,
                resize: true,
                quota: true,
                usage: true,
                ..exported
            };
        }
        // What `local` does with directories, it does with these.
        let Capabilities {
            snapshot, clone, usage, ..
        } = self.local().capabilities();
        Capabilities {
            snapshot,
            clone,
            usage,
            ..exported
        }
    }

    fn root(&self) -> RootLocation {
        RootLocation {
            host: self.config().host().to_owned(),
            path: self.root_path().display().to_string(),
        }
    }

    fn notice(&self) -> Option<String> {
        self.what_to_know()
    }

    async fn read_mark(&self) -> Result<Option<Mark>, BackendError> {
        self.local().read_mark().await
    }

    async fn place_mark(&self, mark: &Mark) -> Result<Mark, BackendError> {
        let placed = self.local().place_mark(mark).await?;
        // Nothing was settled without a mark. Whatever is not right yet, the timer mends.
        if let Err(error) = self.settle().await {
            tracing::info!(%error, "the root was marked, and not everything could be settled yet");
        }
        Ok(placed)
    }

    async fn inspect(&self, path: &VolumePath) -> Result<Option<Found>, BackendError> {
        if self.subvolumes().is_none() {
            return self.local().inspect(path).await;
        }
        let path = path.clone();
        self.on_root(Work::Reads, move |root| subvolumes::inspect(root, &path))
            .await
    }

    async fn create(&self, volume: &CreateVolume) -> Result<Found, BackendError> {
        if self.subvolumes().is_none() {
            return self.local().create(volume).await;
        }
        let (filer, volume) = (self.clone(), volume.clone());
        self.on_root(Work::Changes, move |root| subvolumes::create(&filer, root, &volume))
            .await
    }

    async fn mount(&self, export: &ExportKey) -> Result<MountSource, BackendError> {
        sharing::mount(self, export).await
    }

    async fn discard(&self, path: &VolumePath, disposal: &Disposal) -> Result<(), BackendError> {
        discard::discard(self, path, disposal).await
    }

    async fn space(&self) -> Result<Space, BackendError> {
        self.local().space().await
    }

    async fn list(&self) -> Result<Vec<Listed>, BackendError> {
        self.local().list().await
    }

    async fn remove_empty(&self, path: &VolumePath) -> Result<bool, BackendError> {
        let _alone = self.alone_with(path).await;
        // The kernel removes an empty subvolume as it removes an empty directory.
        let removed = self.local().remove_empty(path).await?;
        if removed {
            discard::withdraw(self, path).await?;
        }
        Ok(removed)
    }

    async fn trash(&self) -> Result<Vec<TrashEntry>, BackendError> {
        self.local().trash().await
    }

    async fn restore(&self, id: &TrashId, path: &VolumePath) -> Result<(), BackendError> {
        let (id, path) = (id.clone(), path.clone());
        self.on_root(Work::Changes, move |root| trash::restore(root, &id, &path))
            .await
    }

    async fn purge(&self, id: &TrashId, progress: &dyn PurgeProgress) -> Result<Purged, BackendError> {
        purge::purge(self, id, progress).await
    }

    async fn forget(&self, id: &TrashId) -> Result<(), BackendError> {
        self.local().forget(id).await
    }

    fn share(&self) -> Option<&dyn Share> {
        Some(self)
    }

    fn revoke(&self) -> Option<&dyn Revoke> {
        Some(self)
    }

    fn snapshots(&self) -> Option<&dyn Snapshots> {
        match self.subvolumes() {
            Some(_) => Some(self),
            None => self.local().snapshots(),
        }
    }

    fn clones(&self) -> Option<&dyn Clones> {
        match self.subvolumes() {
            Some(_) => Some(self),
            None => self.local().clones(),
        }
    }

    fn resize(&self) -> Option<&dyn Resize> {
        self.subvolumes().map(|_| self as &dyn Resize)
    }

    fn quota(&self) -> Option<&dyn Quota> {
        self.subvolumes().map(|_| self as &dyn Quota)
    }

    fn measure(&self) -> Option<&dyn Measure> {
        match self.subvolumes() {
            Some(_) => Some(self),
            None => self.local().measure(),
        }
    }

    fn node_access(&self) -> Option<&dyn NodeAccess> {
        self.exported().knows_nodes().then_some(self)
    }
}

#[async_trait]
impl Clones for Filer {
    async fn clone_volume(
        &self,
        from: &VolumePath,
        into: &CreateVolume,
        terms: &CopyTerms,
        _: &dyn CopyProgress,
    ) -> Result<Copied, BackendError> {
        copies::copy(self, Source::Volume(from.clone()), into, *terms).await
    }

    async fn abandon_copy(&self, into: &VolumePath) -> Result<(), BackendError> {
        let into = into.clone();
        self.on_root(Work::Changes, move |root| copies::abandon(root, &into))
            .await
    }
}

#[async_trait]
impl Snapshots for Filer {
    async fn take_snapshot(
        &self,
        id: &SnapshotId,
        of: &VolumePath,
        bytes: u64,
        terms: &CopyTerms,
        _: &dyn CopyProgress,
    ) -> Result<Snapshot, BackendError> {
        snapshots::take(self, id, of, bytes, *terms).await
    }

    async fn find_snapshot(&self, id: &SnapshotId) -> Result<Option<Snapshot>, BackendError> {
        let id = id.clone();
        self.on_root(Work::Reads, move |root| snapshots::find(root, &id)).await
    }

    async fn list_snapshots(&self) -> Result<Vec<Snapshot>, BackendError> {
        self.on_root(Work::Reads, snapshots::list).await
    }

    async fn remove_snapshot(&self, id: &SnapshotId) -> Result<(), BackendError> {
        let id = id.clone();
        self.on_root(Work::Changes, move |root| snapshots::remove_snapshot(root, &id))
            .await
    }

    async fn restore_snapshot(
        &self,
        id: &SnapshotId,
        into: &CreateVolume,
        terms: &CopyTerms,
        _: &dyn CopyProgress,
    ) -> Result<Copied, BackendError> {
        copies::copy(self, Source::Snapshot(id.clone()), into, *terms).await
    }
}
