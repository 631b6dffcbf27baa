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
    /// What `listed` came to when it was listed; `None`: never.
    when_listed: Option<u64>,
    /// What is being taken, or was and may have been missed by a listing.
    fresh: HashMap<SnapshotId, Fresh>,
    /// Whether anything has gone since the last listing that no listing may ever have shown.
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
        self.lock()
            .get(backend)
            .is_some_and(|shelf| shelf.when_listed.is_some())
    }

    /// A listing begins.
    pub fn begin(&self, backend: &BackendName) -> Began {
        Began(self.lock().entry(backend.clone()).or_default().tick())
    }

    /// What a listing found. Answers whether it is less than the last time, or anything went since: then there is room for those who wait.
    pub fn found(&self, backend: &BackendName, began: Began, snapshots: &[Snapshot]) -> bool {
        let mut all = self.lock();
        let shelf = all.entry(backend.clone()).or_default();
        // Another listing that began later has ended before: this one knows less.
        if shelf.last_began > began.0 {
            return false;
        }
        shelf.last_began = began.0;
        shelf.listed = snapshots.iter().map(|s| (s.id.clone(), s.bytes)).collect();
        let listed = &shelf.listed;
        shelf.fresh.retain(|id, fresh| {
            let missed = fresh.ended.is_none_or(|ended| ended > began.0);
            missed && !listed.contains_key(id)
        });
        let now = listed.values().fold(0, |sum: u64, bytes| sum.saturating_add(*bytes));
        let before = shelf.when_listed.replace(now);
        std::mem::take(&mut shelf.freed) || before.is_some_and(|before| now < before)
    }

    /// One is about to be taken, or still is.
    pub fn taking(&self, backend: &BackendName, id: &SnapshotId, bytes: u64) {
        let fresh = Fresh { bytes, ended: None };
        let mut all = self.lock();
        all.entry(backend.clone()).or_default().fresh.insert(id.clone(), fresh);
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
            let before = shelf.fresh.len();
            shelf.fresh.retain(|id, _| uid_of(id).as_ref() != Some(of));
            if shelf.fresh.len() < before {
                shelf.freed = true;
                counted.push(name.clone());
            }
        }
        counted
    }

    /// One was removed.
    pub fn removed(&self, backend: &BackendName, id: &SnapshotId) {
        let mut all = self.lock();
        let Some(shelf) = all.get_mut(backend) else { return };
        shelf.freed |= shelf.fresh.remove(id).is_some();
        shelf.listed.remove(id);
    }

    /// What the snapshots on a backend add to its use by a namespace (`None`: by everybody).
    pub fn usage(&self, backend: &BackendName, namespace: Option<&Namespace>) -> Usage {
        let all = self.lock();
        let Some(shelf) = all.get(backend) else {
            return Usage::default();
        };
        let own = namespace.map(digest);
        let counts = |id: &&SnapshotId| own.is_none() || digest_of(id) == own.as_deref();
        let fresh = shelf.fresh.iter().filter(|(id, _)| !shelf.listed.contains_key(id));
        let fresh = fresh.map(|(id, fresh)| (id, fresh.bytes));
        let listed = shelf.listed.iter().map(|(id, bytes)| (id, *bytes));
        let bytes = listed.chain(fresh).filter(|(id, _)| counts(id));
        Usage {
            bytes: bytes.fold(0, |sum: u64, (_, bytes)| sum.saturating_add(bytes)),
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::snapshot::handle::id_for;
    use tombolo_backend_api::VolumePath;

    fn id(uid: &str, namespace: &str) -> SnapshotId {
        id_for(&SnapshotUid::new(uid), &Namespace::new(namespace)).unwrap()
    }

    fn there(id: SnapshotId, bytes: u64) -> Snapshot {
        Snapshot {
            id,
            of: VolumePath::parse("data").unwrap(),
            taken: jiff::Timestamp::UNIX_EPOCH,
            bytes,
        }
    }

    fn used(all: &Shelved, by: &[Option<&str>]) -> Vec<u64> {
        let bytes = |by: &Option<&str>| all.usage(&nas(), by.map(Namespace::new).as_ref()).bytes;
        by.iter().map(bytes).collect()
    }

    fn nas() -> BackendName {
        BackendName::new("nas1")
    }

    const WHO: &[Option<&str>] = &[None, Some("team"), Some("dev")];

    #[test]
    fn each_counts_for_the_namespace_that_it_was_taken_for_and_what_has_no_such_name_for_the_backend() {
        let all = Shelved::default();
        assert!(!all.is_known(&nas()));
        let began = all.begin(&nas());
        let foreign = SnapshotId::parse("by-hand").unwrap();
        let listed = [there(id("a", "team"), 5), there(id("b", "dev"), 7), there(foreign, 100)];
        assert!(!all.found(&nas(), began, &listed));
        assert!(all.is_known(&nas()));
        assert_eq!(used(&all, WHO), [112, 5, 7]);
        all.removed(&nas(), &id("a", "team"));
        assert_eq!(used(&all, WHO), [107, 0, 7]);
        let began = all.begin(&nas());
        assert!(all.found(&nas(), began, &listed[1..2]), "there is room again");
        all.remove(&nas());
        assert_eq!(used(&all, WHO), [0, 0, 0]);
    }

    #[test]
    fn what_is_being_taken_counts_at_once_never_twice_and_until_a_listing_that_could_have_seen_it() {
        let (all, new) = (Shelved::default(), id("a", "team"));
        all.taking(&nas(), &new, 5);
        all.taking(&nas(), &new, 5);
        assert_eq!(used(&all, WHO), [5, 5, 0]);
        let early = all.begin(&nas());
        all.took(&nas(), &new);
        all.found(&nas(), early, &[]);
        assert_eq!(used(&all, WHO), [5, 5, 0], "that listing had begun before it was there");
        let late = all.begin(&nas());
        all.found(&nas(), late, &[there(new.clone(), 5)]);
        assert_eq!(used(&all, WHO), [5, 5, 0]);
        all.taking(&nas(), &id("b", "team"), 3);
        all.took(&nas(), &id("b", "team"));
        let after = all.begin(&nas());
        all.found(&nas(), after, &[there(new, 5)]);
        assert_eq!(used(&all, WHO), [5, 5, 0], "it came to nothing");
        all.found(&nas(), late, &[]);
        assert_eq!(used(&all, WHO), [5, 5, 0], "an older listing knows less");
        all.taking(&nas(), &id("c", "team"), 3);
        all.is_not_taken(&SnapshotUid::new("c"));
        assert_eq!(used(&all, WHO), [5, 5, 0], "it was not begun");
    }
}
