//! What a StorageBackend's status remembers of cuts, read and written in one version: two who cut at the same time cannot both count
//! from the same figures.

use super::api_server::unread;
use super::cluster::{ApiError, Fault};
use super::publication::Statuses;
use crate::api::conditions::{self, Statement, Status};
use crate::api::names;
use crate::api::revocation::RevocationStatus;
use crate::api::storage_backend::{StorageBackend, StorageBackendStatus};
use crate::domain::ids::{BackendName, ResourceVersion};
use async_trait::async_trait;
use kube::{Api, ResourceExt};

/// Where cuts are counted.
#[async_trait]
pub trait Revocations: Send + Sync + 'static {
    /// What is known of a backend; `None`: the backend is gone.
    async fn read(&self, name: &BackendName) -> Result<Option<Revocation>, ApiError>;
    /// This is to be known instead, if nobody has written since; and said in a condition.
    async fn remember(
        &self,
        name: &BackendName,
        read: &Revocation,
        status: RevocationStatus,
        said: Statement,
    ) -> Result<(), ApiError>;
}

/// What is known of a backend's cuts.
#[derive(Debug, Clone, PartialEq)]
pub struct Revocation {
    /// What the status remembers.
    pub status: RevocationStatus,
    /// What an admin has put into the annotation.
    pub word: Option<String>,
    /// The object's version.
    pub version: ResourceVersion,
}

#[async_trait]
impl Revocations for Statuses {
    async fn read(&self, name: &BackendName) -> Result<Option<Revocation>, ApiError> {
        let api: Api<StorageBackend> = Api::all(self.client.clone());
        let found = api.get_opt(name.as_str()).await.map_err(unread)?;
        Ok(found.map(|found| Revocation {
            word: found.annotations().get(names::ANNOTATION_CONFIRM_REVOCATION).cloned(),
            version: ResourceVersion::new(found.metadata.resource_version.unwrap_or_default()),
            status: found.status.and_then(|status| status.revocation).unwrap_or_default(),
        }))
    }

    async fn remember(
        &self,
        name: &BackendName,
        read: &Revocation,
        status: RevocationStatus,
        said: Statement,
    ) -> Result<(), ApiError> {
        let api: Api<StorageBackend> = Api::all(self.client.clone());
        let found = api.get_opt(name.as_str()).await.map_err(unread)?;
        let same = |found: &StorageBackend| found.metadata.resource_version.as_deref() == Some(read.version.as_str());
        let Some(found) = found.filter(same) else {
            let text = format!("StorageBackend {name} is not as it was when its cuts were counted");
            return Err(ApiError::new(Fault::Conflict, text));
        };
        let before = found.status.clone().unwrap_or_default();
        let mut after = StorageBackendStatus {
            revocation: Some(status).filter(|status| *status != RevocationStatus::default()),
            ..before.clone()
        };
        let was_said = before.conditions.iter().any(|c| c.type_ == said.condition);
        if said.status == Status::True || was_said {
            let said = Statement {
                observed_generation: found.metadata.generation,
                ..said
            };
            conditions::upsert(&mut after.conditions, said, self.clock.now());
        }
        self.write(&api, &found, &before, &after).await
    }
}

#[cfg(test)]
mod tests;
