//! A server that only the cluster's nodes reach.

use std::time::Duration;

use k8s_openapi::api::core::v1::Node;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tombolo_harness::{Cluster, Filer};

use super::{lacks_filer, make};
use crate::draft::claim;
use crate::world::{World, shared_controller};

/// A connection that a firewall drops comes about never.
const CONNECTING: Duration = Duration::from_secs(2);

async fn connects(filer: &Filer) -> bool {
    let address = (filer.endpoint().server.as_str(), filer.endpoint().port);
    let connected = tokio::time::timeout(CONNECTING, TcpStream::connect(address)).await;
    matches!(connected, Ok(Ok(_)))
}

#[tokio::test]
async fn nodes_come_in_and_nobody_else() {
    if lacks_filer("nodes_come_in_and_nobody_else") {
        return;
    }
    let mut w = World::shared("nodes").await;
    shared_controller().await;
    let cluster = Cluster::shared().await.unwrap();
    let filer: &'static Filer = Box::leak(Box::new(Filer::start_for_nodes(cluster, &w.id).await.unwrap()));
    make(&w, &w.id, filer).await;
    (w.class, w.filer) = (w.id.clone(), Some(filer));
    let ns = w.namespace("primary").await;
    let (_, pv) = w.bound_claim(&ns, claim("data")).await;
    assert!(!connects(filer).await, "this machine is no node, and was let in");

    // This machine joins the cluster.
    let nodes = w.all::<Node>();
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": w.id}});
    w.create::<Node>(nodes.clone(), node).await;
    let address = json!({"status": {"addresses": [{"type": "InternalIP", "address": filer.neighbour().unwrap()}]}});
    nodes
        .patch_status(&w.id, &PatchParams::default(), &Patch::Merge(address))
        .await
        .unwrap();
    w.write(&pv, "hello", "world").await;
    assert_eq!(w.read(&pv, "hello").await, "world");

    // And leaves it: nothing new comes in, and what was open ends.
    let address = (filer.endpoint().server.as_str(), filer.endpoint().port);
    let mut open = TcpStream::connect(address).await.unwrap();
    w.delete(&nodes, &w.id).await;
    w.until("the server to be out of reach", async || {
        Ok(tombolo_harness::wait::Look::holds(
            !connects(filer).await,
            "it is in reach",
        ))
    })
    .await;
    let heard = tokio::time::timeout(CONNECTING, async {
        let mut byte = [0];
        open.read(&mut byte).await
    });
    assert!(
        !matches!(heard.await, Ok(Ok(1..))),
        "somebody who is no node was answered"
    );
}
