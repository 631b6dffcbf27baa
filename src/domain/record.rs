//! What the ledger keeps of a volume: who owns it, who is in it, and the one step that may be under way.

use super::access::{Access, OnDelete};
use super::ids::{BackendName, ClaimRef, Handle, Namespace, PvName, VolumeId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
    /// Everybody in it besides the owner, by the name of their PersistentVolume. The count is the size of this set.
    pub members: BTreeMap<PvName, Member>,
    /// How far its life has come.
    pub state: State,
    /// The step that was begun and not yet seen to end.
    pub intent: Option<Intent>,
}

/// One claim that joined a volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The claim.
    pub claim: ClaimRef,
    /// What it was given.
    pub access: Access,
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
    /// The volume's data is being discarded.
    Discard {
        /// Into the trash or the archive.
        how: OnDelete,
    },
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
