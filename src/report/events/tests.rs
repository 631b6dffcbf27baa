//! Events as they go over the wire.

use super::*;
use crate::execute::scripted::{Answer, absent, ok, refusal, server};
use crate::execute::testing::SetClock;
use crate::plan::testing::{claim_ref, pv};
use serde_json::Value;

fn refused(text: &str) -> Announcement {
    Announcement {
        subject: Subject::Claim(claim_ref("team/app")),
        reason: Told::Refused(ClaimReason::NotShared),
        text: text.into(),
    }
}

fn stored(more: &Value) -> Answer {
    let mut event = json!({"apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "e", "namespace": "team"},
        "eventTime": "2026-01-01T00:00:00.000000Z"});
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    ok(event)
}

/// Publishes through the queue and the writer, until all has been written.
async fn publish(
    announcements: &[Announcement],
    answers: Vec<Answer>,
) -> (Vec<crate::execute::scripted::Asked>, Metrics) {
    let (client, asked) = server(answers);
    let metrics = Metrics::new();
    let clock = Arc::new(SetClock::default());
    let (publisher, writing) = Publisher::new(client, "tombolo-0".into(), clock, metrics.clone());
    announcements
        .iter()
        .for_each(|announcement| publisher.hear(announcement));
    drop(publisher);
    writing.await;
    (asked.asked(), metrics)
}

#[test]
fn notes_are_cut_between_characters() {
    let long = "ä".repeat(1000);
    let short = cut(long);
    assert!(short.len() <= NOTE && short.ends_with('…'));
    assert_eq!(cut("short".into()), "short");
}

#[tokio::test]
async fn a_refusal_is_a_provisioning_failure_that_begins_with_our_reason() {
    let (asked, _) = publish(&[refused("not shared with you")], vec![stored(&json!({}))]).await;
    assert_eq!(
        asked[0].line,
        "POST /apis/events.k8s.io/v1/namespaces/team/events?fieldManager=tombolo"
    );
    let event = &asked[0].body;
    assert_eq!(event["reason"], "ProvisioningFailed");
    assert_eq!(event["note"], "NotShared: not shared with you");
    assert_eq!(
        (&event["type"], &event["action"]),
        (&json!("Warning"), &json!("Provision"))
    );
    let regarding = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": "team", "name": "app", "uid": "team-app"});
    assert_eq!(event["regarding"], regarding);
    assert_eq!(event["reportingInstance"], "tombolo-0");
}

#[tokio::test]
async fn an_event_about_an_object_without_a_namespace_lives_in_default() {
    let pv = pv("prod/data");
    let told = Announcement {
        subject: Subject::Pv(pv.name, pv.uid),
        reason: Told::Claim(ClaimReason::VolumeFailedDelete),
        text: "removing the data failed".into(),
    };
    let (asked, _) = publish(&[told], vec![stored(&json!({}))]).await;
    assert_eq!(
        asked[0].line,
        "POST /apis/events.k8s.io/v1/namespaces/default/events?fieldManager=tombolo"
    );
    assert_eq!(asked[0].body["reason"], "VolumeFailedDelete");
}

#[tokio::test]
async fn what_was_said_before_is_counted_and_not_said_twice() {
    let exists = || refusal(409, "AlreadyExists", "exists");
    for (before, count) in [
        (json!({}), 2),
        (
            json!({"series": {"count": 7, "lastObservedTime": "2026-01-01T00:00:00.000000Z"}}),
            8,
        ),
    ] {
        let (asked, _) = publish(&[refused("no")], vec![exists(), stored(&before), stored(&before)]).await;
        let name = asked[0].body["metadata"]["name"].as_str().unwrap();
        let path = format!("/apis/events.k8s.io/v1/namespaces/team/events/{name}");
        assert_eq!(asked[1].line, format!("GET {path}"));
        assert!(asked[2].line.starts_with(&format!("PATCH {path}")), "{asked:?}");
        assert_eq!(asked[2].content_type, "application/merge-patch+json");
        let series = json!({"count": count, "lastObservedTime": "1970-01-01T00:00:00.000000Z"});
        assert_eq!(asked[2].body, json!({"series": series}));
    }
}

#[tokio::test]
async fn one_that_expired_meanwhile_is_left() {
    let exists = refusal(409, "AlreadyExists", "exists");
    let (asked, metrics) = publish(&[refused("no")], vec![exists, absent()]).await;
    assert_eq!(asked.len(), 2);
    assert!(metrics.encode().unwrap().contains("tombolo_events_dropped_total 0"));
}

#[tokio::test]
async fn an_event_that_is_refused_is_counted_and_stops_no_other() {
    let going = refusal(
        403,
        "Forbidden",
        "unable to create new content in namespace team because it is being terminated",
    );
    let (asked, metrics) = publish(&[refused("one"), refused("two")], vec![going, stored(&json!({}))]).await;
    assert_eq!(asked.len(), 2);
    assert!(metrics.encode().unwrap().contains("tombolo_events_dropped_total 1"));
}

#[test]
fn a_name_is_a_function_of_what_is_said() {
    let named = |announcement: &Announcement| {
        event(announcement, "i", MicroTime(jiff::Timestamp::UNIX_EPOCH))
            .metadata
            .name
    };
    assert_eq!(named(&refused("a")), named(&refused("a")));
    assert_ne!(named(&refused("a")), named(&refused("b")));
    let other = Announcement {
        subject: Subject::Claim(claim_ref("team/other")),
        ..refused("a")
    };
    assert_ne!(named(&refused("a")), named(&other));
    let mut long = claim_ref("team/app");
    long.key.name = format!("{}.x", "n".repeat(199));
    let name = named(&Announcement {
        subject: Subject::Claim(long),
        ..refused("a")
    });
    let name = name.unwrap();
    assert!(name.len() <= 253 && !name.contains(".."), "{name}");
}

#[tokio::test]
async fn a_full_queue_drops_and_counts_instead_of_waiting() {
    let (client, _) = server([]);
    let metrics = Metrics::new();
    let (publisher, _writing) = Publisher::new(client, "i".into(), Arc::new(SetClock::default()), metrics.clone());
    for _ in 0..QUEUE + 3 {
        publisher.hear(&refused("a"));
    }
    assert!(metrics.encode().unwrap().contains("tombolo_events_dropped_total 3"));
}
