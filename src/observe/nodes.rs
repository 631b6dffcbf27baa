//! The addresses of the cluster's nodes, for servers that keep everybody else away.
//!
//! Watched only once a backend wants them: most installations have none, and need no right to read nodes. Until the watch has shown
//! all of them nothing is known, which is not the same as nobody.

use super::watches::watch_each;
use crate::domain::node;
use k8s_openapi::api::core::v1::Node;
use kube::{Client, ResourceExt};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, watch};

/// The nodes, once somebody wanted to know them.
#[derive(Default)]
pub struct Nodes {
    wanted: Notify,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    nodes: BTreeMap<String, BTreeSet<IpAddr>>,
    whole: bool,
}

impl Nodes {
    /// The addresses of all nodes; `None`: not known yet. Asking begins the watch.
    pub fn addresses(&self) -> Option<BTreeSet<IpAddr>> {
        self.wanted.notify_one();
        let known = self.lock();
        known.whole.then(|| known.nodes.values().flatten().copied().collect())
    }

    /// Watches nodes from the first time that they are asked for, and calls `changed` whenever the addresses do.
    pub async fn follow(self: Arc<Self>, client: Client, changed: impl Fn() + Send + Sync + Clone) {
        self.wanted.notified().await;
        let (sender, mut synced) = watch::channel(false);
        let each = |node: Node, there: bool| {
            if self.put(&node, there) {
                changed();
            }
        };
        let listed = |there: &BTreeSet<String>| {
            if self.keep(there) {
                changed();
            }
        };
        let known = async {
            // A sender that is dropped ends the watch, and this with it.
            let _ = synced.wait_for(|synced| *synced).await;
            self.lock().whole = true;
            changed();
            std::future::pending::<()>().await
        };
        tokio::select! {
            () = watch_each(client, each, listed, sender) => {}
            () = known => {}
        }
    }

    /// A node is as given, or gone; `true`: that changes which addresses there are.
    fn put(&self, node: &Node, there: bool) -> bool {
        let (name, addresses) = (node.name_any(), node::addresses(node));
        let mut known = self.lock();
        let before = match there {
            true => known.nodes.insert(name, addresses.clone()),
            false => known.nodes.remove(&name),
        };
        let changed = match there {
            true => before.as_ref() != Some(&addresses),
            false => before.is_some(),
        };
        known.whole && changed
    }

    /// Of the nodes only these are left; `true`: that changes which addresses there are.
    fn keep(&self, there: &BTreeSet<String>) -> bool {
        let mut known = self.lock();
        let before = known.nodes.len();
        known.nodes.retain(|name, _| there.contains(name));
        known.whole && known.nodes.len() != before
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn node(name: &str, address: &str) -> Node {
        let object = json!({
            "metadata": {"name": name},
            "status": {"addresses": [{"type": "InternalIP", "address": address}]},
        });
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn nothing_is_known_before_all_nodes_were_seen_and_only_news_is_news() {
        let nodes = Nodes::default();
        assert!(!nodes.put(&node("a", "10.0.0.1"), true), "before the list has ended");
        assert_eq!(nodes.addresses(), None);
        nodes.lock().whole = true;
        let one = |text: &str| BTreeSet::from([text.parse().unwrap()]);
        assert_eq!(nodes.addresses(), Some(one("10.0.0.1")));
        assert!(!nodes.put(&node("a", "10.0.0.1"), true), "a heartbeat");
        assert!(nodes.put(&node("a", "10.0.0.2"), true));
        assert!(nodes.put(&node("b", "10.0.0.3"), true) && nodes.put(&node("c", "10.0.0.4"), true));
        assert!(
            nodes.keep(&BTreeSet::from(["a".to_owned(), "b".to_owned()])),
            "one went while nobody looked"
        );
        assert!(nodes.put(&node("a", "10.0.0.2"), false));
        assert!(!nodes.put(&node("a", "10.0.0.2"), false));
        assert_eq!(nodes.addresses(), Some(one("10.0.0.3")));
    }
}
