//! Values about volumes that cross the trait.

use crate::VolumePath;
use serde::{Deserialize, Serialize};

/// A volume to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateVolume {
    /// Where below the root.
    pub path: VolumePath,
    /// Permission bits of the volume's directory, at most 0o7777.
    #[schemars(range(max = 0o7777))]
    pub mode: u32,
    /// Size asked for, in bytes; a backend without quotas keeps it as bookkeeping only.
    pub bytes: u64,
}

/// A volume that exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    /// Bytes the volume may hold, where the backend enforces it.
    pub enforced_bytes: Option<u64>,
}

/// What a node mounts to reach a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MountSource {
    /// An NFS path.
    Nfs {
        /// Host name or address.
        server: String,
        /// Absolute path on the server.
        path: String,
        /// Mount options that reaching it needs, such as `port=2050`.
        options: Vec<String>,
        /// Value of the option `nfsvers` unless a class says otherwise.
        version: &'static str,
    },
    /// A directory on one node.
    HostPath {
        /// Absolute path on that node.
        path: String,
        /// Name of the node, as in its label `kubernetes.io/hostname`.
        node: String,
    },
}

/// Room on the backend, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Space {
    /// Size of the file system behind the root.
    pub total: u64,
    /// What an unprivileged writer may still use.
    pub free: u64,
}

/// A directory directly below the root that is not private.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    /// Its name.
    pub path: VolumePath,
    /// When it was last modified, by the server's clock.
    pub modified: jiff::Timestamp,
}

/// Where a root lies, so that two backends can be told to overlap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RootLocation {
    /// The server or node, lower-case.
    pub host: String,
    /// Absolute path of the root there, without a trailing slash.
    pub path: String,
}

impl RootLocation {
    /// Whether one root is the other, or lies inside it.
    pub fn overlaps(&self, other: &Self) -> bool {
        let inside = |a: &str, b: &str| a == b || a.strip_prefix(b).is_some_and(|rest| rest.starts_with('/'));
        self.host == other.host && (inside(&self.path, &other.path) || inside(&other.path, &self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_overlap_when_one_is_inside_the_other() {
        let at = |host: &str, path: &str| RootLocation {
            host: host.into(),
            path: path.into(),
        };
        assert!(at("a", "/x").overlaps(&at("a", "/x")));
        assert!(at("a", "/x").overlaps(&at("a", "/x/y")));
        assert!(at("a", "/x/y").overlaps(&at("a", "/x")));
        assert!(at("a", "").overlaps(&at("a", "/x")));
        assert!(!at("a", "/x").overlaps(&at("a", "/xy")));
        assert!(!at("a", "/x").overlaps(&at("b", "/x")));
    }
}
