//! What is found without an event.

use super::*;
use crate::controllers::shared_volumes;
use crate::controllers::testing::{World, world};
use crate::domain::hold::Hold;
use crate::domain::ids::BackendName;
use crate::domain::record::{Intent, State};
use crate::execute::testing::scripted::{absent, list, ok};
use crate::plan::testing::{claim, handle, id, key, member_pv, pv, pv_name, record};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tombolo_backend_fake::{Call, Fault, Op};

fn described(volumes: &[&str]) -> crate::execute::testing::scripted::Answer {
    let items: Vec<Value> = volumes.iter().map(|name| json!({"metadata": {"name": name}})).collect();
    list("PartialObjectMetadata", &items)
}

fn counted(w: &World, what: &str) -> u64 {
    let text = w.ctx.metrics.encode().unwrap();
    let line = format!("tombolo_sweep_found_total{{what=\"{what}\"}} ");
    let found = text.lines().find_map(|l| l.strip_prefix(&line));
    found.unwrap_or_default().parse().unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_leftover_is_found_without_an_event() {
    let begun = record("prod/begun").state(State::Creating).intends(Intent::Create);
    let remembers = record("prod/data").member("team/lost");
    let w = world(vec![begun, remembers], [described(&["pvc-prod-vanished"]), absent()]).await;
    w.caches(|index| {
        let _ = index.put_pv(pv("prod/left").released());
        let _ = index.put_pv(pv("prod/joining").token("team/late"));
        let _ = index.put_pv(member_pv("team/app", "prod/data"));
        let _ = index.put_claim(
            claim("prod/held")
                .bound()
                .terminating()
                .with(|c| c.holds = [Hold::Members].into()),
        );
    });
    w.directory("pvc-nobody").await;
    w.clock.move_by(SignedDuration::from_hours(2));

    assert_eq!(reconcile(&w.ctx).await.unwrap(), Next::After(w.ctx.sweep_interval));
    let woken = w.woken().await;
    for (what, work) in [
        ("a volume without anybody", Work::Volume(id("prod/left"))),
        ("a token", Work::Volume(id("prod/joining"))),
        ("a hold", Work::Claim(key("prod/held"))),
        ("an intent without an object", Work::Volume(id("prod/begun"))),
        ("a member", Work::Member(pv_name("team/app"))),
        (
            "a member that only the ledger knows",
            Work::Member(pv_name("team/lost")),
        ),
        ("a volume's description", Work::SharedVolume(id("prod/left"))),
        (
            "a description without a volume",
            Work::SharedVolume(id("prod/vanished")),
        ),
        ("a backend", Work::Backend(BackendName::new("nas1"))),
        ("trash", Work::Trash(BackendName::new("nas1"))),
    ] {
        assert!(woken.contains(&work), "{what}: {woken:#?}");
    }
    assert!(
        w.fake.tree().mode("pvc-nobody").is_none(),
        "a directory that a lost answer left"
    );
    let found = ["soft_deleted", "token", "hold", "intent", "empty_orphan", "orphan"].map(|what| counted(&w, what));
    assert_eq!(found, [1, 1, 1, 1, 1, 0]);
}

#[tokio::test(start_paused = true)]
async fn what_is_in_use_is_no_leftover() {
    let w = world(Vec::new(), [described(&[])]).await;
    w.caches(|index| {
        let _ = index.put_pv(pv("prod/data").released());
        let _ = index.put_pv(member_pv("team/app", "prod/data"));
        let _ = index.put_pv(pv("prod/kept").released().policy(ReclaimPolicy::Retain));
        let _ = index.put_pv(pv("prod/shared"));
        let _ = index.put_pv(member_pv("team/other", "prod/shared"));
        let _ = index.put_claim(
            claim("prod/shared")
                .bound()
                .terminating()
                .with(|c| c.holds = [Hold::Members].into()),
        );
    });
    reconcile(&w.ctx).await.unwrap();
    assert_eq!([counted(&w, "soft_deleted"), counted(&w, "hold")], [0, 0]);
}

/// A process that ended in the second between the removal of an object and the look at its description.
#[tokio::test(start_paused = true)]
async fn a_description_that_outlived_its_volume_is_taken_away() {
    let object = json!({"apiVersion": "tombolo.dev/v1alpha1", "kind": "SharedVolume",
        "metadata": {"name": "pvc-prod-vanished", "uid": "s", "resourceVersion": "4"}, "spec": {}});
    let gone = ok(json!({"kind": "Status", "status": "Success"}));
    let w = world(Vec::new(), [described(&["pvc-prod-vanished"]), ok(object), gone]).await;
    reconcile(&w.ctx).await.unwrap();
    for work in w.woken().await {
        if let Work::SharedVolume(volume) = work {
            shared_volumes::reconcile(&w.ctx, &volume).await.unwrap();
        }
    }
    let last = "DELETE /apis/tombolo.dev/v1alpha1/sharedvolumes/pvc-prod-vanished";
    assert_eq!(w.asked.lines().last().map(String::as_str), Some(last));
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_is_away_keeps_no_volume_from_being_looked_at() {
    let w = world(vec![record("prod/data")], [absent()]).await;
    assert!(reconcile(&w.ctx).await.is_err(), "and it is swept again");
    assert!(w.woken().await.contains(&Work::Volume(id("prod/data"))));
}

#[tokio::test(start_paused = true)]
async fn a_directory_of_which_anything_is_known_stays() {
    let moved = record("prod/moved");
    let moved = crate::domain::record::Record {
        handle: handle(&pv_name("new/place")),
        ..moved
    };
    let w = world(vec![record("prod/recorded"), moved], [described(&[]), absent()]).await;
    w.caches(|index| {
        let _ = index.put_claim(claim("prod/claimed"));
        let _ = index.put_pv(pv("prod/there"));
        let elsewhere = pv("prod/elsewhere").ours(|o| o.handle = handle(&pv_name("other/name")));
        let _ = index.put_pv(elsewhere);
    });
    let known = [
        "pvc-prod-claimed",
        "pvc-prod-there",
        "pvc-other-name",
        "pvc-prod-recorded",
        "pvc-new-place",
        "data",
    ];
    for name in known {
        w.directory(name).await;
    }
    w.directory("pvc-used").await;
    w.fake.write("pvc-used/file", "bytes");
    w.clock.move_by(SignedDuration::from_hours(2));
    w.fake.set_now(crate::execute::Clock::now(&*w.clock));
    w.directory("pvc-young").await;
    reconcile(&w.ctx).await.unwrap();
    let tree = w.fake.tree();
    for name in known.into_iter().chain(["pvc-young"]) {
        assert!(tree.mode(name).is_some(), "{name}");
    }
    assert!(w.fake.read("pvc-used/file").is_some());
    assert_eq!(counted(&w, "orphan"), 3, "the foreign, the used and the young one");
}

#[tokio::test(start_paused = true)]
async fn a_directory_whose_object_only_the_api_server_shows_stays() {
    let object =
        json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "pvc-unseen", "uid": "u"}});
    let w = world(Vec::new(), [described(&[]), ok(object)]).await;
    w.directory("pvc-unseen").await;
    w.clock.move_by(SignedDuration::from_hours(2));
    reconcile(&w.ctx).await.unwrap();
    assert!(w.fake.tree().mode("pvc-unseen").is_some());
    assert!(!w.fake.calls().iter().any(Call::changes), "{:?}", w.fake.calls());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_removed_from_a_root_whose_mark_has_gone() {
    let answers = [described(&[]), absent(), described(&[]), absent()];
    let w = world(Vec::new(), answers).await;
    w.directory("pvc-nobody").await;
    w.clock.move_by(SignedDuration::from_hours(2));
    // The disk goes between the listing and the removal.
    w.fake
        .fail_after(Op::ReadMark, 1, Fault::Refused(tombolo_backend_api::Class::Waiting));
    reconcile(&w.ctx).await.unwrap();
    assert_eq!(w.fake.pending_faults(), 0, "the mark was looked at before the removal");
    assert!(!w.fake.calls().iter().any(Call::changes));
    assert!(w.fake.tree().mode("pvc-nobody").is_some());
    reconcile(&w.ctx).await.unwrap();
    assert!(w.fake.tree().mode("pvc-nobody").is_none(), "it is back");
}

