//! The trait, one call each.

use super::Remote;
use super::operation::another;
use crate::wire::calls::*;
use crate::wire::operation::{Outcome, Progress, Work};
use async_trait::async_trait;
use std::sync::PoisonError;
use tombolo_backend_api::{
    Backend, BackendError, Capabilities, Clones, CreateVolume, Disposal, ExportKey, Found, Listed, Mark, Measure,
    MountSource, NodeAccess, PurgeProgress, Purged, Quota, Resize, Revoke, RootLocation, Share, Snapshots, Space,
    TrashEntry, TrashId, VolumePath,
};

#[async_trait]
impl Backend for Remote {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn root(&self) -> RootLocation {
        self.description.root.clone()
    }

    fn notice(&self) -> Option<String> {
        self.notice.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn read_mark(&self) -> Result<Option<Mark>, BackendError> {
        let mark = self.link.call::<ReadMark>(&Nothing {}).await?;
        self.link.saw(mark.as_ref().map(|mark| mark.backend_id.clone()));
        Ok(mark)
    }

    async fn place_mark(&self, mark: &Mark) -> Result<Mark, BackendError> {
        let mark = self.link.call::<PlaceMark>(mark).await?;
        self.link.saw(Some(mark.backend_id.clone()));
        Ok(mark)
    }

    async fn inspect(&self, path: &VolumePath) -> Result<Option<Found>, BackendError> {
        self.link.call::<Inspect>(&at(path)).await
    }

    async fn create(&self, volume: &CreateVolume) -> Result<Found, BackendError> {
        self.link.call::<Create>(volume).await
    }

    async fn mount(&self, export: &ExportKey) -> Result<MountSource, BackendError> {
        // A mere path needs no look at the mark.
        let guarded = self.capabilities.has_exports();
        let mount = self.link.call_guarded::<MountVolume>(export, guarded).await?;
        Ok(mount.into())
    }

    async fn discard(&self, path: &VolumePath, disposal: &Disposal) -> Result<(), BackendError> {
        let (path, disposal) = (path.clone(), disposal.clone());
        let Nothing {} = self.link.call::<Discard>(&ToDiscard { path, disposal }).await?;
        Ok(())
    }

    /// Takes over what the admin is to know as well: whoever looks at the room of a backend shows both.
    async fn space(&self) -> Result<Space, BackendError> {
        let space = self.link.call::<ReadSpace>(&Nothing {}).await?;
        self.renotice().await;
        Ok(space)
    }

    async fn list(&self) -> Result<Vec<Listed>, BackendError> {
        self.link.call::<ListVolumes>(&Nothing {}).await
    }

    async fn remove_empty(&self, path: &VolumePath) -> Result<bool, BackendError> {
        self.link.call::<RemoveEmpty>(&at(path)).await
    }

    async fn trash(&self) -> Result<Vec<TrashEntry>, BackendError> {
        self.link.call::<ListTrash>(&Nothing {}).await
    }

    async fn restore(&self, id: &TrashId, path: &VolumePath) -> Result<(), BackendError> {
        let (id, path) = (id.clone(), path.clone());
        let Nothing {} = self.link.call::<RestoreTrash>(&ToRestore { id, path }).await?;
        Ok(())
    }

    /// Counts what this call has removed since the far side was started last, and nothing if it joined another's.
    async fn purge(&self, id: &TrashId, progress: &dyn PurgeProgress) -> Result<Purged, BackendError> {
        let tell = |so_far| {
            if let Progress::Purge(purged) = so_far {
                progress.purged(purged);
            }
        };
        match self.operate(Work::Purge { id: id.clone() }, tell).await? {
            (Outcome::Purged(purged), true) => Ok(purged),
            (Outcome::Purged(_), false) => Ok(Purged::default()),
            (Outcome::Copied(_) | Outcome::Snapshot(_), _) => Err(another()),
        }
    }

    async fn forget(&self, id: &TrashId) -> Result<(), BackendError> {
        let Nothing {} = self.link.call::<ForgetTrash>(&OfEntry { id: id.clone() }).await?;
        Ok(())
    }

    fn share(&self) -> Option<&dyn Share> {
        self.capabilities.share.then_some(self)
    }

    fn revoke(&self) -> Option<&dyn Revoke> {
        self.capabilities.revoke.then_some(self)
    }

    fn snapshots(&self) -> Option<&dyn Snapshots> {
        self.capabilities.snapshot.then_some(self)
    }

    fn clones(&self) -> Option<&dyn Clones> {
        self.capabilities.clone.then_some(self)
    }

    fn resize(&self) -> Option<&dyn Resize> {
        self.capabilities.resize.then_some(self)
    }

    fn quota(&self) -> Option<&dyn Quota> {
        self.capabilities.quota.then_some(self)
    }

    fn measure(&self) -> Option<&dyn Measure> {
        self.capabilities.usage.then_some(self)
    }

    fn node_access(&self) -> Option<&dyn NodeAccess> {
        self.capabilities.node_access.then_some(self)
    }
}

pub(super) fn at(path: &VolumePath) -> AtPath {
    AtPath { path: path.clone() }
}
