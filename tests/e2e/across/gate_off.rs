//! The gate of `dataSourceRef.namespace` (KEP-3294) is switched off on a cluster in which it was on.

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::api::Patch;
use tombolo_harness::{Cluster, report_skipped};

use super::gate::copy;
use super::*;
use crate::controller;
use crate::see::shown;

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
