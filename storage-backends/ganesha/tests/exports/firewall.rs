//! The firewall set in a network of its own: a filer, a node and a pod, each a network namespace.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::process::{Command, Stdio};
use tombolo_backend_api::{Access, Class};
use tombolo_ganesha::testing::net::Namespace;
use tombolo_ganesha::testing::{Options, TestServer, Utility, missing};
use tombolo_ganesha::{Exporter, FirewallFound, NodeAccessMode, TABLE, firewall_found};

/// Addresses of the filer, as the node and as the pod know it.
const FILER: [&str; 2] = ["10.119.1.1", "fd00:119:1::1"];
const FILER_FOR_PODS: [&str; 2] = ["10.119.2.1", "fd00:119:2::1"];
const NODE: [&str; 2] = ["10.119.1.2", "fd00:119:1::2"];
const SECOND_NODE: &str = "10.119.1.3";
const POD: [&str; 2] = ["10.119.2.2", "fd00:119:2::2"];

struct Town {
    filer: Namespace,
    node: Namespace,
    pod: Namespace,
}

impl Town {
    fn build() -> Result<Self, String> {
        let [filer, node, pod] = ["filer", "node", "pod"].map(Namespace::new);
        let town = Self {
            filer: filer?,
            node: node?,
            pod: pod?,
        };
        let with = |address: &str| format!("{address}/{}", if address.contains(':') { 64 } else { 24 });
        let (here, second) = (FILER.map(with), with(SECOND_NODE));
        let there = [NODE.map(with).to_vec(), vec![second]].concat();
        town.filer
            .plug(("node", &as_str(&here)), &town.node, ("eth0", &as_str(&there)))?;
        let (here, there) = (FILER_FOR_PODS.map(with), POD.map(with));
        town.filer
            .plug(("pod", &as_str(&here)), &town.pod, ("eth0", &as_str(&there)))?;
        Ok(town)
    }
}

fn as_str(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

fn addresses(texts: &[&str]) -> BTreeSet<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// Whether somebody in a namespace gets through to a port there.
fn reaches(from: &Namespace, source: &str, to: &str, port: u16) -> bool {
    from.connects(source.parse().unwrap(), SocketAddr::new(to.parse().unwrap(), port))
}

#[test]
fn nodes_reach_the_server_and_pods_do_not() {
    let name = "nodes_reach_the_server_and_pods_do_not";
    let lacking = TestServer::unavailable().or_else(|| missing(&["ip", "nft"]));
    if let Some(why) = lacking {
        return tombolo_backend_conformance::lacking(name, &why);
    }
    let town = match Town::build() {
        Ok(town) => town,
        Err(why) => return tombolo_backend_conformance::lacking(name, &why),
    };
    // The rules are those of the network namespace of whoever sets them: a thread of its own, with all that it starts.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            town.filer.enter().unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(play(&town));
        });
    });
}

