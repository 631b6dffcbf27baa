//! What is said of a volume, and on what evidence.

use super::*;
use crate::controllers::claims;
use crate::controllers::testing::{World, world};
use crate::domain::reference::ReferenceKind;
use crate::execute::testing::scripted::{Answer, absent, list, ok};
use crate::plan::testing::{claim, handle, id, key, member_pv, pv, pv_name, record, reference};
use serde_json::{Value, json};

fn shared_volume(conditions: &[(&str, &str)]) -> Answer {
    let conditions: Vec<Value> = conditions
        .iter()
        .map(|(type_, status)| {
            json!({"type": type_, "status": status, "reason": type_, "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"})
        })
        .collect();
    ok(json!({"apiVersion": "tombolo.dev/v1alpha1", "kind": "SharedVolume",
        "metadata": {"name": "pvc-prod-data", "uid": "s", "resourceVersion": "4"},
        "spec": {"volumeID": "pvc-prod-data", "backend": "nas1"}, "status": {"conditions": conditions}}))
}

/// Conditions that are True in the last status that was written.
fn said(w: &World) -> Vec<String> {
    let asked = w.asked.asked();
    let written = asked.iter().rev().find(|a| a.line.contains("/status")).unwrap();
    let conditions = written.body["status"]["conditions"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let holds = conditions.into_iter().filter(|c| c["status"] == "True");
    holds.map(|c| c["type"].as_str().unwrap().to_owned()).collect()
}

/// The member `team/app` of `prod/data`, of whose reference the caches have seen the end.
fn without_reference(w: &World) {
    w.caches(|index| {
        let _ = index.put_pv(pv("prod/data"));
        let _ = index.put_pv(member_pv("team/app", "prod/data"));
        let _ = index.put_claim(claim("prod/data").bound().shares("team"));
        let _ = index.put_claim(claim("team/app").bound().asks("prod/data"));
        let _ = index.reset_references(ReferenceKind::Volume, Vec::new());
        let _ = index.grants_are(crate::domain::served::Served::NotInstalled);
    });
}

/// What a live read of its consent is answered, while the definition of references is as given.
fn live(definition: Answer) -> Vec<Answer> {
    let owner = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec": {"volumeName": "pvc-prod-data"},
        "status": {"phase": "Bound"}, "metadata": {"namespace": "prod", "name": "data", "uid": "prod-data",
            "resourceVersion": "2", "annotations": {"tombolo.dev/shareToNamespace": "team"}}});
    let team = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}});
    vec![ok(owner), list("VolumeReference", &[]), definition, ok(team)]
}

