//! A controller that dies between the two last writes of a growth.

use k8s_openapi::api::admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding};
use k8s_openapi::api::core::v1::PersistentVolume;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use tombolo_harness::Cluster;
use tombolo_harness::wait::Look;

use super::{capacity, conditions};
use crate::controller;
use crate::draft::claim;
use crate::see::name_of;
use crate::world::{World, cannot};

/// No claim may have another capacity while this is there.
async fn forbid_capacities(w: &World<'_>, namespace: &str) {
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": {"name": w.id},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [{
                "apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["persistentvolumeclaims/status"],
            }]},
            "validations": [{
                "expression": "object.status.?capacity == oldObject.status.?capacity", "message": "no other capacity",
            }],
        },
    });
    w.create::<ValidatingAdmissionPolicy>(w.all(), policy).await;
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": w.id},
        "spec": {"policyName": w.id, "validationActions": ["Deny"]},
    });
    w.create::<ValidatingAdmissionPolicyBinding>(w.all(), binding).await;
    // It takes a moment until it holds.
    let claims = w.claims(namespace);
    w.until("the policy to hold", async || {
        let other = Patch::Merge(json!({"status": {"capacity": {"storage": "9Mi"}}}));
        let params = PatchParams {
            dry_run: true,
            ..PatchParams::default()
        };
        let tried = claims.patch_status("data", &params, &other).await;
        Ok(Look::holds(tried.is_err(), "it was let through"))
    })
    .await;
}

#[tokio::test]
async fn a_growth_whose_controller_dies_before_the_claim_is_told_is_finished_by_the_next() {
    if cannot("a_growth_whose_controller_dies_before_the_claim_is_told_is_finished_by_the_next") {
        return;
    }
    let cluster = Cluster::start(World::options()).await.unwrap();
    let w = World::own(&cluster, "grow-halfway").await;
    let mut w = w;
    w.class = format!("{}-expandable", w.id);
    let class = json!({"allowVolumeExpansion": true, "parameters": {"backend": w.id}});
    w.storage_class(&w.class, class).await;
    let controller = controller::alone(&cluster, "grow-halfway").await;
    let ns = w.namespace("primary").await;
    let (_, pv) = w.bound_claim(&ns, claim("data")).await;

    forbid_capacities(&w, &ns).await;
    w.ask_for(&ns, "data", "2Mi").await;
    let grown = |pv: &PersistentVolume| {
        let all = pv.spec.as_ref().and_then(|s| s.capacity.as_ref());
        all.is_some_and(|c| c["storage"].0 == "2Mi")
    };
    w.object("the object to have grown", &w.pvs(), name_of(&pv), grown)
        .await;
    controller.kill().await.unwrap();
    let halfway = w.claims(&ns).get("data").await.unwrap();
    assert_eq!(
        (capacity(&halfway), conditions(&halfway)),
        (Some("1Mi"), vec!["Resizing"])
    );

    for lose in [false, true] {
        if lose {
            controller.forget_ledger().unwrap();
        }
        controller.start().await.unwrap();
        if !lose {
            // It goes on, and is stopped in the same place.
            w.told(&ns, "data", "VolumeResizeFailed", "its log says why").await;
            controller.kill().await.unwrap();
        }
    }
    let policies = (
        w.all::<ValidatingAdmissionPolicyBinding>(),
        w.all::<ValidatingAdmissionPolicy>(),
    );
    w.delete(&policies.0, &w.id).await;
    w.delete(&policies.1, &w.id).await;
    w.has_size(&ns, "data", "2Mi").await;
    controller.end_well().await.unwrap();
}
