//! One configuration for both halves of a filer, parsed once.

use crate::config::{Config, InvalidConfig, QuotaMode, literal};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use tombolo_ganesha::{Advertise, Bus, ExporterConfig, Network, NodeAccessMode, Protocols, Version};

/// Records of exports, where nothing else is said. Persistent.
const STATE: &str = "/var/lib/tombolo-filer/exports";
/// Files for NFS-Ganesha, where nothing else is said. Its own configuration includes the `exports.conf` in there.
const FOR_GANESHA: &str = "/etc/ganesha/tombolo";

/// What a filer serves, and how. Read from `root`, `exportsDir`, `stateDir`, `configDir`, `networks`, `nodeAccess`, `advertise`,
/// `protocols`, `quota`, `bytes`, `overcommit`, `bus`, `quarantineSeconds` and `deadlineSeconds`; it writes the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Said", into = "Said")]
pub struct ServedConfig {
    storage: Config,
    exporter: ExporterConfig,
}

/// Why the two halves do not go together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidServed {
    /// A half is wrong by itself.
    #[error(transparent)]
    Storage(#[from] InvalidConfig),
    /// Whoever forges file handles reads all of the file system that volumes lie on.
    #[error(
        "{0} lies in the root, or the root in it: whoever forges NFS handles could read what it holds; keep it elsewhere"
    )]
    InRoot(&'static str),
    /// What lies in the directory for mounts is gone after a restart of the host.
    #[error("{0} lies in exportsDir, or exportsDir in it: a file system of memory is mounted there")]
    InExports(&'static str),
    /// Each holds files that nobody else may change.
    #[error("stateDir and configDir lie in each other: give each a directory of its own")]
    Shared,
    /// Nodes are told a version that is not served.
    #[error(
        "advertise.version is 3, and protocols {:?}: serve both with protocols \"3,4\", or advertise 4.1",
        "4"
    )]
    NotServed,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Said {
    root: String,
    exports_dir: String,
    #[serde(default = "state")]
    state_dir: String,
    #[serde(default = "for_ganesha")]
    config_dir: String,
    networks: Vec<Network>,
    #[serde(default)]
    node_access: NodeAccessMode,
    advertise: Advertise,
    #[serde(default)]
    protocols: Protocols,
    #[serde(default)]
    quota: QuotaMode,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[serde(default)]
    overcommit: bool,
    #[serde(default)]
    bus: Bus,
    #[serde(default = "quarantine")]
    quarantine_seconds: u64,
    #[serde(default = "deadline")]
    deadline_seconds: u64,
}

fn state() -> String {
    STATE.to_owned()
}

fn for_ganesha() -> String {
    FOR_GANESHA.to_owned()
}

fn quarantine() -> u64 {
    ExporterConfig::QUARANTINE.as_secs()
}

fn deadline() -> u64 {
    ExporterConfig::DEADLINE.as_secs()
}

impl ServedConfig {
    /// Puts two halves together.
    ///
    /// # Errors
    /// If records of exports, or the server's files, would lie where tenants reach them.
    pub fn new(storage: Config, exporter: ExporterConfig) -> Result<Self, InvalidServed> {
        let nested = |one: &Path, other: &Path| one.starts_with(other) || other.starts_with(one);
        for (field, directory) in [("stateDir", &exporter.state), ("configDir", &exporter.config_dir)] {
            if nested(directory, storage.root()) {
                return Err(InvalidServed::InRoot(field));
            }
            if nested(directory, storage.exports_dir()) {
                return Err(InvalidServed::InExports(field));
            }
        }
        if nested(&exporter.state, &exporter.config_dir) {
            return Err(InvalidServed::Shared);
        }
        if (exporter.advertise.version, exporter.protocols) == (Version::V3, Protocols::V4) {
            return Err(InvalidServed::NotServed);
        }
        Ok(Self { storage, exporter })
    }

    /// Where volumes lie, and what they may fill.
    pub fn storage(&self) -> &Config {
        &self.storage
    }

    /// How they are exported.
    pub fn exporter(&self) -> &ExporterConfig {
        &self.exporter
    }
}

fn directory(field: &'static str, path: &str) -> Result<PathBuf, InvalidServed> {
    Ok(literal(field, path)?)
}

impl TryFrom<Said> for ServedConfig {
    type Error = InvalidServed;
    fn try_from(said: Said) -> Result<Self, InvalidServed> {
        let storage = Config::parse(&said.root, &said.exports_dir, said.advertise.host.as_str())?
            .with_quota(said.quota)
            .with_overcommit(said.overcommit);
        let storage = match said.bytes {
            Some(bytes) => storage.with_bytes(bytes),
            None => storage,
        };
        let exporter = ExporterConfig {
            state: directory("stateDir", &said.state_dir)?,
            config_dir: directory("configDir", &said.config_dir)?,
            advertise: said.advertise,
            networks: said.networks,
            node_access: said.node_access,
            protocols: said.protocols,
            bus: said.bus,
            quarantine: std::time::Duration::from_secs(said.quarantine_seconds),
            deadline: std::time::Duration::from_secs(said.deadline_seconds),
        };
        Self::new(storage, exporter)
    }
}

impl From<ServedConfig> for Said {
    fn from(config: ServedConfig) -> Self {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let ServedConfig { storage, exporter } = config;
        Self {
            root: text(storage.root()),
            exports_dir: text(storage.exports_dir()),
            state_dir: text(&exporter.state),
            config_dir: text(&exporter.config_dir),
            networks: exporter.networks,
            node_access: exporter.node_access,
            advertise: exporter.advertise,
            protocols: exporter.protocols,
            quota: storage.quota(),
            bytes: storage.bytes(),
            overcommit: storage.overcommit(),
            bus: exporter.bus,
            quarantine_seconds: exporter.quarantine.as_secs(),
            deadline_seconds: exporter.deadline.as_secs(),
        }
    }
}

#[cfg(test)]
mod tests;
