//! A ledger without a disk, for simulations: it keeps the same promises as the real one, and can be crashed and corrupted.
//!
//! A [`MemoryDisk`] outlives the ledgers opened on it. Dropping a ledger is a crash: what was not flushed is gone.

use super::book::{Book, Edits, Quarantined, Request};
use super::codec::{decode, decode_record, encode};
use super::epoch::Epoch;
use super::{Condition, Durability, Ledger, LedgerError, Opened};
use crate::domain::change::Change;
use crate::domain::ids::VolumeId;
use crate::domain::record::Record;
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is left after a crash. Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub struct MemoryDisk(Arc<Mutex<Platter>>);

#[derive(Debug, Default)]
struct Platter {
    records: BTreeMap<VolumeId, Vec<u8>>,
    aside: BTreeMap<VolumeId, Vec<u8>>,
    epoch: Option<Vec<u8>>,
    locked: bool,
    full: bool,
    flushes: u64,
}

impl MemoryDisk {
    fn platter(&self) -> MutexGuard<'_, Platter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file is deleted. To be called while no ledger is open on it.
    pub fn lose_everything(&self) {
        let mut platter = self.platter();
        platter.records.clear();
        platter.aside.clear();
        platter.epoch = None;
    }

    /// Changes one bit of a volume's record; `false` if it has none. To be called while no ledger is open.
    pub fn corrupt(&self, volume: &VolumeId) -> bool {
        let mut platter = self.platter();
        let last = platter.records.get_mut(volume).and_then(|bytes| bytes.last_mut());
        last.map(|byte| *byte ^= 1).is_some()
    }

    /// From now on nothing more can be written, or it can again.
    pub fn set_full(&self, full: bool) {
        self.platter().full = full;
    }

    /// How often it was flushed.
    pub fn flushes(&self) -> u64 {
        self.platter().flushes
    }
}

/// The ledger on a [`MemoryDisk`].
#[derive(Debug)]
pub struct MemoryLedger {
    disk: MemoryDisk,
    book: Book,
    desk: Mutex<Desk>,
}

/// What is between the book and the disk.
#[derive(Debug, Default)]
struct Desk {
    unflushed: Edits,
    failed: bool,
}

impl MemoryLedger {
    /// Opens what is on `disk`.
    ///
    /// # Errors
    /// [`LedgerError::Locked`] while another ledger is open on it.
    pub fn open(disk: &MemoryDisk) -> Result<Opened<Self>, LedgerError> {
        let mut platter = disk.platter();
        if platter.locked {
            return Err(LedgerError::Locked {
                dir: PathBuf::from("memory"),
            });
        }
        platter.locked = true;
        let fresh = platter.records.is_empty() && platter.aside.is_empty() && platter.epoch.is_none();
        let (mut records, mut quarantined) = (Vec::new(), Vec::new());
        let stored = std::mem::take(&mut platter.records);
        for (volume, bytes) in stored {
            match decode_record(&volume, &bytes) {
                Ok(record) => {
                    records.push(record);
                    let _ = platter.records.insert(volume, bytes);
                }
                Err(_) => {
                    let _ = platter.aside.insert(volume, bytes);
                }
            }
        }
        for (volume, bytes) in &platter.aside {
            quarantined.push(Quarantined::new(volume, bytes));
        }
        let epoch = platter.epoch.as_deref().and_then(|bytes| decode(bytes).ok());
        drop(platter);
        Ok(Opened {
            ledger: Self {
                disk: disk.clone(),
                book: Book::new(records, epoch, quarantined),
                desk: Mutex::default(),
            },
            condition: if fresh { Condition::Fresh } else { Condition::Loaded },
        })
    }

    fn write(&self, request: Request, durability: Durability) -> Result<(), LedgerError> {
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        if desk.failed {
            return Err(LedgerError::Ended);
        }
        let edits = self.book.stage(&Edits::default(), request)?;
        desk.unflushed.merge(edits.clone());
        match durability {
            Durability::Flushed => {
                let written = self.disk.platter().write(&desk.unflushed);
                desk.failed = written.is_err();
                written?;
                desk.unflushed = Edits::default();
            }
            Durability::Soon => {}
        }
        self.book.publish(edits);
        Ok(())
    }
}

