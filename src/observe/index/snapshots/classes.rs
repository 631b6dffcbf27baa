//! The classes of snapshots.

use super::{Index, Wake};
use crate::domain::ids::SnapshotClassName;
use crate::domain::served::Served;
use crate::domain::snapshot::{Kind, SnapshotClass};
use crate::observe::work::Work;
use std::collections::BTreeSet;

impl Index {
    /// A VolumeSnapshotClass is as given.
    pub fn put_snapshot_class(&mut self, class: SnapshotClass) -> Wake {
        if self.snapshots.classes.get(&class.name) == Some(&class) {
            return Wake::new();
        }
        self.snapshots.classes.insert(class.name.clone(), class);
        self.concerned_by_classes()
    }

    /// A VolumeSnapshotClass is gone.
    pub fn remove_snapshot_class(&mut self, name: &SnapshotClassName) -> Wake {
        match self.snapshots.classes.remove(name) {
            Some(_) => self.concerned_by_classes(),
            None => Wake::new(),
        }
    }

    /// These are all VolumeSnapshotClasses that there are; they can be read.
    pub fn reset_snapshot_classes(&mut self, all: Vec<SnapshotClass>) -> Wake {
        let mut wake = self.keep_classes(&all.iter().map(|c| c.name.clone()).collect());
        wake.extend(all.into_iter().flat_map(|class| self.put_snapshot_class(class)));
        wake.extend(self.snapshots_are(Kind::Class, Served::Yes));
        wake
    }

    pub(super) fn keep_classes(&mut self, there: &BTreeSet<SnapshotClassName>) -> Wake {
        let before = self.snapshots.classes.len();
        self.snapshots.classes.retain(|name, _| there.contains(name));
        match self.snapshots.classes.len() == before {
            true => Wake::new(),
            false => self.concerned_by_classes(),
        }
    }

    fn concerned_by_classes(&self) -> Wake {
        let unbound = self.all_snapshots().filter(|s| s.content.is_none());
        let unready = self.all_contents().filter(|c| c.ours && !c.is_ready());
        let snapshots = unbound.map(|s| Work::Snapshot(s.key.clone()));
        snapshots
            .chain(unready.map(|c| Work::Content(c.name.clone())))
            .collect()
    }
}
