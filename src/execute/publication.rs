//! Statuses for people to read, written where they differ from what is there. Nothing is ever decided by them, but for a
//! backend's id.

use super::api_server::fault;
use super::cluster::{ApiError, Fault};
use crate::api::conditions::{self, Statement, Status};
use crate::api::names;
use crate::api::reasons::{ReferenceReason, SharedVolumeReason};
use crate::api::shared_volume::{SharedVolume, SharedVolumeSpec, SharedVolumeStatus};
use crate::api::storage_backend::{StorageBackend, StorageBackendStatus};
use crate::api::trident_volume_reference::TridentVolumeReference;
use crate::api::volume_reference::{ReferenceStatus, VolumeReference};
use crate::domain::ids::{BackendName, VolumeId};
use crate::domain::reference::{ReferenceKey, ReferenceKind};
use crate::execute::Clock;
use crate::plan::shared_volume::Wanted;
use async_trait::async_trait;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

/// Where statuses are written.
#[async_trait]
pub trait Publication: Send + Sync + 'static {
    /// The SharedVolume of a volume is as wanted, or is not there.
    async fn shared_volume(&self, volume: &VolumeId, wanted: Option<&Wanted>) -> Result<(), ApiError>;
    /// Forgets what was written, so that what somebody else has changed since is found.
    async fn look_again(&self) -> Result<(), ApiError>;
    /// The condition `Accepted` of a reference.
    async fn reference(&self, key: &ReferenceKey, reason: ReferenceReason, message: &str) -> Result<(), ApiError>;
    /// The status of a backend; its conditions are put in from `statements`.
    async fn backend(
        &self,
        name: &BackendName,
        status: StorageBackendStatus,
        statements: Vec<Statement>,
    ) -> Result<(), ApiError>;
    /// The finalizer of a backend is there, or is not.
    async fn backend_in_use(&self, name: &BackendName, in_use: bool) -> Result<(), ApiError>;
}

/// Statuses on the real API server.
pub struct Statuses {
    client: Client,
    clock: Arc<dyn Clock>,
    /// SharedVolumes that exist, each with what we last wrote of it; `None`: not listed yet.
    published: Mutex<Option<HashMap<VolumeId, Option<Wanted>>>>,
}

impl Statuses {
    /// Takes a client.
    pub fn new(client: Client, clock: Arc<dyn Clock>) -> Self {
        Self {
            client,
            clock,
            published: Mutex::default(),
        }
    }

