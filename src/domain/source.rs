//! Where a claim wants its first bytes from, and whether the API server silently dropped the answer.
//!
//! KEP-1495 (any volume data source) and KEP-3294 (cross namespace). Nothing here decides; see `plan::claim`.

use super::ids::{ClaimKey, Namespace};
use super::snapshot::SnapshotKey;
use crate::api::names;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use serde::{Deserialize, Serialize};

/// Something that can be copied: a claim's volume, or a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// Its namespace.
    pub namespace: Namespace,
    /// Its kind.
    pub kind: SourceKind,
    /// Its name.
    pub name: String,
}

/// The kinds that are copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SourceKind {
    /// A PersistentVolumeClaim.
    #[serde(rename = "PersistentVolumeClaim")]
    Claim,
    /// A VolumeSnapshot of `snapshot.storage.k8s.io`.
    #[serde(rename = "VolumeSnapshot")]
    Snapshot,
}

impl SourceKind {
    /// The kind of a group and kind, if it is one of these. Another group's kind of the same name is not.
    pub fn of(group: &str, kind: &str) -> Option<Self> {
        [Self::Claim, Self::Snapshot]
            .into_iter()
            .find(|k| (k.group(), k.as_str()) == (group, kind))
    }

    /// Its API group.
    pub const fn group(self) -> &'static str {
        match self {
            Self::Claim => "",
            Self::Snapshot => names::SNAPSHOT_GROUP,
        }
    }

    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Claim => "PersistentVolumeClaim",
            Self::Snapshot => "VolumeSnapshot",
        }
    }

    /// As people call it.
    const fn word(self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::Snapshot => "VolumeSnapshot",
        }
    }
}

impl Source {
    /// A claim.
    pub fn claim(key: ClaimKey) -> Self {
        Self {
            namespace: key.namespace,
            kind: SourceKind::Claim,
            name: key.name,
        }
    }

    /// The claim that it is; `None`: it is none.
    pub fn as_claim(&self) -> Option<ClaimKey> {
        (self.kind == SourceKind::Claim).then(|| ClaimKey {
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        })
    }

    /// The VolumeSnapshot that it is; `None`: it is none.
    pub fn as_snapshot(&self) -> Option<SnapshotKey> {
        (self.kind == SourceKind::Snapshot).then(|| SnapshotKey {
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        })
    }

    /// What those of `namespace` call it.
    pub fn told_in(&self, namespace: &Namespace) -> String {
        let word = self.kind.word();
        match self.namespace == *namespace {
            true => format!("{word} {}", self.name),
            false => format!("{word} {}/{}", self.namespace, self.name),
        }
    }
}

/// The effective data source of a claim: `dataSourceRef` if set, else `dataSource`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataSource {
    /// None is asked for.
    None,
    /// A claim or a snapshot, of this or another namespace.
    Object(Source),
    /// Whatever the CrossNamespaceSource of this name in the claim's own namespace names.
    Indirect {
        /// Its name.
        name: String,
    },
    /// A CrossNamespaceSource of another namespace, which nobody there could mean for this claim.
    Misplaced {
        /// Its name.
        name: String,
    },
    /// A kind that a populator serves (KEP-1495): not our business.
    Populator {
        /// The kind's group.
        group: String,
        /// The kind.
        kind: String,
    },
    /// One was asked for and the API server dropped it.
    Dropped(DropCause),
}

/// Why the API server drops a data source without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropCause {
    /// `dataSourceRef.namespace` while the gate `CrossNamespaceVolumeDataSource` is off.
    GateOff,
    /// `dataSource` holds neither a claim nor a snapshot; Kubernetes takes custom kinds in `dataSourceRef` only.
    CustomKindInDataSource,
}

impl DataSource {
    /// Reads it from a claim. The managed fields must still be there: they are the only trace of a dropped field.
    pub fn of(claim: &PersistentVolumeClaim) -> Self {
        let spec = claim.spec.as_ref();
        let reference = spec.and_then(|s| s.data_source_ref.as_ref());
        let legacy = spec.and_then(|s| s.data_source.as_ref());
        let named = Managed::of(claim);
        if named.namespace && reference.is_none_or(|r| r.namespace.is_none()) {
            // An empty one is kept, gate or no gate. Also where `dataSource` re-filled the reference: the source that is left may be the wrong one.
            return Self::Dropped(DropCause::GateOff);
        }
        let group = |group: &Option<String>| group.clone().unwrap_or_default();
        let own = Namespace::new(claim.metadata.namespace.clone().unwrap_or_default());
        match (reference, legacy) {
            (Some(r), _) => {
                // An empty one is the claim's own, as it is to the API server.
                let named = r.namespace.as_deref().filter(|n| !n.is_empty());
                let namespace = named.map_or_else(|| own.clone(), Namespace::new);
                Self::of_kind(&group(&r.api_group), &r.kind, &r.name, namespace, &own)
            }
            (None, Some(d)) => Self::of_kind(&group(&d.api_group), &d.kind, &d.name, own.clone(), &own),
            (None, None) if named.reference => Self::Dropped(DropCause::GateOff),
            (None, None) if named.legacy => Self::Dropped(DropCause::CustomKindInDataSource),
            (None, None) => Self::None,
        }
    }

    /// By group and kind together: another group's kind of the same name is a populator's.
    fn of_kind(group: &str, kind: &str, name: &str, namespace: Namespace, own: &Namespace) -> Self {
        let name = name.to_owned();
        match (SourceKind::of(group, kind), group, kind) {
            (Some(kind), ..) => Self::Object(Source { namespace, kind, name }),
            (None, names::GROUP, names::CROSS_NAMESPACE_SOURCE) if namespace == *own => Self::Indirect { name },
            (None, names::GROUP, names::CROSS_NAMESPACE_SOURCE) => Self::Misplaced { name },
            (None, ..) => Self::Populator {
                group: group.to_owned(),
                kind: kind.to_owned(),
            },
        }
    }
}

/// Which of the fields somebody once wrote, as far as the managed fields tell.
#[derive(Default)]
struct Managed {
    legacy: bool,
    reference: bool,
    namespace: bool,
}

impl Managed {
    fn of(claim: &PersistentVolumeClaim) -> Self {
        let mut found = Self::default();
        for entry in claim.metadata.managed_fields.iter().flatten() {
            let Some(spec) = entry.fields_v1.as_ref().and_then(|f| f.0.get("f:spec")) else {
                continue;
            };
            found.legacy |= spec.get("f:dataSource").is_some();
            if let Some(reference) = spec.get("f:dataSourceRef") {
                found.reference = true;
                found.namespace |= reference.get("f:namespace").is_some();
            }
        }
        found
    }
}

#[cfg(test)]
mod tests;
