//! On a scripted API server: what is asked, and that a refusal to put one on disturbs nothing.

use super::*;
use crate::controllers::testing::{World, world};
use crate::controllers::{snapshots, sweep};
use crate::domain::snapshot::Kind;
use crate::execute::testing::scripted::{Answer, absent, list, ok, refusal};
use crate::plan::testing::{claim, pv, snapshots as objects};
use serde_json::{Value, json};
use std::time::Duration;

const FINALIZER: &str = "tombolo.dev/source-in-use";
const THEIRS: &str = "snapshot.storage.kubernetes.io/volumesnapshot-as-source-protection";
const SNAPSHOT: &str = "/apis/snapshot.storage.k8s.io/v1/namespaces/team/volumesnapshots/before";
const CONTENT: &str = "/apis/snapshot.storage.k8s.io/v1/volumesnapshotcontents/snapcontent-5a1d-e";

fn key() -> SnapshotKey {
    objects::snapshot().key
}

/// The VolumeSnapshot as it is stored.
fn snapshot(finalizers: &[&str], going: bool) -> Value {
    let mut meta = json!({"namespace": "team", "name": "before", "uid": objects::UID, "resourceVersion": "8", "finalizers": finalizers});
    if going {
        meta["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    }
    json!({"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot", "metadata": meta,
        "status": {"boundVolumeSnapshotContentName": "snapcontent-5a1d-e", "readyToUse": true}})
}

/// What stands behind it, read by restores for these claims.
fn content(restores: &[&str]) -> Value {
    let tokens = restores.iter().map(|uid| format!("tombolo.dev/copying-{uid}"));
    json!({"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshotContent",
        "metadata": {"name": "snapcontent-5a1d-e", "uid": "c", "resourceVersion": "9", "finalizers": tokens.collect::<Vec<_>>()},
        "spec": {"driver": "tombolo.dev", "volumeSnapshotRef": {"namespace": "team", "name": "before", "uid": objects::UID}}})
}

fn read<T>(object: &Value, read: fn(&kube::core::ObjectMeta, &Value) -> Option<T>) -> T {
    read(&serde_json::from_value(object["metadata"].clone()).unwrap(), object).unwrap()
}

/// A controller whose caches show these, and whose API server answers so.
async fn seeing(snapshot: &Value, content: Option<&Value>, answers: impl IntoIterator<Item = Answer>) -> World {
    let w = world(Vec::new(), answers).await;
    w.caches(|index| {
        let _ = index.reset_snapshots(vec![read(snapshot, Snapshot::read)]);
        let _ = index.reset_contents(content.map(|c| read(c, Content::read)).into_iter().collect());
    });
    w
}

async fn look(w: &World) -> Next {
    snapshots::reconcile(&w.ctx, &key()).await.unwrap()
}

/// The finalizers that the last request wrote, in which version.
fn written(w: &World) -> (Vec<String>, Value) {
    let last = w.asked.asked().pop().unwrap();
    assert_eq!(last.line, format!("PATCH {SNAPSHOT}?fieldManager=tombolo"));
    assert_eq!(last.content_type, "application/merge-patch+json");
    let finalizers = last.body["metadata"]["finalizers"].as_array().unwrap();
    let named = finalizers.iter().map(|f| f.as_str().unwrap().to_owned());
    (named.collect(), last.body["metadata"]["resourceVersion"].clone())
}

#[tokio::test]
async fn fn_14_only_what_nobody_restores_is_let_go_and_other_finalizers_stay() {
    let (held, unread) = (snapshot(&[THEIRS, FINALIZER], false), content(&[]));
    let answers = [ok(held.clone()), ok(unread.clone()), ok(held.clone())];
    let w = seeing(&held, Some(&unread), answers).await;
    assert_eq!(look(&w).await, Next::Change);
    assert_eq!(written(&w), (vec![THEIRS.to_owned()], json!("8")));
    assert_eq!(
        w.asked.lines()[..2],
        [format!("GET {SNAPSHOT}"), format!("GET {CONTENT}")],
        "on live evidence"
    );
    let clean = seeing(&snapshot(&[THEIRS], false), Some(&unread), []).await;
    assert_eq!(look(&clean).await, Next::Change);
    assert_eq!(clean.asked.lines(), [""; 0], "nothing is read of one without it");
}

#[tokio::test]
async fn fn_15_what_is_being_restored_is_held_and_a_late_cache_lets_nothing_go() {
    let (free, restored) = (snapshot(&[THEIRS], false), content(&["app"]));
    let answers = [ok(free.clone()), ok(restored.clone()), ok(free.clone())];
    let w = seeing(&free, Some(&restored), answers).await;
    look(&w).await;
    assert_eq!(written(&w), (vec![THEIRS.to_owned(), FINALIZER.to_owned()], json!("8")));

    let held = snapshot(&[THEIRS, FINALIZER], true);
    let settled = seeing(&held, Some(&restored), []).await;
    look(&settled).await;
    assert_eq!(settled.asked.lines(), [""; 0]);
    let late = seeing(&held, Some(&content(&[])), [ok(held.clone()), ok(restored)]).await;
    look(&late).await;
    assert_eq!(late.asked.lines().len(), 2, "it is read and not written");
}

#[tokio::test]
async fn fn_13_where_snapshots_are_not_served_nothing_is_read_or_written() {
    let w = world(Vec::new(), []).await;
    w.caches(|index| {
        let _ = index.snapshots_are(Kind::Snapshot, Served::NotInstalled);
        let _ = index.snapshots_are(Kind::Content, Served::NotInstalled);
    });
    assert_eq!(look(&w).await, Next::Change);
    assert_eq!(w.asked.lines(), [""; 0]);
    // Nor of what was known once and cannot be read now.
    for kind in [Kind::Snapshot, Kind::Content] {
        let closed = seeing(&snapshot(&[FINALIZER], false), Some(&content(&[])), []).await;
        closed.caches(|index| index.snapshots_are(kind, Served::Forbidden));
        assert_eq!(look(&closed).await, Next::Change);
        assert_eq!(closed.asked.lines(), [""; 0], "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_sweep_looks_at_what_is_held_and_at_nothing_else_of_snapshots() {
    let described = || list("PartialObjectMetadata", &[]);
    for (finalizers, restores, woken) in [
        (&[FINALIZER][..], &[][..], true),
        (&[], &["app"], true),
        (&[THEIRS], &[], false),
    ] {
        let w = seeing(&snapshot(finalizers, false), Some(&content(restores)), [described()]).await;
        sweep::reconcile(&w.ctx).await.unwrap();
        let found = w.woken().await.contains(&Work::Snapshot(key()));
        assert_eq!(found, woken, "{finalizers:?} {restores:?}");
        let left = r#"tombolo_sweep_found_total{what="hold"} 1"#;
        let counted = w.ctx.metrics.encode().unwrap().contains(left);
        assert_eq!(counted, finalizers == [FINALIZER], "{finalizers:?}");
    }
}

/// A source that is being copied, with the finalizer or without.
fn copied() -> (Claim, Pv) {
    (claim("prod/data").bound(), pv("prod/data").copying("team/app"))
}

/// A controller whose caches show whom the copy is for.
async fn where_it_is_copied(answers: impl IntoIterator<Item = Answer>) -> World {
    let w = world(Vec::new(), answers).await;
    w.caches(|index| index.put_claim(claim("team/app")));
    w
}

fn denied(w: &World) -> bool {
    let line = r#"tombolo_reconcile_errors_total{kind="claim",class="denied"} 1"#;
    w.ctx.metrics.encode().unwrap().contains(line)
}

#[tokio::test(start_paused = true)]
async fn fn_19_a_refusal_to_put_it_on_is_counted_and_disturbs_nothing() {
    let (claim, pv) = copied();
    let w = where_it_is_copied([refusal(403, "Forbidden", "no")]).await;
    let next = of_claim(&w.ctx, &claim, Some(&pv), 0).await.unwrap();
    assert!(denied(&w), "{}", w.ctx.metrics.encode().unwrap());
    assert_eq!(next, Next::After(Duration::from_secs(60)));
    of_claim(&w.ctx, &claim, Some(&pv), 0).await.unwrap();
    assert_eq!(w.asked.lines().len(), 1, "nor is it asked for again and again");

    let webhook = refusal(500, "InternalError", "failed calling webhook");
    let failing = where_it_is_copied([webhook]).await;
    let next = of_claim(&failing.ctx, &claim, Some(&pv), 0).await.unwrap();
    assert_eq!(
        next,
        Next::After(Duration::from_secs(60)),
        "its owner is told nothing of it"
    );

    let (free, restored) = (snapshot(&[], false), content(&["app"]));
    let answers = [ok(free.clone()), ok(restored.clone()), refusal(403, "Forbidden", "no")];
    let of_snapshot = seeing(&free, Some(&restored), answers).await;
    assert_eq!(look(&of_snapshot).await, Next::After(Duration::from_secs(60)));
}

#[tokio::test]
async fn what_went_meanwhile_or_is_being_deleted_gets_none_and_that_is_no_failure() {
    let (claim, pv) = copied();
    let words = "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted";
    for answer in [refusal(422, "Invalid", words), absent()] {
        let w = where_it_is_copied([answer]).await;
        assert_eq!(of_claim(&w.ctx, &claim, Some(&pv), 0).await.unwrap(), Next::Change);
        assert!(!denied(&w));
    }
    let other = where_it_is_copied([refusal(409, "Conflict", "another one of its name")]).await;
    let failure = of_claim(&other.ctx, &claim, Some(&pv), 0).await.unwrap_err();
    assert!(failure.is_stale(), "looked at again at once");
}

#[tokio::test(start_paused = true)]
async fn who_strips_it_is_answered_once_a_minute_and_another_copy_begins_with_it() {
    let (claim, pv) = copied();
    let object = || ok(json!({"metadata": {"namespace": "prod", "name": "data", "uid": "x"}}));
    let w = where_it_is_copied([object(), object(), object()]).await;
    let put = async || {
        let before = w.asked.lines().len();
        of_claim(&w.ctx, &claim, Some(&pv), 0).await.unwrap();
        w.asked.lines().len() > before
    };
    assert!(put().await);
    for _ in 0..5 {
        assert!(!put().await, "stripped");
    }
    tokio::time::advance(Duration::from_secs(61)).await;
    assert!(put().await);
    // The copy is done, and another one begins.
    of_claim(&w.ctx, &claim, Some(&crate::plan::testing::pv("prod/data")), 0)
        .await
        .unwrap();
    assert!(put().await);
}
