//! The VolumeSnapshot `team/before` of the claim `team/data`, and what stands behind it.

use super::{GI, copier, pv};
use crate::api::names;
use crate::domain::backend::Backend;
use crate::domain::ids::{ContentUid, ResourceVersion, SnapshotClassName, SnapshotUid};
use crate::domain::snapshot::content::{Content, ContentSource, ContentStatus, DeletionPolicy};
use crate::domain::snapshot::handle::{SnapshotHandle, content_name, id_for};
use crate::domain::snapshot::{Snapshot, SnapshotClass, SnapshotKey};

pub(crate) const UID: &str = "5a1d-e";

pub(crate) fn snapshot() -> Snapshot {
    Snapshot {
        key: SnapshotKey::new("team", "before"),
        uid: SnapshotUid::new(UID),
        version: ResourceVersion::new("7"),
        terminating: false,
        of: Some(super::key("team/data")),
        class: Some(SnapshotClassName::new("snaps")),
        content: None,
        ready: None,
        finalizers: vec![
            names::FINALIZER_SNAPSHOT.to_owned(),
            "snapshot.storage.kubernetes.io/volumesnapshot-bound-protection".to_owned(),
        ],
    }
}

pub(crate) fn class() -> SnapshotClass {
    SnapshotClass {
        name: SnapshotClassName::new("snaps"),
        ours: true,
        policy: DeletionPolicy::Delete,
        is_default: false,
    }
}

/// The handle of the snapshot that is taken for [`snapshot`].
pub(crate) fn own_handle() -> SnapshotHandle {
    SnapshotHandle {
        backend: super::pv("team/data").ours.unwrap().handle.backend,
        id: id_for(&SnapshotUid::new(UID), &super::namespace("team")).unwrap(),
    }
}

pub(crate) fn content() -> Content {
    Content {
        name: content_name(&SnapshotUid::new(UID)),
        uid: ContentUid::new("c"),
        version: ResourceVersion::new("7"),
        terminating: false,
        ours: true,
        policy: DeletionPolicy::Delete,
        class: Some(SnapshotClassName::new("snaps")),
        source: ContentSource::Volume(pv("team/data").name),
        of: snapshot().key,
        of_uid: Some(SnapshotUid::new(UID)),
        block: Some(false),
        converts: false,
        status: None,
        being_created: false,
        taking: None,
        being_deleted: false,
        in_group: false,
        finalizers: vec![names::FINALIZER_CONTENT.to_owned()],
        tokens: Default::default(),
    }
}

pub(crate) fn on_backend() -> tombolo_backend_api::Snapshot {
    tombolo_backend_api::Snapshot {
        id: own_handle().id,
        of: pv("team/data").ours.unwrap().handle.path,
        taken: jiff::Timestamp::UNIX_EPOCH,
        bytes: GI,
    }
}

pub(crate) fn ready() -> ContentStatus {
    ContentStatus {
        handle: Some(own_handle().to_string()),
        ready: true,
        restore_size: Some(GI),
        error: None,
        in_group: false,
    }
}

/// A backend that takes snapshots.
pub(crate) fn taker() -> Backend {
    let mut backend = copier("nas1");
    backend.capabilities.snapshot = true;
    backend
}
