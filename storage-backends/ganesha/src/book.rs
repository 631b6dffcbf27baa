//! The records in memory, with the ids that follow from them, and in step with those on disk.

use crate::ids::{ExportId, Ids, Usage, rested};
use crate::record::{Live, Record, State};
use crate::records::{Found, Records};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tombolo_backend_api::{BackendError, Class, ExportKey, Tenant, VolumePath};

/// All records. Whoever holds it may call the server.
#[derive(Debug)]
pub(crate) struct Book {
    disk: Arc<Records>,
    records: BTreeMap<ExportId, Record>,
    by_key: BTreeMap<ExportKey, ExportId>,
    ids: Ids,
    sequence: u64,
    /// Ids of which the disk may have another record than memory, because writing it failed.
    unsure: BTreeSet<ExportId>,
    /// Ids that exports have which are not ours.
    foreign: BTreeSet<ExportId>,
    /// Records that could not be read when this was opened.
    pub(crate) damaged: usize,
}

impl Book {
    /// What was found on disk. Of two records of one key the younger counts, and the other is to go: the process ended when an
    /// export was given a new id.
    pub(crate) fn new(disk: Records, found: Found, now: jiff::Timestamp) -> Self {
        let mut records = found.records;
        records.sort_by_key(|record| record.sequence);
        let sequence = records.last().map_or(0, |record| record.sequence);
        // Ids of a directory that was lost are not known. Not to begin with the same ones each time makes it less likely that
        // handles from then fit.
        let anywhere = u16::try_from(now.as_second().rem_euclid(i64::from(u16::MAX))).ok();
        let last = records
            .last()
            .map(|record| record.id)
            .or(anywhere.and_then(ExportId::new));
        let ids = Ids::recorded(records.iter().map(|record| (record.id, record.usage())), last);
        let mut book = Self {
            disk: Arc::new(disk),
            records: BTreeMap::new(),
            by_key: BTreeMap::new(),
            ids,
            sequence,
            unsure: BTreeSet::new(),
            foreign: BTreeSet::new(),
            damaged: found.damaged,
        };
        for record in records {
            book.insert(record);
        }
        book
    }

    /// Puts a record in memory. A live one of the same key that was there before is to go.
    fn insert(&mut self, record: Record) {
        if let Some(key) = self.records.get(&record.id).and_then(Record::key)
            && self.by_key.get(key) == Some(&record.id)
        {
            self.by_key.remove(key);
        }
        if let State::Live(live) = &record.state {
            let former = self.by_key.insert(live.key.clone(), record.id);
            if let Some(former) = former.and_then(|former| self.records.get_mut(&former)) {
                former.state = State::Leaving(live.key.clone());
            }
        }
        self.records.insert(record.id, record);
    }

    /// Brings a record to the disk, then to memory.
    pub(crate) async fn put(&mut self, record: Record) -> Result<(), BackendError> {
        self.unsure.insert(record.id);
        let (disk, copy) = (self.disk.clone(), record.clone());
        off_thread(move || disk.write(&copy)).await?;
        self.unsure.remove(&record.id);
        match record.usage() {
            Usage::Taken => self.ids.hold(record.id),
            Usage::Resting { since } => self.ids.rest(record.id, since),
        }
        self.insert(record);
        Ok(())
    }

    /// Records that a key has an id from now on.
    pub(crate) async fn give(&mut self, live: Live, id: ExportId) -> Result<Record, BackendError> {
        let sequence = self.sequence.saturating_add(1);
        let record = Record {
            id,
            sequence,
            state: State::Live(live),
        };
        self.sequence = sequence;
        self.put(record.clone()).await?;
        Ok(record)
    }

    /// The next id; the caller's from now on.
    pub(crate) fn take(&mut self, now: jiff::Timestamp, rest: Duration) -> Result<ExportId, BackendError> {
        let foreign = &self.foreign;
        let taken = self.ids.take(now, rest, |id| foreign.contains(&id));
        taken.map_err(|exhausted| BackendError::not_done(Class::Full, "no export can be made").because(exhausted))
    }

    /// An id that was taken and not used after all.
    pub(crate) fn give_back(&mut self, id: ExportId, now: jiff::Timestamp) {
        self.ids.rest(id, now);
    }

    /// Some export that is not ours has this id.
    pub(crate) fn note_foreign(&mut self, id: ExportId) {
        self.foreign.insert(id);
    }

    /// All ids that exports have which are not ours.
    pub(crate) fn set_foreign(&mut self, ids: BTreeSet<ExportId>) {
        self.foreign = ids;
    }

    /// The live record of a key.
    pub(crate) fn of(&self, key: &ExportKey) -> Option<&Record> {
        self.by_key.get(key).and_then(|id| self.records.get(id))
    }

    /// The record of an id.
    pub(crate) fn get(&self, id: ExportId) -> Option<&Record> {
        self.records.get(&id)
    }

    /// Whether the disk may have another record of an id than memory.
    pub(crate) fn is_unsure(&self, id: ExportId) -> bool {
        self.unsure.contains(&id)
    }

    /// All records, by id.
    pub(crate) fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.values()
    }

    /// Ids of records of a key that are to go.
    pub(crate) fn leaving(&self, key: &ExportKey) -> Vec<ExportId> {
        let leaving = self
            .records
            .values()
            .filter(|record| matches!(&record.state, State::Leaving(of) if of == key));
        leaving.map(|record| record.id).collect()
    }

    /// Keys of a volume's exports, those that are to go among them.
    pub(crate) fn keys_of(&self, path: &VolumePath) -> BTreeSet<ExportKey> {
        let keys = self.records.values().filter_map(Record::key);
        keys.filter(|key| key.path == *path).cloned().collect()
    }

    /// The record of the id that a key had last and that rests.
    pub(crate) fn resting_of(&self, key: &ExportKey) -> Option<&Record> {
        let resting = self.records.values().filter(|record| record.former() == Some(key));
        resting.max_by_key(|record| record.sequence)
    }

    /// Since when ids rest that were a tenant's, the longest first.
    pub(crate) fn resting_of_tenant(
        &self,
        tenant: &Tenant,
        now: jiff::Timestamp,
        rest: Duration,
    ) -> Vec<jiff::Timestamp> {
        let of_tenant = |record: &&Record| record.former().is_some_and(|key| key.tenant == *tenant);
        let resting = self.records.values().filter(of_tenant);
        let since = resting.filter_map(|record| match record.usage() {
            Usage::Resting { since } => (!rested(since, now, rest)).then_some(since),
            Usage::Taken => None,
        });
        let mut since: Vec<_> = since.collect();
        since.sort();
        since
    }

    /// Forgets what has rested long enough.
    pub(crate) async fn forget(&mut self, now: jiff::Timestamp, rest: Duration) -> Result<usize, BackendError> {
        let over = self.ids.forget(now, rest);
        for id in &over {
            let (disk, id) = (self.disk.clone(), *id);
            off_thread(move || disk.remove(id)).await?;
            self.records.remove(&id);
        }
        Ok(over.len())
    }

    /// Ids in use, and ids that rest.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.ids.taken(), self.ids.resting())
    }
}

/// Runs what waits for a disk where waiting is allowed.
pub(crate) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BackendError> + Send + 'static,
) -> Result<T, BackendError> {
    let broken = |e| BackendError::maybe_done(Class::Bug, "a write of export files broke").because(e);
    tokio::task::spawn_blocking(work).await.map_err(broken)?
}

#[cfg(test)]
mod tests;
