//! The kinds of the external-snapshotter.

use crate::api::names;
use crate::domain::snapshot::content::Content;
use crate::domain::snapshot::{Snapshot, SnapshotClass};
use crate::observe::optional::Foreign;
use kube::core::DynamicObject;

const fn kind(kind: &'static str, plural: &'static str) -> Foreign {
    Foreign {
        group: names::SNAPSHOT_GROUP,
        kind,
        plural,
        versions: &[names::SNAPSHOT_VERSION],
    }
}

/// VolumeSnapshots.
pub const SNAPSHOTS: Foreign = kind("VolumeSnapshot", "volumesnapshots");
/// VolumeSnapshotContents.
pub const CONTENTS: Foreign = kind("VolumeSnapshotContent", "volumesnapshotcontents");
/// VolumeSnapshotClasses.
pub const CLASSES: Foreign = kind("VolumeSnapshotClass", "volumesnapshotclasses");

/// A VolumeSnapshot.
pub fn snapshot(object: &DynamicObject) -> Option<Snapshot> {
    Snapshot::read(&object.metadata, &object.data)
}

/// A VolumeSnapshotContent.
pub fn content(object: &DynamicObject) -> Option<Content> {
    Content::read(&object.metadata, &object.data)
}

/// A VolumeSnapshotClass.
pub fn class(object: &DynamicObject) -> Option<SnapshotClass> {
    SnapshotClass::read(&object.metadata, &object.data)
}
