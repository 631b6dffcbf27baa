//! Where a filer is, as it is written down for whoever uses it again.

use serde::{Deserialize, Serialize};

/// How to reach a filer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilerEndpoint {
    /// Its address, for NFS and for the API.
    pub server: String,
    /// The port of NFS.
    pub port: u16,
    /// The port of the MOUNT protocol, for v3.
    pub mount_port: u16,
    /// The port of the API.
    pub api_port: u16,
    /// The port of its metrics.
    pub metrics_port: u16,
    /// Who reaches its NFS server.
    pub reached_by: ReachedBy,
}

/// Who reaches a filer's NFS server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReachedBy {
    /// Everybody on this machine's loopback.
    Loopback,
    /// The cluster's nodes, which this machine is one of if a Node has [`Filer::neighbour`](super::Filer::neighbour) as its address: the filer has a network of its
    /// own, and a firewall.
    Nodes,
}
