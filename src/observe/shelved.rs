//! What snapshots lie on the backends, as they count against limits: each as much as the volume that it was taken of, since a volume that
//! changes comes to need that much besides. Bytes only: a snapshot is no volume of its namespace.
//!
//! Known from listings of the backends, which say for which namespace each was taken, whatever has become of its objects; and between
//! listings from what this process takes and removes itself.

use crate::domain::ids::{BackendName, Namespace, SnapshotUid};
use crate::domain::record::Usage;
use crate::domain::snapshot::handle::{digest, digest_of, uid_of};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tombolo_backend_api::{Snapshot, SnapshotId};

/// The snapshots of all backends.
#[derive(Default)]
pub struct Shelved(Mutex<BTreeMap<BackendName, Shelf>>);

/// Those of one.
#[derive(Default)]
struct Shelf {
    /// Bytes of each, as last listed, without what was removed since.
    listed: HashMap<SnapshotId, u64>,
    /// Whether any listing has ended.
    is_known: bool,
    /// What is being taken, or was and may have been missed by a listing.
    fresh: HashMap<SnapshotId, Fresh>,
    /// Sums of both, by the digest of whose they are; `None`: all together. Wide: a backend may say anything.
    sums: HashMap<Option<String>, u128>,
    /// Whether anything has come off since the last listing. Sums alone do not show that: one may have come on besides.
    freed: bool,
    /// Orders listings and takes.
    clock: u64,
    /// When the newest of the listings that have ended had begun.
    last_began: u64,
}

struct Fresh {
    bytes: u64,
    /// When taking it had ended; `None`: it has not.
    ended: Option<u64>,
}

/// When a listing began.
#[derive(Debug, Clone, Copy)]
pub struct Began(u64);

impl Shelved {
    /// Whether the snapshots of a backend were ever listed.
    pub fn is_known(&self, backend: &BackendName) -> bool {
        self.lock().get(backend).is_some_and(|shelf| shelf.is_known)
    }

    /// A listing begins.
    pub fn begin(&self, backend: &BackendName) -> Began {
        Began(self.lock().entry(backend.clone()).or_default().tick())
    }

    /// What a listing found. Answers whether anything has come off since the last one: then there is room for those who wait.
    pub fn found(&self, backend: &BackendName, began: Began, snapshots: &[Snapshot]) -> bool {
        let mut all = self.lock();
        let shelf = all.entry(backend.clone()).or_default();
        // Another listing that began later has ended before: this one knows less.
        if shelf.last_began > began.0 {
            return false;
        }
        (shelf.last_began, shelf.is_known) = (began.0, true);
        let before: Vec<_> = shelf.charges().map(|(id, bytes)| (id.clone(), bytes)).collect();
        shelf.listed = snapshots.iter().map(|s| (s.id.clone(), s.bytes)).collect();
        let listed = &shelf.listed;
        shelf.fresh.retain(|id, fresh| {
            let missed = fresh.ended.is_none_or(|ended| ended > began.0);
            missed && !listed.contains_key(id)
        });
        shelf.count_anew();
        let less = before.iter().any(|(id, bytes)| shelf.charge(id) < *bytes);
        std::mem::take(&mut shelf.freed) || less
    }

    /// One is about to be taken, or still is.
    pub fn taking(&self, backend: &BackendName, id: &SnapshotId, bytes: u64) {
        let fresh = Fresh { bytes, ended: None };
        let mut all = self.lock();
        let shelf = all.entry(backend.clone()).or_default();
        shelf.change(id, |shelf| {
            shelf.fresh.insert(id.clone(), fresh);
        });
    }

    /// Taking one has ended, with or without success: the next listing says which.
    pub fn took(&self, backend: &BackendName, id: &SnapshotId) {
        let mut all = self.lock();
        let Some(shelf) = all.get_mut(backend) else { return };
        let now = shelf.tick();
        if let Some(fresh) = shelf.fresh.get_mut(id) {
            fresh.ended = Some(now);
        }
    }

    /// Whatever was to be taken for a VolumeSnapshot, it is not being taken. Answers where it counted until now.
    pub fn is_not_taken(&self, of: &SnapshotUid) -> Vec<BackendName> {
        let mut counted = Vec::new();
        for (name, shelf) in self.lock().iter_mut() {
            let its = shelf.fresh.keys().filter(|id| uid_of(id).as_ref() == Some(of));
            let its: Vec<SnapshotId> = its.cloned().collect();
            counted.extend((!its.is_empty()).then(|| name.clone()));
            for id in its {
                shelf.change(&id, |shelf| {
                    shelf.fresh.remove(&id);
                });
            }
        }
        counted
    }

    /// One was removed.
    pub fn removed(&self, backend: &BackendName, id: &SnapshotId) {
        let mut all = self.lock();
        let Some(shelf) = all.get_mut(backend) else { return };
        shelf.change(id, |shelf| {
            shelf.fresh.remove(id);
            shelf.listed.remove(id);
        });
    }

    /// What the snapshots on a backend add to its use by a namespace (`None`: by everybody).
    pub fn usage(&self, backend: &BackendName, namespace: Option<&Namespace>) -> Usage {
        let all = self.lock();
        let bytes = all
            .get(backend)
            .and_then(|shelf| shelf.sums.get(&namespace.map(digest)));
        Usage {
            bytes: bytes.map_or(0, |sum| u64::try_from(*sum).unwrap_or(u64::MAX)),
            ..Usage::default()
        }
    }

    /// A backend is gone.
    pub fn remove(&self, backend: &BackendName) {
        self.lock().remove(backend);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<BackendName, Shelf>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    /// What each counts, once.
    fn charges(&self) -> impl Iterator<Item = (&SnapshotId, u64)> {
        let listed = self.listed.iter().map(|(id, bytes)| (id, *bytes));
        let fresh = self.fresh.iter().filter(|(id, _)| !self.listed.contains_key(id));
        listed.chain(fresh.map(|(id, fresh)| (id, fresh.bytes)))
    }

    fn charge(&self, id: &SnapshotId) -> u64 {
        let fresh = || self.fresh.get(id).map(|fresh| fresh.bytes);
        self.listed.get(id).copied().or_else(fresh).unwrap_or_default()
    }

    fn change(&mut self, id: &SnapshotId, edit: impl FnOnce(&mut Self)) {
        let before = self.charge(id);
        edit(self);
        let now = self.charge(id);
        for key in keys(id) {
            let sum = self.sums.entry(key).or_default();
            *sum = sum.saturating_sub(before.into()).saturating_add(now.into());
        }
        self.freed |= now < before;
    }

    fn count_anew(&mut self) {
        let mut sums: HashMap<_, u128> = HashMap::new();
        for (id, bytes) in self.charges() {
            for key in keys(id) {
                let sum = sums.entry(key).or_default();
                *sum = sum.saturating_add(bytes.into());
            }
        }
        self.sums = sums;
    }
}

/// The sums that one is part of.
fn keys(id: &SnapshotId) -> impl Iterator<Item = Option<String>> + use<> {
    let own = digest_of(id).map(|digest| Some(digest.to_owned()));
    [None].into_iter().chain(own)
}

#[cfg(test)]
mod tests;
