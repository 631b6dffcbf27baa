//! The firewall set: the same bytes from where a pod is open nothing, because they do not arrive.

use super::*;
use crate::town::{NODE, STRANGER, Town, addresses};
use tombolo_backend_conformance::lacking;
use tombolo_ganesha::testing::{Status, TestServer, missing};

/// Plays with a filer in the town, which lets nodes in and nobody else.
fn play(act: impl AsyncFnOnce(&Town, &Host, &Handle, u16) + Send) {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("a test").to_owned();
    if let Some(why) = TestServer::unavailable().or_else(|| missing(&["ip", "nft", "nsenter", "sysctl"])) {
        return lacking(&name, &why);
    }
    let town = match Town::build() {
        Ok(town) => town,
        Err(why) => return lacking(&name, &why),
    };
    // The rules are those of the network namespace of whoever sets them: a thread of its own, with all that it starts.
    town.filer.within(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let options = Options {
                networks: ["10.118.0.0/16", "127.0.0.0/8"].map(String::from).to_vec(),
                namespace: Some(town.filer.name().to_owned()),
                ..Options::default()
            };
            let Some(host) = Host::on(|| Image::new(1024 * MIB), options, NodeAccessMode::Nodes).await else {
                return;
            };
            let given = stocked(&host).await;
            let root = host.stage.root();
            let theirs = subvolume(&root.join("theirs"));
            let theirs = inode_forged(&given, &root, theirs);
            let port = host.server.exporter().advertise.port.get();
            act(&town, &host, &theirs, port).await;
        });
    });
}

/// A handle of the file that another tenant has.
fn inode_forged(given: &[u8], root: &Path, theirs: u64) -> Handle {
    forged_btrfs(given, &root.join("mine/file"), theirs, inode(&root.join("theirs/file")))
}

async fn admit(host: &Host, nodes: &[&str]) {
    let node_access = host.filer.node_access().unwrap();
    node_access.admit_nodes(&addresses(nodes)).await.unwrap();
}

#[test]
fn a_forged_handle_opens_everything_to_a_node_and_nothing_to_a_pod() {
    play(async |town, host, forged, port| {
        assert!(
            town.connect_node(port).is_none() && town.connect_pod(port).is_none(),
            "nobody was told of"
        );
        admit(host, &[NODE]).await;
        let mut node = town.connect_node(port).unwrap();
        assert_eq!(node.read(forged).unwrap(), b"theirs");
        node.write(forged, b"nodes!").unwrap();
        let at = host.mount("mine", "team", Access::ReadWrite).await;
        let file = node.handle(&format!("{at}/file")).unwrap();
        assert_eq!(node.read(&file).unwrap(), b"mine");

        assert!(town.connect_pod(port).is_none());
        // The firewall is what stops it: without it the same bytes from there do the same.
        town.filer
            .run(&["nft", "delete", "table", "inet", tombolo_ganesha::TABLE])
            .unwrap();
        let mut pod = town.connect_pod(port).unwrap();
        assert_eq!(pod.read(forged).unwrap(), b"nodes!");
        pod.write(forged, b"a pod!").unwrap();
        // And it is put back by the next look, which ends what has come in meanwhile.
        host.filer.settle().await.unwrap();
        assert!(town.connect_pod(port).is_none());
        assert_eq!(pod.read(forged), Err(Status::NO_ANSWER));
        assert_eq!(std::fs::read(host.stage.root().join("theirs/file")).unwrap(), b"a pod!");
        assert_eq!(node.read(forged).unwrap(), b"a pod!");
    });
}

#[test]
fn who_is_in_the_networks_and_no_node_is_shut_out_until_admitted_and_again_after() {
    play(async |town, host, forged, port| {
        admit(host, &[NODE]).await;
        assert!(town.connect_stranger(port).is_none());
        admit(host, &[NODE, STRANGER]).await;
        let mut held = town.connect_stranger(port).unwrap();
        assert_eq!(held.read(forged).unwrap(), b"theirs");
        let mut node = town.connect_node(port).unwrap();
        assert_eq!(node.read(forged).unwrap(), b"theirs");

        // A connection that is open ends like any other: each packet is looked at.
        admit(host, &[NODE]).await;
        assert_eq!(held.write(forged, b"late!!"), Err(Status::NO_ANSWER));
        assert!(town.connect_stranger(port).is_none());
        assert_eq!(node.read(forged).unwrap(), b"theirs");
        assert_eq!(std::fs::read(host.stage.root().join("theirs/file")).unwrap(), b"theirs");
    });
}

/// What the set cannot tell apart, and the example NetworkPolicy is for.
#[test]
fn a_pod_that_leaves_with_its_nodes_address_is_taken_for_the_node() {
    play(async |town, host, forged, port| {
        assert!(town.connect_hidden_pod(port).is_none());
        admit(host, &[NODE]).await;
        let mut pod = town.connect_hidden_pod(port).unwrap();
        assert_eq!(pod.read(forged).unwrap(), b"theirs");
    });
}
