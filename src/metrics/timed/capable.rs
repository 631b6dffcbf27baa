//! What not every backend can do, timed. Each is given out only where the driver has it.

use super::Timed;
use crate::metrics::labels::Operation;
use async_trait::async_trait;
use std::collections::BTreeSet;
use std::net::IpAddr;
use tombolo_backend_api::{
    Admission, BackendError, Class, Clones, Copied, CopyProgress, CopyTerms, CreateVolume, ExportKey, Exported, Found,
    Measure, NodeAccess, Quota, Resize, Revoke, Share, Snapshot, SnapshotId, Snapshots, Usage, VolumePath,
};

/// Nobody asks for what was not given out.
fn not_given_out<T: ?Sized>(capability: Option<&T>) -> Result<&T, BackendError> {
    capability.ok_or_else(|| BackendError::not_done(Class::Bug, "a capability was asked for that is not declared"))
}

#[async_trait]
impl Share for Timed {
    async fn release(&self, export: &ExportKey) -> Result<(), BackendError> {
        let inner = not_given_out(self.inner.share())?;
        self.time(Operation::Release, inner.release(export)).await
    }

    async fn exports(&self) -> Result<Vec<Exported>, BackendError> {
        let inner = not_given_out(self.inner.share())?;
        self.time(Operation::Exports, inner.exports()).await
    }
}

#[async_trait]
impl Revoke for Timed {
    async fn admit(&self, export: &ExportKey, admission: Admission) -> Result<(), BackendError> {
        let inner = not_given_out(self.inner.revoke())?;
        self.time(Operation::Admit, inner.admit(export, admission)).await
    }
}

#[async_trait]
impl NodeAccess for Timed {
    async fn admit_nodes(&self, addresses: &BTreeSet<IpAddr>) -> Result<(), BackendError> {
        let inner = not_given_out(self.inner.node_access())?;
        self.time(Operation::AdmitNodes, inner.admit_nodes(addresses)).await
    }
}

#[async_trait]
impl Clones for Timed {
    async fn clone_volume(
        &self,
        from: &VolumePath,
        into: &CreateVolume,
        terms: &CopyTerms,
        progress: &dyn CopyProgress,
    ) -> Result<Copied, BackendError> {
        let inner = not_given_out(self.inner.clones())?;
        self.time(Operation::CloneVolume, inner.clone_volume(from, into, terms, progress))
            .await
    }

    async fn abandon_copy(&self, into: &VolumePath) -> Result<(), BackendError> {
        let inner = not_given_out(self.inner.clones())?;
        self.time(Operation::AbandonCopy, inner.abandon_copy(into)).await
    }
}

#[async_trait]
impl Snapshots for Timed {
    async fn take_snapshot(
        &self,
        id: &SnapshotId,
        of: &VolumePath,
        bytes: u64,
        terms: &CopyTerms,
        progress: &dyn CopyProgress,
    ) -> Result<Snapshot, BackendError> {
        let inner = not_given_out(self.inner.snapshots())?;
        self.time(
            Operation::TakeSnapshot,
            inner.take_snapshot(id, of, bytes, terms, progress),
        )
        .await
    }

    async fn find_snapshot(&self, id: &SnapshotId) -> Result<Option<Snapshot>, BackendError> {
        let inner = not_given_out(self.inner.snapshots())?;
        self.time(Operation::FindSnapshot, inner.find_snapshot(id)).await
    }

    async fn list_snapshots(&self) -> Result<Vec<Snapshot>, BackendError> {
        let inner = not_given_out(self.inner.snapshots())?;
        self.time(Operation::ListSnapshots, inner.list_snapshots()).await
    }

    async fn remove_snapshot(&self, id: &SnapshotId) -> Result<(), BackendError> {
        let inner = not_given_out(self.inner.snapshots())?;
        self.time(Operation::RemoveSnapshot, inner.remove_snapshot(id)).await
    }

    async fn restore_snapshot(
        &self,
        id: &SnapshotId,
        into: &CreateVolume,
        terms: &CopyTerms,
        progress: &dyn CopyProgress,
    ) -> Result<Copied, BackendError> {
        let inner = not_given_out(self.inner.snapshots())?;
        self.time(
            Operation::RestoreSnapshot,
            inner.restore_snapshot(id, into, terms, progress),
        )
        .await
    }
}

#[async_trait]
impl Resize for Timed {
    async fn resize_volume(&self, path: &VolumePath, bytes: u64) -> Result<Found, BackendError> {
        let inner = not_given_out(self.inner.resize())?;
        self.time(Operation::ResizeVolume, inner.resize_volume(path, bytes))
            .await
    }
}

#[async_trait]
impl Quota for Timed {
    async fn pinned(&self) -> Result<u64, BackendError> {
        let inner = not_given_out(self.inner.quota())?;
        self.time(Operation::Pinned, inner.pinned()).await
    }
}

#[async_trait]
impl Measure for Timed {
    async fn measure_volume(&self, path: &VolumePath) -> Result<Option<Usage>, BackendError> {
        let inner = not_given_out(self.inner.measure())?;
        self.time(Operation::MeasureVolume, inner.measure_volume(path)).await
    }
}
