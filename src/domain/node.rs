//! A node of the cluster, as far as servers that keep others away must know it.

use k8s_openapi::api::core::v1::Node;
use std::collections::BTreeSet;
// From core, which has addresses and no sockets.
use core::net::IpAddr;

/// The addresses that a node may be seen with: its `InternalIP` and `ExternalIP` entries. Names are not resolved: whoever answers
/// for a name would decide who may reach the data.
pub fn addresses(node: &Node) -> BTreeSet<IpAddr> {
    let all = node.status.as_ref().and_then(|status| status.addresses.as_ref());
    all.into_iter()
        .flatten()
        .filter(|address| matches!(address.type_.as_str(), "InternalIP" | "ExternalIP"))
        .filter_map(|address| address.address.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn addresses_are_addresses_and_no_names() {
        let node = |addresses| serde_json::from_value(json!({"status": {"addresses": addresses}})).unwrap();
        let all = node(json!([
            {"type": "InternalIP", "address": "10.0.0.1"},
            {"type": "InternalIP", "address": "fd00::1"},
            {"type": "ExternalIP", "address": "192.0.2.7"},
            {"type": "Hostname", "address": "10.0.0.9"},
            {"type": "InternalDNS", "address": "node-1.example.com"},
            {"type": "InternalIP", "address": "not an address"},
        ]));
        let expected = ["10.0.0.1", "192.0.2.7", "fd00::1"].map(|text| text.parse().unwrap());
        assert_eq!(addresses(&all), BTreeSet::from(expected));
        assert_eq!(addresses(&Node::default()), BTreeSet::new());
    }
}
