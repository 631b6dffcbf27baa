//! A cluster whose API server takes a namespace in `dataSourceRef` (KEP-3294): its gate is alpha, so the stories' shared cluster has it off.

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::api::Patch;
use tombolo_harness::{Cluster, CrdSet, report_skipped};

use super::*;
use crate::controller;
use crate::data_sources::api_server::with_the_gate;
use crate::see::shown;

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

#[tokio::test]
async fn ap_16_ap_17_a_gate_that_is_switched_off_takes_nothing_from_claims_that_are_stored() {
    const STORY: &str = "ap_16_ap_17_a_gate_that_is_switched_off_takes_nothing_from_claims_that_are_stored";
    const GATE: &str = "CrossNamespaceVolumeDataSource";
    if cannot(STORY) {
        return;
    }
    let options = World::options().with_reference_grants().feature_gate(GATE, true);
    let cluster = Cluster::start(options).await.unwrap();
    if cluster.is_external() {
        return report_skipped(STORY, "the API server of E2E_KUBECONFIG is not ours to restart");
    }
    let w = World::own(&cluster, "gateoff").await;
    let (prod, dev) = (w.namespace("prod").await, w.namespace("dev").await);
    w.claim(&dev, copy("stored", &prod, "data")).await;
    let local = json!({"kind": "PersistentVolumeClaim", "name": "data"});
    w.claim(&dev, claim("local").spec("dataSourceRef", local)).await;
    cluster.restart_api_server_without(GATE).await.unwrap();

    let source = |claim: &PersistentVolumeClaim| claim.spec.as_ref().unwrap().data_source_ref.clone();
    // A new one loses it: the gate is off.
    let new = w.claim(&dev, copy("new", &prod, "data")).await;
    assert!(source(&new).is_none(), "{:?}", shown(&new));
    // One that is stored keeps it, whatever is edited.
    w.annotate(&dev, "stored", "example.com/edited", json!("yes")).await;
    let stored = w.claims(&dev).get("stored").await.unwrap();
    assert_eq!(
        source(&stored).unwrap().namespace.as_deref(),
        Some(&*prod),
        "{:?}",
        shown(&stored)
    );
    // To one that names a source of its own namespace it cannot be added, and it is not dropped in silence either.
    let edit = Patch::Merge(json!({"spec": {"dataSourceRef": {"namespace": prod}}}));
    let answer = w.claims(&dev).patch("local", &Default::default(), &edit).await;
    assert!(
        matches!(&answer, Err(kube::Error::Api(status)) if status.code == 422),
        "{answer:?}"
    );

    // What was stored is served all the same; what was dropped is held.
    let _controller = controller::alone(&cluster, "gateoff").await;
    let (_, pv) = w.bound_claim(&prod, claim("data")).await;
    w.write(&pv, "file", "of prod").await;
    w.held(&dev, "new", "SourceDropped", GATE).await;
    w.held(&dev, "stored", "NotGranted", &format!("{prod}/data")).await;
    give(&w, &prod, grant("to-dev", &dev)).await;
    let (_, made) = w.bound(&dev, "stored").await;
    assert_eq!(w.read(&made, "file").await, "of prod");
}
