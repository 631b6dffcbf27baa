//! Contents that somebody has made up, on a real API server.

use k8s_openapi::api::core::v1::PersistentVolume;
use serde_json::json;

use super::objects::{self, content_of, named, ready, snapshot, text};
use super::restoring::{from, preprovision};
use crate::draft::claim;
use crate::world::{World, cannot};

/// Whose snapshot `before`, of the claim `data` with a secret in it, others are after.
struct Victim {
    namespace: String,
    pv: PersistentVolume,
    handle: String,
}

async fn victim(w: &World<'_>) -> Victim {
    let namespace = w.namespace("victim").await;
    objects::class(w, "Delete", false).await;
    let (_, pv) = w.bound_claim(&namespace, claim("data")).await;
    w.write(&pv, "file", "secret").await;
    objects::take(w, &namespace, "before", "data").await;
    let taken = ready(w, &namespace, "before").await;
    let handle = text(&content_of(w, &taken).await, "/status/snapshotHandle");
    Victim { namespace, pv, handle }
}

#[tokio::test]
async fn a_forged_content_gives_nobody_another_one_s_data_and_takes_nobody_s_away() {
    const STORY: &str = "a_forged_content_gives_nobody_another_one_s_data_and_takes_nobody_s_away";
    if cannot(STORY) {
        return;
    }
    let w = World::shared("forged").await;
    let thief = w.namespace("thief").await;
    let Victim {
        namespace: victim,
        pv,
        handle,
    } = victim(&w).await;

    // A VolumeSnapshot of nothing yet, and a content in the place of its own that names the victim's volume and snapshot.
    let spec = json!({"volumeSnapshotClassName": w.id, "source": {"persistentVolumeClaimName": "none"}});
    let mine = objects::create(&objects::snapshots(&w, &thief), snapshot("mine", spec)).await;
    let uid = mine.metadata.uid.clone().unwrap();
    let content = json!({
        "apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshotContent", "metadata": {"name": format!("snapcontent-{uid}")},
        "spec": {
            "driver": "tombolo.dev", "deletionPolicy": "Delete", "volumeSnapshotClassName": w.id,
            "source": {"volumeHandle": pv.metadata.name}, "volumeSnapshotRef": {"namespace": thief, "name": "mine", "uid": uid},
        },
    });
    let content = objects::create(&objects::contents(&w), content).await;
    let contents = objects::contents(&w);
    w.dynamic(&contents, &named(&content), "refused", |c| {
        text(c, "/status/error/message").contains("Failed to create snapshot")
    })
    .await;
    // It says that it is ready, with the victim's handle.
    objects::status(
        &w,
        &named(&content),
        json!({"readyToUse": true, "snapshotHandle": handle, "restoreSize": 1, "error": null}),
    )
    .await;
    ready(&w, &thief, "mine").await;
    w.claim(&thief, from("app", "mine")).await;
    w.held(&thief, "app", "SourceNotReady", "VolumeSnapshot mine").await;

    // The snapshot-controller deletes no snapshot that a claim of its namespace waits for.
    w.delete(&w.claims(&thief), "app").await;
    w.gone(&w.claims(&thief), "app").await;
    w.delete_dynamic(&objects::snapshots(&w, &thief), "mine").await;
    w.dynamic_gone(&contents, &named(&content)).await;
    let (_, made) = w.bound_claim(&victim, from("app", "before")).await;
    assert_eq!(w.read(&made, "file").await, "secret");
}

#[tokio::test]
async fn a_handle_that_no_admin_imported_restores_nothing_and_deleting_it_removes_nothing() {
    const STORY: &str = "a_handle_that_no_admin_imported_restores_nothing_and_deleting_it_removes_nothing";
    if cannot(STORY) {
        return;
    }
    let w = World::shared("unimported").await;
    let thief = w.namespace("thief").await;
    let Victim {
        namespace: victim,
        handle,
        ..
    } = victim(&w).await;
    let id = handle.split_once(':').unwrap().1;
    let another_cluster_s = format!("0b5e9c1c-6f2d-4a55-9d6e-2f0d6c1a7e11:{id}");
    for (name, handle, reason) in [
        ("stolen", &handle, "SourceNotReady"),
        ("far", &another_cluster_s, "BackendUnavailable"),
    ] {
        let content = preprovision(&w, &thief, name, handle, "Delete").await;
        w.told_of(&thief, name, "importSnapshots").await;
        let says = json!({"readyToUse": true, "snapshotHandle": handle, "restoreSize": 1, "error": null});
        objects::status(&w, &content, says).await;
        ready(&w, &thief, name).await;
        w.claim(&thief, from(name, name)).await;
        w.held(&thief, name, reason, "").await;
        w.delete(&w.claims(&thief), name).await;
        w.gone(&w.claims(&thief), name).await;
        w.delete_dynamic(&objects::snapshots(&w, &thief), name).await;
        w.dynamic_gone(&objects::contents(&w), &content).await;
    }
    let (_, made) = w.bound_claim(&victim, from("app", "before")).await;
    assert_eq!(w.read(&made, "file").await, "secret");
}
