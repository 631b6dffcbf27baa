//! A StorageBackend as the planner sees it: capabilities, room and limits, never the driver's name.

use super::ids::{BackendName, Namespace};
use super::record::Usage;
use super::size;
use super::snapshot::handle::Imports;
use crate::api::storage_backend;
use std::collections::BTreeMap;
use tombolo_backend_api::{BackendId, Capabilities};

/// A backend at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backend {
    /// Its name.
    pub name: BackendName,
    /// Its labels, for `backendSelector`.
    pub labels: BTreeMap<String, String>,
    /// Whether it can be used, or why not, in words that may be shown to anybody.
    pub health: Health,
    /// What it can do.
    pub capabilities: Capabilities,
    /// Whether it was ever asked what it can do. Before that it declares nothing, which says nothing.
    pub asked: bool,
    /// What it may be used for.
    pub limits: Limits,
    /// Free bytes on the file system behind it, where known.
    pub free: Option<u64>,
    /// Snapshots on it that an admin has given to other namespaces.
    pub imports: Imports,
    /// The node it lies on, for backends that are a directory of one node.
    pub node: Option<String>,
    /// Promised until now to everybody, in the trash, or in snapshots.
    pub used: Usage,
    /// The same of the namespace in question.
    pub used_by_namespace: Usage,
}

/// Whether a backend can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// Its root is there and carries the expected mark.
    Ready(BackendId),
    /// It cannot be used now.
    Degraded,
    /// It takes nothing new, because somebody deletes it. With its id, if what is on it can still be worked on: what was begun is
    /// finished.
    Terminating(Option<BackendId>),
}

impl Backend {
    /// Its id, if it takes something new.
    pub fn ready(&self) -> Option<&BackendId> {
        match &self.health {
            Health::Ready(id) => Some(id),
            Health::Degraded | Health::Terminating(_) => None,
        }
    }

    /// Its id, if what is on it can be worked on.
    pub fn id(&self) -> Option<&BackendId> {
        match &self.health {
            Health::Ready(id) | Health::Terminating(Some(id)) => Some(id),
            Health::Degraded | Health::Terminating(None) => None,
        }
    }

    /// Whether somebody deletes it.
    pub fn is_terminating(&self) -> bool {
        matches!(self.health, Health::Terminating(_))
    }
}

/// `spec.limits`; `None` is unlimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Volumes in all.
    pub volumes: Option<u64>,
    /// Bytes promised in all.
    pub bytes: Option<u64>,
    /// Whether more may be promised than there is.
    pub overcommit: bool,
    /// For each namespace.
    pub namespace: NamespaceLimits,
}

/// `spec.limits.perNamespace`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NamespaceLimits {
    /// Volumes it owns.
    pub volumes: Option<u64>,
    /// Memberships it holds.
    pub members: Option<u64>,
    /// Bytes promised to it.
    pub bytes: Option<u64>,
}

/// Share of a file system that is promised at most where sizes are enforced: the rest is for metadata, and for what is deleted and not
/// reclaimed yet.
const PROMISED_TENTHS: u64 = 9;

/// Whoever deletes something to make room wonders otherwise.
const TRASH_COUNTS: &str = "deleted ones count until their time in the trash is over";
/// The same of bytes.
const SNAPSHOTS_COUNT: &str = "snapshots count, and deleted volumes until their time in the trash is over";

impl Limits {
    /// As they hold on a file system of `total` bytes. Where sizes are enforced, writers within their limits must never meet a full
    /// file system, so no more is promised than there is, unless an admin asks for it.
    #[must_use]
    pub fn on(self, total: Option<u64>, capabilities: &Capabilities) -> Self {
        let most = total.filter(|_| capabilities.quota && !self.overcommit).map(promised);
        let bytes = match (self.bytes, most) {
            (Some(limit), Some(most)) => Some(limit.min(most)),
            (limit, most) => limit.or(most),
        };
        Self { bytes, ..self }
    }

    /// Whether more may be promised than a file system of `total` bytes has, although sizes are enforced on it.
    pub fn overcommits(&self, total: u64, capabilities: &Capabilities) -> bool {
        let may = self.bytes.is_none_or(|limit| limit > promised(total));
        capabilities.quota && self.overcommit && may
    }

    /// Whether there are any for volumes or bytes, be it for one namespace or for all.
    pub fn of_volumes(&self) -> bool {
        let all = [self.volumes, self.bytes, self.namespace.volumes, self.namespace.bytes];
        all.iter().any(Option::is_some)
    }
}

impl From<Option<&storage_backend::Limits>> for Limits {
    /// A size that cannot be read admits nothing: better a claim that waits than a limit that is none.
    fn from(spec: Option<&storage_backend::Limits>) -> Self {
        let spec = spec.cloned().unwrap_or_default();
        let namespace = spec.per_namespace.unwrap_or_default();
        let bytes = |text: Option<String>| text.map(|text| size::parse(&text).unwrap_or(0));
        Self {
            volumes: spec.volumes,
            bytes: bytes(spec.bytes),
            overcommit: spec.overcommit.unwrap_or_default(),
            namespace: NamespaceLimits {
                volumes: namespace.volumes,
                members: namespace.members,
                bytes: bytes(namespace.bytes),
            },
        }
    }
}

