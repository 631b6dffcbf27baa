//! Reasons on VolumeSnapshots and their contents. The names are those of the external-snapshotter, which people know.

use super::Class;
use kube::runtime::events::EventType;
use std::fmt;

reasons! {
    /// Reasons on a VolumeSnapshot or a VolumeSnapshotContent.
    SnapshotReason {
        /// The snapshot could not be taken.
        SnapshotCreationFailed: Warning Waiting =>
            "The message says what to change; it is tried again by itself.";
        /// A snapshot could not be taken at a later attempt, or one that is said to be there already not be found, or it may not be used.
        SnapshotContentCheckandUpdateFailed: Warning Waiting =>
            "The message says what to change: the handle, perhaps, or an admin has to import the snapshot on the StorageBackend.";
        /// A snapshot is being taken by copying its volume.
        SnapshotProgress: Normal =>
            "Nothing to do: the snapshot is ready when the copy is complete.";
        /// The data of a deleted snapshot could not be removed.
        SnapshotDeleteError: Warning Waiting =>
            "Nothing, if the backend is away; it is tried again. What the message calls left behind is an admin's to look at.";
        /// A deleted snapshot is being read.
        SnapshotDeletePending: Warning Waiting =>
            "Wait until the volumes that are made from it are done, or delete their claims.";
        /// A snapshot names no class, and there is not exactly one default of ours.
        SetDefaultSnapshotClassFailed: Warning Waiting =>
            "Name a VolumeSnapshotClass in the snapshot, or ask an admin for exactly one default.";
    }
}
