//! Where volumes lie and what they may fill: parsed once into values that cannot be wrong.

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use tombolo_btrfs::Division;

/// The storage half of a filer's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Config {
    root: PathBuf,
    exports_dir: PathBuf,
    host: String,
    quota: QuotaMode,
    bytes: Option<u64>,
    overcommit: bool,
}

/// Which quotas of btrfs limit volumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum QuotaMode {
    /// Simple quotas, which are switched on where there are none.
    #[default]
    Simple,
    /// Full quota groups, which an admin has switched on. With snapshots they keep the kernel busy for minutes after every deletion,
    /// and a loop of rewriting and taking snapshots escapes their limits.
    Full,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Unchecked {
    root: String,
    exports_dir: String,
    host: String,
    #[serde(default)]
    quota: QuotaMode,
    #[serde(default)]
    bytes: Option<u64>,
    #[serde(default)]
    overcommit: bool,
}

/// Why something is no [`Config`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidConfig {
    /// A path cannot be taken literally, or the server's configuration has no words for it.
    #[error(
        "{field} {path:?} must be absolute, not /, without empty, . or .. components and a trailing slash, and of \
         [A-Za-z0-9._/-] alone"
    )]
    Path {
        /// Which.
        field: &'static str,
        /// What it was.
        path: String,
    },
    /// One lies in the other.
    #[error("root and exportsDir lie in each other: tenants could write where their volumes are mounted")]
    Overlap,
    /// No name by which a root can be told from others.
    #[error("host is empty")]
    Host,
}

impl Config {
    /// Checks a root, a directory for mount points, and the name under which clients know this host. The rest has its defaults.
    pub fn parse(root: &str, exports_dir: &str, host: &str) -> Result<Self, InvalidConfig> {
        let (root, exports_dir) = (literal("root", root)?, literal("exportsDir", exports_dir)?);
        if root.starts_with(&exports_dir) || exports_dir.starts_with(&root) {
            return Err(InvalidConfig::Overlap);
        }
        if host.is_empty() {
            return Err(InvalidConfig::Host);
        }
        Ok(Self {
            root,
            exports_dir,
            host: host.to_lowercase(),
            quota: QuotaMode::default(),
            bytes: None,
            overcommit: false,
        })
    }

    /// With these quotas.
    #[must_use]
    pub fn with_quota(self, quota: QuotaMode) -> Self {
        Self { quota, ..self }
    }

    /// With so many bytes for the limits of all volumes together, those in the trash included; otherwise nine tenths of the file
    /// system.
    #[must_use]
    pub fn with_bytes(self, bytes: u64) -> Self {
        Self {
            bytes: Some(bytes),
            ..self
        }
    }

    /// With limits that together may be more than there is.
    #[must_use]
    pub fn with_overcommit(self, overcommit: bool) -> Self {
        Self { overcommit, ..self }
    }

    /// The directory that holds the volumes.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The directory below which each volume is mounted for the server.
    pub fn exports_dir(&self) -> &Path {
        &self.exports_dir
    }

    /// The name under which clients know this host, in lower case.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Which quotas limit volumes.
    pub fn quota(&self) -> QuotaMode {
        self.quota
    }

    /// Bytes that the limits of all volumes together may be, if that is said.
    pub fn bytes(&self) -> Option<u64> {
        self.bytes
    }

    /// Bytes that the limits of all volumes together may be, of a file system of `total` that is divided so.
    pub(crate) fn budget(&self, total: u64, division: Division) -> u64 {
        self.bytes.unwrap_or_else(|| division.promisable(total / 10 * 9))
    }

    /// Whether limits together may be more than there is.
    pub fn overcommit(&self) -> bool {
        self.overcommit
    }
}

pub(crate) fn literal(field: &'static str, path: &str) -> Result<PathBuf, InvalidConfig> {
    let component = |c: &str| {
        !matches!(c, "" | "." | "..")
            && c.bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
    };
    match path.strip_prefix('/') {
        Some(relative) if relative.split('/').all(component) => Ok(PathBuf::from(path)),
        _ => Err(InvalidConfig::Path {
            field,
            path: path.to_owned(),
        }),
    }
}

impl TryFrom<Unchecked> for Config {
    type Error = InvalidConfig;
    fn try_from(unchecked: Unchecked) -> Result<Self, InvalidConfig> {
        let Unchecked {
            root,
            exports_dir,
            host,
            quota,
            bytes,
            overcommit,
        } = unchecked;
        let parsed = Self::parse(&root, &exports_dir, &host)?;
        Ok(Self {
            quota,
            bytes,
            overcommit,
            ..parsed
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_literal_and_lie_beside_each_other() {
        let parse = |root: &str, exports: &str| Config::parse(root, exports, "NAS");
        assert_eq!(parse("/srv/pool", "/run/filer/exports").unwrap().host(), "nas");
        for bad in [
            "", "/", "srv", "/srv/", "/srv//x", "/srv/..", "/a b", "/a\"", "/a;b", "/a#", "/é", "/a\n",
        ] {
            assert!(
                matches!(parse(bad, "/run/x"), Err(InvalidConfig::Path { field: "root", .. })),
                "{bad:?}"
            );
            assert!(
                matches!(
                    parse("/srv", bad),
                    Err(InvalidConfig::Path {
                        field: "exportsDir",
                        ..
                    })
                ),
                "{bad:?}"
            );
        }
        for (root, exports) in [("/srv", "/srv"), ("/srv", "/srv/exports"), ("/srv/pool", "/srv")] {
            assert_eq!(parse(root, exports), Err(InvalidConfig::Overlap));
        }
        assert!(parse("/srv", "/srv-exports").is_ok());
        assert_eq!(Config::parse("/srv", "/run", ""), Err(InvalidConfig::Host));
    }

    #[test]
    fn what_is_not_said_has_its_default_and_what_is_unknown_is_refused() {
        let parse = |text: &str| serde_json::from_str::<Config>(text);
        let plain = parse(r#"{"root":"/srv","exportsDir":"/run/x","host":"nas"}"#).unwrap();
        assert_eq!(
            (plain.quota(), plain.overcommit(), plain.budget(1000, Division::Mixed)),
            (QuotaMode::Simple, false, 900)
        );
        let told = r#"{"root":"/srv","exportsDir":"/run/x","host":"nas","quota":"Full","bytes":7,"overcommit":true}"#;
        let told = parse(told).unwrap();
        assert_eq!(
            (told.quota(), told.overcommit(), told.budget(1000, Division::Mixed)),
            (QuotaMode::Full, true, 7)
        );
        assert!(parse(r#"{"root":"/srv","exportsDir":"/run/x","host":"nas","networks":[]}"#).is_err());
    }
}
