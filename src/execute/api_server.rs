//! The real API server behind the port [`Cluster`]: one request a method, no decision.
//!
//! Finalizers are changed by strategic merge patch: adding the same one twice leaves one, and `$deleteFromPrimitiveList`
//! removes exactly what it names, where a JSON patch would need the list's indices.

mod snapshots;

use super::claim_status;
use super::cluster::{ApiError, Cluster, Fault};
use super::manifest::persistent_volume;
use crate::api::cross_namespace_source::CrossNamespaceSource;
use crate::api::names;
use crate::api::trident_volume_reference::TridentVolumeReference;
use crate::api::volume_reference::VolumeReference;
use crate::domain::claim::Claim;
use crate::domain::cross_source::{CrossSource, CrossSourceKey};
use crate::domain::cut::Cut;
use crate::domain::grant::Grant;
use crate::domain::growth::STORAGE;
use crate::domain::hold::Hold;
use crate::domain::ids::{
    BackendName, ClaimKey, ClaimRef, ClaimUid, Handle, Namespace as NamespaceName, PvName, PvUid, ResourceVersion,
    VolumeId,
};
use crate::domain::pv::Pv;
use crate::domain::reference::{Reference, ReferenceKey, ReferenceKind};
use crate::domain::size;
use crate::domain::token::{Note, Token};
use crate::observe::index::NamespaceView;
use crate::observe::project;
use crate::plan::NewPv;
use crate::plan::action::Exactly;
use crate::plan::reclaim::Gift;
use crate::plan::resize::ResizeMark;
use async_trait::async_trait;
use k8s_openapi::api::core::v1::{Namespace, PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, Preconditions};
use kube::{Api, Client};
use serde_json::{Value, json};
use std::sync::Arc;
use tombolo_backend_api::MountSource;

/// A client of the real API server.
#[derive(Clone)]
pub struct ApiServer {
    client: Client,
    echo: Option<Echo>,
}

/// Hears what the API server answered to a write of a PersistentVolume.
type Echo = Arc<dyn Fn(Pv) + Send + Sync>;

impl ApiServer {
    /// Takes a client.
    pub fn new(client: Client) -> Self {
        Self { client, echo: None }
    }

    /// Tells `echo` of every PersistentVolume that it made or changed, as the API server answered, before the call returns. So the
    /// caches know it before anybody decides again, and nobody has to read it.
    #[must_use]
    pub fn echoing(self, echo: impl Fn(Pv) + Send + Sync + 'static) -> Self {
        Self {
            echo: Some(Arc::new(echo)),
            ..self
        }
    }

    fn answered(&self, pv: &PersistentVolume) {
        if let (Some(echo), Some(pv)) = (&self.echo, Pv::of(pv)) {
            echo(pv);
        }
    }

    fn pvs(&self) -> Api<PersistentVolume> {
        Api::all(self.client.clone())
    }

    fn claims(&self, namespace: &NamespaceName) -> Api<PersistentVolumeClaim> {
        Api::namespaced(self.client.clone(), namespace.as_str())
    }

    /// Gives a volume to a claim: one patch, so that no other claim can come between.
    ///
    /// # Errors
    /// What the API server answers; `Conflict` if the volume is not exactly the one that was looked at.
    pub async fn give(&self, gift: &Gift) -> Result<(), ApiError> {
        let mut metadata = exactly(&gift.pv);
        if let Some(fields) = metadata.as_object_mut() {
            fields.insert(
                "annotations".into(),
                json!({names::ANNOTATION_OWNER_UID: gift.to.uid.as_str()}),
            );
        }
        let claim = json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "uid": gift.to.uid.as_str(),
            "namespace": gift.to.key.namespace.as_str(), "name": gift.to.key.name, "resourceVersion": null});
        self.patch_pv(
            &gift.pv.name,
            json!({"metadata": metadata, "spec": {"claimRef": claim}}),
        )
        .await
    }

    /// Whether a kind is defined, and stays so. To be asked after its objects were listed: a definition under deletion takes them with it,
    /// and says so before the first is gone.
    async fn is_defined(&self, definition: &str) -> Result<bool, ApiError> {
        let definitions: Api<CustomResourceDefinition> = Api::all(self.client.clone());
        let found = definitions.get_metadata_opt(definition).await.map_err(unread)?;
        Ok(found.is_some_and(|d| d.metadata.deletion_timestamp.is_none()))
    }

    async fn patch_pv(&self, name: &PvName, patch: Value) -> Result<(), ApiError> {
        let params = PatchParams {
            field_manager: Some(names::FIELD_MANAGER.into()),
            ..PatchParams::default()
        };
        let api = Self::pvs(self);
        let patched = api.patch(name.as_str(), &params, &Patch::Strategic(patch)).await;
        self.answered(&patched.map_err(fault)?);
        Ok(())
    }

    async fn patch_claim(&self, claim: &ClaimRef, patch: Value) -> Result<(), ApiError> {
        let params = PatchParams {
            field_manager: Some(names::FIELD_MANAGER.into()),
            ..PatchParams::default()
        };
        let api = self.claims(&claim.key.namespace);
        api.patch_metadata(&claim.key.name, &params, &Patch::Strategic(patch))
            .await
            .map(drop)
            .map_err(fault)
    }
}

