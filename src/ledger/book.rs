//! The whole ledger in memory: what is read, and where requests become edits.
//!
//! Both stores keep one. They first work out what a request changes (`Edits`), write that, and only then publish it, so a
//! reader never sees what the store has not accepted. Usage is kept up to date with each edit instead of being counted.

use super::codec::decode_record;
use super::epoch::Epoch;
use super::tally::Tally;
use crate::domain::change::{Change, Illegal, Why, apply, check};
use crate::domain::ids::{BackendName, Namespace, PvName, VolumeId};
use crate::domain::record::{Record, Usage};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

/// A stored value that cannot be read. It is kept aside until the ledger is rebuilt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// The key it was stored under.
    pub volume: VolumeId,
    /// What is wrong with it.
    pub why: String,
}

impl Quarantined {
    pub(super) fn new(volume: &VolumeId, bytes: &[u8]) -> Self {
        let why = match decode_record(volume, bytes) {
            Ok(_) => "it was unreadable to another release".to_owned(),
            Err(e) => match std::error::Error::source(&e) {
                Some(source) => format!("{e}: {source}"),
                None => e.to_string(),
            },
        };
        Self {
            volume: volume.clone(),
            why,
        }
    }
}

/// All records, readable at any time without waiting for the disk.
#[derive(Debug, Default)]
pub struct Book(RwLock<Pages>);

#[derive(Debug, Default)]
struct Pages {
    records: BTreeMap<VolumeId, Arc<Record>>,
    /// In which volume each member's PersistentVolume is: one, unless a record is wrong.
    joined: HashMap<PvName, BTreeSet<VolumeId>>,
    tally: Tally,
    epoch: Option<Epoch>,
    quarantined: Vec<Quarantined>,
}

/// What a store is asked to write, all or nothing.
#[derive(Debug)]
pub(super) enum Request {
    Apply(Vec<Change>),
    ReplaceAll(Vec<Record>),
    SetEpoch(Epoch),
}

/// What requests change, worked out but not yet written.
#[derive(Debug, Clone, Default)]
pub(super) struct Edits {
    /// The records that become other ones; `None` is no record.
    pub records: BTreeMap<VolumeId, Option<Arc<Record>>>,
    pub epoch: Option<Epoch>,
    /// What was kept aside goes: everything has been rebuilt.
    pub clear_quarantine: bool,
}

impl Edits {
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.epoch.is_none() && !self.clear_quarantine
    }

    /// Puts `later` on top.
    pub fn merge(&mut self, later: Self) {
        self.records.extend(later.records);
        self.epoch = later.epoch.or(self.epoch.take());
        self.clear_quarantine |= later.clear_quarantine;
    }
}

impl Book {
    pub(super) fn new(records: Vec<Record>, epoch: Option<Epoch>, quarantined: Vec<Quarantined>) -> Self {
        let mut pages = Pages {
            epoch,
            quarantined,
            ..Pages::default()
        };
        for record in records {
            pages.put(record.volume.clone(), Some(Arc::new(record)));
        }
        Self(RwLock::new(pages))
    }

    /// Pages are changed by moves and arithmetic that cannot panic, so a poisoned lock guards nothing broken.
    fn read(&self) -> RwLockReadGuard<'_, Pages> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// One volume's record.
    pub fn get(&self, volume: &VolumeId) -> Option<Arc<Record>> {
        self.read().records.get(volume).cloned()
    }

    /// The volume that a member's PersistentVolume is recorded in.
    pub fn joined(&self, member: &PvName) -> Option<Arc<Record>> {
        let pages = self.read();
        let volume = pages.joined.get(member)?.first()?;
        pages.records.get(volume).cloned()
    }

    /// All records as of one moment, ordered by volume.
    pub fn all(&self) -> Vec<Arc<Record>> {
        self.read().records.values().cloned().collect()
    }

    /// Records with an open step.
    pub fn open_intents(&self) -> Vec<Arc<Record>> {
        let pages = self.read();
        pages.records.values().filter(|r| r.intent.is_some()).cloned().collect()
    }

    /// What `namespace` uses of one backend (`None`: what all use).
    pub fn usage(&self, backend: &BackendName, namespace: Option<&Namespace>) -> Usage {
        self.read().tally.usage(backend, namespace)
    }

    /// Who wrote last.
    pub fn epoch(&self) -> Option<Epoch> {
        self.read().epoch.clone()
    }

    /// What could not be read when the ledger was opened.
    pub fn quarantined(&self) -> Vec<Quarantined> {
        self.read().quarantined.clone()
    }

    /// What `request` changes, given that `staged` is going to be published before it.
    pub(super) fn stage(&self, staged: &Edits, request: Request) -> Result<Edits, Illegal> {
        let pages = self.read();
        let before = |volume: &VolumeId| {
            let unwritten = staged.records.get(volume).map(Option::as_ref);
            unwritten.unwrap_or_else(|| pages.records.get(volume))
        };
        let mut edits = Edits::default();
        match request {
            Request::Apply(changes) => {
                let mut after: BTreeMap<VolumeId, Option<Record>> = BTreeMap::new();
                for change in changes {
                    let volume = change.volume();
                    let now = match after.remove(volume) {
                        Some(record) => record,
                        None => before(volume).map(|r| r.as_ref().clone()),
                    };
                    let next = apply(now, &change)?;
                    let _ = after.insert(volume.clone(), next);
                }
                edits.records = after.into_iter().map(|(v, next)| (v, next.map(Arc::new))).collect();
            }
            Request::ReplaceAll(records) => {
                edits.clear_quarantine = true;
                edits.records = pages.records.keys().map(|volume| (volume.clone(), None)).collect();
                edits
                    .records
                    .extend(staged.records.keys().map(|volume| (volume.clone(), None)));
                for record in records {
                    let refuse = |why| Illegal {
                        change: Box::new(Change::Restore(record.clone())),
                        why,
                    };
                    check(&record).map_err(refuse)?;
                    let volume = record.volume.clone();
                    if let Some(Some(twin)) = edits.records.insert(volume, Some(Arc::new(record.clone()))) {
                        return Err(refuse(Why::Taken(
                            Box::new(twin.owner.clone()),
                            twin.handle.to_string(),
                        )));
                    }
                }
            }
            Request::SetEpoch(epoch) => edits.epoch = Some(epoch),
        }
        edits.records.retain(|volume, next| next.as_ref() != before(volume));
        Ok(edits)
    }

    /// Makes `edits` readable, all at once.
    pub(super) fn publish(&self, edits: Edits) {
        let mut pages = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (volume, record) in edits.records {
            pages.put(volume, record);
        }
        if let Some(epoch) = edits.epoch {
            pages.epoch = Some(epoch);
        }
        if edits.clear_quarantine {
            pages.quarantined.clear();
        }
    }
}

impl Pages {
    fn put(&mut self, volume: VolumeId, record: Option<Arc<Record>>) {
        if let Some(old) = self.records.remove(&volume) {
            self.tally.take(&old);
            for pv in old.members.keys() {
                if let Some(volumes) = self.joined.get_mut(pv) {
                    let _ = volumes.remove(&volume);
                    if volumes.is_empty() {
                        let _ = self.joined.remove(pv);
                    }
                }
            }
        }
        if let Some(record) = record {
            self.tally.add(&record);
            for pv in record.members.keys() {
                let _ = self.joined.entry(pv.clone()).or_default().insert(volume.clone());
            }
            let _ = self.records.insert(volume, record);
        }
    }
}

#[cfg(test)]
mod tests;
