//! Storage that only some nodes have, and a scheduler that does not know which: the tests play its part.

use kube::ResourceExt as _;
use serde_json::json;
use tombolo::api::storage_backend::StorageBackend;

use crate::draft::claim;
use crate::world::{World, cannot};

const SELECTED: &str = "volume.kubernetes.io/selected-node";

#[tokio::test]
async fn a_node_without_the_class_s_storage_is_chosen_again() {
    if cannot("a_node_without_the_class_s_storage_is_chosen_again") {
        return;
    }
    let mut w = World::shared("node").await;
    let path = w.cluster.directory().join(&w.id);
    std::fs::create_dir_all(&path).unwrap();
    let backend = json!({
        "apiVersion": "tombolo.dev/v1alpha1", "kind": "StorageBackend", "metadata": {"name": w.id},
        "spec": {"local": {"path": path, "node": "node1"}, "trashRetention": "0s"},
    });
    w.create::<StorageBackend>(w.all(), backend).await;
    w.backend_is(&w.id, "Ready", "True").await;
    let class = json!({"parameters": {"backend": w.id}, "volumeBindingMode": "WaitForFirstConsumer"});
    w.storage_class(&w.id, class).await;
    w.class = w.id.clone();

    let ns = w.namespace("primary").await;
    w.claim(&ns, claim("data")).await;
    w.annotate(&ns, "data", SELECTED, json!("node2")).await;
    w.object("the choice to be taken back", &w.claims(&ns), "data", |claim| {
        !claim.annotations().contains_key(SELECTED)
    })
    .await;
    w.held(&ns, "data", "BackendUnavailable", "not on node node2").await;
    w.annotate(&ns, "data", SELECTED, json!("node1")).await;
    let (claim, _) = w.bound(&ns, "data").await;
    assert_eq!(claim.annotations()[SELECTED], "node1");
}
