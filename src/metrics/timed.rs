//! A backend whose calls are timed. It wraps a driver from outside: drivers know nothing of metrics.

use super::Metrics;
use super::labels::Operation;
use crate::domain::ids::BackendName;
use async_trait::async_trait;
use std::sync::Arc;
use tombolo_backend_api::{
    Backend, BackendError, Capabilities, CreateVolume, Disposal, Found, Listed, Mark, MountSource, PurgeProgress,
    Purged, RootLocation, Space, TrashEntry, TrashId, VolumePath,
};

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

    async fn mount(&self, path: &VolumePath, namespace: &str, read_only: bool) -> Result<MountSource, BackendError> {
        self.time(Operation::Mount, self.inner.mount(path, namespace, read_only))
            .await
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
}
