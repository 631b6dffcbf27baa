//! What happens while a snapshot is being restored: it is deleted, the controller is killed, the claim goes.

use std::time::Duration;
use tombolo_harness::Cluster;
use tombolo_harness::wait::Look;

use super::objects::{self, content_of, named, ready};
use super::restoring::from;
use crate::clones::yard::yards;
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
async fn deleting_the_claim_amid_a_restore_removes_what_was_written_and_lets_the_snapshot_go() {
    const STORY: &str = "deleting_the_claim_amid_a_restore_removes_what_was_written_and_lets_the_snapshot_go";
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
    w.delete(&w.claims(&ns), "app").await;
    w.gone(&w.claims(&ns), "app").await;
    w.dynamic(&objects::contents(&w), &named(&content), "let go", |c| {
        c.metadata.finalizers.iter().flatten().all(|f| !f.contains("copying"))
    })
    .await;
    yard.swept(&w).await;
    assert!(!yard.volume(&made).exists() && w.pvs().get_opt(&made).await.unwrap().is_none());
    w.delete_dynamic(&objects::snapshots(&w, &ns), "before").await;
    w.dynamic_gone(&objects::contents(&w), &named(&content)).await;
}
