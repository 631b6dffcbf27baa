//! Claims made from snapshots, in the same namespace and in another one.

use k8s_openapi::api::core::v1::PersistentVolume;
use serde_json::{Value, json};
use tombolo::api::storage_backend::StorageBackend;

use super::objects::{self, content_of, named, ready, snapshot, text};
use crate::clones::yard::Yard;
use crate::draft::{Draft, claim};
use crate::see::{name_of, phase};
use crate::world::{World, cannot};

pub fn from(name: &str, source: &str) -> Draft {
    let source = json!({"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": source});
    claim(name).spec("dataSource", source)
}

/// The directory below which volumes of the story's class lie.
pub fn yard(w: &World<'_>) -> Yard {
    Yard {
        class: w.class.clone(),
        root: w.cluster.nfs().unwrap().endpoint().export_dir.join(&w.class),
    }
}

#[tokio::test]
async fn sn_43_what_is_restored_is_what_there_was_when_the_snapshot_was_taken() {
    const STORY: &str = "sn_43_what_is_restored_is_what_there_was_when_the_snapshot_was_taken";
    if cannot(STORY) {
        return;
    }
    let w = World::shared("restored").await;
    let ns = w.namespace("primary").await;
    objects::class(&w, "Delete", false).await;
    // Asked for before there is anything.
    w.claim(&ns, from("app", "before").size("1Gi")).await;
    w.held(&ns, "app", "SourceNotReady", "VolumeSnapshot before").await;
    let (_, pv) = w.bound_claim(&ns, claim("data").size("1Gi")).await;
    let yard = yard(&w);
    yard.plant(name_of(&pv), 300);
    let expected = yard.contents(name_of(&pv));
    objects::take(&w, &ns, "before", "data").await;
    let snapshot = ready(&w, &ns, "before").await;
    w.write(&pv, "later", "not in it").await;
    let (_, made) = w.bound(&ns, "app").await;
    assert!(yard.contents(name_of(&made)) == expected);
    w.told(&ns, "app", "Provisioning", "Copying VolumeSnapshot before")
        .await;
    let content = content_of(&w, &snapshot).await;
    w.dynamic(&objects::contents(&w), &named(&content), "without a token", |c| {
        c.metadata.finalizers.iter().flatten().all(|f| !f.contains("copying"))
    })
    .await;

    w.claim(&ns, from("small", "before").size("1Mi")).await;
    w.held(&ns, "small", "SourceTooLarge", "1Gi").await;
    // The snapshot-controller deletes no snapshot that a claim of its namespace waits for.
    w.delete(&w.claims(&ns), "small").await;
    w.gone(&w.claims(&ns), "small").await;
    // It outlives the volume, and what was made from it outlives both.
    w.delete(&w.claims(&ns), "data").await;
    w.nothing_left(&pv).await;
    let (_, again) = w.bound_claim(&ns, from("again", "before").size("2Gi")).await;
    assert!(yard.contents(name_of(&again)) == expected);
    w.delete_dynamic(&objects::snapshots(&w, &ns), "before").await;
    w.dynamic_gone(&objects::contents(&w), &named(&content)).await;
    assert!(yard.contents(name_of(&again)) == expected);
}

