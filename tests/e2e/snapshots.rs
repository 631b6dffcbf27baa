//! Snapshots, beside the unmodified snapshot-controller, on a real NFS server.

use serde_json::json;
use tombolo_harness::wait::Look;

use crate::draft::claim;
use crate::world::{World, cannot};

mod csi;
mod forged;
mod midway;
pub mod objects;
mod published;
mod restoring;
mod whole;

use objects::{content_of, named, ready, text};

/// Names in the trash or among the snapshots of the class's root.
fn on_server(w: &World<'_>) -> Vec<String> {
    let root = w.cluster.nfs().unwrap().endpoint().export_dir.join(&w.class);
    let listed = std::fs::read_dir(root.join(".tombolo/snapshots"))
        .into_iter()
        .flatten()
        .flatten();
    listed
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

#[tokio::test]
async fn ss_22_a_snapshot_of_a_volume_that_nodes_mount_themselves_is_ready_and_goes_with_its_data() {
    const STORY: &str = "ss_22_a_snapshot_of_a_volume_that_nodes_mount_themselves_is_ready_and_goes_with_its_data";
    if cannot(STORY) {
        return;
    }
    let w = World::shared("snapped").await;
    let ns = w.namespace("primary").await;
    objects::class(&w, "Delete", false).await;
    let (_, pv) = w.bound_claim(&ns, claim("data")).await;
    w.write(&pv, "file", "as it was").await;
    objects::take(&w, &ns, "before", "data").await;
    let snapshot = ready(&w, &ns, "before").await;
    assert_eq!(snapshot.data["status"]["restoreSize"], json!("1Mi"));
    assert!(
        snapshot.data["status"]
            .get("error")
            .is_none_or(serde_json::Value::is_null),
        "{snapshot:?}"
    );
    let content = content_of(&w, &snapshot).await;
    let handle = text(&content, "/status/snapshotHandle");
    let id = handle.split_once(':').unwrap().1.to_owned();
    assert!(id.starts_with(&format!("snapshot-{}-", snapshot.metadata.uid.as_deref().unwrap())));
    // The mark comes off after the status was written.
    w.dynamic(
        &objects::contents(&w),
        &objects::named(&content),
        "marked no more",
        |c| {
            let annotations = c.metadata.annotations.iter().flatten();
            annotations.into_iter().all(|(key, _)| !key.ends_with("being-created"))
        },
    )
    .await;
    assert!(
        on_server(&w).iter().any(|name| name.starts_with(&id)),
        "{:?}",
        on_server(&w)
    );
    // The snapshot-controller lets the claim go.
    w.object("the claim to be let go", &w.claims(&ns), "data", |claim| {
        claim
            .metadata
            .finalizers
            .iter()
            .flatten()
            .all(|f| !f.contains("as-source"))
    })
    .await;

    // A snapshot outlives its volume and does not keep it.
    w.delete(&w.claims(&ns), "data").await;
    w.nothing_left(&pv).await;
    assert!(on_server(&w).iter().any(|name| name.starts_with(&id)));
    w.delete_dynamic(&objects::snapshots(&w, &ns), "before").await;
    let name = named(&content);
    w.dynamic_gone(&objects::contents(&w), &name).await;
    w.dynamic_gone(&objects::snapshots(&w, &ns), "before").await;
    w.until("the data to be gone", async || {
        let there = on_server(&w);
        Ok(Look::holds(!there.iter().any(|name| name.starts_with(&id)), there))
    })
    .await;
}
