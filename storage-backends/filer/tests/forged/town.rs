//! A filer, nodes and pods, each a network namespace with an address that tells who it is.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tombolo_ganesha::testing::net::Namespace;
use tombolo_ganesha::testing::v4::Client;

/// The filer, as those know it who are on the cable.
const FILER: [&str; 3] = ["10.118.1.1", "10.118.2.1", "10.118.3.1"];
pub const NODE: &str = "10.118.1.2";
/// A pod whose packets come with its own address.
pub const POD: &str = "10.118.2.2";
/// A machine in the allowed networks that is no node of the cluster.
pub const STRANGER: &str = "10.118.3.2";
/// A pod whose packets leave with the address of its node.
const HIDDEN: [&str; 2] = ["10.118.4.2", "10.118.4.1"];
/// How long an answer is waited for that does not come.
const SOON: Duration = Duration::from_secs(2);

pub struct Town {
    pub filer: Namespace,
    node: Namespace,
    pod: Namespace,
    stranger: Namespace,
    hidden: Namespace,
}

impl Town {
    /// The error says what this machine does not allow.
    pub fn build() -> Result<Self, String> {
        let [filer, node, pod, stranger, hidden] = ["filer", "node", "pod", "stranger", "hidden"].map(Namespace::new);
        let town = Self {
            filer: filer?,
            node: node?,
            pod: pod?,
            stranger: stranger?,
            hidden: hidden?,
        };
        let with = |address: &str| format!("{address}/24");
        for (number, (name, other, address)) in [
            ("node", &town.node, NODE),
            ("pod", &town.pod, POD),
            ("stranger", &town.stranger, STRANGER),
        ]
        .into_iter()
        .enumerate()
        {
            let (here, there) = (with(FILER[number]), with(address));
            town.filer.plug((name, &[&here]), other, ("eth0", &[&there]))?;
        }
        let (here, there) = (with(HIDDEN[1]), with(HIDDEN[0]));
        town.node.plug(("pods", &[&here]), &town.hidden, ("eth0", &[&there]))?;
        // As nodes do with what leaves the cluster.
        town.hidden.ip(&["route", "add", "default", "via", HIDDEN[1]])?;
        town.node.run(&["sysctl", "-qw", "net.ipv4.ip_forward=1"])?;
        let masquerade = "add table ip nat; add chain ip nat out { type nat hook postrouting priority 100; }; \
                          add rule ip nat out oifname eth0 masquerade";
        town.node.run(&["nft", masquerade])?;
        Ok(town)
    }

    pub fn connect_node(&self, port: u16) -> Option<Client> {
        connected(&self.node, NODE, FILER[0], port)
    }

    pub fn connect_pod(&self, port: u16) -> Option<Client> {
        connected(&self.pod, POD, FILER[1], port)
    }

    pub fn connect_stranger(&self, port: u16) -> Option<Client> {
        connected(&self.stranger, STRANGER, FILER[2], port)
    }

    pub fn connect_hidden_pod(&self, port: u16) -> Option<Client> {
        connected(&self.hidden, HIDDEN[0], FILER[0], port)
    }
}

/// A client in a namespace, if a connection comes about.
fn connected(from: &Namespace, source: &str, to: &str, port: u16) -> Option<Client> {
    let to = SocketAddr::new(to.parse().unwrap(), port);
    if !from.connects(source.parse().unwrap(), to) {
        return None;
    }
    let mut client = from.within(|| Client::connect(to)).unwrap();
    client.wait_at_most(SOON);
    Some(client)
}

pub fn addresses(texts: &[&str]) -> BTreeSet<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}