#[tokio::test(start_paused = true)]
async fn snapshots_of_nobody_are_counted_once_it_is_known_that_they_are_and_never_removed() {
    use crate::plan::testing::snapshots::{content, own_handle};
    use tombolo_backend_api::{Backend as _, CopyTerms, SnapshotId, VolumePath};
    let none = || described(&[]);
    let w = world(Vec::new(), [none(), absent(), none(), none()]).await;
    w.directory("pvc-team-data").await;
    let terms = CopyTerms {
        epoch: 0,
        drop_set_id: false,
        max_entries: 10,
    };
    let of = VolumePath::parse("pvc-team-data").unwrap();
    let by_hand = SnapshotId::parse("by-hand").unwrap();
    let snapshots = w.fake.snapshots().unwrap();
    for id in [&own_handle().id, &by_hand] {
        snapshots.take_snapshot(id, &of, 5, &terms, &()).await.unwrap();
    }
    w.clock.move_by(SignedDuration::from_hours(2));
    let found = async || {
        let before = counted(&w, "orphan_snapshot");
        reconcile(&w.ctx).await.unwrap();
        counted(&w, "orphan_snapshot") - before
    };
    assert_eq!(found().await, 0, "it is not known which contents there are");
    w.caches(|index| index.reset_snapshots(Vec::new()));
    w.caches(|index| index.reset_contents(vec![content()]));
    assert_eq!(found().await, 0, "one is to be taken under this name");
    w.caches(|index| index.reset_contents(Vec::new()));
    assert_eq!(found().await, 1);
    assert_eq!(snapshots.list_snapshots().await.unwrap().len(), 2);
    let content = Work::Content(content().name);
    assert!(
        w.woken().await.contains(&content),
        "what is not done is looked at again"
    );
}
