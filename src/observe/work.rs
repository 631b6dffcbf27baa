//! What there is to look at: one key for each thing that is decided about on its own.

use crate::domain::cross_source::CrossSourceKey;
use crate::domain::ids::{BackendName, ClaimKey, ContentName, PvName, VolumeId};
use crate::domain::reference::ReferenceKey;
use crate::domain::snapshot::SnapshotKey;
use std::time::Duration;

/// One thing to look at.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, strum::IntoStaticStr)]
pub enum Work {
    /// A claim.
    Claim(ClaimKey),
    /// A volume, by its owner's PersistentVolume.
    Volume(VolumeId),
    /// A member, by its PersistentVolume.
    Member(PvName),
    /// The SharedVolume of a volume.
    SharedVolume(VolumeId),
    /// A reference's condition.
    Reference(ReferenceKey),
    /// A CrossNamespaceSource's condition.
    CrossSource(CrossSourceKey),
    /// A VolumeSnapshot that may need a content.
    Snapshot(SnapshotKey),
    /// What stands behind a VolumeSnapshot: taken, read, removed.
    Content(ContentName),
    /// A backend: its mark, its health, its status.
    Backend(BackendName),
    /// A backend's trash.
    Trash(BackendName),
    /// A backend's exports: what each lets through, which are missing, which are left.
    Exports(BackendName),
    /// Everything that nobody asked about.
    Sweep,
}

impl Work {
    /// How long it may wait for more of the same: what people read is written at most once a second for each object.
    pub fn patience(&self) -> Duration {
        match self {
            // So that many who lose consent, or leave, at once are seen together.
            Self::SharedVolume(_) | Self::Exports(_) => Duration::from_secs(1),
            Self::Claim(_)
            | Self::Volume(_)
            | Self::Member(_)
            | Self::Reference(_)
            | Self::CrossSource(_)
            | Self::Snapshot(_)
            | Self::Content(_)
            | Self::Backend(_)
            | Self::Trash(_)
            | Self::Sweep => Duration::ZERO,
        }
    }
}
