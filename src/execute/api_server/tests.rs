//! The exact requests, and what each answer is taken for.

use super::*;
use crate::domain::access::OnRevoke;
use crate::domain::cut::{Left, Side};
use crate::domain::token::JoinNote;
use crate::execute::testing::scripted::{Answer, Asked, Scripted, absent, list, ok, refusal, server};
use crate::plan::testing::{claim_ref, handle, id, note, pv, pv_name, uid};
use std::sync::Mutex;

mod faults;

const PV: &str = "/api/v1/persistentvolumes/pvc-prod-data";
const STRATEGIC: &str = "application/strategic-merge-patch+json";

fn talk(answers: impl IntoIterator<Item = Answer>) -> (ApiServer, Scripted) {
    let (client, scripted) = server(answers);
    (ApiServer::new(client), scripted)
}

fn object() -> Value {
    json!({"apiVersion": "v1", "kind": "PersistentVolume",
        "metadata": {"name": "pvc-prod-data", "uid": "uid-of-pvc-prod-data", "resourceVersion": "8"}, "spec": {}})
}

fn claim_object() -> Value {
    json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": "prod", "uid": "prod-data", "resourceVersion": "3"}, "spec": {}})
}

fn exact() -> Exactly {
    (&pv("prod/data")).into()
}

fn pv_uid() -> PvUid {
    pv("prod/data").uid
}

fn token() -> Token {
    Token::joining(uid("team/app"))
}

/// A strategic merge patch of the owner's PersistentVolume, as ours.
fn patch(body: Value) -> Asked {
    Asked {
        line: format!("PATCH {PV}?fieldManager=tombolo"),
        content_type: STRATEGIC.into(),
        body,
    }
}

fn hold_patch(body: Value) -> Asked {
    Asked {
        line: "PATCH /api/v1/namespaces/prod/persistentvolumeclaims/data?fieldManager=tombolo".into(),
        ..patch(body)
    }
}

#[tokio::test]
async fn a_token_goes_on_exactly_what_was_read_with_all_that_finishing_needs() {
    let (api, asked) = talk([ok(object())]);
    let note = Note::Join(JoinNote {
        on_revoke: OnRevoke::Cut,
        ..note("team/app", &pv_name("prod/data"))
    });
    api.put_token(&exact(), &token(), &note).await.unwrap();
    let expected = json!({"metadata": {
        "uid": "uid-of-pvc-prod-data", "resourceVersion": "7",
        "finalizers": ["tombolo.dev/joining-team-app"],
        "annotations": {"tombolo.dev/joining-team-app": note.to_text()}}});
    assert_eq!(asked.only(), patch(expected));
}

#[tokio::test]
async fn taking_off_names_one_finalizer_and_the_object_it_was_on() {
    let (api, asked) = talk([ok(object()), ok(object())]);
    api.take_token(&pv_name("prod/data"), &pv_uid(), &token())
        .await
        .unwrap();
    api.unprotect(&pv_name("prod/data"), &pv_uid()).await.unwrap();
    let taken = json!({"metadata": {
        "uid": "uid-of-pvc-prod-data",
        "annotations": {"tombolo.dev/joining-team-app": null},
        "$deleteFromPrimitiveList/finalizers": ["tombolo.dev/joining-team-app"]}});
    let unprotected = json!({"metadata": {
        "uid": "uid-of-pvc-prod-data",
        "$deleteFromPrimitiveList/finalizers": ["tombolo.dev/volume-protection"]}});
    assert_eq!(asked.asked(), [patch(taken), patch(unprotected)]);
}

#[tokio::test]
async fn an_object_is_deleted_only_as_it_was_read() {
    let (api, asked) = talk([ok(object())]);
    api.delete_pv(&exact()).await.unwrap();
    let asked = asked.only();
    assert_eq!(asked.line, format!("DELETE {PV}"));
    assert_eq!(
        asked.body["preconditions"],
        json!({"uid": "uid-of-pvc-prod-data", "resourceVersion": "7"})
    );
    assert_eq!(asked.body.get("gracePeriodSeconds"), None);
}

#[tokio::test]
async fn what_is_written_down_or_put_back_is_so_on_exactly_what_was_read() {
    let (api, asked) = talk([ok(object()), ok(object()), ok(object())]);
    api.record_owner(&exact(), &uid("new/one")).await.unwrap();
    api.set_retain(&exact()).await.unwrap();
    let place = handle(&pv_name("prod/data"));
    api.mend(&exact(), &id("prod/data"), &BackendName::new("nas1"), &place, false)
        .await
        .unwrap();
    let owner = json!({"metadata": {
        "uid": "uid-of-pvc-prod-data", "resourceVersion": "7", "annotations": {"tombolo.dev/ownerUID": "new-one"}}});
    let retain = json!({
        "metadata": {"uid": "uid-of-pvc-prod-data", "resourceVersion": "7"},
        "spec": {"persistentVolumeReclaimPolicy": "Retain"}});
    let mended = json!({"metadata": {
        "uid": "uid-of-pvc-prod-data", "resourceVersion": "7",
        "finalizers": ["tombolo.dev/volume-protection"],
        "annotations": {"pv.kubernetes.io/provisioned-by": "tombolo.dev", "tombolo.dev/handle": "6d1f:pvc-prod-data"},
        "labels": {"tombolo.dev/volume": "pvc-prod-data", "tombolo.dev/role": "owner", "tombolo.dev/backend": "nas1"}}});
    assert_eq!(asked.asked(), [patch(owner), patch(retain), patch(mended)]);
}

