//! What is said of a backend.

use super::*;
use serde_json::{Value, json};

fn object(annotations: Value, status: Value) -> StorageBackend {
    serde_json::from_value(json!({
        "apiVersion": "tombolo.dev/v1alpha1", "kind": "StorageBackend",
        "metadata": {"name": "nas1", "annotations": annotations}, "spec": {}, "status": status,
    }))
    .unwrap()
}

fn with_condition(type_: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({"conditions": [{
        "type": type_, "status": status, "reason": reason, "message": message, "lastTransitionTime": "2024-05-01T10:00:00Z",
    }]})
}

fn pause() -> Value {
    json!({"revocation": {
        "paused": {"id": "abcd1234", "since": "2024-05-01T10:00:00Z", "exports": 60, "members": 70, "of": 200},
    }})
}

#[test]
fn a_backend_that_can_be_used_says_so_and_what_is_on_it() {
    let mut status = with_condition("Ready", "True", "Ready", "the root is marked as this backend's");
    status["capabilities"] = json!(["share", "clone"]);
    (status["volumes"], status["provisionedBytes"]) = (json!(12), json!(10_u64 << 30));
    let text = tell(&object(json!({}), status)).to_text();
    assert_eq!(
        text,
        "Backend  nas1\n  Ready=True the root is marked as this backend's\nCan      share, clone\nUsed     12 volumes, 10Gi promised\nVerdict  \
         ready"
    );
}

#[test]
fn why_it_cannot_be_used_is_the_verdict() {
    let wrong = with_condition("Ready", "False", "WrongRoot", "the root has no mark");
    let told = tell(&object(json!({}), wrong));
    assert_eq!(told.verdict, "WrongRoot: the root has no mark");
    assert_eq!(told.next.as_deref(), Some(R::WrongRoot.next_step()));
    let told = tell(&object(json!({}), Value::Null));
    assert!(told.verdict.contains("not looked at it yet") && told.next.is_some());
}

#[test]
fn a_pause_of_cuts_says_since_when_how_many_and_how_to_go_on() {
    let told = tell(&object(json!({}), pause()));
    let text = told.to_text();
    assert!(
        told.verdict
            .starts_with("MassRevocation: consent has ended for 70 of 200 members"),
        "{text}"
    );
    assert!(
        told.verdict
            .ends_with("kubectl annotate storagebackend nas1 --overwrite tombolo.dev/confirmRevocation=abcd1234")
    );
    assert_eq!(told.next.as_deref(), Some(R::MassRevocation.next_step()));
    let said = "cutting access waits for an admin since 2024-05-01T10:00:00Z: consent has ended for 70 of 200 members, on 60 exports (abcd1234)";
    assert!(text.contains(&format!("Cuts     {said}")), "{said}\n{text}");
}

#[test]
fn a_word_for_another_pause_is_shown_and_the_right_one_is_waited_for() {
    let word = |word: &str| json!({"tombolo.dev/confirmRevocation": word});
    let told = tell(&object(word("old\u{1b}[0m"), pause()));
    assert!(told.verdict.starts_with("MassRevocation: "));
    assert_eq!(
        told.cuts[1],
        "tombolo.dev/confirmRevocation is \"old[0m\", which confirms another pause, or none"
    );
    let told = tell(&object(word("abcd1234"), pause()));
    assert!(
        told.verdict.starts_with("the pause abcd1234 is confirmed"),
        "{}",
        told.verdict
    );
    let told = tell(&object(
        word("abcd1234"),
        json!({"revocation": {"confirmed": {"id": "abcd1234", "at": "2024-05-01T10:05:00Z"}}}),
    ));
    assert_eq!(told.cuts, ["the pause abcd1234 was confirmed at 2024-05-01T10:05:00Z"]);
}

#[test]
fn one_that_is_being_deleted_says_that_first() {
    let mut object = object(json!({}), pause());
    object.metadata.deletion_timestamp = serde_json::from_value(json!("2024-05-01T10:00:00Z")).unwrap();
    assert!(tell(&object).verdict.starts_with("it is being deleted"));
}