fn definition(more: Value) -> Answer {
    let mut metadata = json!({"name": "volumereferences.tombolo.dev"});
    metadata
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    ok(json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": metadata}))
}

#[tokio::test(start_paused = true)]
async fn what_only_the_caches_say_is_not_said() {
    let w = world(
        vec![record("prod/data")],
        [shared_volume(&[("ConsentWithdrawn", "True")]), absent()],
    )
    .await;
    without_reference(&w);
    reconcile(&w.ctx, &id("prod/data")).await.unwrap();
    assert_eq!(said(&w), ["ConsentWithdrawn"], "what was said before stays");
    assert_eq!(
        w.woken().await,
        [Work::Claim(key("team/app"))],
        "whose look reads it live"
    );

    let w = world(vec![record("prod/data")], [shared_volume(&[]), absent()]).await;
    without_reference(&w);
    reconcile(&w.ctx, &id("prod/data")).await.unwrap();
    assert!(said(&w).is_empty());
}

#[tokio::test(start_paused = true)]
async fn while_a_definition_goes_away_consent_is_unknown_and_not_withdrawn() {
    let going = definition(json!({"deletionTimestamp": "2026-01-01T00:00:00Z"}));
    let there = definition(json!({}));
    let answers = live(going)
        .into_iter()
        .chain([shared_volume(&[]), absent()])
        .chain(live(there))
        .chain([shared_volume(&[("ConsentUnknown", "True")]), absent()]);
    let w = world(vec![record("prod/data").member("team/app")], answers).await;
    without_reference(&w);

    let next = claims::reconcile(&w.ctx, &key("team/app")).await.unwrap();
    assert!(
        matches!(next, crate::controllers::Next::After(_)),
        "no event tells that it is back: {next:?}"
    );
    assert!(w.woken().await.contains(&Work::SharedVolume(id("prod/data"))));
    reconcile(&w.ctx, &id("prod/data")).await.unwrap();
    assert_eq!(said(&w), ["ConsentUnknown"]);
    assert!(w.heard.words().is_empty(), "{:?}", w.heard.words());

    // It is there after all, and the reference is not.
    claims::reconcile(&w.ctx, &key("team/app")).await.unwrap();
    assert!(w.woken().await.contains(&Work::SharedVolume(id("prod/data"))));
    reconcile(&w.ctx, &id("prod/data")).await.unwrap();
    assert_eq!(said(&w), ["ConsentWithdrawn"]);
    assert_eq!(w.heard.words().len(), 1, "{:?}", w.heard.words());

    // What was read live is not read again before something changes.
    let so_far = w.asked.lines().len();
    claims::reconcile(&w.ctx, &key("team/app")).await.unwrap();
    assert_eq!(w.asked.lines().len(), so_far);
    w.caches(|index| index.put_reference(reference("team/else", "prod/other")));
    claims::reconcile(&w.ctx, &key("team/app")).await.unwrap();
    assert_eq!(w.asked.lines().len(), so_far, "nor when something else does");
    w.caches(|index| index.put_claim(claim("prod/data").bound().shares("team,more")));
    claims::reconcile(&w.ctx, &key("team/app")).await.unwrap_err();
    assert!(w.asked.lines().len() > so_far, "then it is");
}

#[tokio::test(start_paused = true)]
async fn a_removal_that_waits_for_a_person_is_said_and_counted() {
    let w = world(vec![record("prod/data")], [shared_volume(&[]), absent()]).await;
    assert_eq!(stuck(&w.ctx), 0);
    let moved = pv("prod/data")
        .released()
        .terminating()
        .ours(|o| o.handle = handle(&pv_name("else/where")));
    w.caches(|index| index.put_pv(moved));
    reconcile(&w.ctx, &id("prod/data")).await.unwrap();
    assert!(said(&w).contains(&"CleanupFailed".to_owned()), "{:?}", said(&w));
    assert_eq!(stuck(&w.ctx), 1);
    // Somebody uses it after all.
    w.caches(|index| index.put_claim(claim("prod/data").bound()));
    assert_eq!(stuck(&w.ctx), 0);
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_this_process_has_not_seen_is_neither_denied_nor_made_up() {
    let ending = || pv("prod/data").released().terminating();
    let w = world(
        vec![record("prod/data")],
        [shared_volume(&[("CleanupFailed", "True")]), absent()],
    )
    .await;
    w.caches(|index| index.put_pv(ending()));
    reconcile(&w.ctx, &id("prod/data")).await.unwrap();
    assert_eq!(said(&w), ["CleanupFailed"], "as it was before the restart");
    let w = world(vec![record("prod/data")], [shared_volume(&[]), absent()]).await;
    w.caches(|index| index.put_pv(ending()));
    reconcile(&w.ctx, &id("prod/data")).await.unwrap();
    assert!(said(&w).is_empty());
    w.ctx.retries.failed(&Work::Volume(id("prod/data")));
    assert_eq!(stuck(&w.ctx), 1);
}

#[tokio::test(start_paused = true)]
async fn two_volumes_with_one_handle_are_both_stuck() {
    let w = world(Vec::new(), []).await;
    let ending = |name: &str| {
        pv(name)
            .released()
            .terminating()
            .ours(|o| o.handle = handle(&pv_name("prod/a")))
    };
    w.caches(|index| {
        let _ = index.put_pv(ending("prod/a"));
        let _ = index.put_pv(ending("prod/b"));
    });
    assert_eq!(stuck(&w.ctx), 2);
}
