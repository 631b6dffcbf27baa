//! A populator and its volumes, as lib-volume-populator makes them: for a claim that names an object of its kind it makes a helper claim
//! in its own namespace, fills the volume of that, and rewrites the volume's claimRef. The populator is the story's own ([`Filler`]).

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use kube::ResourceExt as _;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tombolo_harness::wait::Look;

use crate::draft::{Draft, claim};
use crate::see::{has_condition, name_of, phase, shown};
use crate::world::{World, cannot};

mod filler;
mod rebound;
mod restarted;

use filler::Filler;

/// A claim for the populator to fill.
fn wanted(name: &str) -> Draft {
    let hello = json!({"apiGroup": filler::GROUP, "kind": filler::KIND, "name": "greeting"});
    claim(name).spec("dataSourceRef", hello)
}

/// Kept so that the stories below say what they look at in one line.
fn owner_of(pv: &PersistentVolume) -> Option<&str> {
    pv.annotations().get("tombolo.dev/ownerUID").map(String::as_str)
}

#[tokio::test]
async fn lp_p1_p2_p3_p5_a_volume_that_a_populator_has_filled_becomes_the_claim_s_with_everything_in_it() {
    const STORY: &str = "lp_p1_p2_p3_p5_a_volume_that_a_populator_has_filled_becomes_the_claim_s_with_everything_in_it";
    if cannot(STORY) {
        return;
    }
    let w = World::shared("filled").await;
    let filler = Filler::start(&w).await;
    let team = w.namespace("team").await;
    let target = w.claim(&team, wanted("data")).await;
    let said = w.told(&team, "data", "WaitingForPopulator", "Hello").await;
    assert_eq!(said.type_, "Normal");
    w.is_unserved(&team, "data").await;

    let helper = filler.help(&target).await;
    let pv = filler.fill(&helper, "hello").await;
    assert_eq!(name_of(&pv), format!("pvc-{}", helper.uid().unwrap()));
    filler.hand_over(&target, &pv).await;
    let (bound, pv) = w.bound(&team, "data").await;
    assert_eq!(bound.uid(), target.uid());
    assert_eq!(
        name_of(&pv),
        format!("pvc-{}", helper.uid().unwrap()),
        "it keeps its name"
    );
    filler.is_lost(&helper).await;
    let recorded = w
        .object("the new owner to be recorded", &w.pvs(), name_of(&pv), |pv| {
            owner_of(pv) == target.uid().as_deref()
        })
        .await;
    assert_eq!(
        recorded.annotations()[filler::POPULATED],
        format!("{team}/greeting"),
        "it stays"
    );
    filler.end(&helper).await;
    assert_eq!(w.read(&pv, "greeting").await, "hello");

    // It is the claim's, and nobody was alarmed on the way.
    for (namespace, kind, name) in [
        (&*team, "PersistentVolumeClaim", "data"),
        (&*filler.namespace, "PersistentVolumeClaim", &*helper.name_any()),
        ("default", "PersistentVolume", name_of(&pv)),
    ] {
        let events = w.events_on(namespace, kind, name).await.unwrap();
        let warned: Vec<_> = events
            .iter()
            .filter(|e| e.by == "tombolo.dev" && e.type_ == "Warning")
            .collect();
        assert!(warned.is_empty(), "{kind} {name}: {warned:#?}");
    }
}

#[tokio::test]
async fn lp_p4_a_filled_volume_s_data_goes_with_the_claim_that_it_was_given_to() {
    const STORY: &str = "lp_p4_a_filled_volume_s_data_goes_with_the_claim_that_it_was_given_to";
    if cannot(STORY) {
        return;
    }
    let w = World::shared("filledgone").await;
    let filler = Filler::start(&w).await;
    let team = w.namespace("team").await;
    let (_, pv) = filler.populate(&team, wanted("data"), "hello").await;
    let (_, control) = filler.populate(&team, wanted("control"), "hello").await;
    w.delete(&w.claims(&team), "data").await;
    w.nothing_left(&pv).await;
    assert_eq!(w.read(&control, "greeting").await, "hello");
}

#[tokio::test]
async fn lp_p8_a_volume_that_is_never_filled_goes_with_its_helper_when_the_claim_does() {
    const STORY: &str = "lp_p8_a_volume_that_is_never_filled_goes_with_its_helper_when_the_claim_does";
    if cannot(STORY) {
        return;
    }
    let w = World::shared("unfilled").await;
    let filler = Filler::start(&w).await;
    let team = w.namespace("team").await;
    let target = w.claim(&team, wanted("data")).await;
    let helper = filler.help(&target).await;
    let pv = filler.fill(&helper, "half of it").await;
    w.delete(&w.claims(&team), "data").await;
    filler.lets_go(&target).await;
    w.gone(&w.claims(&team), "data").await;
    assert_eq!(w.read(&pv, "greeting").await, "half of it", "until the helper goes");
    filler.end(&helper).await;
    w.nothing_left(&pv).await;
}

#[tokio::test]
async fn lp_p2_a_helper_of_a_class_that_waits_for_a_pod_is_served_when_a_node_is_chosen_for_it() {
    const STORY: &str = "lp_p2_a_helper_of_a_class_that_waits_for_a_pod_is_served_when_a_node_is_chosen_for_it";
    if cannot(STORY) {
        return;
    }
    let w = World::shared("filledlate")
        .await
        .with_class(json!({"volumeBindingMode": "WaitForFirstConsumer"}))
        .await;
    let filler = Filler::start(&w).await;
    let team = w.namespace("team").await;
    let node = "volume.kubernetes.io/selected-node";
    let target = w.claim(&team, wanted("data").annotated(node, "node-1")).await;
    let helper = filler.help(&target).await;
    assert_eq!(helper.annotations()[node], "node-1");
    let pv = filler.fill(&helper, "hello").await;
    filler.hand_over(&target, &pv).await;
    let (_, pv) = w.bound(&team, "data").await;
    filler.is_lost(&helper).await;
    filler.end(&helper).await;
    assert_eq!(w.read(&pv, "greeting").await, "hello");
}
