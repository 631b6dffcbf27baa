//! A reference: the consumer namespace's side of consent, of either kind. RBAC on it is the admin's gate.

use super::access::Access;
use super::ids::{ClaimKey, Namespace, is_dns_label, is_dns_subdomain};
use crate::api::names;
use std::fmt;

/// One reference object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Which object it is.
    pub key: ReferenceKey,
    /// Whether it is going away: then it no longer counts.
    pub terminating: bool,
    /// The claim it names; `None` if it names none that can exist.
    pub source: Option<ClaimKey>,
    /// What it permits.
    pub access: Access,
}

/// Kind, namespace and name of a reference.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReferenceKey {
    /// Of which kind.
    pub kind: ReferenceKind,
    /// Its namespace: the consumer's.
    pub namespace: Namespace,
    /// Its name.
    pub name: String,
}

/// The two kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ReferenceKind {
    /// Ours.
    Volume,
    /// The one that people who know Trident have manifests of; always read-write.
    Trident,
}

impl ReferenceKind {
    /// The kind's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Volume => "VolumeReference",
            Self::Trident => "TridentVolumeReference",
        }
    }
}

impl ReferenceKind {
    /// Name of the CustomResourceDefinition.
    pub const fn definition(self) -> &'static str {
        match self {
            Self::Volume => names::VOLUME_REFERENCES,
            Self::Trident => names::TRIDENT_VOLUME_REFERENCES,
        }
    }
}

impl fmt::Display for ReferenceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind.as_str(), self.namespace, self.name)
    }
}

impl Reference {
    /// Puts a reference together from fields that anybody may have left out or misspelt.
    pub fn new(
        key: ReferenceKey,
        terminating: bool,
        namespace: Option<&str>,
        name: Option<&str>,
        access: Access,
    ) -> Self {
        let source = match (namespace, name) {
            (Some(ns), Some(n)) if is_dns_label(ns) && is_dns_subdomain(n) => Some(ClaimKey::new(ns, n)),
            _ => None,
        };
        Self {
            key,
            terminating,
            source,
            access,
        }
    }

    /// Whether it is live and names `source`.
    pub fn names(&self, source: &ClaimKey) -> bool {
        !self.terminating && self.source.as_ref() == Some(source)
    }
}