impl Backend {
    /// Why a new volume of `bytes` would go beyond a limit, in words that name the namespace's own figures only.
    pub fn refuses_volume(&self, namespace: &Namespace, bytes: u64) -> Option<String> {
        let (mine, limit) = (self.used_by_namespace, self.limits.namespace);
        if reached(limit.volumes, mine.volumes, 1) {
            return Some(format!(
                "namespace {namespace} has {} volumes, as many as it may; {TRASH_COUNTS}",
                mine.volumes
            ));
        }
        self.refuses_bytes(namespace, bytes)
            .or_else(|| reached(self.limits.volumes, self.used.volumes, 1).then(full_by_limits))
    }

    /// Why a volume that grows by `bytes` would go beyond a limit.
    pub fn refuses_bytes(&self, namespace: &Namespace, bytes: u64) -> Option<String> {
        self.refuses(namespace, bytes, "claim")
    }

    /// Why a snapshot of a volume of so many bytes would go beyond a limit. It is no volume; it is as large as one.
    pub fn refuses_snapshot(&self, namespace: &Namespace, bytes: u64) -> Option<String> {
        self.refuses(namespace, bytes, "snapshot")
    }

    fn refuses(&self, namespace: &Namespace, bytes: u64, what: &str) -> Option<String> {
        let (mine, limit) = (self.used_by_namespace, self.limits.namespace);
        if reached(limit.bytes, mine.bytes, bytes) {
            let (used, may) = (size::format(mine.bytes), size::format(limit.bytes.unwrap_or_default()));
            return Some(format!(
                "namespace {namespace} has {used} of the {may} it may have, too much for this {what}; {SNAPSHOTS_COUNT}"
            ));
        }
        reached(self.limits.bytes, self.used.bytes, bytes).then(full_by_limits)
    }

    /// Why one more member would go beyond a limit.
    pub fn refuses_member(&self, namespace: &Namespace) -> Option<String> {
        let used = self.used_by_namespace.members;
        reached(self.limits.namespace.members, used, 1)
            .then(|| format!("namespace {namespace} has joined {used} volumes, as many as it may"))
    }

    /// Room left after what is promised: what `backendSelector` compares.
    pub fn room(&self) -> u64 {
        let by_limit = self.limits.bytes.map(|limit| limit.saturating_sub(self.used.bytes));
        let by_disk = self.free.map(|free| free.saturating_sub(self.used.bytes));
        match (by_limit, by_disk) {
            (Some(a), Some(b)) => a.min(b),
            (Some(a), None) | (None, Some(a)) => a,
            (None, None) => 0,
        }
    }
}

fn full_by_limits() -> String {
    format!("the storage backend is full by its limits; {TRASH_COUNTS}; ask your admin")
}

fn promised(total: u64) -> u64 {
    total / 10 * PROMISED_TENTHS
}

fn reached(limit: Option<u64>, used: u64, more: u64) -> bool {
    limit.is_some_and(|limit| used.checked_add(more).is_none_or(|sum| sum > limit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn limits_are_read_as_written_and_a_size_that_cannot_be_read_admits_nothing() {
        let limits = |spec: serde_json::Value| {
            let spec: storage_backend::Limits = serde_json::from_value(spec).unwrap();
            Limits::from(Some(&spec))
        };
        assert_eq!(Limits::from(None), Limits::default());
        let written = limits(json!({"volumes": 3, "bytes": "1Gi", "perNamespace": {"members": 2, "bytes": "1Ki"}}));
        assert_eq!((written.volumes, written.bytes), (Some(3), Some(1 << 30)));
        let namespace = NamespaceLimits {
            members: Some(2),
            bytes: Some(1024),
            volumes: None,
        };
        assert_eq!(written.namespace, namespace);
        assert_eq!(limits(json!({"bytes": "much"})).bytes, Some(0));
    }

    #[test]
    fn enforced_sizes_are_promised_no_further_than_nine_tenths_unless_an_admin_asks() {
        let limits = |bytes, overcommit| Limits {
            bytes,
            overcommit,
            ..Limits::default()
        };
        let (enforced, not) = (Capabilities::ALL, Capabilities::default());
        let on = |l: Limits, c| l.on(Some(1000), c).bytes;
        assert_eq!(on(limits(None, false), &enforced), Some(900));
        assert_eq!(on(limits(Some(800), false), &enforced), Some(800));
        assert_eq!(on(limits(Some(5000), false), &enforced), Some(900));
        assert_eq!(on(limits(Some(5000), true), &enforced), Some(5000));
        assert_eq!(on(limits(None, true), &enforced), None);
        assert_eq!(on(limits(Some(5000), false), &not), Some(5000));
        assert_eq!(on(limits(None, false), &not), None);
        assert_eq!(
            limits(None, false).on(None, &enforced).bytes,
            None,
            "its size is not known yet"
        );

        assert!(limits(Some(5000), true).overcommits(1000, &enforced));
        assert!(limits(None, true).overcommits(1000, &enforced));
        assert!(!limits(Some(800), true).overcommits(1000, &enforced));
        assert!(!limits(Some(5000), false).overcommits(1000, &enforced));
        assert!(!limits(Some(5000), true).overcommits(1000, &not));
    }
}
