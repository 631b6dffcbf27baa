//! What an admin says about the exports, parsed into types that cannot be wrong. Nothing here touches the disk or the bus.

use crate::network::Network;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::time::Duration;
use tombolo_backend_api::MountSource;

/// The port that RFC 1813 and RFC 8881 give to NFS.
const NFS_PORT: NonZeroU16 = match NonZeroU16::new(2049) {
    Some(port) => port,
    None => NonZeroU16::MIN,
};
/// Everything that an [`Exporter`](crate::Exporter) needs to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExporterConfig {
    /// Directory of the records, which are the truth about ids and exports. Persistent, and nobody else's.
    pub state: PathBuf,
    /// Directory of the files that NFS-Ganesha reads when it starts, at the path at which it finds them too. Derived from the
    /// records, and nobody else's.
    pub config_dir: PathBuf,
    /// What nodes are told to mount.
    pub advertise: Advertise,
    /// Who may mount. Nobody, if there is none.
    pub networks: Vec<Network>,
    /// Whether the networks are enough to reach the server, or only the cluster's nodes do.
    #[serde(default)]
    pub node_access: NodeAccessMode,
    /// Protocols that the exports are served over.
    #[serde(default)]
    pub protocols: Protocols,
    /// Where NFS-Ganesha is to be called.
    #[serde(default)]
    pub bus: Bus,
    /// How long the id of an export that is gone is given to no other, in seconds.
    #[serde(default = "quarantine", with = "seconds", rename = "quarantineSeconds")]
    pub quarantine: Duration,
    /// How long one call may take in all, in seconds.
    #[serde(default = "deadline", with = "seconds", rename = "deadlineSeconds")]
    pub deadline: Duration,
}

impl ExporterConfig {
    /// How long an id rests after its export is gone, where nothing else is said. A client that still holds a handle has had a week
    /// to be unmounted.
    pub const QUARANTINE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
    /// How long one call may take, its waiting for its turn included, where nothing else is said.
    pub const DEADLINE: Duration = Duration::from_secs(60);
}

fn quarantine() -> Duration {
    ExporterConfig::QUARANTINE
}

fn deadline() -> Duration {
    ExporterConfig::DEADLINE
}

/// What nodes are told to mount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Advertise {
    /// Host name or address of the server, as nodes know it.
    pub host: HostName,
    /// Port of the NFS service.
    #[serde(default = "nfs_port")]
    pub port: NonZeroU16,
    /// Port of the MOUNT service, where version 3 is served; nodes and the firewall need to know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mount_port: Option<NonZeroU16>,
    /// Protocol version that nodes are told to use unless a class says otherwise.
    #[serde(default)]
    pub version: Version,
}

fn nfs_port() -> NonZeroU16 {
    NFS_PORT
}

impl Advertise {
    /// What a node mounts to reach the export at a pseudo path.
    pub(crate) fn mount_source(&self, pseudo: &str) -> MountSource {
        let mut options = Vec::new();
        if self.port != NFS_PORT {
            options.push(format!("port={}", self.port));
        }
        if let (Version::V3, Some(port)) = (self.version, self.mount_port) {
            options.push(format!("mountport={port}"));
        }
        MountSource::Nfs {
            server: self.host.0.clone(),
            path: pseudo.to_owned(),
            options,
            version: self.version.as_str(),
        }
    }
}

/// Protocol version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Version {
    /// RFC 1813.
    #[serde(rename = "3")]
    V3,
    /// RFC 8881.
    #[default]
    #[serde(rename = "4.1")]
    V4_1,
}

impl Version {
    /// As in the mount option `nfsvers`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V3 => "3",
            Self::V4_1 => "4.1",
        }
    }
}

/// Protocols that the exports are served over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Protocols {
    /// Version 4 alone: one port, and no rpcbind.
    #[default]
    #[serde(rename = "4")]
    V4,
    /// Versions 3 and 4; the server needs rpcbind.
    #[serde(rename = "3,4")]
    V3AndV4,
}

impl Protocols {
    /// The version numbers.
    pub(crate) fn versions(self) -> &'static [u32] {
        match self {
            Self::V4 => &[4],
            Self::V3AndV4 => &[3, 4],
        }
    }
}

/// What keeps others than nodes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum NodeAccessMode {
    /// The networks alone: whoever has an address in one of them reaches the server.
    #[default]
    Networks,
    /// A firewall set as well, which holds the nodes' addresses.
    Nodes,
}

/// Where NFS-Ganesha is to be called.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Bus {
    /// The system's bus.
    #[default]
    System,
    /// A bus at an address as in the D-Bus specification, such as `unix:path=/run/filer/bus`.
    Address(String),
}

/// A host name or an address (IPv6 without brackets).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostName(String);

/// Why a text is no [`HostName`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no host name or address")]
pub struct InvalidHost(String);

impl HostName {
    /// Parses `text`; nothing is normalised.
    pub fn parse(text: &str) -> Result<Self, InvalidHost> {
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        let name = text.len() <= 253 && text.split('.').all(label);
        if name || text.parse::<std::net::Ipv6Addr>().is_ok() {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidHost(text.to_owned()))
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for HostName {
    type Error = InvalidHost;
    fn try_from(text: String) -> Result<Self, InvalidHost> {
        Self::parse(&text)
    }
}

impl From<HostName> for String {
    fn from(name: HostName) -> Self {
        name.0
    }
}

/// Durations as whole seconds.
mod seconds {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::time::Duration;

    pub(super) fn serialize<S: Serializer>(duration: &Duration, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_u64(duration.as_secs())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_secs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_reads_with_its_defaults_and_refuses_what_it_does_not_know() {
        let text = serde_json::json!({
            "state": "/var/lib/x", "configDir": "/etc/x", "networks": ["10.0.0.0/8", "fd00::/64"],
            "advertise": {"host": "nas.example"}
        });
        let config: ExporterConfig = serde_json::from_value(text.clone()).unwrap();
        assert_eq!(config.quarantine, Duration::from_secs(604_800));
        assert_eq!(config.bus, Bus::System);
        assert_eq!(config.protocols, Protocols::V4);
        let mut wrong = text;
        wrong["graceless"] = true.into();
        assert!(serde_json::from_value::<ExporterConfig>(wrong).is_err());
    }

    #[test]
    fn a_host_is_a_name_or_an_address() {
        for good in ["nas", "nas-1.example", "192.0.2.1", "2001:db8::1"] {
            assert!(HostName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "a,b", "-a", "a..b", "a:/b", "[::1]", "a\n", "a;b"] {
            assert!(HostName::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn nodes_are_told_of_ports_that_are_not_the_usual_ones() {
        let mut advertise = Advertise {
            host: HostName::parse("nas").unwrap(),
            port: NFS_PORT,
            mount_port: NonZeroU16::new(20048),
            version: Version::V4_1,
        };
        let options = |advertise: &Advertise| match advertise.mount_source("/x") {
            MountSource::Nfs { options, .. } => options,
            MountSource::HostPath { .. } => panic!("not this"),
        };
        assert!(options(&advertise).is_empty());
        advertise.port = NonZeroU16::new(12049).unwrap();
        assert_eq!(options(&advertise), ["port=12049"]);
        advertise.version = Version::V3;
        assert_eq!(options(&advertise), ["port=12049", "mountport=20048"]);
    }
}
