//! Statuses for people to read, written where they differ from what is there. Nothing is ever decided by them, but for a
//! backend's id.

use super::api_server::{fault, unread};
use super::cluster::{ApiError, Fault};
use crate::api::conditions::{self, Statement, Status};
use crate::api::cross_namespace_source::CrossNamespaceSource;
use crate::api::names;
use crate::api::reasons::{CrossSourceReason, ReferenceReason, SharedVolumeReason};
use crate::api::shared_volume::{SharedVolume, SharedVolumeSpec, SharedVolumeStatus};
use crate::api::storage_backend::{StorageBackend, StorageBackendStatus};
use crate::api::trident_volume_reference::TridentVolumeReference;
use crate::api::volume_reference::{ReferenceStatus, VolumeReference};
use crate::domain::cross_source::CrossSourceKey;
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
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where statuses are written.
#[async_trait]
pub trait Publication: Send + Sync + 'static {
    /// The SharedVolume of a volume is as wanted, or is not there.
    async fn shared_volume(&self, volume: &VolumeId, wanted: Option<&Wanted>) -> Result<(), ApiError>;
    /// Forgets what was written, so that what somebody else has changed since is found. Answers of which volumes there is a
    /// SharedVolume: one may have outlived its volume, and then nothing else names it.
    async fn look_again(&self) -> Result<Vec<VolumeId>, ApiError>;
    /// The condition `Accepted` of a reference.
    async fn reference(&self, key: &ReferenceKey, reason: ReferenceReason, message: &str) -> Result<(), ApiError>;
    /// The condition `Accepted` of a CrossNamespaceSource.
    async fn cross_source(
        &self,
        key: &CrossSourceKey,
        reason: CrossSourceReason,
        message: &str,
    ) -> Result<(), ApiError>;
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
    pub(super) client: Client,
    pub(super) clock: Arc<dyn Clock>,
    published: Mutex<Published>,
}

/// What is known of the SharedVolumes there are.
#[derive(Default)]
struct Published {
    /// Whether they were listed: before that, one that is not known may exist.
    listed: bool,
    /// Those that may exist, each with what we last wrote of it.
    known: HashMap<VolumeId, Option<Wanted>>,
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

    /// Writes a status where it differs. A merge patch: with server-side apply an object of a thousand members outgrows what
    /// etcd takes, for its managed fields repeat every key.
    pub(super) async fn write<K, S>(&self, api: &Api<K>, found: &K, before: &S, status: &S) -> Result<(), ApiError>
    where
        K: Resource + Clone + Debug + DeserializeOwned,
        S: Serialize + PartialEq,
    {
        if status == before {
            return Ok(());
        }
        let meta = found.meta();
        let name = meta.name.as_deref().unwrap_or_default();
        let patch =
            json!({"metadata": {"resourceVersion": meta.resource_version}, "status": replacing(before, status)});
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
        of: impl Fn(&K) -> Option<ReferenceStatus>,
        said: Statement,
    ) -> Result<(), ApiError>
    where
        K: Resource + Clone + Debug + DeserializeOwned,
    {
        let Some(found) = api.get_opt(name).await.map_err(unread)? else {
            return Ok(());
        };
        let before = of(&found).unwrap_or_default();
        let mut status = before.clone();
        let said = Statement {
            observed_generation: found.meta().generation,
            ..said
        };
        conditions::upsert(&mut status.conditions, said, self.clock.now());
        self.write(&api, &found, &before, &status).await
    }

    fn shared_volumes(&self) -> Api<SharedVolume> {
        Api::all(self.client.clone())
    }

    fn published(&self) -> MutexGuard<'_, Published> {
        self.published.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is known that nothing has to be written: most volumes have no SharedVolume and need none.
    fn is_published(&self, volume: &VolumeId, wanted: Option<&Wanted>) -> bool {
        let published = self.published();
        match (published.known.get(volume), wanted) {
            (None, None) => published.listed,
            (Some(Some(last)), Some(wanted)) => last == wanted,
            (None, Some(_)) | (Some(_), _) => false,
        }
    }