async fn play(town: &Town) {
    let networks = ["10.0.0.0/8", "fd00::/8", "127.0.0.0/8"].map(String::from).to_vec();
    let namespace = Some(town.filer.name().to_owned());
    let server = TestServer::start(Options {
        networks,
        namespace,
        ..Options::default()
    });
    let mut config = server.exporter();
    config.node_access = NodeAccessMode::Nodes;
    let port = config.advertise.port.get();
    let others = "add table inet others; add chain inet others c { type filter hook input priority 0; policy accept; }; \
                  add rule inet others c tcp dport 9 drop; add table ip tombolo_filer; add set ip tombolo_filer s { type ipv4_addr; }";
    town.filer.run(&["nft", others]).unwrap();
    let tables = |family: &str, table: &str| town.filer.run(&["nft", "list", "table", family, table]).unwrap();
    let before = [tables("inet", "others"), tables("ip", "tombolo_filer")];

    let from_node = |version: usize| reaches(&town.node, NODE[version], FILER[version], port);
    let from_pod = |version: usize| reaches(&town.pod, POD[version], FILER_FOR_PODS[version], port);
    // The cables are laid: without the set everybody gets through.
    assert_eq!([from_node(0), from_node(1), from_pod(0), from_pod(1)], [true; 4]);

    let exporter = Exporter::open(config.clone()).await.unwrap();
    assert_eq!(
        [from_node(0), from_node(1), from_pod(0), from_pod(1)],
        [false; 4],
        "nobody was told of"
    );
    assert!(
        reaches(&town.filer, "127.0.0.1", "127.0.0.1", port),
        "the machine itself"
    );
    assert!(
        reaches(&town.filer, FILER[0], FILER[0], port),
        "the machine itself, by its name for others"
    );

    exporter.admit_nodes(&addresses(&NODE)).await.unwrap();
    exporter.reconcile().await.unwrap();
    let found = firewall_found(&config).await.unwrap();
    assert_eq!(found, FirewallFound::AsItIsToBe { nodes: NODE.len() });
    let mut elsewhere = config.clone();
    elsewhere.advertise.mount_port = std::num::NonZeroU16::new(20048);
    assert_eq!(
        firewall_found(&elsewhere).await.unwrap(),
        FirewallFound::Otherwise,
        "other ports"
    );
    assert_eq!(
        [from_node(0), from_node(1), from_pod(0), from_pod(1)],
        [true, true, false, false]
    );
    assert!(
        !reaches(&town.node, SECOND_NODE, FILER[0], port),
        "another address of the same machine"
    );
    mounts(&exporter, &server, town, port).await;

    exporter.admit_nodes(&addresses(&[NODE[0], SECOND_NODE])).await.unwrap();
    assert_eq!([from_node(0), from_node(1)], [true, false]);
    assert!(reaches(&town.node, SECOND_NODE, FILER[0], port));
    // Told twice, and after a restart without anybody to tell it.
    exporter.admit_nodes(&addresses(&[SECOND_NODE])).await.unwrap();
    exporter.admit_nodes(&addresses(&[SECOND_NODE])).await.unwrap();
    drop(exporter);
    town.filer.run(&["nft", "delete", "table", "inet", TABLE]).unwrap();
    assert!(from_pod(0));
    assert_eq!(firewall_found(&config).await.unwrap(), FirewallFound::Absent);
    let exporter = Exporter::open(config.clone()).await.unwrap();
    assert!(reaches(&town.node, SECOND_NODE, FILER[0], port));
    assert_eq!([from_node(0), from_pod(0), from_pod(1)], [false; 3]);
    // Somebody opens a hole; the next look closes it.
    town.filer
        .run(&["nft", "insert", "rule", "inet", TABLE, "nfs", "accept"])
        .unwrap();
    assert!(from_pod(0));
    assert_eq!(firewall_found(&config).await.unwrap(), FirewallFound::Otherwise);
    exporter.reconcile().await.unwrap();
    assert!(!from_pod(0));
    a_set_that_cannot_be_set(&exporter, &server, town).await;
    exporter.admit_nodes(&BTreeSet::new()).await.unwrap();
    assert!(
        !reaches(&town.node, SECOND_NODE, FILER[0], port),
        "an empty set is nobody"
    );
    // What is not served is not ours to judge.
    assert_eq!([tables("inet", "others"), tables("ip", "tombolo_filer")], before);
    assert!(town.pod.run(&["ping", "-c1", "-W1", FILER_FOR_PODS[0]]).is_ok() || missing(&["ping"]).is_some());
}

/// Exports are mended all the same, and the error is told.
async fn a_set_that_cannot_be_set(exporter: &Exporter, server: &TestServer, town: &Town) {
    let mut shown = server.bus().shown().await.into_keys();
    let id = shown.next().unwrap();
    server.bus().remove(id).await.unwrap();
    town.filer.run(&["nft", "delete", "table", "inet", TABLE]).unwrap();
    // A table with an owner is nobody else's to change, for as long as its owner runs (nft(8)).
    let mut owner = Command::new("nft");
    let mut owner = owner
        .arg("-i")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let add = format!("add table inet {TABLE} {{ flags owner; }}\n");
    owner.stdin.as_mut().unwrap().write_all(add.as_bytes()).unwrap();
    while town.filer.run(&["nft", "list", "table", "inet", TABLE]).is_err() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let result = exporter.reconcile().await;
    let shown = server.bus().shown().await;
    drop(owner.stdin.take());
    owner.wait().unwrap();
    let error = result.unwrap_err();
    assert!(error.to_string().contains("firewall set"), "{error}");
    assert!(shown.contains_key(&id), "{shown:?}");
    assert!(exporter.reconcile().await.unwrap().is_clean());
}

/// A whole mount, with a client of somebody else's making.
async fn mounts(exporter: &Exporter, server: &TestServer, town: &Town, port: u16) {
    let directory = server.volume("vol");
    let key = crate::lab::key("vol", "t", Access::ReadWrite);
    exporter.ensure(&key, &directory).await.unwrap();
    let client = |from: &Namespace, host: &str| Utility {
        within: from.words(),
        port,
        mount_port: None,
        host: host.into(),
        version: 4,
    };
    let path = "/tombolo/vol/t/rw/file";
    assert_eq!(client(&town.node, FILER[0]).read(path).unwrap(), b"vol");
    client(&town.pod, FILER_FOR_PODS[0]).read(path).unwrap_err();
}

#[test]
fn nodes_are_not_told_where_networks_are_enough() {
    crate::lab::with(Options::default(), async |lab| {
        let exporter = lab.open().await;
        let refused = exporter.admit_nodes(&BTreeSet::new()).await.unwrap_err();
        assert_eq!(refused.class, Class::Invalid);
    });
}
