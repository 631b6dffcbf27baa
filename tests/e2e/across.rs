//! Copies of claims of other namespaces: by a CrossNamespaceSource on any cluster, by `dataSourceRef.namespace` where the API server takes
//! it, by the annotations of Trident; and nothing without consent.

use kube::api::{ApiResource, DynamicObject, PostParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use serde_json::{Value, json};
use tombolo::api::cross_namespace_source::CrossNamespaceSource;

use crate::draft::{Draft, claim, cross_source, grant, reference, share_grant};
use crate::world::{World, cannot};

mod crowd;
mod gate;
mod gate_off;
mod midway;

pub fn grants(client: &Client, namespace: &str) -> Api<DynamicObject> {
    let gvk = GroupVersionKind::gvk("gateway.networking.k8s.io", "v1beta1", "ReferenceGrant");
    Api::namespaced_with(client.clone(), namespace, &ApiResource::from_gvk(&gvk))
}

pub async fn give(w: &World<'_>, namespace: &str, grant: Value) {
    let grant: DynamicObject = serde_json::from_value(grant).unwrap();
    grants(&w.client, namespace)
        .create(&PostParams::default(), &grant)
        .await
        .unwrap();
}

fn cross_sources(w: &World<'_>, namespace: &str) -> Api<CrossNamespaceSource> {
    Api::namespaced(w.client.clone(), namespace)
}

pub fn through(name: &str, source: &str) -> Draft {
    let ours = json!({"apiGroup": "tombolo.dev", "kind": "CrossNamespaceSource", "name": source});
    claim(name).spec("dataSourceRef", ours)
}

/// Makes a CrossNamespaceSource.
pub async fn name_source(w: &World<'_>, namespace: &str, source: Value) {
    w.create(cross_sources(w, namespace), source).await;
}

/// Waits until the condition `Accepted` of a CrossNamespaceSource has this reason.
async fn said(w: &World<'_>, namespace: &str, name: &str, reason: &str) {
    let of = |source: &CrossNamespaceSource| {
        let accepted = source
            .status
            .iter()
            .flat_map(|s| &s.conditions)
            .find(|c| c.type_ == "Accepted");
        accepted.is_some_and(|c| c.reason == reason && (c.status == "True") == (reason == "Accepted"))
    };
    w.object(
        &format!("{name} to be {reason}"),
        &cross_sources(w, namespace),
        name,
        of,
    )
    .await;
}

#[tokio::test]
async fn xn_06_without_the_gate_a_cross_namespace_source_and_a_grant_give_a_copy_and_a_grant_that_goes_takes_none() {
    const STORY: &str =
        "xn_06_without_the_gate_a_cross_namespace_source_and_a_grant_give_a_copy_and_a_grant_that_goes_takes_none";
    if cannot(STORY) {
        return;
    }
    let w = World::shared("across").await;
    let (prod, dev) = (w.namespace("prod").await, w.namespace("dev").await);
    let (_, source) = w.bound_claim(&prod, claim("data")).await;
    w.write(&source, "file", "of prod").await;
    w.claim(&dev, through("app", "prod-data")).await;
    w.held(&dev, "app", "SourceNotReady", "CrossNamespaceSource prod-data")
        .await;

    w.create(cross_sources(&w, &dev), cross_source("prod-data", &prod, "data"))
        .await;
    w.held(&dev, "app", "NotGranted", &format!("{prod}/data")).await;
    said(&w, &dev, "prod-data", "NotGranted").await;

    give(&w, &prod, grant("to-dev", &dev)).await;
    let (_, made) = w.bound(&dev, "app").await;
    assert_eq!(w.read(&made, "file").await, "of prod");
    said(&w, &dev, "prod-data", "Accepted").await;

    w.claim(&dev, through("theirs", "prod-data").class("somebody-else-s"))
        .await;
    w.held(&dev, "theirs", "UnsupportedClass", "somebody-else-s").await;

    // What is copied is the consumer's; without the grant there is no other.
    w.delete(&grants(&w.client, &prod), "to-dev").await;
    said(&w, &dev, "prod-data", "NotGranted").await;
    w.claim(&dev, through("late", "prod-data")).await;
    w.held(&dev, "late", "NotGranted", "ReferenceGrant").await;
    assert_eq!(w.read(&made, "file").await, "of prod");
    w.delete(&w.claims(&prod), "data").await;
    w.nothing_left(&source).await;
    assert_eq!(w.read(&made, "file").await, "of prod");
}

#[tokio::test]
async fn a_grant_for_copies_shares_nothing_and_a_source_that_does_not_exist_gets_the_same_answer() {
    const STORY: &str = "a_grant_for_copies_shares_nothing_and_a_source_that_does_not_exist_gets_the_same_answer";
    if cannot(STORY) {
        return;
    }
    let w = World::shared("apart").await;
    let (prod, dev) = (w.namespace("prod").await, w.namespace("dev").await);
    w.bound_claim(&prod, claim("data")).await;
    give(&w, &prod, grant("to-dev", &dev)).await;
    w.refer(&dev, reference("r", &prod, "data")).await;
    w.claim(&dev, claim("member").sharing(&prod, "data")).await;
    w.held(&dev, "member", "NotShared", "").await;
    give(&w, &prod, share_grant("share-with-dev", &dev)).await;
    w.held(&dev, "member", "AccessModeMismatch", "ReadOnlyMany").await;
    let reader = claim("reader").sharing(&prod, "data").modes(&["ReadOnlyMany"]);
    let (_, member) = w.bound_claim(&dev, reader).await;
    let annotations = member.metadata.annotations.as_ref().unwrap();
    assert_eq!(annotations["tombolo.dev/access"], "ReadOnly");
    assert!(
        annotations["tombolo.dev/via"].contains("ReferenceGrant share-with-dev"),
        "{annotations:?}"
    );
    w.delete(&grants(&w.client, &prod), "share-with-dev").await;
    w.told(&dev, "reader", "ConsentWithdrawn", "").await;

    let other = w.namespace("other").await;
    let mut answers = Vec::new();
    for (name, of) in [("there", "data"), ("nowhere", "missing")] {
        w.create(cross_sources(&w, &other), cross_source(name, &prod, of)).await;
        w.claim(&other, through(name, name)).await;
        let note = w.held(&other, name, "NotGranted", "ReferenceGrant").await.note;
        answers.push(
            note.replace(&format!("/{of}"), "/SOURCE")
                .replace(&format!("/{name}"), "/CLAIM"),
        );
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn the_clone_annotations_of_trident_need_a_reference_and_the_owner_s_word() {
    const STORY: &str = "the_clone_annotations_of_trident_need_a_reference_and_the_owner_s_word";
    if cannot(STORY) {
        return;
    }
    let w = World::shared("annotated").await;
    let (prod, dev) = (w.namespace("prod").await, w.namespace("dev").await);
    let (_, source) = w.bound_claim(&prod, claim("data")).await;
    w.write(&source, "file", "of prod").await;
    let asking = claim("app")
        .annotated("trident.netapp.io/cloneFromPVC", "data")
        .annotated("trident.netapp.io/cloneFromNamespace", &prod);
    w.claim(&dev, asking).await;
    w.held(&dev, "app", "ReferenceMissing", "VolumeReference").await;
    w.refer(&dev, reference("r", &prod, "data")).await;
    w.held(&dev, "app", "NotShared", "cloneToNamespace").await;
    w.annotate(&prod, "data", "trident.netapp.io/cloneToNamespace", json!(dev))
        .await;
    let (_, made) = w.bound(&dev, "app").await;
    assert_eq!(w.read(&made, "file").await, "of prod");

    let here = claim("here").annotated("trident.netapp.io/cloneFromPVC", "app");
    let (_, copy) = w.bound_claim(&dev, here).await;
    assert_eq!(w.read(&copy, "file").await, "of prod");
    let both = claim("both")
        .annotated("trident.netapp.io/cloneFromPVC", "app")
        .spec("dataSource", json!({"kind": "PersistentVolumeClaim", "name": "app"}));
    w.claim(&dev, both).await;
    w.held(&dev, "both", "ConflictingSource", "clone annotation").await;
}