/// What the client's errors mean for us. The client itself has already retried 429, 503 and 504.
pub fn fault(error: kube::Error) -> ApiError {
    let kind = match &error {
        kube::Error::Api(status) => match status.code {
            404 => Fault::NotFound,
            409 if status.reason == "AlreadyExists" => Fault::Exists,
            409 => Fault::Conflict,
            422 if status.message.contains("no new finalizers can be added") => Fault::Terminating,
            400 | 405 | 415 | 422 => Fault::Refused,
            401 | 403 => Fault::Forbidden,
            429 | 503 => Fault::Away,
            _ => Fault::Unknown,
        },
        _ => Fault::Unknown,
    };
    ApiError::new(kind, error.to_string())
}

/// The same for a read, which cannot have changed anything: no answer is no more than the server being away.
pub(super) fn unread(error: kube::Error) -> ApiError {
    let error = fault(error);
    match error.fault {
        Fault::Unknown => ApiError::new(Fault::Away, error.message),
        _ => error,
    }
}

fn exactly(pv: &Exactly) -> Value {
    json!({"uid": pv.uid.as_str(), "resourceVersion": pv.version.as_str()})
}

#[async_trait]
impl Cluster for ApiServer {
    async fn claim(&self, key: &ClaimKey) -> Result<Option<Claim>, ApiError> {
        let found = self.claims(&key.namespace).get_opt(&key.name).await.map_err(unread)?;
        Ok(found.as_ref().and_then(Claim::of))
    }

    async fn pv(&self, name: &PvName) -> Result<Option<Pv>, ApiError> {
        let found = self.pvs().get_opt(name.as_str()).await.map_err(unread)?;
        Ok(found.as_ref().and_then(Pv::of))
    }

    async fn members(&self, volume: &VolumeId) -> Result<Vec<Pv>, ApiError> {
        let selector = format!("{}={volume},{}=member", names::LABEL_VOLUME, names::LABEL_ROLE);
        // No resourceVersion: a quorum read, not the watch cache.
        let list = self
            .pvs()
            .list(&ListParams::default().labels(&selector))
            .await
            .map_err(unread)?;
        Ok(list.items.iter().filter_map(Pv::of).collect())
    }

    async fn pvs(&self) -> Result<Vec<Pv>, ApiError> {
        let list = Self::pvs(self).list(&ListParams::default()).await.map_err(unread)?;
        Ok(list.items.iter().filter_map(Pv::of).collect())
    }

    async fn reference(&self, key: &ReferenceKey) -> Result<Option<Reference>, ApiError> {
        let namespace = key.namespace.as_str();
        match key.kind {
            ReferenceKind::Volume => {
                let api: Api<VolumeReference> = Api::namespaced(self.client.clone(), namespace);
                Ok(api
                    .get_opt(&key.name)
                    .await
                    .map_err(unread)?
                    .as_ref()
                    .and_then(project::volume_reference))
            }
            ReferenceKind::Trident => {
                let api: Api<TridentVolumeReference> = Api::namespaced(self.client.clone(), namespace);
                Ok(api
                    .get_opt(&key.name)
                    .await
                    .map_err(unread)?
                    .as_ref()
                    .and_then(project::trident_reference))
            }
        }
    }

