//! The driver block of a filer that the controller itself is, on the storage host.

use super::NO_DOTS;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What NFS-Ganesha's configuration has words for.
const PATH: &str = r"^(/[A-Za-z0-9._-]+)+$";

/// The host that the controller runs on, with a btrfs and an NFS-Ganesha of its own. The controller needs root there; one that runs
/// elsewhere, without any privilege, reaches the same filer by `remote` and `tombolo-filer`.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[x_kube(
    validation = Rule::new("self.root == oldSelf.root && self.advertise == oldSelf.advertise")
        .message("root and advertise are immutable: volumes stay where they were made; make another StorageBackend")
)]
#[serde(rename_all = "camelCase")]
pub struct FilerDriver {
    /// Directory of the volumes, on a file system that holds nothing else. Immutable.
    #[schemars(length(min = 2, max = 512), regex(pattern = PATH))]
    #[x_kube(validation = Rule::new(NO_DOTS).message("must have no component . or .."))]
    pub root: String,
    /// Directory below which each volume is mounted for NFS-Ganesha.
    #[schemars(length(min = 2, max = 512), regex(pattern = PATH))]
    #[x_kube(validation = Rule::new(NO_DOTS).message("must have no component . or .."))]
    pub exports_dir: String,
    /// Directory of the records of exports, persistent. Default /var/lib/tombolo-filer/exports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 512), regex(pattern = PATH))]
    pub state_dir: Option<String>,
    /// Directory of the files that NFS-Ganesha includes. Default /etc/ganesha/tombolo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 512), regex(pattern = PATH))]
    pub config_dir: Option<String>,
    /// Networks whose addresses may mount, such as 10.0.0.0/16: those of nodes, never of pods.
    #[schemars(length(min = 1, max = 64), inner(length(min = 2, max = 43)))]
    pub networks: Vec<String>,
    /// Whether the networks are enough to reach the server (Networks), or a firewall set lets only the cluster's nodes in (Nodes).
    #[serde(default)]
    pub node_access: NodeAccess,
    /// Name or address of this host, as nodes know it. Immutable.
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[A-Za-z0-9:]([A-Za-z0-9.:-]*[A-Za-z0-9])?$")
    )]
    pub advertise: String,
    /// Port of the NFS service.
    #[serde(default = "super::nfs_port")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: u16,
    /// Which quotas of btrfs limit volumes: Simple, or Full, which an admin has switched on and which snapshots can escape.
    #[serde(default)]
    pub quota: QuotaMode,
    /// Address of the D-Bus on which NFS-Ganesha is, such as unix:path=/run/filer/bus. Default: the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub bus: Option<String>,
}

/// Who reaches the server.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NodeAccess {
    /// Whoever has an address in one of the networks.
    #[default]
    Networks,
    /// The cluster's nodes, by a firewall set.
    Nodes,
}

/// Which quotas of btrfs limit volumes.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum QuotaMode {
    /// Simple quotas (Linux 6.7).
    #[default]
    Simple,
    /// Full quota groups.
    Full,
}
