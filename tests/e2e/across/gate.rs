//! Clusters that differ from the one that stories share: whose API server takes a namespace in `dataSourceRef` (KEP-3294), which an alpha
//! gate is for; and where ReferenceGrants may not be read.

use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule};
use tombolo_harness::wait::Look;
use tombolo_harness::{Cluster, Controller, CrdSet, report_skipped};

use super::*;
use crate::controller;
use crate::data_sources::api_server::with_the_gate;

/// A claim that wants a copy of a claim of another namespace, by name.
pub fn copy(name: &str, namespace: &str, source: &str) -> Draft {
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
async fn xn_09_without_the_right_to_read_grants_all_else_works_and_the_right_may_come_later() {
    const STORY: &str = "xn_09_without_the_right_to_read_grants_all_else_works_and_the_right_may_come_later";
    if cannot(STORY) {
        return;
    }
    let cluster = Cluster::start(World::options().with_reference_grants()).await.unwrap();
    if cluster.is_external() {
        return report_skipped(STORY, "it takes a right away from the installation");
    }
    let w = World::own(&cluster, "closed").await;
    let controller = controller::as_installed(&cluster, "closed").await.unwrap();
    let roles = w.all::<ClusterRole>();
    let mut role = roles.get("tombolo-controller").await.unwrap();
    let whole = role.clone();
    let of_grants = |rule: &PolicyRule| rule.resources.iter().flatten().any(|r| r == "referencegrants");
    role.rules.as_mut().unwrap().retain(|rule| !of_grants(rule));
    roles
        .replace("tombolo-controller", &PostParams::default(), &role)
        .await
        .unwrap();
    controller.end_well().await.unwrap();
    // It becomes ready all the same.
    controller.start().await.unwrap();
    assert_eq!(controller.get("/readyz").await.unwrap().0, 200);

    let (prod, dev) = (w.namespace("prod").await, w.namespace("dev").await);
    let (_, source) = w.bound_claim(&prod, claim("data")).await;
    w.write(&source, "file", "of prod").await;
    name_source(&w, &dev, cross_source("prod-data", &prod, "data")).await;
    give(&w, &prod, grant("to-dev", &dev)).await;
    w.claim(&dev, through("app", "prod-data")).await;
    w.held(&dev, "app", "GrantsUnavailable", "may not read").await;
    let here = json!({"kind": "PersistentVolumeClaim", "name": "data"});
    let (_, same) = w.bound_claim(&prod, claim("same").spec("dataSource", here)).await;
    assert_eq!(w.read(&same, "file").await, "of prod");
    shows(&w, &controller, "forbidden").await;

    role = roles.get("tombolo-controller").await.unwrap();
    role.rules = whole.rules;
    roles
        .replace("tombolo-controller", &PostParams::default(), &role)
        .await
        .unwrap();
    let (_, made) = w.bound(&dev, "app").await;
    assert_eq!(w.read(&made, "file").await, "of prod");
    shows(&w, &controller, "yes").await;
}

/// Waits until the metric says this of grants, and nothing else.
async fn shows(w: &World<'_>, controller: &Controller, state: &str) {
    w.until(&format!("grants to be {state}"), async || {
        let (_, metrics) = controller.get("/metrics").await?;
        let of_grants = |line: &&str| line.starts_with("tombolo_foreign_kind{kind=\"ReferenceGrant\"");
        let now: Vec<_> = metrics
            .lines()
            .filter(of_grants)
            .filter(|line| line.ends_with(" 1"))
            .collect();
        let is = now.len() == 1 && now[0].contains(&format!("state=\"{state}\""));
        Ok(Look::holds(is, format!("{now:?}")))
    })
    .await;
}
