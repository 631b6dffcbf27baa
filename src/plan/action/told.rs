//! Why something is told, and about what.

use crate::api::reasons::{ClaimReason, SharedVolumeReason, SnapshotReason};
use crate::domain::ids::{ClaimRef, ContentName, ContentUid, PvName, PvUid, SnapshotUid};
use crate::domain::snapshot::SnapshotKey;

/// A reason, of whichever enum fits the subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Told {
    /// Of a claim, or of a PersistentVolume that stands for one.
    Claim(ClaimReason),
    /// Of a claim that does not get its volume: tools look for `ProvisioningFailed`, people for the reason in the message.
    Refused(ClaimReason),
    /// Of a SharedVolume.
    SharedVolume(SharedVolumeReason),
    /// Of a snapshot.
    Snapshot(SnapshotReason),
}

/// What an announcement is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A claim.
    Claim(ClaimRef),
    /// A PersistentVolume.
    Pv(PvName, PvUid),
    /// A VolumeSnapshot.
    Snapshot(SnapshotKey, SnapshotUid),
    /// A VolumeSnapshotContent.
    Content(ContentName, ContentUid),
}
