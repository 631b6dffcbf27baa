//! What is no withdrawal of consent cuts nobody, however long it lasts.

use serde_json::json;

use tombolo_harness::{Cluster, ClusterOptions, Controller, Filer, report_skipped};

use super::{lacks_filer, make};
use crate::controller;
use crate::draft::{claim, reference};
use crate::see::{Pair, has_condition};
use crate::world::{KINDS, World};

const ON_REVOKE: &str = "tombolo.dev/onRevoke";

/// A pair whose owner agreed to cutting, with a file.
async fn cuttable(w: &World<'_>, name: &str) -> Pair {
    let (primary, secondary) = (w.namespace(name).await, w.namespace(&format!("{name}-member")).await);
    let draft = claim("data").shared_to("*").annotated(ON_REVOKE, "Cut");
    let (_, owner) = w.bound_claim(&primary, draft).await;
    w.write(&owner, "hello", "world").await;
    let member = w.member(&secondary, "data", &primary, "data").await;
    Pair {
        primary,
        secondary,
        owner,
        member,
    }
}

#[tokio::test]
async fn only_a_withdrawal_cuts() {
    if lacks_filer("only_a_withdrawal_cuts") {
        return;
    }
    let w = World::on_filer("no-cut").await;
    let share = "tombolo.dev/shareToNamespace";
    let deleted = cuttable(&w, "deleted").await;
    let ended = cuttable(&w, "ended").await;
    let mistaken = cuttable(&w, "mistaken").await;
    let under_keep = w.pair_in("keep", "keep-member").await;
    w.write(&under_keep.owner, "hello", "world").await;
    let control = cuttable(&w, "control").await;

    // The owner's claim goes; its namespace goes; its list has a mistake; the word Cut comes after the join.
    w.delete(&w.claims(&deleted.primary), "data").await;
    w.end_namespace(&ended.primary).await;
    w.annotate(&mistaken.primary, "data", share, json!("somebody-else, Bad_Name"))
        .await;
    w.annotate(&under_keep.primary, "data", ON_REVOKE, json!("Cut")).await;
    w.annotate(&under_keep.primary, "data", share, json!("somebody-else"))
        .await;
    w.told(&under_keep.secondary, "data", "ConsentWithdrawn", "").await;
    // What is a withdrawal is heard after all of these, and cuts.
    w.annotate(&control.primary, "data", share, json!("somebody-else"))
        .await;
    w.told(&control.secondary, "data", "AccessCut", "").await;
    w.shut_out(&control.member, "hello").await;

    for pair in [&deleted, &ended, &mistaken, &under_keep] {
        let read = w.try_read(&pair.member, "hello").await;
        assert_eq!(read.unwrap(), "world", "{}", pair.primary);
        let events = w.events(&pair.secondary, "data").await.unwrap();
        assert!(!events.iter().any(|e| e.reason == "AccessCut"), "{events:#?}");
    }
}

#[tokio::test]
async fn a_consumers_namespace_that_ends_is_no_withdrawal() {
    if lacks_filer("a_consumers_namespace_that_ends_is_no_withdrawal") {
        return;
    }
    let w = World::on_filer("ending").await;
    let pair = cuttable(&w, "primary").await;
    let control = cuttable(&w, "control").await;
    // Something keeps the claim, and so the namespace, in the midst of its end, when the reference is gone already.
    let keep = json!({"metadata": {"finalizers": ["kubernetes.io/pvc-protection", "example.com/held"]}});
    w.patch(&w.claims(&pair.secondary), "data", keep).await;
    let namespaces = w.all::<k8s_openapi::api::core::v1::Namespace>();
    w.delete(&namespaces, &pair.secondary).await;
    w.gone(&w.references(&pair.secondary), "for-data").await;
    w.annotate(
        &control.primary,
        "data",
        "tombolo.dev/shareToNamespace",
        json!("somebody-else"),
    )
    .await;
    w.shut_out(&control.member, "hello").await;
    assert_eq!(w.try_read(&pair.member, "hello").await.unwrap(), "world");
    w.patch(
        &w.claims(&pair.secondary),
        "data",
        json!({"metadata": {"finalizers": null}}),
    )
    .await;
    w.gone(&namespaces, &pair.secondary).await;
}

#[tokio::test]
async fn a_definition_that_goes_away_cuts_nobody() {
    const STORY: &str = "a_definition_that_goes_away_cuts_nobody";
    if lacks_filer(STORY) {
        return;
    }
    let cluster = Cluster::start(ClusterOptions::default()).await.unwrap();
    if cluster.is_external() {
        return report_skipped(STORY, "the definitions in the cluster of E2E_KUBECONFIG may be in use");
    }
    let mut w = World::of(&cluster, "undefined-cut").await;
    w.install_kinds().await;
    let namespace = ["create", "namespace", controller::NAMESPACE];
    cluster.kubectl(&namespace).await.unwrap();
    let options = controller::options(STORY)
        .flag(format!("--namespace={}", controller::NAMESPACE))
        .flag(format!("--revoke-grace={}s", controller::REVOKE_GRACE.as_secs()));
    let _controller = Controller::launch(&cluster, options).await.unwrap();
    let filer: &'static Filer = Box::leak(Box::new(Filer::start(&cluster, "undefined").await.unwrap()));
    make(&w, &w.id, filer).await;
    w.filer = Some(filer);
    let pair = cuttable(&w, "primary").await;
    let control = cuttable(&w, "control").await;

    // Kubernetes deletes every object of the kind before it serves the kind no more.
    cluster.kubectl(&["delete", "crd", KINDS[1]]).await.unwrap();
    w.shared_volume("say that nothing is known", pair.volume(), |v| {
        has_condition(v, "ConsentUnknown")
    })
    .await;
    // What an owner says is heard all the same, and cuts.
    let share = "tombolo.dev/shareToNamespace";
    w.annotate(&control.primary, "data", share, json!("somebody-else"))
        .await;
    w.shut_out(&control.member, "hello").await;
    assert_eq!(w.try_read(&pair.member, "hello").await.unwrap(), "world");
    // The kind comes back without the references: now they are gone, and that counts.
    w.install_kind(KINDS[1]).await;
    w.shut_out(&pair.member, "hello").await;
    w.refer(&pair.secondary, reference("again", &pair.primary, "data"))
        .await;
    assert_eq!(w.read(&pair.member, "hello").await, "world");
}
