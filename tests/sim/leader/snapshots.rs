//! What the caches of one process are told of snapshots, and of who gives any to other namespaces.

use super::Leader;
use crate::store::Shelf;
use std::collections::BTreeSet;
use tombolo::observe::index::Index;
use tombolo::observe::work::Work;

/// All there is.
pub(super) fn list(index: &mut Index, shelf: &Shelf) -> BTreeSet<Work> {
    let mut wake = index.reset_snapshot_classes(shelf.classes.clone());
    wake.extend(index.reset_snapshots(shelf.all_snapshots().iter().map(|s| (**s).clone()).collect()));
    wake.extend(index.reset_contents(shelf.all_contents().iter().map(|c| (**c).clone()).collect()));
    wake
}

/// The event of a VolumeSnapshot with this number; `None`: there is none yet.
pub(super) fn of_snapshot(index: &mut Index, shelf: &Shelf, at: usize) -> Option<BTreeSet<Work>> {
    let (key, snapshot) = shelf.snapshot_log.get(at)?;
    Some(match snapshot {
        Some(snapshot) => index.put_snapshot((**snapshot).clone()),
        None => index.remove_snapshot(key),
    })
}

/// The same of a VolumeSnapshotContent.
pub(super) fn of_content(index: &mut Index, shelf: &Shelf, at: usize) -> Option<BTreeSet<Work>> {
    let (name, content) = shelf.content_log.get(at)?;
    Some(match content {
        Some(content) => index.put_content((**content).clone()),
        None => index.remove_content(name),
    })
}

impl Leader {
    /// Its caches are told of all grants.
    pub fn hear_of_grants(&self) {
        let grants = self.outside.cluster.store().grants.clone();
        let wake = self.ctx.caches.write().unwrap().reset_grants(grants);
        self.ctx.queue.add_all(wake);
    }
}
