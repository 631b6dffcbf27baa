//! What happens while a snapshot is being restored: it is deleted, the controller is killed, the claim goes.

use kube::ResourceExt as _;
use kube::api::{DynamicObject, ListParams};
use serde_json::json;
use std::time::Duration;
use tombolo_harness::Cluster;
use tombolo_harness::wait::Look;

use super::objects::{self, content_of, named, ready};
use super::restoring::from;
use crate::across;
use crate::clones::midway::{figure, planted};
use crate::clones::yard::{Yard, yards};
use crate::draft::claim;
use crate::see::{name_of, phase, pv_name};
use crate::world::{World, cannot};

/// Files of a snapshot that takes a while to restore.
const MANY: usize = 2000;
/// On two busy cores, each file on stable storage.
const LONG: Duration = Duration::from_secs(300);

#[tokio::test]
async fn ss_21_a_snapshot_deleted_and_a_controller_killed_amid_a_restore_lose_nothing() {
    const STORY: &str = "ss_21_a_snapshot_deleted_and_a_controller_killed_amid_a_restore_lose_nothing";
    if cannot(STORY) {
        return;
    }
    let cluster = Cluster::start(World::options().with_snapshots()).await.unwrap();
    let w = World::own(&cluster, "amid").await;
    let (controller, yards) = yards(&w, &[]).await;
    let yard = &yards[0];
    let ns = w.namespace("primary").await;
    objects::class(&w, "Delete", true).await;
    let (_, pv) = w.bound_claim(&ns, claim("data").size("1Gi")).await;
    yard.plant(name_of(&pv), MANY);
    let expected = yard.contents(name_of(&pv));
    objects::take(&w, &ns, "before", "data").await;
    let within = async || {
        let found = objects::snapshots(&w, &ns).get_opt("before").await?;
        let is = found
            .as_ref()
            .is_some_and(|s| s.data["status"]["readyToUse"] == serde_json::json!(true));
        Ok(Look::holds(is, format!("{found:?}")))
    };
    w.until_within("the snapshot to be ready", LONG, within).await;
    let content = content_of(&w, &ready(&w, &ns, "before").await).await;

    let made = pv_name(&w.claim(&ns, from("app", "before").size("1Gi")).await);
    yard.amid_a_copy(&w, 300).await;
    controller.kill().await.unwrap();
    // By way of a field that the snapshot-controller does not see; and the content, by hand, with what it would write.
    let contents = objects::contents(&w);
    objects::annotate(
        &contents,
        &named(&content),
        "snapshot.storage.kubernetes.io/volumesnapshot-being-deleted",
        "yes",
    )
    .await;
    w.delete_dynamic(&contents, &named(&content)).await;
    let late = objects::add_finalizer(&contents, &named(&content), "tombolo.dev/copying-late").await;
    let refusal = late.unwrap_err().to_string();
    assert!(refusal.contains("no new finalizers can be added"), "{refusal}");
    controller.spawn().unwrap();
    w.until_within("the claim to be bound", LONG, async || {
        let claim = w.claims(&ns).get("app").await?;
        Ok(Look::holds(phase(&claim) == "Bound", phase(&claim).to_owned()))
    })
    .await;
    assert!(
        yard.contents(&made) == expected,
        "it is bound to the whole of the snapshot"
    );
    w.dynamic_gone(&contents, &named(&content)).await;
    w.end_namespace(&ns).await;
    w.gone(&w.pvs(), &made).await;
    yard.swept(&w).await;
}

