//! A backend whose calls are timed. It wraps a driver from outside: drivers know nothing of metrics.

use super::Metrics;
use super::labels::Operation;
use crate::domain::ids::BackendName;
use async_trait::async_trait;
use std::sync::Arc;
use tombolo_backend_api::{
    Backend, BackendError, Capabilities, Clones, CreateVolume, Disposal, ExportKey, Found, Listed, Mark, Measure,
    MountSource, NodeAccess, PurgeProgress, Purged, Quota, Resize, Revoke, RootLocation, Share, Snapshots, Space,
    TrashEntry, TrashId, VolumePath,
};

mod capable;

/// A timed backend.
pub struct Timed {
    inner: Arc<dyn Backend>,
    name: BackendName,
    metrics: Metrics,
}

impl Timed {
    /// Wraps `inner`, which is known as `name`.
    pub fn new(inner: Arc<dyn Backend>, name: &BackendName, metrics: &Metrics) -> Self {
        Self {
            inner,
            name: name.clone(),
            metrics: metrics.clone(),
        }
    }

    async fn time<T>(
        &self,
        operation: Operation,
        call: impl Future<Output = Result<T, BackendError>> + Send,
    ) -> Result<T, BackendError> {
        let timer = self.metrics.backend_call(&self.name, operation);
        let result = call.await;
        timer.finish(&result);
        result
    }
}

#[async_trait]
impl Backend for Timed {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn root(&self) -> RootLocation {
        self.inner.root()
    }

    fn notice(&self) -> Option<String> {
        self.inner.notice()
    }

    async fn read_mark(&self) -> Result<Option<Mark>, BackendError> {
        self.time(Operation::ReadMark, self.inner.read_mark()).await
    }

    async fn place_mark(&self, mark: &Mark) -> Result<Mark, BackendError> {
        self.time(Operation::PlaceMark, self.inner.place_mark(mark)).await
    }

    async fn inspect(&self, path: &VolumePath) -> Result<Option<Found>, BackendError> {
        self.time(Operation::Inspect, self.inner.inspect(path)).await
    }

    async fn create(&self, volume: &CreateVolume) -> Result<Found, BackendError> {
        self.time(Operation::Create, self.inner.create(volume)).await
    }

    async fn mount(&self, export: &ExportKey) -> Result<MountSource, BackendError> {
        self.time(Operation::Mount, self.inner.mount(export)).await
    }

    async fn discard(&self, path: &VolumePath, disposal: &Disposal) -> Result<(), BackendError> {
        self.time(Operation::Discard, self.inner.discard(path, disposal)).await
    }

    async fn space(&self) -> Result<Space, BackendError> {
        self.time(Operation::Space, self.inner.space()).await
    }

    async fn list(&self) -> Result<Vec<Listed>, BackendError> {
        self.time(Operation::List, self.inner.list()).await
    }

    async fn remove_empty(&self, path: &VolumePath) -> Result<bool, BackendError> {
        self.time(Operation::RemoveEmpty, self.inner.remove_empty(path)).await
    }

    async fn trash(&self) -> Result<Vec<TrashEntry>, BackendError> {
        self.time(Operation::Trash, self.inner.trash()).await
    }

    async fn restore(&self, id: &TrashId, path: &VolumePath) -> Result<(), BackendError> {
        self.time(Operation::Restore, self.inner.restore(id, path)).await
    }

    async fn purge(&self, id: &TrashId, progress: &dyn PurgeProgress) -> Result<Purged, BackendError> {
        self.time(Operation::Purge, self.inner.purge(id, progress)).await
    }

    async fn forget(&self, id: &TrashId) -> Result<(), BackendError> {
        self.time(Operation::Forget, self.inner.forget(id)).await
    }

    fn share(&self) -> Option<&dyn Share> {
        self.inner.share().map(|_| self as &dyn Share)
    }

    fn revoke(&self) -> Option<&dyn Revoke> {
        self.inner.revoke().map(|_| self as &dyn Revoke)
    }

    fn snapshots(&self) -> Option<&dyn Snapshots> {
        self.inner.snapshots().map(|_| self as &dyn Snapshots)
    }

    fn clones(&self) -> Option<&dyn Clones> {
        self.inner.clones().map(|_| self as &dyn Clones)
    }

    fn resize(&self) -> Option<&dyn Resize> {
        self.inner.resize().map(|_| self as &dyn Resize)
    }

    fn quota(&self) -> Option<&dyn Quota> {
        self.inner.quota().map(|_| self as &dyn Quota)
    }

    fn measure(&self) -> Option<&dyn Measure> {
        self.inner.measure().map(|_| self as &dyn Measure)
    }

    fn node_access(&self) -> Option<&dyn NodeAccess> {
        self.inner.node_access().map(|_| self as &dyn NodeAccess)
    }
}