    fn note_published(&self, volume: &VolumeId, wanted: Option<&Wanted>) {
        let mut published = self.published();
        match wanted {
            Some(wanted) => drop(published.known.insert(volume.clone(), Some(wanted.clone()))),
            None => drop(published.known.remove(volume)),
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
        // Before it is asked for: an answer that never comes must not leave one that nobody takes away again.
        self.published().known.entry(volume.clone()).or_default();
        self.shared_volumes()
            .create(&params, &SharedVolume::new(volume.as_str(), spec))
            .await
            .map_err(fault)
    }
}

/// What makes a status of what was there before, in a merge patch: a field that is left out of one stays.
fn replacing(before: &impl Serialize, status: &impl Serialize) -> Value {
    let fields = |status: Value| match status {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    let over = fields(json!(before)).into_iter().map(|(field, _)| (field, Value::Null));
    let mut patch: Map<String, Value> = over.collect();
    patch.extend(fields(json!(status)));
    Value::Object(patch)
}

fn accepted(is: bool, reason: &'static str, message: &str) -> Statement {
    Statement {
        condition: conditions::ACCEPTED,
        status: if is { Status::True } else { Status::False },
        reason,
        message: message.to_owned(),
        observed_generation: None,
    }
}

/// The conditions as they should be: what holds is True, what held before is False unless that is open, in an order that stands
/// still.
fn restate(before: &[Condition], wanted: &Wanted, now: jiff::Timestamp) -> Vec<Condition> {
    let mut all = before.to_vec();
    for statement in &wanted.conditions {
        conditions::upsert(&mut all, statement.clone(), now);
    }
    for reason in SharedVolumeReason::ALL {
        let condition = reason.as_str();
        let stale = before.iter().any(|c| c.type_ == condition && c.status == "True");
        let holds = wanted.conditions.iter().any(|h| h.condition == condition);
        if stale && !holds && !wanted.open.contains(reason) {
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
    async fn look_again(&self) -> Result<Vec<VolumeId>, ApiError> {
        let list = self
            .shared_volumes()
            .list_metadata(&ListParams::default())
            .await
            .map_err(unread)?;
        let names = list.items.into_iter().filter_map(|o| o.metadata.name);
        let listed: Vec<VolumeId> = names.map(VolumeId::new).collect();
        let mut published = self.published();
        published.listed = true;
        // Those that were made since the list was taken are not in it, and stay.
        published.known.values_mut().for_each(|last| *last = None);
        for volume in &listed {
            published.known.entry(volume.clone()).or_default();
        }
        Ok(listed)
    }

    async fn shared_volume(&self, volume: &VolumeId, wanted: Option<&Wanted>) -> Result<(), ApiError> {
        if self.is_published(volume, wanted) {
            return Ok(());
        }
        let api = self.shared_volumes();
        let found = api.get_opt(volume.as_str()).await.map_err(unread)?;
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
        let status = SharedVolumeStatus {
            conditions: restate(&before.conditions, wanted, self.clock.now()),
            ..wanted.status.clone()
        };
        self.write(&api, &found, &before, &status).await?;
        self.note_published(volume, Some(wanted));
        Ok(())
    }

    async fn cross_source(
        &self,
        key: &CrossSourceKey,
        reason: CrossSourceReason,
        message: &str,
    ) -> Result<(), ApiError> {
        let said = accepted(reason == CrossSourceReason::Accepted, reason.as_str(), message);
        let api: Api<CrossNamespaceSource> = Api::namespaced(self.client.clone(), key.namespace.as_str());
        self.accept(api, &key.name, |s| s.status.clone(), said).await
    }

    async fn reference(&self, key: &ReferenceKey, reason: ReferenceReason, message: &str) -> Result<(), ApiError> {
        let said = accepted(reason == ReferenceReason::Accepted, reason.as_str(), message);
        let namespace = key.namespace.as_str();
        match key.kind {
            ReferenceKind::Volume => {
                let api: Api<VolumeReference> = Api::namespaced(self.client.clone(), namespace);
                self.accept(api, &key.name, |r| r.status.clone(), said).await
            }
            ReferenceKind::Trident => {
                let api: Api<TridentVolumeReference> = Api::namespaced(self.client.clone(), namespace);
                self.accept(api, &key.name, |r| r.status.clone(), said).await
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
        let Some(found) = api.get_opt(name.as_str()).await.map_err(unread)? else {
            return Ok(());
        };
        let before = found.status.clone().unwrap_or_default();
        let mut status = StorageBackendStatus {
            conditions: before.conditions.clone(),
            // The one field that decides something: it says whose the root is, and is never taken back.
            backend_id: status.backend_id.or_else(|| before.backend_id.clone()),
            // Written by whoever cuts, and by nobody else.
            revocation: before.revocation.clone(),
            ..status
        };
        for said in statements {
            let said = Statement {
                observed_generation: found.metadata.generation,
                ..said
            };
            conditions::upsert(&mut status.conditions, said, self.clock.now());
        }
        self.write(&api, &found, &before, &status).await
    }

    async fn backend_in_use(&self, name: &BackendName, in_use: bool) -> Result<(), ApiError> {
        let api: Api<StorageBackend> = Api::all(self.client.clone());
        let Some(found) = api.get_opt(name.as_str()).await.map_err(unread)? else {
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

#[cfg(test)]
mod tests;
