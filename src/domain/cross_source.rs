//! A CrossNamespaceSource: what a claim of its namespace copies that names it.

use super::ids::{Namespace, is_dns_label, is_dns_subdomain};
use super::source::{Source, SourceKind};
use std::fmt;

/// One object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrossSource {
    /// Which it is.
    pub key: CrossSourceKey,
    /// What it names; `None`: nothing that can exist, or that is copied.
    pub source: Option<Source>,
}

/// Namespace and name of a CrossNamespaceSource.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CrossSourceKey {
    /// Its namespace: the consumer's.
    pub namespace: Namespace,
    /// Its name.
    pub name: String,
}

impl fmt::Display for CrossSourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl CrossSource {
    /// Puts one together from fields that anybody may have left out or misspelt.
    pub fn new(key: CrossSourceKey, group: &str, kind: &str, namespace: &str, name: &str) -> Self {
        let named = is_dns_label(namespace) && is_dns_subdomain(name);
        let kind = SourceKind::of(group, kind).filter(|_| named);
        Self {
            key,
            source: kind.map(|kind| Source {
                namespace: Namespace::new(namespace),
                kind,
                name: name.to_owned(),
            }),
        }
    }
}
