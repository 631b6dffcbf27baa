//! What the ledger keeps of a volume: who owns it, who is in it, and the one step that may be under way.

use super::access::{Access, MountMode, OnDelete, OnOwnerDelete};
use super::ids::{BackendName, ClaimRef, Handle, Namespace, PvName, VolumeId};
use super::pv::ReclaimPolicy;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// One volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its identity: the key of the record.
    pub volume: VolumeId,
    /// The StorageBackend it was made on.
    pub backend: BackendName,
    /// Where its data is.
    pub handle: Handle,
    /// Whose it is; charged for it in the backend's per-namespace limits.
    pub owner: ClaimRef,
    /// Size in bytes, as promised to the owner.
    pub bytes: u64,
    /// What its PersistentVolume says of deleting and mounting, for the case that somebody removes that by force.
    pub terms: Terms,
    /// How it is mounted, as the class said when it was made; read for the same case.
    pub mount_options: Vec<String>,
    /// Everybody in it besides the owner, by the name of their PersistentVolume. The count is the size of this set.
    pub members: BTreeMap<PvName, Member>,
    /// How far its life has come.
    pub state: State,
    /// The step that was begun and not yet seen to end.
    pub intent: Option<Intent>,
}

/// What a PersistentVolume has from its class at birth, or from an admin since. A class that changes later changes none of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Its reclaim policy.
    pub policy: ReclaimPolicy,
    /// What deleting does with the data.
    pub on_delete: OnDelete,
    /// Whether the owner's claim waits for members.
    pub on_owner_delete: OnOwnerDelete,
    /// Who mounts it on nodes.
    #[serde(default, skip_serializing_if = "MountMode::goes_unsaid")]
    pub mount: MountMode,
}

/// One claim that joined a volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The claim.
    pub claim: ClaimRef,
    /// What it was given.
    pub access: Access,
    /// Who mounts it on nodes: as its own class said, whatever the owner's does.
    #[serde(default, skip_serializing_if = "MountMode::goes_unsaid")]
    pub mount: MountMode,
}

/// A volume's life. The legal steps are [`State::may_become`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum State {
    /// Being made: no PersistentVolume has been seen yet.
    Creating,
    /// In use by its owner.
    Live,
    /// Its owner has gone, its data is kept.
    SoftDeleted,
    /// Its data is being removed: nothing leads back from here.
    Deleting,
}

impl State {
    /// Whether a volume may go from one state to the other (or stay).
    pub fn may_become(self, next: Self) -> bool {
        use State::{Creating, Deleting, Live, SoftDeleted};
        match (self, next) {
            (Creating, Creating | Live | SoftDeleted | Deleting) => true,
            // A reclaim gives a soft-deleted volume a new owner.
            (Live | SoftDeleted, Live | SoftDeleted | Deleting) => true,
            (Deleting, Deleting) => true,
            (Live | SoftDeleted | Deleting, Creating) | (Deleting, Live | SoftDeleted) => false,
        }
    }

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "Creating",
            Self::Live => "Live",
            Self::SoftDeleted => "SoftDeleted",
            Self::Deleting => "Deleting",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A step that touches the backend, noted before it is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Intent {
    /// The volume's data is being made.
    Create,
    /// A member's mount is being asked for.
    Join {
        /// The member's PersistentVolume.
        pv: PvName,
    },
    /// The volume is being made as a copy of another one's data.
    Copy {
        /// That one.
        from: VolumeId,
    },
    /// The volume's data is being discarded.
    Discard {
        /// Into the trash or the archive.
        how: OnDelete,
    },
}

impl fmt::Display for Intent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create => f.write_str("create"),
            Self::Join { pv } => write!(f, "join by {pv}"),
            Self::Copy { from } => write!(f, "copy of {from}"),
            Self::Discard { how } => write!(f, "discard ({})", how.as_str()),
        }
    }
}

/// What a namespace uses, against `limits.perNamespace`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Volumes it owns.
    pub volumes: u64,
    /// Memberships it holds.
    pub members: u64,
    /// Bytes promised to its volumes.
    pub bytes: u64,
}

impl Usage {
    /// Both together.
    #[must_use]
    pub fn plus(self, more: Self) -> Self {
        Self {
            volumes: self.volumes.saturating_add(more.volumes),
            members: self.members.saturating_add(more.members),
            bytes: self.bytes.saturating_add(more.bytes),
        }
    }

    /// Adds up what `namespace` uses of one backend (`None`: of the backend as a whole).
    pub fn of<'a>(
        records: impl IntoIterator<Item = &'a Record>,
        backend: &BackendName,
        namespace: Option<&Namespace>,
    ) -> Self {
        let mut usage = Self::default();
        for record in records.into_iter().filter(|r| r.backend == *backend) {
            if namespace.is_none_or(|n| record.owner.key.namespace == *n) {
                usage.volumes += 1;
                usage.bytes = usage.bytes.saturating_add(record.bytes);
            }
            usage.members += record
                .members
                .values()
                .filter(|m| namespace.is_none_or(|n| m.claim.key.namespace == *n))
                .count() as u64;
        }
        usage
    }
}
