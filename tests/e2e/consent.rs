//! Consent after the join: what counts as withdrawal, what does not, and what each hears of it.

use k8s_openapi::api::core::v1::Namespace;
use serde_json::json;
use tombolo::api::shared_volume::SharedVolume;
use tombolo_harness::{Cluster, report_skipped};

use crate::controller;
use crate::draft::{claim, reference};
use crate::see::{Pair, has_condition, phase, shown};
use crate::world::{KINDS, World, cannot};

/// The member is as it was: bound, and its bytes are there.
async fn keeps_its_data(w: &World<'_>, pair: &Pair) {
    let member = w.claims(&pair.secondary).get("data").await.unwrap();
    assert_eq!(phase(&member), "Bound", "{:?}", shown(&member));
    assert_eq!(w.read(&pair.member, "hello").await, "world");
}

async fn pair_with_data(w: &World<'_>) -> Pair {
    let pair = w.pair().await;
    w.write(&pair.owner, "hello", "world").await;
    pair
}

fn withdrawn(volume: &SharedVolume) -> bool {
    has_condition(volume, "ConsentWithdrawn")
}

/// A condition that held once stays in the list, as False.
fn was_ever_withdrawn(volume: &SharedVolume) -> bool {
    let status = volume.status.iter().flat_map(|s| &s.conditions);
    status.into_iter().any(|c| c.type_ == "ConsentWithdrawn")
}

#[tokio::test]
async fn a_deleted_reference_is_withdrawal_and_the_data_stays() {
    if cannot("a_deleted_reference_is_withdrawal_and_the_data_stays") {
        return;
    }
    let w = World::shared("dereference").await;
    let pair = pair_with_data(&w).await;
    w.delete(&w.references(&pair.secondary), "for-data").await;
    let said = w.told(&pair.secondary, "data", "ConsentWithdrawn", "reference").await;
    assert_eq!(said.type_, "Warning");
    w.shared_volume("say so", pair.volume(), withdrawn).await;
    keeps_its_data(&w, &pair).await;
    // New members are refused at once.
    w.claim(&pair.secondary, claim("second").sharing(&pair.primary, "data"))
        .await;
    w.held(&pair.secondary, "second", "ReferenceMissing", "").await;
    // Consent that comes back is consent.
    w.refer(&pair.secondary, reference("again", &pair.primary, "data"))
        .await;
    w.bound(&pair.secondary, "second").await;
    w.shared_volume("be at peace again", pair.volume(), |v| !withdrawn(v))
        .await;
}

#[tokio::test]
async fn an_owner_who_takes_the_annotation_off_has_withdrawn() {
    if cannot("an_owner_who_takes_the_annotation_off_has_withdrawn") {
        return;
    }
    let w = World::shared("withdraw").await;
    let pair = pair_with_data(&w).await;
    w.annotate(&pair.primary, "data", "tombolo.dev/shareToNamespace", json!(null))
        .await;
    w.told(&pair.secondary, "data", "ConsentWithdrawn", "owner").await;
    w.shared_volume("say so", pair.volume(), withdrawn).await;
    keeps_its_data(&w, &pair).await;
}

#[tokio::test]
async fn a_list_with_a_mistake_is_no_evidence_of_withdrawal() {
    if cannot("a_list_with_a_mistake_is_no_evidence_of_withdrawal") {
        return;
    }
    let w = World::shared("evidence").await;
    let pair = pair_with_data(&w).await;
    w.annotate(
        &pair.primary,
        "data",
        "tombolo.dev/shareToNamespace",
        json!("somebody-else, Bad_Name"),
    )
    .await;
    w.told(&pair.primary, "data", "InvalidShareTo", "Bad_Name").await;
    // The same list without the mistake is a withdrawal.
    let control = w.control().await;
    w.annotate(
        &control.primary,
        "data",
        "tombolo.dev/shareToNamespace",
        json!("somebody-else"),
    )
    .await;
    w.told(&control.secondary, "data", "ConsentWithdrawn", "owner").await;
    let events = w.events(&pair.secondary, "data").await.unwrap();
    assert!(!events.iter().any(|e| e.reason == "ConsentWithdrawn"), "{events:#?}");
}

#[tokio::test]
async fn consent_that_shrinks_to_reading_is_said_and_changes_no_volume() {
    if cannot("consent_that_shrinks_to_reading_is_said_and_changes_no_volume") {
        return;
    }
    let w = World::shared("shrink").await;
    let pair = pair_with_data(&w).await;
    w.annotate(
        &pair.primary,
        "data",
        "tombolo.dev/shareReadOnlyToNamespace",
        json!("*"),
    )
    .await;
    w.told(&pair.secondary, "data", "ConsentWithdrawn", "read").await;
    w.shared_volume("say so", pair.volume(), |v| has_condition(v, "AccessNotReduced"))
        .await;
    let now = w.pvs().get(crate::see::name_of(&pair.member)).await.unwrap();
    assert_eq!(
        now.spec.unwrap().mount_options,
        pair.member.spec.as_ref().unwrap().mount_options
    );
    keeps_its_data(&w, &pair).await;
}

