//! What a node mounts, as it crosses the network.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tombolo_backend_api::{BackendError, Class, MountSource};

/// A version of NFS that a node can be told to speak: the values of the mount option `nfsvers` (nfs(5)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "named after the versions")]
pub enum NfsVersion {
    #[serde(rename = "3")]
    V3,
    #[serde(rename = "4")]
    V4,
    #[serde(rename = "4.0")]
    V4_0,
    #[serde(rename = "4.1")]
    V4_1,
    #[serde(rename = "4.2")]
    V4_2,
}

impl NfsVersion {
    const ALL: [Self; 5] = [Self::V3, Self::V4, Self::V4_0, Self::V4_1, Self::V4_2];

    const fn as_str(self) -> &'static str {
        match self {
            Self::V3 => "3",
            Self::V4 => "4",
            Self::V4_0 => "4.0",
            Self::V4_1 => "4.1",
            Self::V4_2 => "4.2",
        }
    }
}

/// What a node mounts to reach a volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Mount {
    /// An NFS path.
    Nfs {
        /// Host name or address.
        server: String,
        /// Absolute path on the server.
        path: String,
        /// Mount options that reaching it needs.
        options: Vec<String>,
        /// Value of the option `nfsvers` unless a class says otherwise.
        version: NfsVersion,
    },
    /// A directory on one node.
    HostPath {
        /// Absolute path on that node.
        path: String,
        /// Name of the node.
        node: String,
    },
}

impl TryFrom<MountSource> for Mount {
    type Error = BackendError;
    fn try_from(source: MountSource) -> Result<Self, BackendError> {
        Ok(match source {
            MountSource::Nfs {
                server,
                path,
                options,
                version,
            } => {
                let known = NfsVersion::ALL.into_iter().find(|known| known.as_str() == version);
                let unknown = || BackendError::maybe_done(Class::Bug, format!("{version:?} is no version of NFS"));
                Self::Nfs {
                    server,
                    path,
                    options,
                    version: known.ok_or_else(unknown)?,
                }
            }
            MountSource::HostPath { path, node } => Self::HostPath { path, node },
        })
    }
}

impl From<Mount> for MountSource {
    fn from(mount: Mount) -> Self {
        match mount {
            Mount::Nfs {
                server,
                path,
                options,
                version,
            } => Self::Nfs {
                server,
                path,
                options,
                version: version.as_str(),
            },
            Mount::HostPath { path, node } => Self::HostPath { path, node },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_is_written_as_the_mount_option_has_it() {
        for version in NfsVersion::ALL {
            assert_eq!(serde_json::to_value(version).unwrap(), version.as_str());
        }
    }
}
