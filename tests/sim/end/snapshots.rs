//! The end of a story in words, as far as it is about snapshots.

use super::text;
use crate::world::World;
use tombolo::domain::hold::Hold;
use tombolo::domain::ids::{ContentName, SnapshotUid};
use tombolo::domain::snapshot::content::{Content, DeletionPolicy};
use tombolo::domain::snapshot::handle::{snapshot_of, uid_of};
use tombolo_backend_api::SnapshotId;

impl World {
    pub(super) fn snapshots(&self) -> Vec<String> {
        let all = self.out.cluster.store().shelf.all_snapshots();
        let line = |s: &tombolo::domain::snapshot::Snapshot| {
            let marks = [
                (s.ready == Some(true), " ready"),
                (s.terminating, " terminating"),
                (Hold::among(&s.finalizers).contains(&Hold::Copies), " in use"),
            ];
            format!("snapshot {}{}", s.key, text(&marks))
        };
        all.iter().map(|s| line(s)).collect()
    }

    pub(super) fn contents(&self) -> Vec<String> {
        let all = self.out.cluster.store().shelf.all_contents();
        let line = |c: &Content| {
            let marks = [
                (c.is_ready(), " ready"),
                (c.terminating, " terminating"),
                (!c.tokens.is_empty(), " token"),
                (c.policy == DeletionPolicy::Retain, " Retain"),
                (c.being_created || c.taking.is_some(), " begun"),
            ];
            format!("content {}{}", short(&c.name), text(&marks))
        };
        all.iter().map(|c| line(c)).collect()
    }

    /// What lies on the backend.
    pub(super) fn taken_snapshots(&self) -> Vec<String> {
        let all = self.snapshots_on_backend();
        all.iter().map(|id| format!("taken {}", uid(id))).collect()
    }
}

fn short(name: &ContentName) -> String {
    snapshot_of(name).map_or_else(|| name.to_string(), |uid| uid.to_string())
}

fn uid(id: &SnapshotId) -> SnapshotUid {
    uid_of(id).unwrap_or_else(|| SnapshotUid::new(id.as_str()))
}