#[tokio::test]
async fn ss_23_a_snapshot_deleted_amid_a_restore_stays_until_the_claim_goes_and_what_was_written_is_removed() {
    const STORY: &str =
        "ss_23_a_snapshot_deleted_amid_a_restore_stays_until_the_claim_goes_and_what_was_written_is_removed";
    if cannot(STORY) {
        return;
    }
    let cluster = Cluster::start(World::options().with_snapshots()).await.unwrap();
    let w = World::own(&cluster, "halted").await;
    let (_controller, yards) = yards(&w, &[]).await;
    let yard = &yards[0];
    let ns = w.namespace("primary").await;
    objects::class(&w, "Delete", true).await;
    let (_, pv) = w.bound_claim(&ns, claim("data").size("1Gi")).await;
    yard.plant(name_of(&pv), MANY);
    // Without a class: the default is written into it.
    let spec = serde_json::json!({"source": {"persistentVolumeClaimName": "data"}});
    objects::create(&objects::snapshots(&w, &ns), objects::snapshot("before", spec)).await;
    w.until_within("the snapshot to be ready", LONG, async || {
        let found = objects::snapshots(&w, &ns).get_opt("before").await?;
        let is = found
            .as_ref()
            .is_some_and(|s| s.data["status"]["readyToUse"] == serde_json::json!(true));
        Ok(Look::holds(is, format!("{found:?}")))
    })
    .await;
    let snapshot = ready(&w, &ns, "before").await;
    assert_eq!(objects::text(&snapshot, "/spec/volumeSnapshotClassName"), w.id);
    let content = content_of(&w, &snapshot).await;
    let made = pv_name(&w.claim(&ns, from("app", "before").size("1Gi")).await);
    yard.amid_a_copy(&w, 300).await;
    // The snapshot-controller keeps it for claims of its namespace (its own row 3-1a), and tries again.
    let snapshots = objects::snapshots(&w, &ns);
    w.delete_dynamic(&snapshots, "before").await;
    w.told_on(
        &ns,
        "VolumeSnapshot",
        "before",
        "SnapshotDeletePending",
        "restore a PVC",
    )
    .await;
    let kept = objects::contents(&w).get(&named(&content)).await.unwrap();
    assert!(kept.metadata.deletion_timestamp.is_none(), "{kept:?}");
    w.delete(&w.claims(&ns), "app").await;
    w.gone(&w.claims(&ns), "app").await;
    w.until_within("the snapshot to be gone", LONG, async || {
        let left = snapshots.get_opt("before").await?;
        Ok(Look::holds(left.is_none(), format!("{left:?}")))
    })
    .await;
    w.dynamic_gone(&objects::contents(&w), &named(&content)).await;
    yard.swept(&w).await;
    assert!(!yard.volume(&made).exists() && w.pvs().get_opt(&made).await.unwrap().is_none());
    assert_eq!(on_server(yard), 0);
}

#[tokio::test]
async fn a_snapshot_deleted_while_it_is_taken_is_not_taken_to_the_end_and_nothing_of_it_is_left() {
    const STORY: &str = "a_snapshot_deleted_while_it_is_taken_is_not_taken_to_the_end_and_nothing_of_it_is_left";
    if cannot(STORY) {
        return;
    }
    let cluster = Cluster::start(World::options().with_snapshots()).await.unwrap();
    let w = World::own(&cluster, "unwanted-snapshot").await;
    let (controller, yards) = yards(&w, &[]).await;
    let yard = &yards[0];
    let ns = w.namespace("primary").await;
    objects::class(&w, "Delete", true).await;
    let source = planted(&w, yard, &ns, "data", MANY).await;
    let expected = yard.contents(&source);
    objects::take(&w, &ns, "before", "data").await;
    yard.amid_a_copy(&w, 100).await;
    let snapshots = objects::snapshots(&w, &ns);
    w.delete_dynamic(&snapshots, "before").await;
    w.until_within("the snapshot to be gone", LONG, async || {
        let (left, contents) = (
            snapshots.get_opt("before").await?,
            objects::contents(&w).list(&ListParams::default()).await?.items,
        );
        Ok(Look::holds(
            left.is_none() && contents.is_empty(),
            format!("{left:?} {contents:?}"),
        ))
    })
    .await;
    yard.swept(&w).await;
    assert_eq!(on_server(yard), 0);
    let (_, metrics) = controller.get("/metrics").await.unwrap();
    let copied = figure(&metrics, "tombolo_copied_files_total");
    // A hundred were made, and fewer counted: those since it was last told how far the copy is are not.
    assert!(copied < MANY as f64, "{copied} files were copied");
    assert!(yard.contents(&source) == expected, "its source is as it was");
}

