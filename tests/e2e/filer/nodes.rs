//! A server that only the cluster's nodes reach.

use std::time::Duration;

use k8s_openapi::api::core::v1::Node;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tombolo_harness::wait::Look;
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

/// Whether the server answers a call of the procedure that does nothing (RFC 5531 section 9, RFC 8881 section 16.1).
async fn answers(stream: &mut TcpStream) -> bool {
    const LAST_FRAGMENT: u32 = 0x8000_0000;
    let (id, call, rpc, nfs, version, null) = (1, 0, 2, 100_003, 4, 0);
    let no_credentials = [0; 4];
    let head: [u32; 6] = [id, call, rpc, nfs, version, null];
    let length = LAST_FRAGMENT | 40;
    let bytes: Vec<u8> = [length]
        .iter()
        .chain(&head)
        .chain(&no_credentials)
        .flat_map(|word| word.to_be_bytes())
        .collect();
    let asked = async {
        stream.write_all(&bytes).await?;
        let mut answer = [0; 64];
        stream.read(&mut answer).await
    };
    matches!(tokio::time::timeout(CONNECTING, asked).await, Ok(Ok(1..)))
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
    assert!(answers(&mut open).await, "whoever is let in is answered");
    w.delete(&nodes, &w.id).await;
    w.until("the server to be out of reach", async || {
        Ok(Look::holds(!connects(filer).await, "it is in reach"))
    })
    .await;
    assert!(!answers(&mut open).await, "somebody who is no node was answered");
}
