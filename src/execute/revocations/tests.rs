//! What is asked of the API server where cuts are counted.

use super::*;
use crate::api::conditions::MASS_REVOCATION;
use crate::api::revocation::Pause;
use crate::execute::testing::SetClock;
use crate::execute::testing::scripted::{Answer, Scripted, absent, ok, server};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};
use std::sync::Arc;

fn talk(answers: impl IntoIterator<Item = Answer>) -> (Statuses, Scripted) {
    let (client, scripted) = server(answers);
    (Statuses::new(client, Arc::new(SetClock::default())), scripted)
}

fn object(version: &str, status: Value) -> Answer {
    ok(json!({"apiVersion": "tombolo.dev/v1alpha1", "kind": "StorageBackend",
        "metadata": {"name": "nas1", "uid": "b", "resourceVersion": version, "generation": 4,
            "annotations": {"tombolo.dev/confirmRevocation": "word"}},
        "spec": {}, "status": status}))
}

fn name() -> BackendName {
    BackendName::new("nas1")
}

fn said(status: Status) -> Statement {
    Statement {
        condition: MASS_REVOCATION,
        status,
        reason: "MassRevocation",
        message: "why".into(),
        observed_generation: None,
    }
}

fn paused() -> RevocationStatus {
    RevocationStatus {
        paused: Some(Pause {
            id: "id".into(),
            since: Time(Timestamp::UNIX_EPOCH),
            exports: 11,
            members: 12,
            of: 13,
        }),
        ..RevocationStatus::default()
    }
}

#[tokio::test]
async fn what_is_counted_is_written_into_the_version_that_was_read_and_nothing_else_of_it_changes() {
    let before = json!({"backendID": "6d1f", "volumes": 3});
    let (statuses, asked) = talk([
        object("9", before.clone()),
        object("9", before.clone()),
        object("10", before),
    ]);
    let read = statuses.read(&name()).await.unwrap().unwrap();
    assert_eq!(
        (read.word.as_deref(), read.status.clone()),
        (Some("word"), RevocationStatus::default())
    );
    statuses
        .remember(&name(), &read, paused(), said(Status::True))
        .await
        .unwrap();
    let asked = asked.asked();
    let path = "/apis/tombolo.dev/v1alpha1/storagebackends/nas1";
    assert_eq!(asked[2].line, format!("PATCH {path}/status?fieldManager=tombolo"));
    let condition = json!({"type": "MassRevocation", "status": "True", "reason": "MassRevocation", "message": "why",
        "observedGeneration": 4, "lastTransitionTime": "1970-01-01T00:00:00Z"});
    assert_eq!(
        asked[2].body,
        json!({"metadata": {"resourceVersion": "9"}, "status": {
            "backendID": "6d1f", "volumes": 3, "conditions": [condition],
            "revocation": {"paused": {"id": "id", "since": "1970-01-01T00:00:00Z", "exports": 11, "members": 12, "of": 13}}}})
    );
}

#[tokio::test]
async fn what_somebody_else_has_counted_since_is_not_written_over() {
    let (statuses, asked) = talk([object("9", json!({})), object("10", json!({}))]);
    let read = statuses.read(&name()).await.unwrap().unwrap();
    let error = statuses
        .remember(&name(), &read, paused(), said(Status::True))
        .await
        .unwrap_err();
    assert_eq!(error.fault, Fault::Conflict);
    assert_eq!(asked.lines().len(), 2);
}

#[tokio::test]
async fn a_pause_that_never_was_is_not_said_to_be_over_and_one_that_was_is() {
    let condition = json!({"type": "MassRevocation", "status": "True", "reason": "MassRevocation", "message": "why",
        "lastTransitionTime": "1970-01-01T00:00:00Z"});
    for (before, writes) in [
        (json!({"backendID": "6d1f"}), false),
        (
            json!({"backendID": "6d1f", "conditions": [condition], "revocation": {"paused": null, "recent": []}}),
            true,
        ),
    ] {
        let (statuses, asked) = talk([
            object("9", before.clone()),
            object("9", before.clone()),
            object("10", before),
        ]);
        let read = statuses.read(&name()).await.unwrap().unwrap();
        let none = RevocationStatus::default();
        statuses
            .remember(&name(), &read, none, said(Status::False))
            .await
            .unwrap();
        let asked = asked.asked();
        assert_eq!(asked.len() == 3, writes);
        if writes {
            assert_eq!(asked[2].body["status"]["conditions"][0]["status"], "False");
            assert_eq!(asked[2].body["status"]["revocation"], Value::Null);
        }
    }
}

#[tokio::test]
async fn of_a_backend_that_is_gone_nothing_is_known() {
    let (statuses, _) = talk([absent()]);
    assert_eq!(statuses.read(&name()).await.unwrap(), None);
}