    async fn references(
        &self,
        kind: ReferenceKind,
        namespace: &NamespaceName,
    ) -> Result<Option<Vec<Reference>>, ApiError> {
        let params = ListParams::default();
        let listed = match kind {
            ReferenceKind::Volume => {
                let api: Api<VolumeReference> = Api::namespaced(self.client.clone(), namespace.as_str());
                api.list(&params)
                    .await
                    .map(|list| list.items.iter().filter_map(project::volume_reference).collect())
            }
            ReferenceKind::Trident => {
                let api: Api<TridentVolumeReference> = Api::namespaced(self.client.clone(), namespace.as_str());
                api.list(&params)
                    .await
                    .map(|list| list.items.iter().filter_map(project::trident_reference).collect())
            }
        };
        let found: Vec<Reference> = match listed.map_err(unread) {
            Ok(found) => found,
            Err(error) if error.fault == Fault::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(self.is_defined(kind.definition()).await?.then_some(found))
    }

    async fn grants(&self, namespace: &NamespaceName) -> Result<Option<Vec<Grant>>, ApiError> {
        for version in project::GRANTS.versions {
            let resource = project::GRANTS.in_version(version);
            let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), namespace.as_str(), &resource);
            match api.list(&ListParams::default()).await.map_err(unread) {
                Ok(list) => {
                    let found = list.items.iter().filter_map(project::grant).collect();
                    return Ok(self.is_defined(names::REFERENCE_GRANTS).await?.then_some(found));
                }
                Err(error) if error.fault == Fault::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    async fn cross_source(&self, key: &CrossSourceKey) -> Result<Option<CrossSource>, ApiError> {
        let api: Api<CrossNamespaceSource> = Api::namespaced(self.client.clone(), key.namespace.as_str());
        let found = api.get_opt(&key.name).await.map_err(unread)?;
        Ok(found.as_ref().and_then(project::cross_source))
    }

    async fn claims(&self) -> Result<Vec<Claim>, ApiError> {
        let api: Api<PersistentVolumeClaim> = Api::all(self.client.clone());
        let all = api.list(&ListParams::default()).await.map_err(unread)?;
        Ok(all.items.iter().filter_map(Claim::of).collect())
    }

    async fn namespace(&self, name: &NamespaceName) -> Result<Option<NamespaceView>, ApiError> {
        let api: Api<Namespace> = Api::all(self.client.clone());
        let found = api.get_opt(name.as_str()).await.map_err(unread)?;
        Ok(found.as_ref().and_then(project::namespace).map(|(_, view)| view))
    }

    async fn create_pv(&self, pv: &NewPv, source: &MountSource) -> Result<(), ApiError> {
        let api = Self::pvs(self);
        let params = PostParams {
            field_manager: Some(names::FIELD_MANAGER.into()),
            ..PostParams::default()
        };
        let error = match api.create(&params, &persistent_volume(pv, source)).await {
            Ok(made) => {
                self.answered(&made);
                return Ok(());
            }
            Err(error) => fault(error),
        };
        if error.fault != Fault::Exists {
            return Err(error);
        }
        // An earlier attempt whose answer was lost: the name is a function of the claim's UID.
        let ours = self.pv(&pv.name).await?.filter(|found| {
            found.ours.as_ref().is_some_and(|o| o.handle == pv.handle)
                && found
                    .claim
                    .as_ref()
                    .is_some_and(|c| c.uid.as_ref() == Some(&pv.claim.uid))
        });
        ours.map(drop).ok_or(error)
    }

    async fn delete_pv(&self, pv: &Exactly) -> Result<(), ApiError> {
        let preconditions = Preconditions {
            uid: Some(pv.uid.to_string()),
            resource_version: Some(pv.version.to_string()),
        };
        let params = DeleteParams {
            preconditions: Some(preconditions),
            ..DeleteParams::default()
        };
        Self::pvs(self)
            .delete(pv.name.as_str(), &params)
            .await
            .map(drop)
            .map_err(fault)
    }

    async fn unprotect(&self, pv: &PvName, uid: &PvUid) -> Result<(), ApiError> {
        let patch = json!({"metadata": {
            "uid": uid.as_str(), "$deleteFromPrimitiveList/finalizers": [names::FINALIZER_VOLUME]}});
        absent_is_done(self.patch_pv(pv, patch).await)
    }

    async fn put_token(&self, pv: &Exactly, token: &Token, note: &Note) -> Result<(), ApiError> {
        let mut metadata = exactly(pv);
        if let Some(fields) = metadata.as_object_mut() {
            fields.insert("finalizers".into(), json!([token.finalizer()]));
            fields.insert("annotations".into(), json!({token.finalizer(): note.to_text()}));
        }
        self.patch_pv(&pv.name, json!({"metadata": metadata})).await
    }

    async fn take_token(&self, pv: &PvName, uid: &PvUid, token: &Token) -> Result<(), ApiError> {
        let patch = json!({"metadata": {
            "uid": uid.as_str(),
            "annotations": {token.finalizer(): null},
            "$deleteFromPrimitiveList/finalizers": [token.finalizer()]}});
        absent_is_done(self.patch_pv(pv, patch).await)
    }

    async fn put_hold(&self, hold: Hold, claim: &ClaimRef) -> Result<(), ApiError> {
        let patch = json!({"metadata": {"uid": claim.uid.as_str(), "finalizers": [hold.finalizer()]}});
        self.patch_claim(claim, patch).await
    }

    async fn take_hold(&self, hold: Hold, claim: &ClaimRef) -> Result<(), ApiError> {
        let patch = json!({"metadata": {
            "uid": claim.uid.as_str(), "$deleteFromPrimitiveList/finalizers": [hold.finalizer()]}});
        absent_is_done(self.patch_claim(claim, patch).await)
    }

    async fn reschedule(&self, claim: &ClaimRef, version: &ResourceVersion) -> Result<(), ApiError> {
        let patch = json!({"metadata": {
            "uid": claim.uid.as_str(), "resourceVersion": version.as_str(),
            "annotations": {names::ANNOTATION_SELECTED_NODE: null}}});
        self.patch_claim(claim, patch).await
    }

    async fn mend(
        &self,
        pv: &Exactly,
        volume: &VolumeId,
        backend: &BackendName,
        handle: &Handle,
        member: bool,
    ) -> Result<(), ApiError> {
        let role = if member { "member" } else { "owner" };
        let mut metadata = exactly(pv);
        if let Some(fields) = metadata.as_object_mut() {
            fields.insert("finalizers".into(), json!([names::FINALIZER_VOLUME]));
            fields.insert(
                "annotations".into(),
                json!({names::ANNOTATION_PROVISIONED_BY: names::PROVISIONER, names::ANNOTATION_HANDLE: handle.to_string()}),
            );
            let labels = json!({names::LABEL_VOLUME: volume.as_str(), names::LABEL_ROLE: role, names::LABEL_BACKEND: backend.as_str()});
            fields.insert("labels".into(), labels);
        }
        self.patch_pv(&pv.name, json!({"metadata": metadata})).await
    }

    async fn set_retain(&self, pv: &Exactly) -> Result<(), ApiError> {
        let patch = json!({"metadata": exactly(pv), "spec": {"persistentVolumeReclaimPolicy": "Retain"}});
        self.patch_pv(&pv.name, patch).await
    }

    async fn promise(&self, pv: &Exactly, bytes: u64) -> Result<(), ApiError> {
        let mut metadata = exactly(pv);
        if let Some(fields) = metadata.as_object_mut() {
            fields.insert(
                "annotations".into(),
                json!({names::ANNOTATION_PROMISED: size::format(bytes)}),
            );
        }
        self.patch_pv(&pv.name, json!({"metadata": metadata})).await
    }

    async fn grant(&self, pv: &Exactly, bytes: u64) -> Result<(), ApiError> {
        let mut metadata = exactly(pv);
        if let Some(fields) = metadata.as_object_mut() {
            fields.insert("annotations".into(), json!({names::ANNOTATION_PROMISED: null}));
        }
        let spec = json!({"capacity": {STORAGE: size::format(bytes)}});
        self.patch_pv(&pv.name, json!({"metadata": metadata, "spec": spec}))
            .await
    }

    async fn mark_resize(
        &self,
        claim: &ClaimRef,
        version: &ResourceVersion,
        mark: &ResizeMark,
        at: jiff::Timestamp,
    ) -> Result<(), ApiError> {
        let params = PatchParams {
            field_manager: Some(names::FIELD_MANAGER.into()),
            ..PatchParams::default()
        };
        let patch = claim_status::patch(claim, version, mark, at);
        self.claims(&claim.key.namespace)
            .patch_status(&claim.key.name, &params, &Patch::Strategic(patch))
            .await
            .map(drop)
            .map_err(fault)
    }

    async fn note_cut(&self, pv: &PvName, uid: &PvUid, cut: Option<&Cut>) -> Result<(), ApiError> {
        let annotation = json!({names::ANNOTATION_CUT: cut.map(Cut::to_text)});
        let patch = json!({"metadata": {"uid": uid.as_str(), "annotations": annotation}});
        absent_is_done(self.patch_pv(pv, patch).await)
    }

    async fn record_owner(&self, pv: &Exactly, owner: &ClaimUid) -> Result<(), ApiError> {
        let mut metadata = exactly(pv);
        if let Some(fields) = metadata.as_object_mut() {
            fields.insert(
                "annotations".into(),
                json!({names::ANNOTATION_OWNER_UID: owner.as_str()}),
            );
        }
        self.patch_pv(&pv.name, json!({"metadata": metadata})).await
    }
}

/// Taking a finalizer off an object that is gone, or of whose name there is another one by now, is done.
fn absent_is_done(result: Result<(), ApiError>) -> Result<(), ApiError> {
    match result {
        Err(error) if error.fault == Fault::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests;
