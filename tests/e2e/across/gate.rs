//! A cluster whose API server takes a namespace in `dataSourceRef` (KEP-3294): its gate is alpha, so the stories' shared cluster has it off.

use tombolo_harness::{Cluster, CrdSet, report_skipped};

use super::*;
use crate::controller;
use crate::data_sources::api_server::with_the_gate;

/// A claim that wants a copy of a claim of another namespace, by name.
fn copy(name: &str, namespace: &str, source: &str) -> Draft {
    let source = json!({"kind": "PersistentVolumeClaim", "name": source, "namespace": namespace});
    claim(name).spec("dataSourceRef", source)
}

#[tokio::test]
async fn xn_07_xn_08_ap_13_ap_14_grants_may_be_missing_come_later_and_go_again_and_nothing_else_notices() {
    const STORY: &str =
        "xn_07_xn_08_ap_13_ap_14_grants_may_be_missing_come_later_and_go_again_and_nothing_else_notices";
    if cannot(STORY) {
        return;
    }
    let options = World::options().feature_gate("CrossNamespaceVolumeDataSource", true);
    let cluster = Cluster::start(options).await.unwrap();
    if cluster.is_external() {
        return report_skipped(
            STORY,
            "the cluster of E2E_KUBECONFIG has what gates and definitions it has",
        );
    }
    let w = World::own(&cluster, "gate").await;
    let _controller = controller::alone(&cluster, "gate").await;
    let (prod, dev) = (w.namespace("prod").await, w.namespace("dev").await);
    with_the_gate(&w, &dev).await;
    let (_, source) = w.bound_claim(&prod, claim("data")).await;
    w.write(&source, "file", "of prod").await;
    w.claim(&dev, copy("app", &prod, "data")).await;
    w.held(&dev, "app", "GrantsUnavailable", "Gateway API").await;
    w.bound_claim(&prod, copy("same", &prod, "data")).await;

    cluster.install(CrdSet::ReferenceGrants).await.unwrap();
    w.held(&dev, "app", "NotGranted", &format!("{prod}/data")).await;
    give(&w, &prod, grant("to-dev", &dev)).await;
    let (claim_made, made) = w.bound(&dev, "app").await;
    assert_eq!(w.read(&made, "file").await, "of prod");
    let spec = claim_made.spec.as_ref().unwrap();
    assert!(
        spec.data_source.is_none(),
        "with a namespace the API server mirrors nothing"
    );

    // The definition takes every grant with it.
    let definition = "referencegrants.gateway.networking.k8s.io";
    cluster.kubectl(&["delete", "crd", definition]).await.unwrap();
    w.claim(&dev, copy("late", &prod, "data")).await;
    w.held(&dev, "late", "GrantsUnavailable", "Gateway API").await;
    let (_, still) = w.bound_claim(&prod, copy("again", &prod, "data")).await;
    assert_eq!(w.read(&still, "file").await, "of prod");
    assert_eq!(w.read(&made, "file").await, "of prod");
    cluster.install(CrdSet::ReferenceGrants).await.unwrap();
    give(&w, &prod, grant("to-dev", &dev)).await;
    w.bound(&dev, "late").await;
}
