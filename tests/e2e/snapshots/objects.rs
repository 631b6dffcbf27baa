//! The objects of the external-snapshotter, as people write them.

use kube::Api;
use kube::api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use serde_json::{Value, json};
use tombolo_harness::wait::Look;

use crate::world::World;

fn resource(kind: &str) -> ApiResource {
    let gvk = GroupVersionKind::gvk("snapshot.storage.k8s.io", "v1", kind);
    let plural = match kind {
        "VolumeSnapshotClass" => "volumesnapshotclasses".to_owned(),
        other => format!("{}s", other.to_lowercase()),
    };
    ApiResource::from_gvk_with_plural(&gvk, &plural)
}

pub fn snapshots(w: &World<'_>, namespace: &str) -> Api<DynamicObject> {
    Api::namespaced_with(w.client.clone(), namespace, &resource("VolumeSnapshot"))
}

pub fn contents(w: &World<'_>) -> Api<DynamicObject> {
    Api::all_with(w.client.clone(), &resource("VolumeSnapshotContent"))
}

fn classes(w: &World<'_>) -> Api<DynamicObject> {
    Api::all_with(w.client.clone(), &resource("VolumeSnapshotClass"))
}

pub async fn create(api: &Api<DynamicObject>, object: Value) -> DynamicObject {
    let object: DynamicObject = serde_json::from_value(object).unwrap();
    api.create(&PostParams::default(), &object).await.unwrap()
}

/// A class of the story's name.
pub async fn class(w: &World<'_>, policy: &str, default: bool) {
    let default = default.to_string();
    let class = json!({
        "apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshotClass", "driver": "tombolo.dev", "deletionPolicy": policy,
        "metadata": {"name": w.id, "annotations": {"snapshot.storage.kubernetes.io/is-default-class": default}},
    });
    create(&classes(w), class).await;
}

/// A VolumeSnapshot of a claim, with the story's class.
pub async fn take(w: &World<'_>, namespace: &str, name: &str, of: &str) -> DynamicObject {
    let spec = json!({"volumeSnapshotClassName": w.id, "source": {"persistentVolumeClaimName": of}});
    create(&snapshots(w, namespace), snapshot(name, spec)).await
}

pub fn snapshot(name: &str, spec: Value) -> Value {
    json!({"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot", "metadata": {"name": name}, "spec": spec})
}

pub fn text(object: &DynamicObject, at: &str) -> String {
    object
        .data
        .pointer(at)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

pub fn named(object: &DynamicObject) -> String {
    object.metadata.name.clone().unwrap()
}

/// Waits until a VolumeSnapshot is ready.
pub async fn ready(w: &World<'_>, namespace: &str, name: &str) -> DynamicObject {
    let api = snapshots(w, namespace);
    w.until(&format!("snapshot {name} to be ready"), async || {
        let found = api.get_opt(name).await?;
        let is_ready = |s: &DynamicObject| s.data["status"]["readyToUse"] == json!(true);
        let seen = format!("{found:?}");
        Ok(Look::found(found.filter(is_ready), seen))
    })
    .await
}

pub async fn content_of(w: &World<'_>, snapshot: &DynamicObject) -> DynamicObject {
    let name = text(snapshot, "/status/boundVolumeSnapshotContentName");
    contents(w).get(&name).await.unwrap()
}

/// Writes the status of a content, as whoever may write all of it could.
pub async fn status(w: &World<'_>, content: &str, status: Value) {
    let patch = Patch::Merge(json!({"status": status}));
    contents(w)
        .patch_status(content, &PatchParams::default(), &patch)
        .await
        .unwrap();
}

/// Takes the finalizers off everything of a kind that nobody looks after any more.
pub async fn strip(w: &World<'_>, plural: &str) {
    let kind = match plural {
        "volumesnapshots" => "VolumeSnapshot",
        "volumesnapshotcontents" => "VolumeSnapshotContent",
        _ => return,
    };
    let all: Api<DynamicObject> = Api::all_with(w.client.clone(), &resource(kind));
    for object in all.list(&Default::default()).await.unwrap() {
        let name = named(&object);
        let api = match &object.metadata.namespace {
            Some(namespace) => Api::namespaced_with(w.client.clone(), namespace, &resource(kind)),
            None => all.clone(),
        };
        let patch = Patch::Merge(json!({"metadata": {"finalizers": null}}));
        api.patch(&name, &PatchParams::default(), &patch).await.unwrap();
    }
}

/// Sets an annotation.
pub async fn annotate(api: &Api<DynamicObject>, name: &str, key: &str, value: &str) {
    let patch = Patch::Merge(json!({"metadata": {"annotations": {key: value}}}));
    api.patch(name, &PatchParams::default(), &patch).await.unwrap();
}

/// Adds a finalizer to those that there are.
pub async fn add_finalizer(api: &Api<DynamicObject>, name: &str, finalizer: &str) -> kube::Result<DynamicObject> {
    let mut finalizers = api.get(name).await?.metadata.finalizers.unwrap_or_default();
    finalizers.push(finalizer.to_owned());
    let patch = Patch::Merge(json!({"metadata": {"finalizers": finalizers}}));
    api.patch(name, &PatchParams::default(), &patch).await
}

impl World<'_> {
    /// Waits until an object is as expected.
    pub async fn dynamic(
        &self,
        api: &Api<DynamicObject>,
        name: &str,
        what: &str,
        expected: impl Fn(&DynamicObject) -> bool,
    ) -> DynamicObject {
        self.until(&format!("{name} to be {what}"), async || {
            let found = api.get_opt(name).await?;
            let seen = format!("{found:?}");
            Ok(Look::found(found.filter(&expected), seen))
        })
        .await
    }

    /// Waits until a VolumeSnapshot has an error with these words.
    pub async fn told_of(&self, namespace: &str, name: &str, words: &str) {
        let says = |s: &DynamicObject| text(s, "/status/error/message").contains(words);
        self.dynamic(&snapshots(self, namespace), name, "in error", says).await;
    }

    pub async fn delete_dynamic(&self, api: &Api<DynamicObject>, name: &str) {
        drop(api.delete(name, &DeleteParams::default()).await.unwrap());
    }

    pub async fn dynamic_gone(&self, api: &Api<DynamicObject>, name: &str) {
        self.until(&format!("{name} to be gone"), async || {
            let found = api.get_opt(name).await?;
            Ok(Look::holds(found.is_none(), format!("{found:?}")))
        })
        .await;
    }
}
