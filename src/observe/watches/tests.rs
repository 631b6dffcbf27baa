//! What a watch does on the wire, and what reaches the caches and the queue of it.

use super::*;
use crate::execute::scripted::{Answer, absent, list, refusal, server};
use crate::observe::gather::with;
use crate::observe::work::Work;
use futures::FutureExt;
use serde_json::{Value, json};
use std::sync::Mutex;
use std::time::Duration;

fn claim(name: &str, version: u32) -> Value {
    json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec": {},
        "metadata": {"name": name, "namespace": "team", "uid": format!("uid-of-{name}"), "resourceVersion": version.to_string()}})
}

fn expired() -> Value {
    json!({"type": "ERROR", "object": {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "too old resource version", "reason": "Expired", "code": 410}})
}

/// Follows claims until `there` holds of their names, in paused time.
async fn claims_until(answers: Vec<Answer>, there: impl Fn(&[String]) -> bool) -> (Vec<String>, Vec<Work>) {
    let (client, asked) = server(answers);
    let (caches, queue) = (Caches::default(), Arc::new(Queue::default()));
    let feed = Feed::new(caches.clone(), queue.clone());
    let task = tokio::spawn(feed.claims(client, watch::channel(false).0));
    let names = || {
        with(&caches, |index| {
            index.claims().map(|c| c.key.name.clone()).collect::<Vec<_>>()
        })
    };
    let seen = async {
        while !there(&names()) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(600), seen).await;
    assert!(in_time.is_ok(), "at last {:?}; asked {:?}", names(), asked.lines());
    task.abort();
    (asked.lines(), queue.waiting())
}

#[tokio::test(start_paused = true)]
async fn a_watch_begins_with_a_list_and_goes_on_from_there() {
    let added = json!({"type": "ADDED", "object": claim("b", 101)});
    let answers = vec![
        list("PersistentVolumeClaim", &[claim("a", 100)]),
        Answer::Events(vec![added]),
        Answer::Silence,
    ];
    let (lines, _) = claims_until(answers, |names| names == ["a", "b"]).await;
    assert!(lines[0].starts_with("GET /api/v1/persistentvolumeclaims?"), "{lines:?}");
    assert!(!lines[0].contains("watch=true"), "{lines:?}");
    assert!(
        lines[1].contains("watch=true") && lines[1].contains("resourceVersion=100"),
        "{lines:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_vanished_while_a_watch_was_down_is_found_by_the_next_list() {
    let answers = vec![
        list("PersistentVolumeClaim", &[claim("a", 1), claim("b", 2)]),
        Answer::Events(vec![expired()]),
        list("PersistentVolumeClaim", &[claim("b", 2), claim("c", 3)]),
        Answer::Silence,
    ];
    let (_, waiting) = claims_until(answers, |names| names == ["b", "c"]).await;
    let gone = Work::Claim(ClaimKey::new("team", "a"));
    assert!(
        waiting.contains(&gone),
        "nothing else tells that it is gone: {waiting:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_list_that_fails_is_tried_again_and_takes_nothing_away() {
    let answers = vec![
        list("PersistentVolumeClaim", &[claim("a", 1)]),
        Answer::Events(vec![expired()]),
        refusal(500, "InternalError", "etcd"),
        Answer::Cut,
        list("PersistentVolumeClaim", &[claim("a", 1), claim("b", 5)]),
        Answer::Silence,
    ];
    let (lines, _) = claims_until(answers, |names| {
        assert!(names.is_empty() || names.contains(&"a".to_owned()), "{names:?}");
        names == ["a", "b"]
    })
    .await;
    assert!(lines.len() >= 5, "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn a_kind_of_reference_is_served_or_not_and_what_was_known_of_it_stays() {
    let reference = json!({"apiVersion": "tombolo.dev/v1alpha1", "kind": "VolumeReference",
        "metadata": {"name": "r", "namespace": "team", "uid": "r", "resourceVersion": "1"},
        "spec": {"pvcNamespace": "prod", "pvcName": "data"}});
    let (client, asked) = server([
        list("VolumeReference", &[reference]),
        Answer::Events(vec![expired()]),
        absent(),
        absent(),
        list("VolumeReference", &[]),
        Answer::Silence,
    ]);
    let caches = Caches::default();
    let feed = Feed::new(caches.clone(), Arc::new(Queue::default()));
    let task = tokio::spawn(feed.volume_references(client, watch::channel(false).0));
    let team = Namespace::new("team");
    let state = || {
        with(&caches, |index| {
            (index.serves(ReferenceKind::Volume), index.references_in(&team).count())
        })
    };
    for expected in [(true, 1), (false, 1), (true, 0)] {
        let seen = async {
            while state() != expected {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(600), seen).await;
        assert!(in_time.is_ok(), "{expected:?}, but {:?}: {:?}", state(), asked.lines());
    }
    task.abort();
}

fn class(name: &str) -> StorageClass {
    let mut class = StorageClass::default();
    class.metadata.name = Some(name.to_owned());
    class
}

#[test]
fn what_vanished_while_a_watch_was_down_is_seen_to_be_gone() {
    let list = |names: &[&str]| {
        let all = names.iter().map(|name| Ok(watcher::Event::InitApply(class(name))));
        let ends = [Ok(watcher::Event::Init), Ok(watcher::Event::InitDone)];
        let [begin, end] = ends;
        std::iter::once(begin)
            .chain(all.collect::<Vec<_>>())
            .chain([end])
            .collect::<Vec<_>>()
    };
    let there = Mutex::new(BTreeSet::<String>::new());
    let events = futures::stream::iter(list(&["a", "b"]).into_iter().chain(list(&["a"])));
    let (synced, seen) = watch::channel(false);
    see_each(
        "StorageClass",
        events,
        |object, _| {
            let _ = there.lock().unwrap().insert(object.name_any());
        },
        |listed| there.lock().unwrap().retain(|name| listed.contains(name)),
        synced,
    )
    .now_or_never()
    .unwrap();
    assert!(*seen.borrow());
    assert_eq!(*there.lock().unwrap(), BTreeSet::from(["a".to_owned()]));
}

/// What the API server answered to a write of ours is known before the watch says it.
#[test]
fn an_answer_to_a_write_enters_the_caches() {
    let caches = Caches::default();
    let queue = Arc::new(Queue::default());
    let pv = crate::plan::testing::pv("prod/data");
    Feed::new(caches.clone(), queue.clone()).pv_written(pv.clone());
    assert!(with(&caches, |index| index.pv(&pv.name).is_some()));
    assert!(queue.waiting().contains(&Work::Volume((&pv.name).into())));
}
