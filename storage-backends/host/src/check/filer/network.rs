//! Who reaches the server, and where: networks, addresses, ports and the firewall.

use super::{check, refused};
use crate::check::{Check, Verdict};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use tombolo_backend_filer::ServedConfig;
use tombolo_ganesha::{
    Advertise, ExporterConfig, FirewallFound, Network, NodeAccessMode, Protocols, TABLE, firewall_found,
};

/// Where rpcbind answers (RFC 1833).
const RPCBIND: u16 = 111;

pub(super) async fn checks(config: &ServedConfig, runs: bool) -> Vec<Check> {
    let exporter = config.exporter().clone();
    let firewall = firewall(&exporter).await;
    // Names are looked up, and may take long.
    let looked = tokio::task::spawn_blocking(move || {
        let advertise = &exporter.advertise;
        let mut checks = vec![
            check("networks", networks(&exporter.networks, exporter.node_access)),
            check("advertise", advertised(advertise)),
            check("nfs port", port(advertise.port.get(), runs)),
        ];
        if exporter.protocols == Protocols::V3AndV4 {
            checks.extend(advertise.mount_port.map(|at| check("mount port", port(at.get(), runs))));
            checks.push(check("rpcbind", rpcbind()));
        }
        checks
    });
    let mut checks = looked.await.unwrap_or_default();
    checks.push(check("firewall", firewall));
    checks
}

fn networks(networks: &[Network], access: NodeAccessMode) -> Verdict {
    let everybody = networks.iter().any(|network| network.network().prefix_len() == 0);
    match access {
        _ if networks.is_empty() => {
            Verdict::failed("networks is empty: nobody may mount", "name the networks of the nodes")
        }
        NodeAccessMode::Networks if everybody => Verdict::failed(
            "networks lets everybody in: whoever reaches the server can forge handles to every volume",
            "name the networks of the nodes, or configure nodeAccess: Nodes",
        ),
        NodeAccessMode::Networks | NodeAccessMode::Nodes => {
            Verdict::Passed(format!("{} networks may mount", networks.len()))
        }
    }
}

fn advertised(advertise: &Advertise) -> Verdict {
    let host = advertise.host.as_str();
    let found = (host, advertise.port.get()).to_socket_addrs();
    let own = |mut addresses: std::vec::IntoIter<SocketAddr>| addresses.any(|address| address.ip().is_loopback());
    match found.map(own) {
        Err(error) => Verdict::failed(
            format!("{host} has no address: {error}"),
            "advertise a name that nodes can look up, or an address",
        ),
        Ok(true) => Verdict::Unknown(format!("{host} is this host for itself: no node can mount from there")),
        Ok(false) => Verdict::Passed(format!(
            "nodes are told {host}; whether they reach it is not seen from here"
        )),
    }
}

fn port(number: u16, runs: bool) -> Verdict {
    let free = TcpListener::bind((Ipv4Addr::UNSPECIFIED, number)).is_ok();
    match (free, runs) {
        (false, true) => Verdict::Passed(format!("something listens at {number}, and NFS-Ganesha runs")),
        (true, false) => Verdict::Passed(format!("{number} is free")),
        (true, true) => Verdict::failed(
            format!("NFS-Ganesha runs, and nobody listens at {number}"),
            format!(
                "set NFS_Port (for the mount port: MNT_Port) to {number} in ganesha.conf, and systemctl restart nfs-ganesha"
            ),
        ),
        (false, false) => Verdict::failed(
            format!("NFS-Ganesha is not on the bus, and somebody listens at {number}"),
            "stop the kernel's NFS server, if it is that: systemctl disable --now nfs-server",
        ),
    }
}

fn rpcbind() -> Verdict {
    match TcpStream::connect((Ipv4Addr::LOCALHOST, RPCBIND)) {
        Ok(_) => Verdict::Passed("answers, as version 3 needs".to_owned()),
        Err(error) => Verdict::failed(
            format!("does not answer, and NFS-Ganesha does not start with version 3 without it: {error}"),
            "apt install rpcbind; or protocols: \"4\"",
        ),
    }
}

async fn firewall(exporter: &ExporterConfig) -> Verdict {
    let found = firewall_found(exporter).await;
    match (exporter.node_access, found) {
        (NodeAccessMode::Networks, Ok(FirewallFound::Absent)) => {
            Verdict::Passed("nodeAccess: Networks, so there is none; keep pods away by other means".to_owned())
        }
        (NodeAccessMode::Networks, Ok(FirewallFound::AsItIsToBe { .. } | FirewallFound::Otherwise)) => Verdict::failed(
            format!("a table inet {TABLE} is left from nodeAccess: Nodes, and keeps others than those nodes away"),
            format!("nft delete table inet {TABLE}"),
        ),
        (NodeAccessMode::Networks, Err(error)) => Verdict::Unknown(format!("whether a table is left: {error}")),
        (NodeAccessMode::Nodes, Ok(FirewallFound::AsItIsToBe { nodes })) => {
            Verdict::Passed(format!("{nodes} addresses of nodes reach the server, and nobody else"))
        }
        (NodeAccessMode::Nodes, Ok(FirewallFound::Absent)) => Verdict::failed(
            format!("the table inet {TABLE} is not there: everybody in networks reaches the server"),
            "systemctl restart tombolo-filer, which makes it; if it goes again, something flushes the ruleset: load that before",
        ),
        (NodeAccessMode::Nodes, Ok(FirewallFound::Otherwise)) => Verdict::failed(
            format!("the table inet {TABLE} is not as it was made: somebody changed it, or it is for other ports"),
            "systemctl restart tombolo-filer, which makes it anew",
        ),
        (NodeAccessMode::Nodes, Err(error)) => refused(&error, "apt install nftables, and run this as root"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_and_nobody_are_no_networks() {
        let judge = |texts: &[&str], access| {
            let parsed: Vec<_> = texts.iter().map(|text| Network::parse(text).unwrap()).collect();
            matches!(networks(&parsed, access), Verdict::Passed(_))
        };
        assert!(judge(&["10.0.0.0/8"], NodeAccessMode::Networks) && judge(&["0.0.0.0/0"], NodeAccessMode::Nodes));
        assert!(!judge(&[], NodeAccessMode::Nodes) && !judge(&["10.0.0.0/8", "::/0"], NodeAccessMode::Networks));
    }

    #[test]
    fn a_port_is_the_servers_or_free() {
        let taken = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let number = taken.local_addr().unwrap().port();
        assert!(matches!(port(number, true), Verdict::Passed(_)));
        assert!(matches!(port(number, false), Verdict::Failed { .. }));
        drop(taken);
        assert!(matches!(port(number, false), Verdict::Passed(_)));
        assert!(matches!(port(number, true), Verdict::Failed { .. }));
    }
}
