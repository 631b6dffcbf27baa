//! Manifests as the Kubernetes documentation prints them, unchanged, where the API server takes a namespace in `dataSourceRef`; on a
//! cluster whose definitions of snapshots come later and go again.

use serde_json::json;
use tombolo_harness::{Cluster, CrdSet, report_skipped};

use super::objects::{self, ready};
use super::restoring::from;
use crate::controller;
use crate::draft::claim;
use crate::world::{World, cannot};

#[tokio::test]
async fn the_documentation_s_manifests_work_unchanged_and_the_kinds_may_come_later_and_go_again() {
    const STORY: &str = "the_documentation_s_manifests_work_unchanged_and_the_kinds_may_come_later_and_go_again";
    if cannot(STORY) {
        return;
    }
    let options = World::options()
        .feature_gate("CrossNamespaceVolumeDataSource", true)
        .with_reference_grants();
    let cluster = Cluster::start(options).await.unwrap();
    if cluster.is_external() {
        return report_skipped(
            STORY,
            "the cluster of E2E_KUBECONFIG has what gates and definitions it has",
        );
    }
    let w = World::own(&cluster, "published").await;
    w.storage_class("example", json!({"parameters": {"backend": w.id}}))
        .await;
    let _controller = controller::alone(&cluster, "published").await;
    let apply = async |file: &str| {
        let file = format!("{}/tests/acceptance/datasource/{file}", env!("CARGO_MANIFEST_DIR"));
        cluster.kubectl(&["apply", "-f", &file]).await.unwrap();
    };
    apply("00-namespaces.yaml").await;
    let (_, data) = w.bound_claim("prod", claim("data").class("example").size("1Gi")).await;
    w.write(&data, "file", "of prod").await;
    apply("11-claim-dev.yaml").await;
    w.held("dev", "example-pvc", "NotGranted", "prod/new-snapshot-demo")
        .await;
    apply("10-grant-prod.yaml").await;
    w.held("dev", "example-pvc", "SourceNotReady", "no VolumeSnapshots")
        .await;

    // No snapshot-controller runs here: what it does is done by hand.
    cluster.install(CrdSet::Snapshots).await.unwrap();
    objects::class(&w, "Delete", true).await;
    let bind = async |namespace: &str| {
        let spec = json!({"source": {"persistentVolumeClaimName": "data"}});
        let made = objects::create(
            &objects::snapshots(&w, namespace),
            objects::snapshot("new-snapshot-demo", spec),
        )
        .await;
        let name = format!("snapcontent-{}", made.metadata.uid.unwrap());
        w.dynamic(&objects::contents(&w), &name, "ready", |c| {
            c.data["status"]["readyToUse"] == json!(true)
        })
        .await;
        objects::snapshot_status(
            &w,
            namespace,
            "new-snapshot-demo",
            json!({
                "boundVolumeSnapshotContentName": name, "readyToUse": true,
            }),
        )
        .await;
        ready(&w, namespace, "new-snapshot-demo").await;
    };
    bind("prod").await;
    let (_, made) = w.bound("dev", "example-pvc").await;
    assert_eq!(w.read(&made, "file").await, "of prod");

    let (_, data) = w
        .bound_claim("default", claim("data").class("example").size("1Gi"))
        .await;
    w.write(&data, "file", "of default").await;
    bind("default").await;
    apply("20-grant-default.yaml").await;
    apply("21-claim-ns1.yaml").await;
    let (_, made) = w.bound("ns1", "foo-pvc").await;
    assert_eq!(w.read(&made, "file").await, "of default");
    apply("30-populated-pvc.yaml").await;
    w.told(
        "default",
        "populated-pvc",
        "UnrecognizedDataSourceKind",
        "ExampleDataSource",
    )
    .await;

    // The definitions take everything with them, and nothing else notices.
    for kind in ["volumesnapshots", "volumesnapshotcontents", "volumesnapshotclasses"] {
        objects::strip(&w, kind).await;
        let definition = format!("{kind}.snapshot.storage.k8s.io");
        cluster.kubectl(&["delete", "crd", &definition]).await.unwrap();
    }
    w.claim("prod", from("late", "new-snapshot-demo").class("example"))
        .await;
    w.held("prod", "late", "SourceNotReady", "no VolumeSnapshots").await;
    let source = json!({"kind": "PersistentVolumeClaim", "name": "data"});
    w.bound_claim(
        "prod",
        claim("cloned").class("example").size("1Gi").spec("dataSource", source),
    )
    .await;
}
