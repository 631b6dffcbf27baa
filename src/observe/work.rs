//! What there is to look at: one key for each thing that is decided about on its own.

use crate::domain::ids::{BackendName, ClaimKey, PvName, VolumeId};
use crate::domain::reference::ReferenceKey;

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
    /// A backend: its mark, its health, its status.
    Backend(BackendName),
    /// A backend's trash.
    Trash(BackendName),
    /// Everything that nobody asked about.
    Sweep,
}
