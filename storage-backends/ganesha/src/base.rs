//! The server's own configuration, as a filer needs it.

use crate::config::{ExporterConfig, Protocols};
use crate::export_files::INDEX;
use crate::syntax::{Block, Directive, IncludePath, Quoted, Value};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tombolo_backend_api::{BackendError, Class};

/// The lease and the grace period that NFS-Ganesha has by itself.
const LEASE: Duration = Duration::from_secs(60);
const GRACE: Duration = Duration::from_secs(90);

/// What differs between filers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BaseConfig {
    /// Directory in which the server remembers its clients over a restart. Persistent.
    pub recovery: PathBuf,
    /// The one address to listen at; all, if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bind: Option<IpAddr>,
    /// How long a client that is not heard of keeps its locks.
    #[serde(default = "lease")]
    pub lease: Duration,
    /// How long after a start only locks of before may be taken.
    #[serde(default = "grace")]
    pub grace: Duration,
}

fn lease() -> Duration {
    LEASE
}

fn grace() -> Duration {
    GRACE
}

impl BaseConfig {
    /// With the server's own lease and grace period, on all addresses.
    pub fn new(recovery: impl Into<PathBuf>) -> Self {
        Self {
            recovery: recovery.into(),
            bind: None,
            lease: LEASE,
            grace: GRACE,
        }
    }

    /// The text of `ganesha.conf` for a filer whose exports are `exporter`'s.
    ///
    /// # Errors
    /// `Invalid` if the server has no words for one of the paths.
    pub fn render(&self, exporter: &ExporterConfig) -> Result<String, BackendError> {
        let index = exporter.config_dir.join(INDEX);
        let include = Directive::Include(IncludePath::new(text(&index)?)?);
        let blocks = [self.core(exporter), self.version_4()?, defaults()];
        let blocks: Vec<_> = blocks.iter().map(ToString::to_string).collect();
        Ok(format!("{}\n{include}", blocks.join("\n")))
    }

    fn core(&self, exporter: &ExporterConfig) -> Block {
        let advertise = &exporter.advertise;
        let port = |port: Option<std::num::NonZeroU16>| Value::Number(port.map_or(0, |port| u64::from(port.get())));
        let versions = exporter
            .protocols
            .versions()
            .iter()
            .map(|version| Value::Number(u64::from(*version)));
        let core = Block::new("NFS_CORE_PARAM")
            .set("NFS_Port", port(Some(advertise.port)))
            // 0 is any; nobody asks for it where version 3 is not served.
            .set(
                "MNT_Port",
                port(
                    advertise
                        .mount_port
                        .filter(|_| exporter.protocols == Protocols::V3AndV4),
                ),
            )
            .list("Protocols", versions.collect())
            .set("Enable_UDP", false.into())
            // Locks of version 3 need the callback of another service; grace ends early only without it.
            .set("Enable_NLM", false.into())
            .set("Enable_RQUOTA", false.into())
            // Version 3 mounts by the pseudo path as well, and D-Bus tells it; both are relied on. No export is then without one,
            // which made some versions fall over when they were asked for all (nfs-ganesha issue 773).
            .set("mount_path_pseudo", true.into());
        match self.bind {
            Some(address) => core.set("Bind_addr", Value::Network(address.into())),
            None => core,
        }
    }

    fn version_4(&self) -> Result<Block, BackendError> {
        Ok(Block::new("NFSv4")
            .set("Graceless", false.into())
            .set("Lease_Lifetime", Value::Number(self.lease.as_secs()))
            .set("Grace_Period", Value::Number(self.grace.as_secs()))
            .set("RecoveryBackend", Value::Word("fs"))
            .set("RecoveryRoot", Value::Text(Quoted::new(text(&self.recovery)?)?))
            // Nodes and this host share numbers, not names.
            .set("Only_Numeric_Owners", true.into())
            .set("Allow_Numeric_Owners", true.into()))
    }
}

/// For exports of others: whoever names nobody admits nobody.
fn defaults() -> Block {
    Block::new("EXPORT_DEFAULTS")
        .set("Access_Type", Value::Word("None"))
        .set("SecType", Value::Word("sys"))
}

fn text(path: &Path) -> Result<&str, BackendError> {
    let refuse = || BackendError::not_done(Class::Invalid, format!("{} is no text", path.display()));
    path.to_str().ok_or_else(refuse)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{Finding, check};

    #[test]
    fn what_is_rendered_passes_the_check() {
        let exporter = serde_json::json!({
            "state": "/var/lib/filer", "configDir": "/etc/ganesha/filer", "networks": [], "advertise": {"host": "nas"}
        });
        let exporter: ExporterConfig = serde_json::from_value(exporter).unwrap();
        let mut base = BaseConfig::new("/var/lib/filer/recovery");
        base.bind = Some("192.0.2.1".parse().unwrap());
        let text = base.render(&exporter).unwrap();
        assert!(text.contains("    Bind_addr = 192.0.2.1;\n"), "{text}");
        assert!(
            text.ends_with("%include \"/etc/ganesha/filer/exports.conf\"\n"),
            "{text}"
        );
        assert_eq!(check(&text, &exporter).unwrap(), Vec::<Finding>::new());
        base.recovery = "/a\"b".into();
        assert_eq!(base.render(&exporter).unwrap_err().class, Class::Invalid);
    }
}
