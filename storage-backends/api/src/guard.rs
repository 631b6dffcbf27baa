//! A backend whose every change is preceded by a look at the mark.

use crate::{
    Backend, BackendError, Capabilities, Certainty, Class, CreateVolume, Disposal, ExportKey, Found, Listed, Mark,
    MountSource, PurgeProgress, Purged, RootLocation, Space, TrashEntry, TrashId, VolumePath,
};
use std::sync::Arc;

mod capable;

/// A backend together with the mark that its root must carry.
///
/// There is no way from here to a change, or to an answer "absent", that does not first see the expected mark. A root that
/// is empty because its disk is not mounted therefore never looks like one whose volumes were deleted. Calls that may answer
/// "absent" look at the mark again afterwards, because a disk can go between the look and the call.
#[derive(Clone)]
pub struct Guarded {
    backend: Arc<dyn Backend>,
    mark: Mark,
}

impl Guarded {
    /// Guards `backend` by `mark`.
    pub fn new(backend: Arc<dyn Backend>, mark: Mark) -> Self {
        Self { backend, mark }
    }

    /// The mark that the root must carry.
    pub fn mark(&self) -> &Mark {
        &self.mark
    }

    /// See [`Backend::capabilities`].
    pub fn capabilities(&self) -> Capabilities {
        self.backend.capabilities()
    }

    /// See [`Backend::root`].
    pub fn root(&self) -> RootLocation {
        self.backend.root()
    }

    /// Fails, as `Waiting`, unless the root carries the mark.
    pub async fn check(&self) -> Result<(), BackendError> {
        match self.backend.read_mark().await? {
            Some(found) if found == self.mark => Ok(()),
            Some(_) => Err(BackendError::not_done(
                Class::Waiting,
                "the root carries another mark than the one recorded",
            )),
            None => Err(BackendError::not_done(Class::Waiting, "the root carries no mark")),
        }
    }

    /// Passes an answer on. That something is absent, which is never mended by a retry, counts only if the mark is still there.
    async fn unless_absent<T>(&self, answer: Result<T, BackendError>) -> Result<T, BackendError> {
        if let Err(BackendError {
            class: Class::Invalid,
            certainty,
            ..
        }) = answer
        {
            let kept = |error| BackendError { certainty, ..error };
            self.check().await.map_err(kept)?;
        }
        answer
    }

    async fn check_again(&self) -> Result<(), BackendError> {
        self.check().await.map_err(|error| BackendError {
            certainty: Certainty::MaybeDone,
            ..error
        })
    }

    /// See [`Backend::inspect`].
    pub async fn inspect(&self, path: &VolumePath) -> Result<Option<Found>, BackendError> {
        self.check().await?;
        let found = self.backend.inspect(path).await?;
        if found.is_none() {
            self.check_again().await?;
        }
        Ok(found)
    }

    /// See [`Backend::create`].
    pub async fn create(&self, volume: &CreateVolume) -> Result<Found, BackendError> {
        self.check().await?;
        self.backend.create(volume).await
    }

    /// See [`Backend::mount`]. A mere path needs no look at the mark.
    pub async fn mount(&self, export: &ExportKey) -> Result<MountSource, BackendError> {
        if !self.capabilities().has_exports() {
            return self.backend.mount(export).await;
        }
        self.check().await?;
        let source = self.backend.mount(export).await;
        self.unless_absent(source).await
    }

    /// See [`Backend::discard`].
    pub async fn discard(&self, path: &VolumePath, disposal: &Disposal) -> Result<(), BackendError> {
        self.check().await?;
        self.backend.discard(path, disposal).await?;
        self.check_again().await
    }

    /// See [`Backend::space`].
    pub async fn space(&self) -> Result<Space, BackendError> {
        self.backend.space().await
    }

    /// See [`Backend::list`].
    pub async fn list(&self) -> Result<Vec<Listed>, BackendError> {
        self.check().await?;
        self.backend.list().await
    }

    /// See [`Backend::remove_empty`].
    pub async fn remove_empty(&self, path: &VolumePath) -> Result<bool, BackendError> {
        self.check().await?;
        self.backend.remove_empty(path).await
    }

    /// See [`Backend::trash`].
    pub async fn trash(&self) -> Result<Vec<TrashEntry>, BackendError> {
        self.check().await?;
        self.backend.trash().await
    }

    /// See [`Backend::restore`].
    pub async fn restore(&self, id: &TrashId, path: &VolumePath) -> Result<(), BackendError> {
        self.check().await?;
        self.backend.restore(id, path).await
    }

    /// See [`Backend::purge`].
    pub async fn purge(&self, id: &TrashId, progress: &dyn PurgeProgress) -> Result<Purged, BackendError> {
        self.check().await?;
        let purged = self.backend.purge(id, progress).await?;
        self.check_again().await?;
        Ok(purged)
    }

    /// See [`Backend::forget`].
    pub async fn forget(&self, id: &TrashId) -> Result<(), BackendError> {
        self.check().await?;
        self.backend.forget(id).await
    }
}
