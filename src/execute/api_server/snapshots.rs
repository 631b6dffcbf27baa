//! Snapshots on the real API server. Custom resources take no strategic merge patch, so finalizers are written as a whole, in the version
//! in which they were read.

use super::{ApiServer, absent_is_done, fault, unread};
use crate::api::names;
use crate::domain::ids::{ClaimRef, ContentName, SnapshotClassName};
use crate::domain::snapshot::content::{Content, ExactContent};
use crate::domain::snapshot::{Snapshot, SnapshotKey};
use crate::domain::token::{Note, Token};
use crate::execute::cluster::ApiError;
use crate::execute::snapshots::{Mark, SnapshotObjects, Status};
use crate::observe::project::snapshots as project;
use crate::plan::snapshot::prepare::NewContent;
use async_trait::async_trait;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::Api;
use kube::api::{DynamicObject, ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

impl ApiServer {
    fn snapshots(&self, key: &SnapshotKey) -> Api<DynamicObject> {
        let resource = project::SNAPSHOTS.in_version(names::SNAPSHOT_VERSION);
        Api::namespaced_with(self.client.clone(), key.namespace.as_str(), &resource)
    }

    fn contents(&self) -> Api<DynamicObject> {
        let resource = project::CONTENTS.in_version(names::SNAPSHOT_VERSION);
        Api::all_with(self.client.clone(), &resource)
    }

    async fn patch_snapshot(&self, key: &SnapshotKey, patch: Value) -> Result<(), ApiError> {
        let (api, params) = (self.snapshots(key), params());
        let patched = api.patch(&key.name, &params, &Patch::Merge(patch)).await;
        patched.map(drop).map_err(fault)
    }

    /// The list as a whole, in the version in which it was read: whatever others have put on it stays.
    async fn patch_finalizers(&self, of: &Snapshot, finalizers: Value) -> Result<(), ApiError> {
        let patch = json!({"metadata": {
            "uid": of.uid.as_str(), "resourceVersion": of.version.as_str(), "finalizers": finalizers}});
        self.patch_snapshot(&of.key, patch).await
    }

    async fn patch_content(&self, content: &ExactContent, patch: Value) -> Result<(), ApiError> {
        let (api, params) = (self.contents(), params());
        let patched = api.patch(content.name.as_str(), &params, &Patch::Merge(patch)).await;
        patched.map(drop).map_err(fault)
    }
}

fn params() -> PatchParams {
    PatchParams {
        field_manager: Some(names::FIELD_MANAGER.into()),
        ..PatchParams::default()
    }
}

fn exactly(content: &ExactContent) -> Value {
    json!({"uid": content.uid.as_str(), "resourceVersion": content.version.as_str()})
}

/// The identity of a content with something besides.
fn with(content: &ExactContent, more: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let mut metadata = exactly(content);
    if let Some(fields) = metadata.as_object_mut() {
        fields.extend(more.into_iter().map(|(key, value)| (key.to_owned(), value)));
    }
    json!({"metadata": metadata})
}

fn without(finalizers: &[String], finalizer: &str) -> Value {
    let rest: Vec<_> = finalizers.iter().filter(|f| *f != finalizer).collect();
    json!(rest)
}

fn status(status: &Status) -> Value {
    match status {
        Status::Ready { handle, taken, bytes } => json!({
            "snapshotHandle": handle.to_string(), "readyToUse": true, "restoreSize": bytes, "error": null,
            "creationTime": i64::try_from(taken.as_nanosecond()).unwrap_or_default(),
        }),
        Status::Failed { text, at } => json!({"readyToUse": false, "error": {"message": text, "time": Time(*at)}}),
        Status::Empty => json!({
            "snapshotHandle": null, "readyToUse": null, "creationTime": null, "restoreSize": null, "error": null,
        }),
    }
}

#[async_trait]
impl SnapshotObjects for ApiServer {
    async fn snapshot(&self, key: &SnapshotKey) -> Result<Option<Snapshot>, ApiError> {
        let found = self.snapshots(key).get_opt(&key.name).await.map_err(unread)?;
        Ok(found.as_ref().and_then(project::snapshot))
    }

    async fn content(&self, name: &ContentName) -> Result<Option<Content>, ApiError> {
        let found = self.contents().get_opt(name.as_str()).await.map_err(unread)?;
        Ok(found.as_ref().and_then(project::content))
    }

    async fn contents(&self) -> Result<Vec<Content>, ApiError> {
        let list = self.contents().list(&ListParams::default()).await.map_err(unread)?;
        Ok(list.items.iter().filter_map(project::content).collect())
    }

    async fn choose_class(&self, snapshot: &Snapshot, class: &SnapshotClassName) -> Result<(), ApiError> {
        let patch = json!({
            "metadata": {"uid": snapshot.uid.as_str(), "resourceVersion": snapshot.version.as_str()},
            "spec": {"volumeSnapshotClassName": class.as_str()},
        });
        self.patch_snapshot(&snapshot.key, patch).await
    }

    async fn put_hold(&self, snapshot: &Snapshot) -> Result<(), ApiError> {
        let mut finalizers = snapshot.finalizers.clone();
        finalizers.push(names::FINALIZER_SOURCE.to_owned());
        self.patch_finalizers(snapshot, json!(finalizers)).await
    }

    async fn take_hold(&self, snapshot: &Snapshot) -> Result<(), ApiError> {
        let left = without(&snapshot.finalizers, names::FINALIZER_SOURCE);
        absent_is_done(self.patch_finalizers(snapshot, left).await)
    }

    async fn keep_source(&self, claim: &ClaimRef) -> Result<(), ApiError> {
        let finalizers = json!([names::FINALIZER_SNAPSHOT_SOURCE]);
        let patch = json!({"metadata": {"uid": claim.uid.as_str(), "finalizers": finalizers}});
        self.patch_claim(claim, patch).await
    }

    async fn let_source_go(&self, claim: &ClaimRef) -> Result<(), ApiError> {
        let finalizers = json!([names::FINALIZER_SNAPSHOT_SOURCE]);
        let patch = json!({"metadata": {"uid": claim.uid.as_str(), "$deleteFromPrimitiveList/finalizers": finalizers}});
        absent_is_done(self.patch_claim(claim, patch).await)
    }

    async fn create_content(&self, content: &NewContent) -> Result<(), ApiError> {
        let of = &content.of;
        let version = format!("{}/{}", names::SNAPSHOT_GROUP, names::SNAPSHOT_VERSION);
        let object = json!({
            "apiVersion": version, "kind": project::CONTENTS.kind, "metadata": {"name": content.name.as_str()},
            "spec": {
                "driver": names::PROVISIONER,
                "deletionPolicy": content.policy.as_str(),
                "volumeSnapshotClassName": content.class.as_str(),
                "source": {"volumeHandle": content.volume.as_str()},
                "sourceVolumeMode": "Filesystem",
                "volumeSnapshotRef": {
                    "apiVersion": version, "kind": project::SNAPSHOTS.kind, "namespace": of.key.namespace.as_str(),
                    "name": of.key.name, "uid": of.uid.as_str(), "resourceVersion": of.version.as_str(),
                },
            },
        });
        let object: DynamicObject =
            serde_json::from_value(object).map_err(|error| ApiError::new(super::Fault::Refused, error.to_string()))?;
        let params = PostParams {
            field_manager: Some(names::FIELD_MANAGER.into()),
            ..PostParams::default()
        };
        self.contents().create(&params, &object).await.map(drop).map_err(fault)
    }

    async fn mark_content(&self, content: &ExactContent, mark: &Mark) -> Result<(), ApiError> {
        let annotations = match mark {
            Mark::Begun(handle) => {
                json!({names::ANNOTATION_BEING_CREATED: "yes", names::ANNOTATION_TAKING: handle.to_string()})
            }
            Mark::GivenUp => json!({names::ANNOTATION_BEING_CREATED: null}),
            Mark::Known => json!({names::ANNOTATION_BEING_CREATED: null, names::ANNOTATION_TAKING: null}),
        };
        self.patch_content(content, with(content, [("annotations", annotations)]))
            .await
    }

    async fn content_status(&self, content: &ExactContent, new: &Status) -> Result<(), ApiError> {
        let patch = json!({"metadata": exactly(content), "status": status(new)});
        let api = self.contents();
        let patched = api
            .patch_status(content.name.as_str(), &params(), &Patch::Merge(patch))
            .await;
        patched.map(drop).map_err(fault)
    }

    async fn release_content(&self, content: &ExactContent) -> Result<(), ApiError> {
        let left = without(&content.finalizers, names::FINALIZER_CONTENT);
        absent_is_done(self.patch_content(content, with(content, [("finalizers", left)])).await)
    }

    async fn put_content_token(&self, content: &ExactContent, token: &Token, note: &Note) -> Result<(), ApiError> {
        let mut finalizers = content.finalizers.clone();
        finalizers.push(token.finalizer());
        let more = [
            ("finalizers", json!(finalizers)),
            ("annotations", json!({token.finalizer(): note.to_text()})),
        ];
        self.patch_content(content, with(content, more)).await
    }

    async fn take_content_token(&self, content: &ExactContent, token: &Token) -> Result<(), ApiError> {
        let more = [
            ("finalizers", without(&content.finalizers, &token.finalizer())),
            ("annotations", json!({token.finalizer(): null})),
        ];
        absent_is_done(self.patch_content(content, with(content, more)).await)
    }
}