    /// Writes a status. A merge patch: with server-side apply an object of a thousand members outgrows what etcd takes, for
    /// its managed fields repeat every key.
    async fn write<K>(
        &self,
        api: &Api<K>,
        name: &str,
        version: Option<String>,
        status: impl Serialize,
    ) -> Result<(), ApiError>
    where
        K: Resource + Clone + Debug + DeserializeOwned,
    {
        let patch = json!({"metadata": {"resourceVersion": version}, "status": status});
        let params = PatchParams {
            field_manager: Some(names::FIELD_MANAGER.into()),
            ..PatchParams::default()
        };
        match api
            .patch_status(name, &params, &Patch::Merge(patch))
            .await
            .map_err(fault)
        {
            Ok(_) => Ok(()),
            // Gone meanwhile, or a kind without a status, as Trident's own definition of its reference has none.
            Err(error) if error.fault == Fault::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn accept<K>(
        &self,
        api: Api<K>,
        name: &str,
        of: impl Fn(&K) -> Vec<Condition>,
        said: Statement,
    ) -> Result<(), ApiError>
    where
        K: Resource + Clone + Debug + DeserializeOwned,
    {
        let Some(found) = api.get_opt(name).await.map_err(fault)? else {
            return Ok(());
        };
        let mut all = of(&found);
        let said = Statement {
            observed_generation: found.meta().generation,
            ..said
        };
        if !conditions::upsert(&mut all, said, self.clock.now()) {
            return Ok(());
        }
        self.write(
            &api,
            name,
            found.meta().resource_version.clone(),
            json!({"conditions": all}),
        )
        .await
    }

    fn shared_volumes(&self) -> Api<SharedVolume> {
        Api::all(self.client.clone())
    }

    /// Whether it is known that nothing has to be written: most volumes have no SharedVolume and need none.
    fn is_published(&self, volume: &VolumeId, wanted: Option<&Wanted>) -> bool {
        let published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        published.as_ref().is_some_and(|all| match (all.get(volume), wanted) {
            (None, None) => true,
            (Some(Some(last)), Some(wanted)) => last == wanted,
            (None, Some(_)) | (Some(_), _) => false,
        })
    }

    fn note_published(&self, volume: &VolumeId, wanted: Option<&Wanted>) {
        let mut published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(all) = published.as_mut() {
            match wanted {
                Some(wanted) => drop(all.insert(volume.clone(), Some(wanted.clone()))),
                None => drop(all.remove(volume)),
            }
        }
    }

    async fn create_shared_volume(&self, volume: &VolumeId, wanted: &Wanted) -> Result<SharedVolume, ApiError> {
        let spec = SharedVolumeSpec {
            volume_id: volume.to_string(),
            backend: wanted.backend.to_string(),
        };
        let params = PostParams {
            field_manager: Some(names::FIELD_MANAGER.into()),
            ..PostParams::default()
        };
        self.shared_volumes()
            .create(&params, &SharedVolume::new(volume.as_str(), spec))
            .await
            .map_err(fault)
    }
}

/// The conditions as they should be: what holds is True, what held before is False, in an order that stands still.
fn restate(before: &[Condition], holds: &[Statement], now: jiff::Timestamp) -> Vec<Condition> {
    let mut all = before.to_vec();
    for statement in holds {
        conditions::upsert(&mut all, statement.clone(), now);
    }
    for reason in SharedVolumeReason::ALL {
        let condition = reason.as_str();
        let stale = before.iter().any(|c| c.type_ == condition && c.status == "True");
        if stale && holds.iter().all(|h| h.condition != condition) {
            let over = Statement {
                condition,
                status: Status::False,
                reason: condition,
                message: String::new(),
                observed_generation: None,
            };
            conditions::upsert(&mut all, over, now);
        }
    }
    all
}

#[async_trait]
impl Publication for Statuses {
    async fn look_again(&self) -> Result<(), ApiError> {
        let list = self
            .shared_volumes()
            .list_metadata(&ListParams::default())
            .await
            .map_err(fault)?;
        let all = list
            .items
            .into_iter()
            .filter_map(|o| o.metadata.name)
            .map(|name| (VolumeId::new(name), None))
            .collect();
        *self.published.lock().unwrap_or_else(PoisonError::into_inner) = Some(all);
        Ok(())
    }

    async fn shared_volume(&self, volume: &VolumeId, wanted: Option<&Wanted>) -> Result<(), ApiError> {
        if self.is_published(volume, wanted) {
            return Ok(());
        }
        let api = self.shared_volumes();
        let found = api.get_opt(volume.as_str()).await.map_err(fault)?;
        let Some(wanted) = wanted else {
            if found.is_some() {
                match api
                    .delete(volume.as_str(), &DeleteParams::default())
                    .await
                    .map_err(fault)
                {
                    Err(error) if error.fault != Fault::NotFound => return Err(error),
                    Ok(_) | Err(_) => {}
                }
            }
            self.note_published(volume, None);
            return Ok(());
        };
        let found = match found {
            Some(found) => found,
            None => self.create_shared_volume(volume, wanted).await?,
        };
        let before = found.status.clone().unwrap_or_default();
        let conditions = restate(&before.conditions, &wanted.conditions, self.clock.now());
        let status = SharedVolumeStatus {
            conditions,
            ..wanted.status.clone()
        };
        if status != before {
            self.write(&api, volume.as_str(), found.metadata.resource_version.clone(), status)
                .await?;
        }
        self.note_published(volume, Some(wanted));
        Ok(())
    }

    async fn reference(&self, key: &ReferenceKey, reason: ReferenceReason, message: &str) -> Result<(), ApiError> {
        let accepted = reason == ReferenceReason::Accepted;
        let said = Statement {
            condition: conditions::ACCEPTED,
            status: if accepted { Status::True } else { Status::False },
            reason: reason.as_str(),
            message: message.to_owned(),
            observed_generation: None,
        };
        let of = |status: &Option<ReferenceStatus>| status.as_ref().map(|s| s.conditions.clone()).unwrap_or_default();
        let namespace = key.namespace.as_str();
        match key.kind {
            ReferenceKind::Volume => {
                let api: Api<VolumeReference> = Api::namespaced(self.client.clone(), namespace);
                self.accept(api, &key.name, |r| of(&r.status), said).await
            }
            ReferenceKind::Trident => {
                let api: Api<TridentVolumeReference> = Api::namespaced(self.client.clone(), namespace);
                self.accept(api, &key.name, |r| of(&r.status), said).await
            }
        }
    }

    async fn backend(
        &self,
        name: &BackendName,
        status: StorageBackendStatus,
        statements: Vec<Statement>,
    ) -> Result<(), ApiError> {
        let api: Api<StorageBackend> = Api::all(self.client.clone());
        let Some(found) = api.get_opt(name.as_str()).await.map_err(fault)? else {
            return Ok(());
        };
        let before = found.status.clone().unwrap_or_default();
        let mut status = StorageBackendStatus {
            conditions: before.conditions.clone(),
            ..status
        };
        for said in statements {
            let said = Statement {
                observed_generation: found.metadata.generation,
                ..said
            };
            conditions::upsert(&mut status.conditions, said, self.clock.now());
        }
        if status == before {
            return Ok(());
        }
        let mut patch = serde_json::to_value(&status).unwrap_or_default();
        if status.notice.is_none()
            && let Some(fields) = patch.as_object_mut()
        {
            // In a merge patch a field that is left out stays.
            fields.insert("notice".to_owned(), serde_json::Value::Null);
        }
        self.write(&api, name.as_str(), found.metadata.resource_version.clone(), patch)
            .await
    }

    async fn backend_in_use(&self, name: &BackendName, in_use: bool) -> Result<(), ApiError> {
        let api: Api<StorageBackend> = Api::all(self.client.clone());
        let Some(found) = api.get_opt(name.as_str()).await.map_err(fault)? else {
            return Ok(());
        };
        let mut finalizers = found.metadata.finalizers.clone().unwrap_or_default();
        let there = finalizers.iter().any(|f| f == names::FINALIZER_BACKEND);
        if there == in_use {
            return Ok(());
        }
        if in_use {
            finalizers.push(names::FINALIZER_BACKEND.to_owned());
        } else {
            finalizers.retain(|f| f != names::FINALIZER_BACKEND);
        }
        // Strategic merge is not for custom resources; the version makes the whole list safe to write.
        let patch = json!({"metadata": {"resourceVersion": found.metadata.resource_version, "finalizers": finalizers}});
        let params = PatchParams {
            field_manager: Some(names::FIELD_MANAGER.into()),
            ..PatchParams::default()
        };
        api.patch(name.as_str(), &params, &Patch::Merge(patch))
            .await
            .map(drop)
            .map_err(fault)
    }
}
