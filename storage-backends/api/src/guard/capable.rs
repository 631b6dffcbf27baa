//! What not every backend can do, behind the mark. What is not declared is refused, and nothing is asked of the driver.

use super::Guarded;
use crate::{
    Admission, BackendError, Class, Clones, Copied, CopyProgress, CopyTerms, CreateVolume, ExportKey, Exported, Found,
    Measure, NodeAccess, Quota, Resize, Revoke, Share, Snapshot, SnapshotId, Snapshots, Usage, VolumePath,
};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The answer where a capability is not declared.
fn lacks(what: &str) -> BackendError {
    BackendError::not_done(Class::Invalid, format!("this backend {what}"))
}

impl Guarded {
    fn share(&self) -> Result<&dyn Share, BackendError> {
        self.backend.share().ok_or_else(|| lacks("does not share volumes"))
    }

    fn revoke(&self) -> Result<&dyn Revoke, BackendError> {
        self.backend.revoke().ok_or_else(|| lacks("cannot take access away"))
    }

    fn snapshots(&self) -> Result<&dyn Snapshots, BackendError> {
        self.backend.snapshots().ok_or_else(|| lacks("takes no snapshots"))
    }

    fn clones(&self) -> Result<&dyn Clones, BackendError> {
        self.backend.clones().ok_or_else(|| lacks("does not copy volumes"))
    }

    fn resizing(&self) -> Result<&dyn Resize, BackendError> {
        self.backend
            .resize()
            .ok_or_else(|| lacks("does not enforce sizes, so that there is none to change"))
    }

    fn quota(&self) -> Result<&dyn Quota, BackendError> {
        self.backend.quota().ok_or_else(|| lacks("does not enforce sizes"))
    }

    fn measuring(&self) -> Result<&dyn Measure, BackendError> {
        self.backend
            .measure()
            .ok_or_else(|| lacks("cannot tell what a volume uses"))
    }

    fn node_access(&self) -> Result<&dyn NodeAccess, BackendError> {
        self.backend
            .node_access()
            .ok_or_else(|| lacks("keeps nobody away from its server"))
    }

    /// See [`Share::release`].
    pub async fn release(&self, export: &ExportKey) -> Result<(), BackendError> {
        let share = self.share()?;
        self.check().await?;
        share.release(export).await
    }

    /// See [`Share::exports`].
    pub async fn exports(&self) -> Result<Vec<Exported>, BackendError> {
        let share = self.share()?;
        self.check().await?;
        share.exports().await
    }

    /// See [`Revoke::admit`].
    pub async fn admit(&self, export: &ExportKey, admission: Admission) -> Result<(), BackendError> {
        let revoke = self.revoke()?;
        self.check().await?;
        let answer = revoke.admit(export, admission).await;
        self.unless_absent(answer).await
    }

    /// See [`NodeAccess::admit_nodes`]. Who reaches the server has nothing to do with whose root it is.
    pub async fn admit_nodes(&self, addresses: &BTreeSet<IpAddr>) -> Result<(), BackendError> {
        self.node_access()?.admit_nodes(addresses).await
    }

    /// See [`Clones::clone_volume`].
    pub async fn clone_volume(
        &self,
        from: &VolumePath,
        into: &CreateVolume,
        terms: &CopyTerms,
        progress: &dyn CopyProgress,
    ) -> Result<Copied, BackendError> {
        let clones = self.clones()?;
        self.check().await?;
        let answer = clones.clone_volume(from, into, terms, progress).await;
        self.unless_absent(answer).await
    }

    /// See [`Clones::abandon_copy`].
    pub async fn abandon_copy(&self, into: &VolumePath) -> Result<(), BackendError> {
        let clones = self.clones()?;
        self.check().await?;
        clones.abandon_copy(into).await?;
        self.check_again().await
    }

    /// See [`Snapshots::take_snapshot`].
    pub async fn take_snapshot(
        &self,
        id: &SnapshotId,
        of: &VolumePath,
        bytes: u64,
        terms: &CopyTerms,
        progress: &dyn CopyProgress,
    ) -> Result<Snapshot, BackendError> {
        let snapshots = self.snapshots()?;
        self.check().await?;
        let answer = snapshots.take_snapshot(id, of, bytes, terms, progress).await;
        self.unless_absent(answer).await
    }

    /// See [`Snapshots::find_snapshot`].
    pub async fn find_snapshot(&self, id: &SnapshotId) -> Result<Option<Snapshot>, BackendError> {
        let snapshots = self.snapshots()?;
        self.check().await?;
        let found = snapshots.find_snapshot(id).await?;
        if found.is_none() {
            self.check_again().await?;
        }
        Ok(found)
    }

    /// See [`Snapshots::list_snapshots`].
    pub async fn list_snapshots(&self) -> Result<Vec<Snapshot>, BackendError> {
        let snapshots = self.snapshots()?;
        self.check().await?;
        let listed = snapshots.list_snapshots().await?;
        self.check_again().await?;
        Ok(listed)
    }

    /// See [`Snapshots::remove_snapshot`].
    pub async fn remove_snapshot(&self, id: &SnapshotId) -> Result<(), BackendError> {
        let snapshots = self.snapshots()?;
        self.check().await?;
        snapshots.remove_snapshot(id).await?;
        self.check_again().await
    }

    /// See [`Snapshots::restore_snapshot`].
    pub async fn restore_snapshot(
        &self,
        id: &SnapshotId,
        into: &CreateVolume,
        terms: &CopyTerms,
        progress: &dyn CopyProgress,
    ) -> Result<Copied, BackendError> {
        let snapshots = self.snapshots()?;
        self.check().await?;
        let answer = snapshots.restore_snapshot(id, into, terms, progress).await;
        self.unless_absent(answer).await
    }

    /// See [`Resize::resize_volume`].
    pub async fn resize_volume(&self, path: &VolumePath, bytes: u64) -> Result<Found, BackendError> {
        let resizing = self.resizing()?;
        self.check().await?;
        let answer = resizing.resize_volume(path, bytes).await;
        self.unless_absent(answer).await
    }

    /// See [`Quota::pinned`].
    pub async fn pinned(&self) -> Result<u64, BackendError> {
        let quota = self.quota()?;
        self.check().await?;
        quota.pinned().await
    }

    /// See [`Measure::measure_volume`].
    pub async fn measure_volume(&self, path: &VolumePath) -> Result<Option<Usage>, BackendError> {
        let measuring = self.measuring()?;
        self.check().await?;
        let used = measuring.measure_volume(path).await?;
        if used.is_none() {
            self.check_again().await?;
        }
        Ok(used)
    }
}
