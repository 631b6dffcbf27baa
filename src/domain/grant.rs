//! ReferenceGrants of the Gateway API: which objects of this namespace those of another may refer to.
//!
//! A grant is in the namespace of what it gives, so whoever may write there decides. Nothing here asks what it is given for: a copy asks
//! for claims (KEP-3294), a share for references of ours, and neither is ever taken for the other.

use super::ids::{ClaimKey, Namespace};
use super::reference::ReferenceKind;
use super::source::{Source, SourceKind};
use crate::api::names;
use serde::Deserialize;
use serde_json::Value;

/// The kind of those who ask for copies, and of most of what is asked for.
const CLAIM: &str = SourceKind::Claim.as_str();

/// One grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Its namespace: that of what it gives.
    pub namespace: Namespace,
    /// Its name.
    pub name: String,
    /// Whether it is going away: then it gives nothing more.
    pub terminating: bool,
    from: Vec<From>,
    to: Vec<To>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct From {
    group: String,
    kind: String,
    namespace: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct To {
    group: String,
    kind: String,
    /// Absent or empty: all of the kind.
    #[serde(default)]
    name: Option<String>,
}

/// Who refers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Referrer<'a> {
    /// API group; empty for the core group.
    pub group: &'a str,
    /// Kind.
    pub kind: &'a str,
    /// Namespace.
    pub namespace: &'a Namespace,
}

/// What is referred to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Referent<'a> {
    /// API group; empty for the core group.
    pub group: &'a str,
    /// Kind.
    pub kind: &'a str,
    /// Namespace.
    pub namespace: &'a Namespace,
    /// Name.
    pub name: &'a str,
}

impl<'a> Referrer<'a> {
    /// Claims of a namespace, which ask for copies.
    pub const fn claims_of(namespace: &'a Namespace) -> Self {
        Self {
            group: "",
            kind: CLAIM,
            namespace,
        }
    }

    /// References of a namespace, which ask for shares.
    pub const fn references_of(namespace: &'a Namespace) -> Self {
        Self {
            group: names::GROUP,
            kind: ReferenceKind::Volume.as_str(),
            namespace,
        }
    }
}

impl<'a> Referent<'a> {
    /// A claim.
    pub fn claim(key: &'a ClaimKey) -> Self {
        Self {
            group: "",
            kind: CLAIM,
            namespace: &key.namespace,
            name: &key.name,
        }
    }

    /// What a copy is asked of.
    pub fn source(source: &'a Source) -> Self {
        Self {
            group: source.kind.group(),
            kind: source.kind.as_str(),
            namespace: &source.namespace,
            name: &source.name,
        }
    }
}

impl Grant {
    /// Reads the spec of a grant. Entries that cannot be read give nothing.
    pub fn read(namespace: Namespace, name: String, terminating: bool, spec: Option<&Value>) -> Self {
        fn entries<T: for<'de> Deserialize<'de>>(spec: Option<&Value>, field: &str) -> Vec<T> {
            let listed = spec.and_then(|spec| spec.get(field)?.as_array());
            let read = |entry: &Value| T::deserialize(entry).ok();
            listed.into_iter().flatten().filter_map(read).collect()
        }
        Self {
            namespace,
            name,
            terminating,
            from: entries(spec, "from"),
            to: entries(spec, "to"),
        }
    }

    /// What of it can concern us: who may copy and who may share, and what of. Grants are written by tenants, for all kinds of things, and
    /// most are nothing to be kept, or to wake anybody for.
    #[must_use]
    pub fn concerning_us(mut self) -> Option<Self> {
        let us = [("", CLAIM), (names::GROUP, ReferenceKind::Volume.as_str())];
        let sources = [SourceKind::Claim, SourceKind::Snapshot].map(|kind| (kind.group(), kind.as_str()));
        self.from.retain(|from| us.contains(&(&from.group, &from.kind)));
        self.to.retain(|to| sources.contains(&(&to.group, &to.kind)));
        (!self.from.is_empty() && !self.to.is_empty()).then_some(self)
    }

    /// Whether this grant alone lets `from` refer to `to`: any entry of the one list with any of the other, each compared as it is
    /// written, as in every implementation of the Gateway API. There are no wildcards but a name left out.
    pub fn permits(&self, from: Referrer<'_>, to: Referent<'_>) -> bool {
        let listed =
            |f: &From| (&*f.group, &*f.kind, &*f.namespace) == (from.group, from.kind, from.namespace.as_str());
        let given = |t: &To| {
            let named = t.name.as_deref().filter(|name| !name.is_empty());
            (&*t.group, &*t.kind) == (to.group, to.kind) && named.is_none_or(|name| name == to.name)
        };
        !self.terminating
            && self.namespace == *to.namespace
            && self.from.iter().any(listed)
            && self.to.iter().any(given)
    }
}

/// The first of some grants that lets `from` refer to `to`. Parts of two are never put together.
pub fn permitted<'a>(
    grants: impl IntoIterator<Item = &'a Grant>,
    from: Referrer<'_>,
    to: Referent<'_>,
) -> Option<&'a Grant> {
    grants.into_iter().find(|grant| grant.permits(from, to))
}

#[cfg(test)]
mod tests;
