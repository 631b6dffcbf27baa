//! The role of the sidecar, row by row. The names begin with the rows of its table; what a row says of secrets does not apply, since our
//! classes have none.

use super::*;
use crate::domain::ids::{ContentUid, SnapshotClassName, SnapshotUid};
use crate::domain::snapshot::SnapshotKey;
use crate::domain::snapshot::content::ContentStatus;
use crate::domain::snapshot::handle::{content_name, id_for};
use crate::domain::token::Token;
use crate::plan::testing::{self, GI, copier, pv};
use tombolo_backend_api::VolumePath;

mod forged;
mod preparing;
mod rows;

pub(super) const UID: &str = "5a1d-e";

pub(super) fn snapshot() -> Snapshot {
    Snapshot {
        key: SnapshotKey::new("team", "before"),
        uid: SnapshotUid::new(UID),
        version: crate::domain::ids::ResourceVersion::new("7"),
        terminating: false,
        of: Some(testing::key("team/data")),
        class: Some(SnapshotClassName::new("snaps")),
        content: None,
        ready: None,
    }
}

pub(super) fn class() -> SnapshotClass {
    SnapshotClass {
        name: SnapshotClassName::new("snaps"),
        ours: true,
        policy: DeletionPolicy::Delete,
        is_default: false,
    }
}

/// The handle of the snapshot that is taken for [`snapshot`].
pub(super) fn own_handle() -> SnapshotHandle {
    SnapshotHandle {
        backend: testing::pv("team/data").ours.unwrap().handle.backend,
        id: id_for(&SnapshotUid::new(UID), &testing::namespace("team")).unwrap(),
    }
}

pub(super) fn content() -> Content {
    Content {
        name: content_name(&SnapshotUid::new(UID)),
        uid: ContentUid::new("c"),
        version: crate::domain::ids::ResourceVersion::new("7"),
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
        being_deleted: false,
        in_group: false,
        finalizers: vec![crate::api::names::FINALIZER_CONTENT.to_owned()],
        tokens: Default::default(),
    }
}

pub(super) fn on_backend() -> api::Snapshot {
    api::Snapshot {
        id: own_handle().id,
        of: pv("team/data").ours.unwrap().handle.path,
        taken: jiff::Timestamp::UNIX_EPOCH,
        bytes: GI,
    }
}

pub(super) fn ready() -> ContentStatus {
    ContentStatus {
        handle: Some(own_handle().to_string()),
        ready: true,
        restore_size: Some(GI),
        error: None,
        in_group: false,
    }
}

/// A content of `team/before`, of `team/data`, that nothing was done for.
pub(super) fn live() -> LiveContent {
    LiveContent {
        content: content(),
        snapshot: Some(snapshot()),
        origin: Origin {
            claim: Some(testing::claim("team/data").bound()),
            pv: Some(pv("team/data")),
            ..Origin::default()
        },
        class: Class::Is(class()),
        backend: Some(taker()),
        imports: Imports::default(),
        found: Found::Absent,
        failed: None,
    }
}

/// A backend that takes snapshots.
pub(super) fn taker() -> Backend {
    let mut backend = copier("nas1");
    backend.capabilities.snapshot = true;
    backend
}

impl LiveContent {
    pub(super) fn with(mut self, edit: impl FnOnce(&mut Self)) -> Self {
        edit(&mut self);
        self
    }

    /// Ready, and its VolumeSnapshot deleted.
    pub(super) fn deleted(self) -> Self {
        self.with(|v| {
            v.content.status = Some(ready());
            (v.content.terminating, v.content.being_deleted) = (true, true);
            (v.origin, v.found) = (Origin::default(), Found::NotAsked);
        })
    }

    fn failure(&self) -> Failure {
        match decide(self) {
            Step::Fail(failure) => failure,
            step => panic!("no failure, but {step:?}"),
        }
    }
}