impl Platter {
    fn write(&mut self, edits: &Edits) -> Result<(), LedgerError> {
        if edits.is_empty() {
            return Ok(());
        }
        if self.full {
            return Err(LedgerError::failed(
                "flushing",
                std::io::Error::from(std::io::ErrorKind::StorageFull),
            ));
        }
        let failed = |e| LedgerError::failed("encoding", e);
        let epoch = edits.epoch.as_ref().map(encode).transpose().map_err(failed)?;
        let mut written = Vec::new();
        for (volume, record) in &edits.records {
            let bytes = record.as_deref().map(encode).transpose().map_err(failed)?;
            written.push((volume.clone(), bytes));
        }
        for (volume, bytes) in written {
            let _ = match bytes {
                Some(bytes) => self.records.insert(volume, bytes),
                None => self.records.remove(&volume),
            };
        }
        self.epoch = epoch.or(self.epoch.take());
        if edits.clear_quarantine {
            self.aside.clear();
        }
        self.flushes += 1;
        Ok(())
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    fn book(&self) -> &Book {
        &self.book
    }

    async fn apply(&self, changes: Vec<Change>, durability: Durability) -> Result<(), LedgerError> {
        self.write(Request::Apply(changes), durability)
    }

    async fn replace_all(&self, records: Vec<Record>) -> Result<(), LedgerError> {
        self.write(Request::ReplaceAll(records), Durability::Flushed)
    }

    async fn set_epoch(&self, epoch: Epoch) -> Result<(), LedgerError> {
        self.write(Request::SetEpoch(epoch), Durability::Flushed)
    }
}

impl Drop for MemoryLedger {
    fn drop(&mut self) {
        self.disk.platter().locked = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::suite::{self, Stage};

    impl Stage for MemoryDisk {
        type Ledger = MemoryLedger;

        /// A write is a flush here.
        const SHARES_FLUSHES: bool = false;

        fn open(&self) -> Result<Opened<MemoryLedger>, LedgerError> {
            MemoryLedger::open(self)
        }

        fn crash(&self, ledger: MemoryLedger) {
            drop(ledger);
        }

        fn corrupt(&self, volume: &VolumeId) {
            assert!(MemoryDisk::corrupt(self, volume));
        }

        fn lose(&self) {
            self.lose_everything();
        }

        fn flushes(&self, _: &MemoryLedger) -> u64 {
            MemoryDisk::flushes(self)
        }
    }

    suite::on!(MemoryDisk::default());

    #[tokio::test]
    async fn what_was_not_flushed_is_gone_after_a_crash() {
        let disk = MemoryDisk::default();
        let ledger = MemoryLedger::open(&disk).unwrap().ledger;
        let begin = |name| vec![Change::Begin(crate::domain::change::tests::record(name))];
        ledger.apply(begin("pvc-1"), Durability::Soon).await.unwrap();
        ledger.apply(begin("pvc-2"), Durability::Flushed).await.unwrap();
        ledger.apply(begin("pvc-3"), Durability::Soon).await.unwrap();
        assert_eq!(ledger.all().len(), 3);
        drop(ledger);
        let ledger = MemoryLedger::open(&disk).unwrap().ledger;
        let left: Vec<_> = ledger.all().iter().map(|r| r.volume.to_string()).collect();
        assert_eq!(left, ["pvc-1", "pvc-2"], "a flush takes everything before it along");
    }

    #[tokio::test]
    async fn a_full_disk_fails_the_write_and_every_later_one() {
        let disk = MemoryDisk::default();
        let ledger = MemoryLedger::open(&disk).unwrap().ledger;
        disk.set_full(true);
        let begin = |name| vec![Change::Begin(crate::domain::change::tests::record(name))];
        let refused = ledger.apply(begin("pvc-1"), Durability::Flushed).await;
        assert!(matches!(refused, Err(LedgerError::Failed { .. })));
        disk.set_full(false);
        let refused = ledger.apply(begin("pvc-2"), Durability::Flushed).await;
        assert!(matches!(refused, Err(LedgerError::Ended)));
        assert!(ledger.all().is_empty());
        drop(ledger);
        let ledger = MemoryLedger::open(&disk).unwrap().ledger;
        ledger.apply(begin("pvc-2"), Durability::Flushed).await.unwrap();
    }
}
