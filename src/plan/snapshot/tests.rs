//! The role of the sidecar, row by row. The names begin with the rows of its table; what a row says of secrets does not apply, since our
//! classes have none.

use super::*;
use crate::domain::ids::{SnapshotClassName, SnapshotUid};
use crate::domain::snapshot::content::{ContentStatus, DeletionPolicy};
use crate::domain::snapshot::handle::{content_name, id_for};
use crate::domain::token::Token;
use crate::plan::testing::snapshots::*;
use crate::plan::testing::{self, pv};
use tombolo_backend_api::VolumePath;

mod forged;
mod limits;
mod midway;
mod preparing;
mod rows;
mod waiting;

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
        shared: None,
        found: Found::Absent,
        tokens: Default::default(),
        copies: Default::default(),
        failed: None,
    }
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
            (v.origin, v.found, v.shared) = (Origin::default(), Found::NotAsked, Some(false));
        })
    }

    fn failure(&self) -> Failure {
        match decide(self) {
            Step::Fail(failure) => failure,
            step => panic!("no failure, but {step:?}"),
        }
    }
}
