//! Snapshots of volumes that a node plugin mounts: the snapshot-controller makes their contents itself. No node plugin runs here.

use serde_json::json;
use tombolo_harness::wait::Look;

use super::objects::{self, content_of, named, ready, text};
use super::restoring::from;
use crate::draft::claim;
use crate::see::name_of;
use crate::world::{World, cannot};

#[tokio::test]
async fn of_a_csi_volume_the_snapshot_controller_makes_the_content_and_nobody_is_warned() {
    const STORY: &str = "of_a_csi_volume_the_snapshot_controller_makes_the_content_and_nobody_is_warned";
    if cannot(STORY) {
        return;
    }
    let w = World::shared("plugged").await;
    let w = w.with_class(json!({"parameters": {"mount": "csi"}})).await;
    let ns = w.namespace("primary").await;
    objects::class(&w, "Delete", false).await;
    let (_, pv) = w.bound_claim(&ns, claim("data")).await;
    assert!(pv.spec.as_ref().unwrap().csi.is_some(), "{pv:?}");
    w.write(&pv, "file", "as it was").await;
    objects::take(&w, &ns, "before", "data").await;
    let snapshot = ready(&w, &ns, "before").await;
    assert_eq!(snapshot.data["status"]["restoreSize"], json!("1Mi"));
    let content = content_of(&w, &snapshot).await;
    assert_eq!(text(&content, "/spec/source/volumeHandle"), name_of(&pv));
    let managers = content.metadata.managed_fields.clone().unwrap_or_default();
    let made_it = |manager: &str| {
        let of_spec = |m: &&k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry| {
            m.fields_v1.as_ref().is_some_and(|f| f.0.get("f:spec").is_some())
        };
        managers
            .iter()
            .filter(of_spec)
            .any(|m| m.manager.as_deref() == Some(manager))
    };
    assert!(made_it("snapshot-controller") && !made_it("tombolo"), "{managers:?}");

    let (_, made) = w.bound_claim(&ns, from("app", "before")).await;
    assert!(made.spec.as_ref().unwrap().csi.is_some(), "{made:?}");
    assert_eq!(w.read(&made, "file").await, "as it was");

    w.delete_dynamic(&objects::snapshots(&w, &ns), "before").await;
    w.dynamic_gone(&objects::contents(&w), &named(&content)).await;
    w.dynamic_gone(&objects::snapshots(&w, &ns), "before").await;
    let handle = text(&content, "/status/snapshotHandle");
    let id = handle.split_once(':').unwrap().1.to_owned();
    w.until("the data to be gone", async || {
        let there = super::on_server(&w);
        Ok(Look::holds(!there.iter().any(|name| name.starts_with(&id)), there))
    })
    .await;
    let said = w.events_on(&ns, "VolumeSnapshot", "before").await.unwrap();
    let warnings: Vec<_> = said.iter().filter(|e| e.type_ == "Warning").collect();
    assert!(warnings.is_empty(), "{warnings:?}");
    assert!(said.iter().any(|e| e.reason == "SnapshotReady"), "{said:?}");
}
