//! Manifests as the Kubernetes documentation prints them, unchanged, beside the unmodified snapshot-controller: where the API server takes a
//! namespace in `dataSourceRef`, on a cluster whose definitions of snapshots come later and go again; and where it drops one.

use serde_json::json;
use tombolo_harness::{Cluster, CrdSet, report_skipped};

use super::objects::{self, ready};
use super::restoring::from;
use crate::across;
use crate::controller;
use crate::draft::{claim, cross_source};
use crate::see::shown;
use crate::world::{World, cannot};

const SNAPSHOT: &str = "new-snapshot-demo";
const GATE: &str = "CrossNamespaceVolumeDataSource";

async fn apply(cluster: &Cluster, file: &str) {
    let file = format!("{}/tests/acceptance/datasource/{file}", env!("CARGO_MANIFEST_DIR"));
    cluster.kubectl(&["apply", "-f", &file]).await.unwrap();
}

/// Cluster-wide, with the documentation's class.
async fn place<'a>(cluster: &'a Cluster, id: &'static str) -> World<'a> {
    let w = World::own(cluster, id).await;
    w.storage_class("example", json!({"parameters": {"backend": w.id}}))
        .await;
    apply(cluster, "00-namespaces.yaml").await;
    w
}

/// A claim of a namespace with this in its file, for the documentation's snapshot.
async fn plant(w: &World<'_>, namespace: &str, contents: &str) {
    let (_, data) = w
        .bound_claim(namespace, claim("data").class("example").size("1Gi"))
        .await;
    w.write(&data, "file", contents).await;
}

async fn take(w: &World<'_>, namespace: &str) {
    let spec = json!({"source": {"persistentVolumeClaimName": "data"}});
    objects::create(&objects::snapshots(w, namespace), objects::snapshot(SNAPSHOT, spec)).await;
    ready(w, namespace, SNAPSHOT).await;
}

async fn bound_with(w: &World<'_>, (namespace, name): (&str, &str), contents: &str) {
    let (_, made) = w.bound(namespace, name).await;
    assert_eq!(w.read(&made, "file").await, contents);
}

async fn remove_kinds(w: &World<'_>, cluster: &Cluster) {
    for kind in ["volumesnapshots", "volumesnapshotcontents", "volumesnapshotclasses"] {
        objects::strip(w, kind).await;
        let definition = format!("{kind}.snapshot.storage.k8s.io");
        cluster.kubectl(&["delete", "crd", &definition]).await.unwrap();
    }
}

#[tokio::test]
async fn the_documentation_s_manifests_work_unchanged_and_the_kinds_may_come_later_and_go_again() {
    const STORY: &str = "the_documentation_s_manifests_work_unchanged_and_the_kinds_may_come_later_and_go_again";
    if cannot(STORY) {
        return;
    }
    let options = World::options().with_snapshots().with_reference_grants();
    let cluster = Cluster::start(options.feature_gate(GATE, true)).await.unwrap();
    if cluster.is_external() {
        return report_skipped(
            STORY,
            "the cluster of E2E_KUBECONFIG has what gates and definitions it has",
        );
    }
    let w = place(&cluster, "published").await;
    // The snapshot-controller needs them to start, and waits for them afterwards.
    remove_kinds(&w, &cluster).await;
    let _controller = controller::alone(&cluster, "published").await;
    plant(&w, "prod", "of prod").await;
    apply(&cluster, "11-claim-dev.yaml").await;
    w.held("dev", "example-pvc", "NotGranted", "prod/new-snapshot-demo")
        .await;
    apply(&cluster, "10-grant-prod.yaml").await;
    w.held("dev", "example-pvc", "SourceNotReady", "no VolumeSnapshots")
        .await;

    cluster.install(CrdSet::Snapshots).await.unwrap();
    objects::class(&w, "Delete", true).await;
    take(&w, "prod").await;
    bound_with(&w, ("dev", "example-pvc"), "of prod").await;

    plant(&w, "default", "of default").await;
    take(&w, "default").await;
    apply(&cluster, "20-grant-default.yaml").await;
    apply(&cluster, "21-claim-ns1.yaml").await;
    bound_with(&w, ("ns1", "foo-pvc"), "of default").await;
    apply(&cluster, "30-populated-pvc.yaml").await;
    w.told(
        "default",
        "populated-pvc",
        "UnrecognizedDataSourceKind",
        "ExampleDataSource",
    )
    .await;

    // The definitions take everything with them, and nothing else notices.
    remove_kinds(&w, &cluster).await;
    w.claim("prod", from("late", SNAPSHOT).class("example")).await;
    w.held("prod", "late", "SourceNotReady", "no VolumeSnapshots").await;
    let source = json!({"kind": "PersistentVolumeClaim", "name": "data"});
    w.bound_claim(
        "prod",
        claim("cloned").class("example").size("1Gi").spec("dataSource", source),
    )
    .await;
}

#[tokio::test]
async fn xn_10_without_the_gate_the_documentation_s_claims_are_held_and_told_what_to_write_instead() {
    const STORY: &str = "xn_10_without_the_gate_the_documentation_s_claims_are_held_and_told_what_to_write_instead";
    if cannot(STORY) {
        return;
    }
    let options = World::options().with_snapshots().with_reference_grants();
    let cluster = Cluster::start(options).await.unwrap();
    if cluster.is_external() {
        return report_skipped(STORY, "the cluster of E2E_KUBECONFIG has what gates it has");
    }
    let w = place(&cluster, "ungated").await;
    let _controller = controller::alone(&cluster, "ungated").await;
    objects::class(&w, "Delete", true).await;
    plant(&w, "prod", "of prod").await;
    take(&w, "prod").await;
    for file in [
        "10-grant-prod.yaml",
        "11-claim-dev.yaml",
        "20-grant-default.yaml",
        "21-claim-ns1.yaml",
        "30-populated-pvc.yaml",
    ] {
        apply(&cluster, file).await;
    }
    let dropped = [("dev", "example-pvc"), ("ns1", "foo-pvc")];
    for (namespace, name) in dropped {
        let claim = w.claims(namespace).get(name).await.unwrap();
        assert!(
            claim.spec.as_ref().unwrap().data_source_ref.is_none(),
            "{:?}",
            shown(&claim)
        );
        w.held(namespace, name, "SourceDropped", GATE).await;
        w.held(
            namespace,
            name,
            "SourceDropped",
            "with a CrossNamespaceSource in this namespace",
        )
        .await;
    }

    // What needs no gate.
    let kind = "ExampleDataSource";
    w.told("default", "populated-pvc", "UnrecognizedDataSourceKind", kind)
        .await;
    w.claim("prod", from("restored", SNAPSHOT).class("example").size("1Gi"))
        .await;
    bound_with(&w, ("prod", "restored"), "of prod").await;

    // What they are told to write, by the same grant.
    let mut source = cross_source("prod-snapshot", "prod", SNAPSHOT);
    source["spec"]["source"]["apiGroup"] = json!("snapshot.storage.k8s.io");
    source["spec"]["source"]["kind"] = json!("VolumeSnapshot");
    across::name_source(&w, "dev", source).await;
    w.delete(&w.claims("dev"), "example-pvc").await;
    w.gone(&w.claims("dev"), "example-pvc").await;
    let again = across::through("example-pvc", "prod-snapshot")
        .class("example")
        .size("1Gi");
    w.claim("dev", again).await;
    bound_with(&w, ("dev", "example-pvc"), "of prod").await;
    w.is_unserved("ns1", "foo-pvc").await;
}
