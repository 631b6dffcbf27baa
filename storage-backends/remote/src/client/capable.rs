//! What not every backend can do. Given out only if the far side declares it.

use super::Remote;
use super::backend::at;
use super::operation::another;
use crate::wire::calls::*;
use crate::wire::operation::{Outcome, Progress, Work};
use async_trait::async_trait;
use std::collections::BTreeSet;
use std::net::IpAddr;
use tombolo_backend_api::{
    Admission, BackendError, Clones, Copied, CopyProgress, CopyTerms, CreateVolume, ExportKey, Exported, Found,
    Measure, NodeAccess, Quota, Resize, Revoke, Share, Snapshot, SnapshotId, Snapshots, Usage, VolumePath,
};

impl Remote {
    async fn copy(&self, work: Work, progress: &dyn CopyProgress) -> Result<Outcome, BackendError> {
        let tell = |so_far| {
            if let Progress::Copy { done, of } = so_far {
                progress.copied(done, of);
            }
        };
        let (outcome, _ours) = self.operate(work, tell).await?;
        Ok(outcome)
    }
}

fn copied(outcome: Outcome) -> Result<Copied, BackendError> {
    match outcome {
        Outcome::Copied(copied) => Ok(copied),
        Outcome::Purged(_) | Outcome::Snapshot(_) => Err(another()),
    }
}

#[async_trait]
impl Share for Remote {
    async fn release(&self, export: &ExportKey) -> Result<(), BackendError> {
        let Nothing {} = self.link.call::<ReleaseExport>(export).await?;
        Ok(())
    }

    async fn exports(&self) -> Result<Vec<Exported>, BackendError> {
        self.link.call::<ListExports>(&Nothing {}).await
    }
}

#[async_trait]
impl Revoke for Remote {
    async fn admit(&self, export: &ExportKey, admission: Admission) -> Result<(), BackendError> {
        let export = export.clone();
        let Nothing {} = self.link.call::<AdmitExport>(&ToAdmit { export, admission }).await?;
        Ok(())
    }
}

#[async_trait]
impl NodeAccess for Remote {
    async fn admit_nodes(&self, addresses: &BTreeSet<IpAddr>) -> Result<(), BackendError> {
        let addresses = addresses.iter().copied().collect();
        let Nothing {} = self.link.call::<AdmitNodes>(&ToAdmitNodes { addresses }).await?;
        Ok(())
    }
}

#[async_trait]
impl Clones for Remote {
    async fn clone_volume(
        &self,
        from: &VolumePath,
        into: &CreateVolume,
        terms: &CopyTerms,
        progress: &dyn CopyProgress,
    ) -> Result<Copied, BackendError> {
        let work = Work::Clone {
            from: from.clone(),
            into: into.clone(),
            terms: *terms,
        };
        copied(self.copy(work, progress).await?)
    }

    async fn abandon_copy(&self, into: &VolumePath) -> Result<(), BackendError> {
        let Nothing {} = self.link.call::<AbandonCopy>(&at(into)).await?;
        Ok(())
    }
}

#[async_trait]
impl Snapshots for Remote {
    async fn take_snapshot(
        &self,
        id: &SnapshotId,
        of: &VolumePath,
        bytes: u64,
        terms: &CopyTerms,
        progress: &dyn CopyProgress,
    ) -> Result<Snapshot, BackendError> {
        let work = Work::TakeSnapshot {
            id: id.clone(),
            of: of.clone(),
            bytes,
            terms: *terms,
        };
        match self.copy(work, progress).await? {
            Outcome::Snapshot(snapshot) => Ok(snapshot),
            Outcome::Purged(_) | Outcome::Copied(_) => Err(another()),
        }
    }

    async fn find_snapshot(&self, id: &SnapshotId) -> Result<Option<Snapshot>, BackendError> {
        self.link.call::<FindSnapshot>(&OfSnapshot { id: id.clone() }).await
    }

    async fn list_snapshots(&self) -> Result<Vec<Snapshot>, BackendError> {
        self.link.call::<ListSnapshots>(&Nothing {}).await
    }

    async fn remove_snapshot(&self, id: &SnapshotId) -> Result<(), BackendError> {
        let Nothing {} = self.link.call::<RemoveSnapshot>(&OfSnapshot { id: id.clone() }).await?;
        Ok(())
    }

    async fn restore_snapshot(
        &self,
        id: &SnapshotId,
        into: &CreateVolume,
        terms: &CopyTerms,
        progress: &dyn CopyProgress,
    ) -> Result<Copied, BackendError> {
        let work = Work::RestoreSnapshot {
            id: id.clone(),
            into: into.clone(),
            terms: *terms,
        };
        copied(self.copy(work, progress).await?)
    }
}

#[async_trait]
impl Resize for Remote {
    async fn resize_volume(&self, path: &VolumePath, bytes: u64) -> Result<Found, BackendError> {
        let path = path.clone();
        self.link.call::<ResizeVolume>(&ToResize { path, bytes }).await
    }
}

#[async_trait]
impl Quota for Remote {
    async fn pinned(&self) -> Result<u64, BackendError> {
        self.link.call::<ReadPinned>(&Nothing {}).await
    }
}

#[async_trait]
impl Measure for Remote {
    async fn measure_volume(&self, path: &VolumePath) -> Result<Option<Usage>, BackendError> {
        self.link.call::<MeasureVolume>(&at(path)).await
    }
}