#[tokio::test]
async fn deleting_the_owner_is_no_withdrawal_and_revoking_the_reference_afterwards_is() {
    if cannot("deleting_the_owner_is_no_withdrawal_and_revoking_the_reference_afterwards_is") {
        return;
    }
    let w = World::shared("after").await;
    let pair = pair_with_data(&w).await;
    w.end_namespace(&pair.primary).await;
    let soft = w
        .shared_volume("be soft-deleted", pair.volume(), |v| has_condition(v, "SoftDeleted"))
        .await;
    assert!(!withdrawn(&soft), "{:?}", shown(&soft));
    let events = w.events(&pair.secondary, "data").await.unwrap();
    assert!(!events.iter().any(|e| e.reason == "ConsentWithdrawn"), "{events:#?}");
    keeps_its_data(&w, &pair).await;

    w.delete(&w.references(&pair.secondary), "for-data").await;
    w.told(&pair.secondary, "data", "ConsentWithdrawn", "reference").await;
    w.shared_volume("say so", pair.volume(), withdrawn).await;
    keeps_its_data(&w, &pair).await;
}

#[tokio::test]
async fn a_label_that_a_namespace_loses_is_withdrawal() {
    if cannot("a_label_that_a_namespace_loses_is_withdrawal") {
        return;
    }
    let w = World::shared("unlabel").await;
    let primary = w.namespace("primary").await;
    let secondary = w.labelled_namespace("secondary", json!({"team": w.id})).await;
    let selector = format!("team={}", w.id);
    w.bound_claim(
        &primary,
        claim("data").annotated("tombolo.dev/shareToNamespaceSelector", &selector),
    )
    .await;
    w.member(&secondary, "data", &primary, "data").await;
    w.patch(
        &w.all::<Namespace>(),
        &secondary,
        json!({"metadata": {"labels": {"team": null}}}),
    )
    .await;
    w.told(&secondary, "data", "ConsentWithdrawn", "owner").await;
}

#[tokio::test]
async fn a_consumers_namespace_that_is_deleted_simply_leaves() {
    if cannot("a_consumers_namespace_that_is_deleted_simply_leaves") {
        return;
    }
    let w = World::shared("leave").await;
    let pair = pair_with_data(&w).await;
    w.end_namespace(&pair.secondary).await;
    w.gone(&w.pvs(), crate::see::name_of(&pair.member)).await;
    w.gone(&w.shared_volumes(), pair.volume()).await;
    w.told(&pair.primary, "data", "MemberLeft", &pair.secondary).await;
    assert_eq!(w.read(&pair.owner, "hello").await, "world");
}

#[tokio::test]
async fn editing_the_source_of_a_member_changes_nothing_but_what_is_said() {
    if cannot("editing_the_source_of_a_member_changes_nothing_but_what_is_said") {
        return;
    }
    let w = World::shared("edit").await;
    let pair = pair_with_data(&w).await;
    w.bound_claim(&pair.primary, claim("other").shared_to("*")).await;
    w.annotate(
        &pair.secondary,
        "data",
        "tombolo.dev/shareFromPVC",
        json!(format!("{}/other", pair.primary)),
    )
    .await;
    let said = w
        .told(&pair.secondary, "data", "ShareFromChanged", "keeps the volume")
        .await;
    assert_eq!(said.type_, "Warning");
    keeps_its_data(&w, &pair).await;
    w.annotate(&pair.secondary, "data", "tombolo.dev/shareFromPVC", json!(null))
        .await;
    // It is a member all the same: when the owner goes, the data stays.
    w.owner_leaves(&pair).await;
    keeps_its_data(&w, &pair).await;
    w.delete(&w.claims(&pair.secondary), "data").await;
    w.nothing_left(&pair.owner).await;
}

#[tokio::test]
async fn a_definition_that_goes_away_withdraws_nothing() {
    const STORY: &str = "a_definition_that_goes_away_withdraws_nothing";
    if cannot(STORY) {
        return;
    }
    let cluster = Cluster::start(World::options()).await.unwrap();
    if cluster.is_external() {
        return report_skipped(STORY, "the definitions in the cluster of E2E_KUBECONFIG may be in use");
    }
    let w = World::own(&cluster, "undefined").await;
    let _controller = controller::alone(&cluster, STORY).await;
    let pair = pair_with_data(&w).await;
    let control = w.control().await;
    // Kubernetes deletes every object of the kind before it serves the kind no more.
    cluster.kubectl(&["delete", "crd", KINDS[1]]).await.unwrap();
    let unknown = w
        .shared_volume("say that nothing is known", pair.volume(), |v| {
            has_condition(v, "ConsentUnknown")
        })
        .await;
    assert!(!was_ever_withdrawn(&unknown), "{:?}", shown(&unknown));
    // An owner can withdraw all the same, and is heard.
    w.annotate(
        &control.primary,
        "data",
        "tombolo.dev/shareToNamespace",
        json!("somebody-else"),
    )
    .await;
    w.told(&control.secondary, "data", "ConsentWithdrawn", "owner").await;
    let events = w.events(&pair.secondary, "data").await.unwrap();
    assert!(!events.iter().any(|e| e.reason == "ConsentWithdrawn"), "{events:#?}");
    keeps_its_data(&w, &pair).await;
    // The definition comes back, the references do not: now they are gone from where they could be.
    w.install_kind(KINDS[1]).await;
    w.told(&pair.secondary, "data", "ConsentWithdrawn", "reference").await;
    w.shared_volume("say so", pair.volume(), |v| {
        withdrawn(v) && !has_condition(v, "ConsentUnknown")
    })
    .await;
    keeps_its_data(&w, &pair).await;
}
