//! The exact requests for statuses: to `/status`, in the version that was read, with every field of ours, and only if one
//! differs.

use super::*;
use crate::api::conditions::READY;
use crate::api::reasons::ReferenceReason as Reason;
use crate::api::shared_volume::{SharedVolumeMember, SharedVolumeOwner, SharedVolumePhase};
use crate::domain::access::Access;
use crate::domain::ids::Namespace;
use crate::execute::scripted::{Answer, Scripted, absent, list, ok, refusal, server};
use crate::execute::testing::SetClock;
use crate::plan::testing::id;

mod shared_volumes;

const MERGE: &str = "application/merge-patch+json";

fn talk(answers: impl IntoIterator<Item = Answer>) -> (Statuses, Scripted) {
    let (client, scripted) = server(answers);
    (Statuses::new(client, Arc::new(SetClock::default())), scripted)
}

fn reference_key(kind: ReferenceKind) -> ReferenceKey {
    ReferenceKey {
        kind,
        namespace: Namespace::new("team"),
        name: "to-prod".into(),
    }
}

fn reference_object(status: Value) -> Value {
    json!({"apiVersion": "tombolo.dev/v1alpha1", "kind": "VolumeReference",
        "metadata": {"name": "to-prod", "namespace": "team", "uid": "r", "resourceVersion": "5", "generation": 2},
        "spec": {"pvcNamespace": "prod", "pvcName": "data"}, "status": status})
}

#[tokio::test]
async fn a_condition_goes_to_the_status_in_the_version_that_was_read() {
    let (statuses, asked) = talk([ok(reference_object(json!(null))), ok(reference_object(json!(null)))]);
    let key = reference_key(ReferenceKind::Volume);
    statuses.reference(&key, Reason::NotShared, "not shared").await.unwrap();
    let path = "/apis/tombolo.dev/v1alpha1/namespaces/team/volumereferences/to-prod";
    let asked = asked.asked();
    assert_eq!(asked[0].line, format!("GET {path}"));
    assert_eq!(asked[1].line, format!("PATCH {path}/status?fieldManager=tombolo"));
    assert_eq!(asked[1].content_type, MERGE);
    let condition = json!({"type": "Accepted", "status": "False", "reason": "NotShared", "message": "not shared",
        "observedGeneration": 2, "lastTransitionTime": "1970-01-01T00:00:00Z"});
    assert_eq!(
        asked[1].body,
        json!({"metadata": {"resourceVersion": "5"}, "status": {"conditions": [condition]}})
    );
}

#[tokio::test]
async fn an_unchanged_verdict_writes_nothing() {
    let condition = json!({"type": "Accepted", "status": "True", "reason": "Accepted", "message": "m",
        "observedGeneration": 2, "lastTransitionTime": "2020-01-01T00:00:00Z"});
    let (statuses, asked) = talk([ok(reference_object(json!({"conditions": [condition]})))]);
    let key = reference_key(ReferenceKind::Volume);
    statuses.reference(&key, Reason::Accepted, "m").await.unwrap();
    assert_eq!(asked.lines().len(), 1, "it was read and not written");
}

#[tokio::test]
async fn a_reference_that_is_gone_is_not_made() {
    let (statuses, asked) = talk([absent()]);
    let key = reference_key(ReferenceKind::Trident);
    statuses.reference(&key, Reason::Accepted, "m").await.unwrap();
    let path = "/apis/trident.netapp.io/v1/namespaces/team/tridentvolumereferences/to-prod";
    assert_eq!(asked.lines(), [format!("GET {path}")]);
}

/// Trident's own definition of its reference has no status: a patch of it is answered 404.
#[tokio::test]
async fn a_kind_without_a_status_is_left_without_one() {
    let (statuses, asked) = talk([ok(reference_object(json!(null))), absent()]);
    let key = reference_key(ReferenceKind::Trident);
    statuses.reference(&key, Reason::Accepted, "m").await.unwrap();
    assert_eq!(asked.lines().len(), 2);
}

fn backend_object(finalizers: &[&str], status: Value) -> Value {
    json!({"apiVersion": "tombolo.dev/v1alpha1", "kind": "StorageBackend",
        "metadata": {"name": "nas1", "uid": "b", "resourceVersion": "9", "generation": 4, "finalizers": finalizers},
        "spec": {}, "status": status})
}

fn ready() -> Statement {
    Statement {
        condition: READY,
        status: Status::True,
        reason: "Ready",
        message: String::new(),
        observed_generation: None,
    }
}

#[tokio::test]
async fn what_is_no_longer_known_of_a_backend_is_taken_out_but_never_its_id() {
    let before = json!({"backendID": "6d1f", "capabilities": ["share"], "volumes": 3, "provisionedBytes": 30,
        "freeBytes": 99, "notice": "slow"});
    let (statuses, asked) = talk([ok(backend_object(&[], before.clone())), ok(backend_object(&[], before))]);
    let name = BackendName::new("nas1");
    let status = StorageBackendStatus {
        volumes: Some(2),
        ..StorageBackendStatus::default()
    };
    statuses.backend(&name, status, vec![ready()]).await.unwrap();
    let asked = asked.asked();
    let path = "/apis/tombolo.dev/v1alpha1/storagebackends/nas1";
    assert_eq!(asked[1].line, format!("PATCH {path}/status?fieldManager=tombolo"));
    let mut written = asked[1].body["status"].clone();
    written.as_object_mut().unwrap().remove("conditions");
    let expected = json!({"backendID": "6d1f", "capabilities": null, "volumes": 2, "provisionedBytes": null,
        "freeBytes": null, "notice": null});
    assert_eq!(written, expected);
}

#[tokio::test]
async fn the_finalizers_of_others_stay_when_ours_comes_and_goes() {
    let path = "/apis/tombolo.dev/v1alpha1/storagebackends/nas1";
    for (in_use, before, after) in [
        (true, vec!["other/one"], json!(["other/one", "tombolo.dev/in-use"])),
        (false, vec!["tombolo.dev/in-use", "other/one"], json!(["other/one"])),
    ] {
        let object = backend_object(&before, json!(null));
        let (statuses, asked) = talk([ok(object.clone()), ok(object)]);
        statuses
            .backend_in_use(&BackendName::new("nas1"), in_use)
            .await
            .unwrap();
        let asked = asked.asked();
        assert_eq!(asked[1].line, format!("PATCH {path}?fieldManager=tombolo"));
        assert_eq!(asked[1].content_type, MERGE);
        assert_eq!(
            asked[1].body,
            json!({"metadata": {"resourceVersion": "9", "finalizers": after}})
        );
        let (statuses, asked) = talk([ok(backend_object(
            if in_use { &["tombolo.dev/in-use"] } else { &[] },
            json!(null),
        ))]);
        statuses
            .backend_in_use(&BackendName::new("nas1"), in_use)
            .await
            .unwrap();
        assert_eq!(asked.lines().len(), 1, "it was so already");
    }
}
