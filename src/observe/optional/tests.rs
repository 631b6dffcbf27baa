//! What is asked of an API server that may not know the kind, and what is told of it.

use super::*;
use crate::execute::testing::scripted::{Answer, Scripted, absent, list, ok, refusal, server};
use crate::observe::project::GRANTS;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

fn resources(version: &str) -> Answer {
    ok(
        json!({"kind": "APIResourceList", "groupVersion": format!("gateway.networking.k8s.io/{version}"), "resources": [
        {"name": "referencegrants", "singularName": "", "namespaced": true, "kind": "ReferenceGrant", "verbs": ["list"]}]}),
    )
}

fn grant(name: &str) -> Value {
    json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "ReferenceGrant",
        "metadata": {"name": name, "namespace": "prod", "resourceVersion": "100"}, "spec": {}})
}

/// Follows grants until `told` many words were said, in paused time.
async fn follow_until(answers: Vec<Answer>, told: usize) -> (Vec<String>, Scripted) {
    let (client, asked) = server(answers);
    let words = Arc::new(Mutex::new(Vec::new()));
    let heard = words.clone();
    let tell = move |news| {
        let word = match news {
            News::Served(served) => format!("{served:?}"),
            News::All(all) => format!("all {}", all.len()),
            News::There(object) => format!("there {}", object.metadata.name.unwrap_or_default()),
            News::Gone(object) => format!("gone {}", object.metadata.name.unwrap_or_default()),
        };
        heard.lock().unwrap().push(word);
    };
    let task = tokio::spawn(follow(client, GRANTS, tell));
    let enough = async {
        while words.lock().unwrap().len() < told {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(600), enough).await;
    task.abort();
    let words = words.lock().unwrap().clone();
    assert!(in_time.is_ok(), "{words:?}; asked {:?}", asked.lines());
    (words, asked)
}

#[tokio::test(start_paused = true)]
async fn xn_08_a_kind_that_is_installed_later_is_found_without_a_restart() {
    let answers = vec![
        absent(),
        absent(),
        resources("v1"),
        list("ReferenceGrant", &[grant("a")]),
        Answer::Events(vec![
            json!({"type": "ADDED", "object": grant("b")}),
            json!({"type": "DELETED", "object": grant("a")}),
        ]),
        Answer::Silence,
    ];
    let (words, asked) = follow_until(answers, 4).await;
    assert_eq!(words, ["NotInstalled", "all 1", "there b", "gone a"]);
    let lines = asked.lines();
    assert!(lines[0].contains("/apis/gateway.networking.k8s.io/v1"), "{lines:?}");
    assert!(
        lines[1].contains("/apis/gateway.networking.k8s.io/v1beta1"),
        "{lines:?}"
    );
    assert!(
        lines[3].starts_with("GET /apis/gateway.networking.k8s.io/v1/referencegrants"),
        "{lines:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn rg_35_the_older_version_is_read_where_the_newer_is_not_served() {
    let answers = vec![
        absent(),
        resources("v1beta1"),
        list("ReferenceGrant", &[grant("a"), grant("b")]),
        Answer::Silence,
    ];
    let (words, asked) = follow_until(answers, 1).await;
    assert_eq!(words, ["all 2"]);
    let lines = asked.lines();
    assert!(lines[2].contains("/v1beta1/referencegrants"), "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_goes_away_is_told_and_asked_for_again() {
    let answers = vec![
        resources("v1"),
        list("ReferenceGrant", &[grant("a")]),
        Answer::Events(vec![json!({"type": "DELETED", "object": grant("a")})]),
        absent(),
        absent(),
        absent(),
        resources("v1"),
        list("ReferenceGrant", &[]),
        Answer::Silence,
    ];
    let (words, _) = follow_until(answers, 4).await;
    assert_eq!(words, ["all 1", "gone a", "NotInstalled", "all 0"]);
}

#[tokio::test(start_paused = true)]
async fn xn_09_a_kind_that_may_not_be_read_is_told_and_tried_again() {
    let answers = vec![
        resources("v1"),
        refusal(403, "Forbidden", "no"),
        resources("v1"),
        list("ReferenceGrant", &[grant("a")]),
        Answer::Silence,
    ];
    let (words, _) = follow_until(answers, 2).await;
    assert_eq!(words, ["Forbidden", "all 1"]);

    // Also a right that goes while the watch runs, and comes back.
    let answers = vec![
        resources("v1"),
        list("ReferenceGrant", &[grant("a")]),
        Answer::Events(vec![]),
        refusal(403, "Forbidden", "no"),
        resources("v1"),
        list("ReferenceGrant", &[grant("a"), grant("b")]),
        Answer::Silence,
    ];
    let (words, _) = follow_until(answers, 3).await;
    assert_eq!(words, ["all 1", "Forbidden", "all 2"]);
}
