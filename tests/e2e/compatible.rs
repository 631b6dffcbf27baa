//! The spellings and the reference that people know from Trident.

use kube::Api;
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use serde_json::json;
use tombolo_harness::{Cluster, report_skipped};

use crate::controller;
use crate::draft::{claim, reference, trident_reference};
use crate::see::{name_of, pv_name};
use crate::world::{TRIDENT, World, cannot};

#[tokio::test]
async fn both_spellings_and_both_kinds_of_reference_are_one_language() {
    if cannot("both_spellings_and_both_kinds_of_reference_are_one_language") {
        return;
    }
    let w = World::shared("spell").await;
    let (primary, secondary) = (w.namespace("primary").await, w.namespace("secondary").await);
    let theirs = "trident.netapp.io/shareToNamespace";
    w.bound_claim(&primary, claim("theirs").annotated(theirs, &secondary))
        .await;
    w.bound_claim(&primary, claim("ours").shared_to(&secondary)).await;
    w.bound_claim(
        &primary,
        claim("both").annotated(theirs, &secondary).shared_to(&secondary),
    )
    .await;
    w.bound_claim(
        &primary,
        claim("differ").annotated(theirs, &secondary).shared_to("somebody-else"),
    )
    .await;
    for name in ["theirs", "ours", "both", "differ"] {
        w.refer(&secondary, reference(&format!("{name}-v"), &primary, name))
            .await;
        w.refer(&secondary, trident_reference(&format!("{name}-t"), &primary, name))
            .await;
    }
    let source = |name: &str| format!("{primary}/{name}");
    let key = "trident.netapp.io/shareFromPVC";
    w.bound_claim(&secondary, claim("a").annotated(key, &source("theirs")))
        .await;
    w.bound_claim(&secondary, claim("b").annotated(key, &source("ours")))
        .await;
    w.bound_claim(
        &secondary,
        claim("c")
            .sharing(&primary, "theirs")
            .annotated(key, &format!(" {} ", source("theirs"))),
    )
    .await;
    w.bound_claim(&secondary, claim("d").sharing(&primary, "both")).await;
    w.claim(
        &secondary,
        claim("e").sharing(&primary, "ours").annotated(key, &source("theirs")),
    )
    .await;
    w.held(&secondary, "e", "InvalidShareFrom", "spellings").await;
    w.told(&primary, "differ", "InvalidShareTo", "").await;
}

#[tokio::test]
async fn the_reference_of_trident_may_come_later_and_without_a_status() {
    const STORY: &str = "the_reference_of_trident_may_come_later_and_without_a_status";
    if cannot(STORY) {
        return;
    }
    let cluster = Cluster::start(World::options()).await.unwrap();
    if cluster.is_external() {
        return report_skipped(
            STORY,
            "the definition may be installed in the cluster of E2E_KUBECONFIG",
        );
    }
    let w = World::of(&cluster, "tvr").await;
    for kind in crate::world::KINDS {
        w.install_kind(kind).await;
    }
    let _controller = controller::alone(&cluster, "tvr").await;
    w.backend(&w.id, json!({"trashRetention": "0s"})).await;
    w.storage_class(&w.id, json!({"parameters": {"backend": w.id}})).await;
    let (primary, secondary) = (w.namespace("primary").await, w.namespace("secondary").await);
    w.bound_claim(&primary, claim("data").shared_to("*")).await;
    let made = w.claim(&secondary, claim("data").sharing(&primary, "data")).await;
    w.held(&secondary, "data", "ReferenceMissing", "").await;

    // As Trident defines it: neither a status nor a schema to speak of.
    let theirs = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": TRIDENT},
        "spec": {
            "group": "trident.netapp.io", "scope": "Namespaced",
            "names": {"kind": "TridentVolumeReference", "listKind": "TridentVolumeReferenceList",
                "plural": "tridentvolumereferences", "singular": "tridentvolumereference", "shortNames": ["tvr"]},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}],
        },
    });
    cluster.apply(&theirs.to_string()).await.unwrap();
    cluster
        .kubectl(&["wait", "--for=condition=Established", "--timeout=60s", "crd", TRIDENT])
        .await
        .unwrap();
    let gvk = GroupVersionKind::gvk("trident.netapp.io", "v1", "TridentVolumeReference");
    let api: Api<DynamicObject> = Api::namespaced_with(
        w.client.clone(),
        &secondary,
        &ApiResource::from_gvk_with_plural(&gvk, "tridentvolumereferences"),
    );
    for odd in [
        json!({}),
        json!({"spec": null}),
        json!({"spec": {"pvcNamespace": 7, "pvcName": []}}),
    ] {
        let mut object = DynamicObject::new("odd", &ApiResource::from_gvk(&gvk)).data(odd);
        object.metadata.name = None;
        object.metadata.generate_name = Some("odd-".into());
        api.create(&Default::default(), &object).await.unwrap();
    }
    let good = trident_reference("good", &primary, "data");
    api.create(&Default::default(), &serde_json::from_value(good).unwrap())
        .await
        .unwrap();
    let (_, member) = w.bound(&secondary, "data").await;
    assert_eq!(name_of(&member), pv_name(&made));
}

#[tokio::test]
async fn a_start_withdraws_nothing_from_members_that_came_by_the_reference_of_trident() {
    const STORY: &str = "a_start_withdraws_nothing_from_members_that_came_by_the_reference_of_trident";
    if cannot(STORY) {
        return;
    }
    let cluster = Cluster::start(World::options()).await.unwrap();
    if cluster.is_external() {
        return report_skipped(STORY, "the definitions in the cluster of E2E_KUBECONFIG may be in use");
    }
    let w = World::own(&cluster, "came-by").await;
    let controller = controller::alone(&cluster, "came-by").await;
    let (primary, secondary) = (w.namespace("primary").await, w.namespace("secondary").await);
    let (_, owner) = w.bound_claim(&primary, claim("data").shared_to("*")).await;
    w.write(&owner, "hello", "world").await;
    w.refer(&secondary, trident_reference("only", &primary, "data")).await;
    let (_, member) = w.bound_claim(&secondary, claim("data").sharing(&primary, "data")).await;
    for served in [true, false] {
        let control = w.control_of(if served { "served" } else { "not-served" }).await;
        controller.kill().await.unwrap();
        if !served {
            // With the definition go all of its objects.
            cluster.kubectl(&["delete", "crd", TRIDENT]).await.unwrap();
        }
        let withdrawn = json!("somebody-else");
        w.annotate(&control.primary, "data", "tombolo.dev/shareToNamespace", withdrawn)
            .await;
        controller.start().await.unwrap();
        // What an owner takes back is taken back.
        w.told(&control.secondary, "data", "ConsentWithdrawn", "owner").await;
        let events = w.events(&secondary, "data").await.unwrap();
        assert!(!events.iter().any(|e| e.reason == "ConsentWithdrawn"), "{events:#?}");
        assert_eq!(w.read(&member, "hello").await, "world");
    }
}
