//! What an admin says about an export, parsed into types that cannot be wrong.
//!
//! Nothing here touches the network; [`crate::open`] takes the result.

use serde::{Deserialize, Serialize};
use std::{fmt, net::Ipv6Addr, num::NonZeroU16};
use tombolo_backend_api::VolumePath;

/// The port that RFC 1813 and RFC 8881 give to NFS.
const NFS_PORT: NonZeroU16 = match NonZeroU16::new(2049) {
    Some(port) => port,
    None => NonZeroU16::MIN,
};

/// Where the export is and how to talk to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NfsConfig {
    /// Host name or address.
    pub server: ServerName,
    /// Path of the export, as in `server:/path`.
    pub export: ExportPath,
    /// Directory below the export that is the root; made if it is not there. Without one the export itself is the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subdirectory: Option<VolumePath>,
    /// Protocol version, for this program and for the nodes.
    #[serde(default)]
    pub version: Version,
    /// Port of the NFS service.
    #[serde(default = "default_port")]
    pub port: NonZeroU16,
    /// Port of the MOUNT service (version 3 only); asked of the portmapper if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mount_port: Option<NonZeroU16>,
    /// User id sent with every request.
    #[serde(default)]
    pub uid: u32,
    /// Group id sent with every request.
    #[serde(default)]
    pub gid: u32,
    /// Which local port to connect from.
    #[serde(default)]
    pub source_port: SourcePort,
}

impl NfsConfig {
    /// Absolute path of the root on the server, without a trailing slash (empty for `/` itself).
    pub(crate) fn root_path(&self) -> String {
        let export = self.export.as_str().trim_end_matches('/');
        match &self.subdirectory {
            Some(below) => format!("{export}/{below}"),
            None => export.to_owned(),
        }
    }

    /// Mount options without which a node would not reach the same services.
    pub(crate) fn mount_options(&self) -> Vec<String> {
        let mut options = Vec::new();
        if self.port != NFS_PORT {
            options.push(format!("port={}", self.port));
        }
        if let (Version::V3, Some(port)) = (self.version, self.mount_port) {
            options.push(format!("mountport={port}"));
        }
        options
    }
}

fn default_port() -> NonZeroU16 {
    NFS_PORT
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

/// Which local port to connect from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum SourcePort {
    /// One below 1024 if this process may bind one, else any. Linux servers refuse others unless told `insecure`
    /// (exports(5)).
    #[default]
    Reserved,
    /// Any.
    Any,
}

/// Why a text is no server or no export.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLocation {
    /// Not a host name or address.
    #[error("{0:?} is no host name or address")]
    Server(String),
    /// Not an absolute path.
    #[error("{0:?} is no absolute path without '.', '..', empty components and control characters")]
    Export(String),
}

/// A host name or an address (IPv6 without brackets).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServerName(String);

impl ServerName {
    /// Parses `text`.
    pub fn parse(text: &str) -> Result<Self, InvalidLocation> {
        let named = (1..=253).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
            && text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if named || text.parse::<Ipv6Addr>().is_ok() {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidLocation::Server(text.to_owned()))
        }
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An absolute path on the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ExportPath(String);

impl ExportPath {
    /// Parses `text`; one trailing slash is dropped.
    pub fn parse(text: &str) -> Result<Self, InvalidLocation> {
        let fits = |c: &str| !matches!(c, "" | "." | "..") && !c.chars().any(char::is_control);
        let path = text
            .strip_suffix('/')
            .filter(|path| !path.is_empty() && *path != "/")
            .unwrap_or(text);
        match path.strip_prefix('/') {
            Some(below) if path == "/" || below.split('/').all(fits) => Ok(Self(path.to_owned())),
            _ => Err(InvalidLocation::Export(text.to_owned())),
        }
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ServerName {
    type Error = InvalidLocation;
    fn try_from(text: String) -> Result<Self, InvalidLocation> {
        Self::parse(&text)
    }
}

impl From<ServerName> for String {
    fn from(name: ServerName) -> Self {
        name.0
    }
}

impl TryFrom<String> for ExportPath {
    type Error = InvalidLocation;
    fn try_from(text: String) -> Result<Self, InvalidLocation> {
        Self::parse(&text)
    }
}

impl From<ExportPath> for String {
    fn from(path: ExportPath) -> Self {
        path.0
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ExportPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json};

    #[test]
    fn defaults_are_those_of_the_design() {
        let config: NfsConfig = from_value(json!({ "server": "nas1", "export": "/exports/k8s/" })).unwrap();
        assert_eq!(config.version, Version::V4_1);
        assert_eq!((config.port.get(), config.mount_port), (2049, None));
        assert_eq!(
            (config.uid, config.gid, config.source_port),
            (0, 0, SourcePort::Reserved)
        );
        assert_eq!(config.root_path(), "/exports/k8s");
        assert!(config.mount_options().is_empty());
    }

    #[test]
    fn everything_can_be_said() {
        let text = json!({
            "server": "fd00::1", "export": "/", "subdirectory": "cluster-a/x", "version": "3", "port": 12049,
            "mountPort": 12050, "uid": 7, "gid": 8, "sourcePort": "Any"
        });
        let config: NfsConfig = from_value(text.clone()).unwrap();
        assert_eq!(config.root_path(), "/cluster-a/x");
        assert_eq!(config.mount_options(), ["port=12049", "mountport=12050"]);
        assert_eq!(serde_json::to_value(&config).unwrap(), text);
    }

    #[test]
    fn a_mount_port_means_nothing_to_version_4() {
        let text = json!({ "server": "a", "export": "/b", "mountPort": 20048 });
        assert!(from_value::<NfsConfig>(text).unwrap().mount_options().is_empty());
    }

    #[test]
    fn hostile_or_mistyped_configurations_are_refused() {
        for wrong in [
            json!({ "server": "a" }),
            json!({ "server": "a", "export": "/b", "ports": 1 }),
            json!({ "server": "a", "export": "/b", "version": "4.2" }),
            json!({ "server": "a", "export": "/b", "version": "4" }),
            json!({ "server": "a", "export": "/b", "port": 0 }),
            json!({ "server": "a", "export": "/b", "port": 70000 }),
            json!({ "server": "a", "export": "/b", "uid": -1 }),
            json!({ "server": "a", "export": "/b", "subdirectory": "../x" }),
            json!({ "server": "a", "export": "/b", "subdirectory": ".tombolo" }),
            json!({ "server": "a", "export": "/b", "subdirectory": "" }),
            json!({ "server": "a", "export": "/b", "sourcePort": "reserved" }),
        ] {
            assert!(from_value::<NfsConfig>(wrong.clone()).is_err(), "{wrong}");
        }
        for server in ["", "a b", "a/b", "-a", "a,b", "a?x=1", "a@b", "[::1]", "a:1", "é"] {
            assert!(ServerName::parse(server).is_err(), "{server:?}");
        }
        for export in ["", "a", "//", "/a//b", "/a/../b", "/./a", "/a\n", "/a\0b"] {
            assert!(ExportPath::parse(export).is_err(), "{export:?}");
        }
    }
}
