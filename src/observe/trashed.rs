//! What lies in the trash of the backends, as it counts against limits: a volume counts until a purge has ended, or a tenant could
//! make, fill and delete beyond every limit.
//!
//! Known from listings, and between them from what this process discards and purges itself. What has no readable record counts for
//! the backend only: nobody knows whose it was, or how large.

use crate::domain::discarded::Discarded;
use crate::domain::ids::{BackendName, ClaimRef, Namespace, VolumeId};
use crate::domain::record::Usage;
use crate::ledger::Ledger;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tombolo_backend_api::{Remains, TrashEntry, TrashId};

/// The trash of all backends.
#[derive(Default)]
pub struct Trashed(Mutex<BTreeMap<BackendName, Bin>>);

/// The trash of one.
#[derive(Default)]
struct Bin {
    /// As last listed, without what was purged since.
    listed: HashMap<TrashId, Charge>,
    /// Sums of `listed`; `None`: all together.
    sums: HashMap<Option<Namespace>, Usage>,
    /// Whether any listing has ended.
    is_known: bool,
    /// Whether anything was purged since the last listing.
    freed: bool,
    /// What is being discarded, or was and may have been missed by a listing.
    fresh: BTreeMap<TrashId, Fresh>,
    /// Orders listings and discards.
    clock: u64,
    /// When the newest of the listings that have ended had begun.
    last_began: u64,
}

/// What an entry counts.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Charge {
    namespace: Option<Namespace>,
    usage: Usage,
}

struct Fresh {
    charge: Charge,
    /// When the discard had ended; `None`: it has not.
    ended: Option<u64>,
}

/// When a listing began.
#[derive(Debug, Clone, Copy)]
pub struct Began(u64);

/// A discard under way, whatever becomes of it.
#[must_use]
pub struct Discarding {
    all: Arc<Trashed>,
    backend: BackendName,
    id: TrashId,
}

impl Drop for Discarding {
    fn drop(&mut self) {
        let mut all = self.all.lock();
        if let Some(bin) = all.get_mut(&self.backend) {
            bin.clock += 1;
            let now = bin.clock;
            if let Some(fresh) = bin.fresh.get_mut(&self.id) {
                fresh.ended = Some(now);
            }
        }
    }
}

impl Trashed {
    /// Whether the trash of a backend was ever listed.
    pub fn is_known(&self, backend: &BackendName) -> bool {
        self.lock().get(backend).is_some_and(|bin| bin.is_known)
    }

    /// A listing begins.
    pub fn begin(&self, backend: &BackendName) -> Began {
        let mut all = self.lock();
        let bin = all.entry(backend.clone()).or_default();
        bin.clock += 1;
        Began(bin.clock)
    }

    /// What a listing found. Answers whether anything has come out of the trash since the last one: then there is room for those who wait, even
    /// if as much has come in.
    pub fn found(&self, backend: &BackendName, began: Began, entries: &[TrashEntry]) -> bool {
        let mut all = self.lock();
        let bin = all.entry(backend.clone()).or_default();
        // Another listing that began later has ended before: this one knows less.
        if bin.last_began > began.0 {
            return false;
        }
        (bin.last_began, bin.is_known) = (began.0, true);
        let now = entries.iter().filter_map(charged).collect();
        let before = std::mem::replace(&mut bin.listed, now);
        bin.sums.clear();
        for charge in bin.listed.values() {
            for key in charge.keys() {
                let sum = bin.sums.entry(key).or_default();
                *sum = sum.plus(charge.usage);
            }
        }
        let listed = &bin.listed;
        let mut less = std::mem::take(&mut bin.freed);
        less |= before.iter().any(|(id, charge)| listed.get(id) != Some(charge));
        bin.fresh.retain(|id, fresh| {
            let missed = fresh.ended.is_none_or(|ended| ended > began.0);
            less |= !missed && !listed.contains_key(id);
            missed && !listed.contains_key(id)
        });
        less
    }

    /// A volume is about to be discarded. It counts as trash from the moment in which the ledger forgets it.
    pub fn discarding(
        self: &Arc<Self>,
        backend: &BackendName,
        volume: &VolumeId,
        owner: &ClaimRef,
        bytes: u64,
    ) -> Option<Discarding> {
        let id = TrashId::parse(volume.as_str())?;
        let charge = Charge {
            namespace: Some(owner.key.namespace.clone()),
            usage: one_of(bytes),
        };
        let fresh = Fresh { charge, ended: None };
        let mut all = self.lock();
        all.entry(backend.clone()).or_default().fresh.insert(id.clone(), fresh);
        Some(Discarding {
            all: self.clone(),
            backend: backend.clone(),
            id,
        })
    }

    /// An entry was purged.
    pub fn purged(&self, backend: &BackendName, id: &TrashId) {
        let mut all = self.lock();
        let Some(bin) = all.get_mut(backend) else { return };
        bin.freed |= bin.fresh.remove(id).is_some();
        let Some(charge) = bin.listed.remove(id) else { return };
        bin.freed = true;
        for key in charge.keys() {
            if let Some(sum) = bin.sums.get_mut(&key) {
                sum.volumes = sum.volumes.saturating_sub(charge.usage.volumes);
                sum.bytes = sum.bytes.saturating_sub(charge.usage.bytes);
            }
        }
    }

    /// What the trash of a backend adds to its use by a namespace (`None`: by everybody).
    pub fn usage(&self, ledger: &dyn Ledger, backend: &BackendName, namespace: Option<&Namespace>) -> Usage {
        let all = self.lock();
        let Some(bin) = all.get(backend) else {
            return Usage::default();
        };
        let counts = |(id, fresh): &(&TrashId, &Fresh)| {
            namespace.is_none_or(|n| fresh.charge.namespace.as_ref() == Some(n))
                && ledger.get(&VolumeId::new(id.as_str())).is_none()
        };
        let fresh = bin.fresh.iter().filter(counts).map(|(_, fresh)| fresh.charge.usage);
        fresh.fold(bin.sum(namespace.cloned()), Usage::plus)
    }

    /// A backend is gone.
    pub fn remove(&self, backend: &BackendName) {
        self.lock().remove(backend);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<BackendName, Bin>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bin {
    fn sum(&self, namespace: Option<Namespace>) -> Usage {
        self.sums.get(&namespace).copied().unwrap_or_default()
    }
}

impl Charge {
    /// The sums that it is part of.
    fn keys(&self) -> impl Iterator<Item = Option<Namespace>> + use<> {
        [None].into_iter().chain(self.namespace.clone().map(Some))
    }
}

fn one_of(bytes: u64) -> Usage {
    Usage {
        volumes: 1,
        members: 0,
        bytes,
    }
}

/// What an entry counts; `None`: there is no volume.
fn charged(entry: &TrashEntry) -> Option<(TrashId, Charge)> {
    match entry.remains {
        Remains::RecordOnly => return None,
        Remains::Whole | Remains::Purging => {}
    }
    let record = Discarded::of(entry);
    let charge = Charge {
        usage: one_of(record.as_ref().map_or(0, |record| record.bytes)),
        namespace: record.map(|record| record.owner.key.namespace),
    };
    Some((entry.id.clone(), charge))
}

#[cfg(test)]
mod tests;