#[tokio::test]
async fn from_another_namespace_a_snapshot_is_restored_by_its_owner_s_consent_only() {
    const STORY: &str = "from_another_namespace_a_snapshot_is_restored_by_its_owner_s_consent_only";
    if cannot(STORY) {
        return;
    }
    let w = World::shared("abroad").await;
    let (prod, dev) = (w.namespace("prod").await, w.namespace("dev").await);
    objects::class(&w, "Delete", false).await;
    let (_, pv) = w.bound_claim(&prod, claim("data")).await;
    w.write(&pv, "file", "of prod").await;
    objects::take(&w, &prod, "before", "data").await;
    ready(&w, &prod, "before").await;
    let mut source = crate::draft::cross_source("prod-snap", &prod, "before");
    source["spec"]["source"] =
        json!({"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "before", "namespace": prod});
    crate::across::name_source(&w, &dev, source).await;
    w.claim(&dev, crate::across::through("app", "prod-snap")).await;
    w.held(&dev, "app", "NotGranted", &format!("{prod}/before")).await;
    let mut grant = crate::draft::grant("to-dev", &dev);
    grant["spec"]["to"] = json!([{"group": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot"}]);
    crate::across::give(&w, &prod, grant).await;
    let (_, made) = w.bound(&dev, "app").await;
    assert_eq!(w.read(&made, "file").await, "of prod");

    // By the annotations of Trident the owner of the claim consents, and an admin here.
    let annotated = claim("by-annotation")
        .annotated("trident.netapp.io/cloneFromSnapshot", "before")
        .annotated("trident.netapp.io/cloneFromPVC", "data")
        .annotated("trident.netapp.io/cloneFromNamespace", &prod);
    w.claim(&dev, annotated).await;
    w.held(&dev, "by-annotation", "ReferenceMissing", "").await;
    w.refer(&dev, crate::draft::reference("to-prod", &prod, "data")).await;
    w.held(&dev, "by-annotation", "NotShared", "cloneToNamespace").await;
    w.annotate(&prod, "data", "tombolo.dev/cloneToNamespace", json!(dev))
        .await;
    let (_, made) = w.bound(&dev, "by-annotation").await;
    assert_eq!(w.read(&made, "file").await, "of prod");
}

/// A content that names a snapshot itself, and a VolumeSnapshot for it.
pub async fn preprovision(w: &World<'_>, namespace: &str, name: &str, handle: &str, policy: &str) -> String {
    let content = json!({
        "apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshotContent", "metadata": {"name": format!("{name}-{}", w.id)},
        "spec": {
            "driver": "tombolo.dev", "deletionPolicy": policy, "source": {"snapshotHandle": handle},
            "volumeSnapshotRef": {"namespace": namespace, "name": name},
        },
    });
    objects::create(&objects::contents(w), content).await;
    let spec = json!({"source": {"volumeSnapshotContentName": format!("{name}-{}", w.id)}});
    objects::create(&objects::snapshots(w, namespace), snapshot(name, spec)).await;
    format!("{name}-{}", w.id)
}

#[tokio::test]
async fn what_was_retained_is_found_again_by_its_handle_where_an_admin_imports_it_and_nowhere_else() {
    const STORY: &str = "what_was_retained_is_found_again_by_its_handle_where_an_admin_imports_it_and_nowhere_else";
    if cannot(STORY) {
        return;
    }
    let w = World::shared("retained").await;
    let (ns, other) = (w.namespace("primary").await, w.namespace("other").await);
    objects::class(&w, "Retain", false).await;
    let (_, pv) = w.bound_claim(&ns, claim("data")).await;
    w.write(&pv, "file", "kept").await;
    objects::take(&w, &ns, "before", "data").await;
    let content = content_of(&w, &ready(&w, &ns, "before").await).await;
    let handle = text(&content, "/status/snapshotHandle");
    w.delete_dynamic(&objects::snapshots(&w, &ns), "before").await;
    w.dynamic_gone(&objects::snapshots(&w, &ns), "before").await;
    w.delete_dynamic(&objects::contents(&w), &named(&content)).await;
    w.dynamic_gone(&objects::contents(&w), &named(&content)).await;

    // Another namespace of the name could be another tenant's.
    preprovision(&w, &ns, "found", &handle, "Retain").await;
    w.told_of(&ns, "found", "importSnapshots").await;
    preprovision(&w, &other, "stolen", &handle, "Retain").await;
    w.told_of(&other, "stolen", "importSnapshots").await;
    let id = handle.split_once(':').unwrap().1;
    let backends = w.all::<StorageBackend>();
    let import = |value: Value| json!({"metadata": {"annotations": {"tombolo.dev/importSnapshots": value}}});
    w.patch(&backends, &w.class, import(json!(format!("{ns}/{id}")))).await;
    ready(&w, &ns, "found").await;
    let (_, made) = w.bound_claim(&ns, from("app", "found")).await;
    assert_eq!(w.read(&made, "file").await, "kept");

    w.claim(&other, from("app", "stolen")).await;
    w.held(&other, "app", "SourceNotReady", "VolumeSnapshot stolen").await;
    w.patch(&backends, &w.class, import(json!(format!("{ns}/{id},{other}/{id}"))))
        .await;
    ready(&w, &other, "stolen").await;
    let (_, made) = w.bound(&other, "app").await;
    assert_eq!(w.read(&made, "file").await, "kept");
    w.patch(&backends, &w.class, import(Value::Null)).await;
}

#[tokio::test]
async fn a_claim_that_kubernetes_bound_to_a_leftover_volume_instead_of_a_snapshot_is_told() {
    if cannot("a_claim_that_kubernetes_bound_to_a_leftover_volume_instead_of_a_snapshot_is_told") {
        return;
    }
    let w = World::shared("usurped").await.with_class(json!({})).await;
    let ns = w.namespace("primary").await;
    let name = format!("usurper-{}", w.id);
    let leftover = json!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name},
        "spec": {
            "storageClassName": w.class, "accessModes": ["ReadWriteMany"], "capacity": {"storage": "1Mi"},
            "persistentVolumeReclaimPolicy": "Retain", "nfs": {"server": "127.0.0.1", "path": "/somewhere"},
        },
    });
    w.create::<PersistentVolume>(w.all(), leftover).await;
    w.claim(&ns, from("app", "before")).await;
    let bound = w
        .object("the claim to be bound", &w.claims(&ns), "app", |c| phase(c) == "Bound")
        .await;
    assert_eq!(bound.spec.unwrap().volume_name, Some(name));
    w.told(&ns, "app", "ProvisioningFailed", "BoundToOtherVolume: ").await;
}
