//! A filer in the controller's own process, on the host that both are.

use serde_json::json;
use tombolo::api::storage_backend::StorageBackend;
use tombolo_harness::{Controller, Filer};

use super::lacks_filer;
use crate::draft::claim;
use crate::world::World;

#[tokio::test]
async fn a_controller_can_be_the_filer_itself() {
    const STORY: &str = "a_controller_can_be_the_filer_itself";
    if lacks_filer(STORY) {
        return;
    }
    let cluster = tombolo_harness::Cluster::start(tombolo_harness::ClusterOptions::default())
        .await
        .unwrap();
    let filer: &'static Filer = Box::leak(Box::new(Filer::prepare(&cluster, "here").await.unwrap()));
    let mut w = World::of(&cluster, "here").await;
    w.install_kinds().await;
    w.filer = Some(filer);
    let program = filer.beside(crate::controller::options(STORY)).await.unwrap();
    let controller = Controller::launch(&cluster, program).await.unwrap();
    let backend = json!({
        "apiVersion": "tombolo.dev/v1alpha1", "kind": "StorageBackend", "metadata": {"name": w.class},
        "spec": {"filer": filer.block(), "trashRetention": "0s"},
    });
    w.create::<StorageBackend>(w.all(), backend).await;
    w.storage_class(&w.class, json!({"parameters": {"backend": w.class}}))
        .await;
    w.backend_is(&w.class, "Ready", "True").await;
    // The server starts when there is something for it to read; until then it is said what is missing.
    let ns = w.namespace("primary").await;
    w.claim(&ns, claim("data").shared_to("*")).await;
    w.held(&ns, "data", "BackendUnavailable", "").await;
    filer.resume_server().await.unwrap();
    let (_, owner) = w.bound(&ns, "data").await;
    w.write(&owner, "hello", "world").await;
    let secondary = w.namespace("secondary").await;
    let member = w.member(&secondary, "data", &ns, "data").await;
    assert_eq!(w.read(&member, "hello").await, "world");
    controller.kill().await.unwrap();
    assert_eq!(w.read(&member, "hello").await, "world");
    controller.start().await.unwrap();
    w.delete(&w.claims(&secondary), "data").await;
    w.delete(&w.claims(&ns), "data").await;
    w.gone(&w.pvs(), crate::see::name_of(&owner)).await;
    controller.end_well().await.unwrap();
}