/// What there is of snapshots on the server.
fn on_server(yard: &Yard) -> usize {
    let snapshots = std::fs::read_dir(yard.root.join(".tombolo/snapshots"));
    snapshots.map_or(0, |entries| entries.flatten().count())
}

#[tokio::test]
async fn xn_14_a_snapshot_deleted_amid_a_restore_elsewhere_shows_that_it_waits_and_its_data_goes_after_it() {
    const STORY: &str =
        "xn_14_a_snapshot_deleted_amid_a_restore_elsewhere_shows_that_it_waits_and_its_data_goes_after_it";
    if cannot(STORY) {
        return;
    }
    let options = World::options().with_snapshots().with_reference_grants();
    let cluster = Cluster::start(options).await.unwrap();
    let w = World::own(&cluster, "elsewhere").await;
    let (controller, yards) = yards(&w, &[]).await;
    let yard = &yards[0];
    let (prod, dev) = (w.namespace("prod").await, w.namespace("dev").await);
    objects::class(&w, "Delete", true).await;
    let source = planted(&w, yard, &prod, "data", MANY).await;
    let expected = yard.contents(&source);
    objects::take(&w, &prod, "before", "data").await;
    w.until_within("the snapshot to be ready", LONG, async || {
        let found = objects::snapshots(&w, &prod).get("before").await?;
        Ok(Look::holds(
            found.data["status"]["readyToUse"] == json!(true),
            format!("{found:?}"),
        ))
    })
    .await;
    let content = named(&content_of(&w, &ready(&w, &prod, "before").await).await);
    let mut named_there = crate::draft::cross_source("prod-snap", &prod, "before");
    named_there["spec"]["source"]["apiGroup"] = json!("snapshot.storage.k8s.io");
    named_there["spec"]["source"]["kind"] = json!("VolumeSnapshot");
    across::name_source(&w, &dev, named_there).await;
    let mut grant = crate::draft::grant("to-dev", &dev);
    grant["spec"]["to"] = json!([{"group": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot"}]);
    across::give(&w, &prod, grant).await;

    let made = pv_name(&w.claim(&dev, across::through("app", "prod-snap").size("1Gi")).await);
    yard.amid_a_copy(&w, 100).await;
    let snapshots = objects::snapshots(&w, &prod);
    let in_use = |s: &DynamicObject| s.finalizers().iter().any(|f| f == "tombolo.dev/source-in-use");
    w.dynamic(&snapshots, "before", "in use", in_use).await;
    w.delete_dynamic(&snapshots, "before").await;
    // Whoever asks for another one now comes too late, and the controller dies as well.
    w.claim(&dev, across::through("late", "prod-snap").size("1Gi")).await;
    w.held(&dev, "late", "SourceTerminating", "").await;
    controller.kill().await.unwrap();
    w.is_unserved(&dev, "app").await;
    let going = snapshots.get("before").await.unwrap();
    assert!(
        going.metadata.deletion_timestamp.is_some() && in_use(&going),
        "{going:?}"
    );
    controller.spawn().unwrap();
    w.until_within("the snapshot to be gone", LONG, async || {
        // In this order: none of it may be gone before the copy has its object.
        let (left, data) = (snapshots.get_opt("before").await?, on_server(yard));
        let served = w.pvs().get_opt(&made).await?.is_some();
        assert!(
            served || (data > 0 && left.as_ref().is_some_and(in_use)),
            "{data} on the server: {left:?}"
        );
        Ok(Look::holds(left.is_none(), format!("{left:?}")))
    })
    .await;
    w.bound(&dev, "app").await;
    assert!(yard.contents(&made) == expected, "it is whole");
    w.dynamic_gone(&objects::contents(&w), &content).await;
    w.until("its data to be gone", async || {
        Ok(Look::holds(on_server(yard) == 0, on_server(yard)))
    })
    .await;
    yard.swept(&w).await;
    assert!(yard.contents(&source) == expected, "what it was taken of is as it was");
}
