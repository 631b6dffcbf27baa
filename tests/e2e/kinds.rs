//! Our definitions on the API server: mistakes are refused when they are made.

use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use kube::core::DynamicObject;
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};
use tombolo_harness::{Cluster, ClusterOptions};

use crate::world::World;

fn resource(kind: &str) -> ApiResource {
    let (group, version) = if kind == "TridentVolumeReference" {
        ("trident.netapp.io", "v1")
    } else {
        ("tombolo.dev", "v1alpha1")
    };
    ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind))
}

fn api(w: &World<'_>, kind: &str) -> Api<DynamicObject> {
    let resource = resource(kind);
    if kind.ends_with("Reference") {
        Api::namespaced_with(w.client.clone(), "default", &resource)
    } else {
        Api::all_with(w.client.clone(), &resource)
    }
}

async fn create(w: &World<'_>, kind: &str, name: &str, rest: Value) -> kube::Result<DynamicObject> {
    let object = DynamicObject::new(name, &resource(kind)).data(rest);
    api(w, kind).create(&PostParams::default(), &object).await
}

fn refusal<T: std::fmt::Debug>(result: kube::Result<T>) -> String {
    match result {
        Err(kube::Error::Api(status)) if status.code == 422 || status.code == 400 => status.message.clone(),
        other => panic!("it was to be refused: {other:?}"),
    }
}

#[tokio::test]
async fn mistakes_in_our_kinds_are_refused_when_they_are_made() {
    let cluster = Cluster::start(ClusterOptions::default()).await.unwrap();
    let w = World::of(&cluster, "refuse").await;
    w.install_kinds().await;
    let nfs = || json!({"server": "nas", "export": "/x"});
    let sb = "StorageBackend";
    let vr = "VolumeReference";
    let rows = [
        ("no driver", sb, json!({"spec": {}}), "exactly one driver"),
        (
            "two drivers",
            sb,
            json!({"spec": {"nfs": nfs(), "local": {"path": "/x", "node": "n"}}}),
            "exactly one driver",
        ),
        ("no spec", sb, json!({}), "spec"),
        (
            "relative export",
            sb,
            json!({"spec": {"nfs": {"server": "nas", "export": "x"}}}),
            "export",
        ),
        (
            "dots",
            sb,
            json!({"spec": {"nfs": {"server": "nas", "export": "/a/../b"}}}),
            "component",
        ),
        (
            "version",
            sb,
            json!({"spec": {"nfs": {"server": "nas", "export": "/x", "version": "4.2"}}}),
            "version",
        ),
        (
            "port",
            sb,
            json!({"spec": {"nfs": {"server": "nas", "export": "/x", "port": 0}}}),
            "port",
        ),
        (
            "tmp",
            sb,
            json!({"spec": {"local": {"path": "/tmp/x", "node": "n"}}}),
            "/tmp",
        ),
        (
            "retention",
            sb,
            json!({"spec": {"nfs": nfs(), "trashRetention": "a day"}}),
            "trashRetention",
        ),
        ("no spec", vr, json!({}), "spec"),
        ("no name", vr, json!({"spec": {"pvcNamespace": "a"}}), "pvcName"),
        (
            "upper case",
            vr,
            json!({"spec": {"pvcNamespace": "A", "pvcName": "b"}}),
            "pvcNamespace",
        ),
        (
            "slash",
            vr,
            json!({"spec": {"pvcNamespace": "a", "pvcName": "b/c"}}),
            "pvcName",
        ),
        (
            "access",
            vr,
            json!({"spec": {"pvcNamespace": "a", "pvcName": "b", "access": "Write"}}),
            "access",
        ),
        ("no spec", "TridentVolumeReference", json!({}), "spec"),
        ("no spec", "SharedVolume", json!({}), "spec"),
    ];
    for (row, kind, rest, text) in rows {
        let message = refusal(create(&w, kind, &w.id, rest).await);
        assert!(message.contains(text), "{kind}, {row}: {message}");
    }
    let long = "n".repeat(64);
    let message = refusal(create(&w, sb, &long, json!({"spec": {"nfs": nfs()}})).await);
    assert!(message.contains("63 characters"), "{message}");
}

#[tokio::test]
async fn what_must_not_change_cannot_be_changed() {
    let cluster = Cluster::start(ClusterOptions::default()).await.unwrap();
    let w = World::of(&cluster, "immutable").await;
    w.install_kinds().await;
    let reference = json!({"spec": {"pvcNamespace": "a", "pvcName": "b"}});
    let made = create(&w, "VolumeReference", &w.id, reference).await.unwrap();
    assert_eq!(made.data["spec"]["access"], "ReadWrite");
    create(
        &w,
        "StorageBackend",
        &w.id,
        json!({"spec": {"nfs": {"server": "127.0.0.1", "export": "/x", "port": 1}}}),
    )
    .await
    .unwrap();
    let rows = [
        ("VolumeReference", json!({"spec": {"pvcName": "c"}}), "immutable"),
        ("VolumeReference", json!({"spec": {"access": "ReadOnly"}}), "immutable"),
        (
            "StorageBackend",
            json!({"spec": {"nfs": {"server": "other"}}}),
            "immutable",
        ),
        (
            "StorageBackend",
            json!({"spec": {"nfs": {"export": "/y"}}}),
            "immutable",
        ),
        (
            "StorageBackend",
            json!({"spec": {"nfs": {"subdirectory": "z"}}}),
            "immutable",
        ),
        (
            "StorageBackend",
            json!({"spec": {"nfs": null, "local": {"path": "/x", "node": "n"}}}),
            "immutable",
        ),
    ];
    for (kind, change, text) in rows {
        let result = api(&w, kind)
            .patch(&w.id, &PatchParams::default(), &Patch::Merge(&change))
            .await;
        let message = refusal(result);
        assert!(message.contains(text), "{kind} {change}: {message}");
    }
    // What may change, may.
    let change = json!({"spec": {"trashRetention": "1h30m", "limits": {"volumes": 3, "bytes": "1Ti"}}});
    api(&w, "StorageBackend")
        .patch(&w.id, &PatchParams::default(), &Patch::Merge(&change))
        .await
        .unwrap();
    for kind in ["VolumeReference", "StorageBackend"] {
        drop(api(&w, kind).delete(&w.id, &Default::default()).await.unwrap());
    }
}
