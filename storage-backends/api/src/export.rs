//! A tenant's way to a volume: sharing, revoking, and who may reach the server at all.

use crate::{BackendError, VolumePath};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

/// Whoever a way to a volume is made for: a label `[a-z0-9]([a-z0-9-]*[a-z0-9])?` of at most 63 characters (RFC 1123), as
/// namespaces of Kubernetes have.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("maxLength" = 63, "pattern" = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"))]
pub struct Tenant(String);

/// Why a text is no [`Tenant`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a tenant is a label of at most 63 characters of [a-z0-9-], beginning and ending with a letter or digit")]
pub struct InvalidTenant;

impl Tenant {
    /// Parses `text`; nothing is normalised.
    pub fn parse(text: &str) -> Result<Self, InvalidTenant> {
        let fits = (1..=63).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-');
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidTenant)
        }
    }

    /// The tenant as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Tenant {
    type Error = InvalidTenant;
    fn try_from(text: String) -> Result<Self, InvalidTenant> {
        Self::parse(&text)
    }
}

impl From<Tenant> for String {
    fn from(tenant: Tenant) -> Self {
        tenant.0
    }
}

/// What a tenant may do with the data.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema, Default,
)]
pub enum Access {
    /// Read only.
    ReadOnly,
    /// Read and write.
    #[default]
    ReadWrite,
}

impl Access {
    /// As on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "ReadOnly",
            Self::ReadWrite => "ReadWrite",
        }
    }

    /// Reads the wire's text.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "ReadOnly" => Some(Self::ReadOnly),
            "ReadWrite" => Some(Self::ReadWrite),
            _ => None,
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Names one way to a volume: all that one tenant mounts of it with one access.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ExportKey {
    /// The volume.
    pub path: VolumePath,
    /// For whom.
    pub tenant: Tenant,
    /// What it may do.
    pub access: Access,
}

impl fmt::Display for ExportKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for {} ({})", self.path, self.tenant, self.access)
    }
}

/// What an export lets through at the moment.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema, Default,
)]
pub enum Admission {
    /// Nothing: everything that has it mounted gets errors.
    Cut,
    /// Reading, whatever the export was made for.
    ReadOnly,
    /// All that it was made for.
    #[default]
    Full,
}

impl Admission {
    /// As on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cut => "Cut",
            Self::ReadOnly => "ReadOnly",
            Self::Full => "Full",
        }
    }
}

/// An export that exists, cut or not.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Exported {
    /// Which.
    pub key: ExportKey,
    /// What it lets through.
    pub admission: Admission,
}

/// One volume, several tenants. [`Backend::mount`](crate::Backend::mount) makes a tenant's way; this takes it back for ever.
///
/// Where a way is a mere path there is nothing to take back, and no list of what there is.
#[async_trait]
pub trait Share: Send + Sync {
    /// Removes an export that nobody uses any more, cut or not. Absent is success. Nothing else ever gets what identified it, so
    /// that a file handle which a client has kept opens nothing, also when the same way is made again.
    async fn release(&self, export: &ExportKey) -> Result<(), BackendError>;

    /// All exports that there are, cut ones among them; none where a way is a mere path.
    async fn exports(&self) -> Result<Vec<Exported>, BackendError>;
}

/// Taking access away while it is mounted, and giving it back.
#[async_trait]
pub trait Revoke: Send + Sync {
    /// Makes an export let through exactly this much, at once, for clients that have it mounted too. Whatever it was before;
    /// repeating it changes nothing. [`Admission::Full`] after [`Admission::Cut`] restores the same path, so that mounts go on.
    ///
    /// An export that is not there is made if something is to be let through (`Invalid` if there is no volume), and is nothing to
    /// cut.
    async fn admit(&self, export: &ExportKey, admission: Admission) -> Result<(), BackendError>;
}

/// Keeping everybody but the cluster's nodes away from the server.
#[async_trait]
pub trait NodeAccess: Send + Sync {
    /// From now on exactly these addresses reach the server. Nobody, if there are none.
    async fn admit_nodes(&self, addresses: &BTreeSet<IpAddr>) -> Result<(), BackendError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_a_label_and_nothing_else() {
        let longest = "a".repeat(63);
        for good in ["a", "team-1", "0", &longest] {
            assert_eq!(Tenant::parse(good).map(String::from), Ok(good.to_owned()));
        }
        for bad in [
            "",
            "-a",
            "a-",
            "A",
            "a.b",
            "a/b",
            "a b",
            "a\n",
            "a\0",
            "a\"",
            "é",
            "a;b",
            &"a".repeat(64),
        ] {
            assert_eq!(Tenant::parse(bad), Err(InvalidTenant), "{bad:?}");
        }
    }

    #[test]
    fn the_narrower_of_two_is_the_smaller() {
        assert!(Access::ReadOnly < Access::ReadWrite);
        assert!(Admission::Cut < Admission::ReadOnly && Admission::ReadOnly < Admission::Full);
        for access in [Access::ReadOnly, Access::ReadWrite] {
            assert_eq!(Access::parse(access.as_str()), Some(access));
        }
    }
}