#[tokio::test]
async fn what_was_taken_from_a_member_is_an_annotation_and_goes_when_it_has_all_again() {
    let (api, asked) = talk([ok(object()), ok(object()), absent()]);
    let cut = Cut {
        since: jiff::Timestamp::UNIX_EPOCH,
        left: Left::Nothing,
        by: Side::Owner,
    };
    for cut in [Some(&cut), None, None] {
        api.note_cut(&pv_name("prod/data"), &pv_uid(), cut).await.unwrap();
    }
    let text = r#"{"since":"1970-01-01T00:00:00Z","left":"Nothing","by":"Owner"}"#;
    let body = |value: Value| {
        patch(json!({"metadata": {"uid": "uid-of-pvc-prod-data", "annotations": {"tombolo.dev/cut": value}}}))
    };
    assert_eq!(asked.asked(), [body(json!(text)), body(Value::Null), body(Value::Null)]);
}

#[tokio::test]
async fn a_hold_is_a_finalizer_on_the_claim_with_that_uid() {
    for (hold, finalizer) in [
        (Hold::Members, "tombolo.dev/hold"),
        (Hold::Copies, "tombolo.dev/source-in-use"),
    ] {
        let (api, asked) = talk([ok(claim_object()), ok(claim_object())]);
        api.put_hold(hold, &claim_ref("prod/data")).await.unwrap();
        api.take_hold(hold, &claim_ref("prod/data")).await.unwrap();
        let put = json!({"metadata": {"uid": "prod-data", "finalizers": [finalizer]}});
        let taken = json!({"metadata": {"uid": "prod-data", "$deleteFromPrimitiveList/finalizers": [finalizer]}});
        assert_eq!(asked.asked(), [hold_patch(put), hold_patch(taken)]);
    }
}

#[tokio::test]
async fn members_are_listed_from_the_store_and_not_from_a_cache() {
    let (api, asked) = talk([list("PersistentVolume", &[object()])]);
    let found = api.members(&id("prod/data")).await.unwrap();
    assert_eq!(found.len(), 1);
    let line = "GET /api/v1/persistentvolumes?labelSelector=tombolo.dev/volume=pvc-prod-data,tombolo.dev/role=member";
    assert_eq!(asked.only().line, line);
}

#[tokio::test]
async fn single_objects_are_read_by_name_and_from_the_store() {
    let (api, asked) = talk([ok(object()), ok(claim_object()), absent()]);
    assert!(api.pv(&pv_name("prod/data")).await.unwrap().is_some());
    assert!(api.claim(&ClaimKey::new("prod", "data")).await.unwrap().is_some());
    assert_eq!(api.namespace(&NamespaceName::new("team")).await.unwrap(), None);
    let expected = [
        format!("GET {PV}"),
        "GET /api/v1/namespaces/prod/persistentvolumeclaims/data".into(),
        "GET /api/v1/namespaces/team".into(),
    ];
    assert_eq!(asked.lines(), expected);
}

#[tokio::test]
async fn all_claims_are_listed_from_the_store_and_not_from_a_cache() {
    let (api, asked) = talk([list("PersistentVolumeClaim", &[claim_object()])]);
    let found = Cluster::claims(&api).await.unwrap();
    assert_eq!(asked.lines(), ["GET /api/v1/persistentvolumeclaims"]);
    assert_eq!(found.len(), 1);
}

#[tokio::test]
async fn references_of_a_definition_that_is_absent_or_going_are_not_known_rather_than_none() {
    let team = NamespaceName::new("team");
    let definition = |more: Value| {
        let mut metadata = json!({"name": names::VOLUME_REFERENCES});
        metadata
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        ok(json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": metadata}))
    };
    let none = || list("VolumeReference", &[]);
    let known = async |answers: Vec<Answer>| {
        let (api, asked) = talk(answers);
        let found = api.references(ReferenceKind::Volume, &team).await.unwrap();
        (found.map(|all| all.len()), asked.lines().len())
    };
    assert_eq!(known(vec![absent()]).await, (None, 1), "not served");
    assert_eq!(known(vec![none(), absent()]).await, (None, 2), "the definition is gone");
    let going = definition(json!({"deletionTimestamp": "2026-01-01T00:00:00Z"}));
    assert_eq!(
        known(vec![none(), going]).await,
        (None, 2),
        "it takes its objects with it"
    );
    assert_eq!(
        known(vec![none(), definition(json!({}))]).await,
        (Some(0), 2),
        "there is none"
    );
}

#[tokio::test]
async fn the_definition_is_looked_at_after_the_list() {
    let (api, asked) = talk([list("TridentVolumeReference", &[]), absent()]);
    let _ = api
        .references(ReferenceKind::Trident, &NamespaceName::new("team"))
        .await;
    let expected = [
        "GET /apis/trident.netapp.io/v1/namespaces/team/tridentvolumereferences".to_owned(),
        format!(
            "GET /apis/apiextensions.k8s.io/v1/customresourcedefinitions/{}",
            names::TRIDENT_VOLUME_REFERENCES
        ),
    ];
    assert_eq!(asked.lines(), expected);
}

#[tokio::test]
async fn what_was_written_is_known_before_the_call_returns() {
    let (client, _) = server([ok(object()), refusal(409, "Conflict", "changed")]);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ear = heard.clone();
    let api = ApiServer::new(client).echoing(move |pv| ear.lock().unwrap().push(pv.version));
    api.set_retain(&exact()).await.unwrap();
    assert_eq!(heard.lock().unwrap().len(), 1);
    api.set_retain(&exact()).await.unwrap_err();
    assert_eq!(heard.lock().unwrap().len(), 1, "nothing was written");
}
