//! The ledger on disk. The only file that names sled.
//!
//! In the ledger's directory: `store/` is sled's; `serial` the number of the last flushed write; `lock` is held while the
//! ledger is open; `store.corrupt-<n>/` are stores that could not be read. One tree, whose keys are `v/<volume>` (records),
//! `q/<volume>` (what could not be read), `m/epoch` and `m/serial`; any other key is a later release's and left alone.

use super::book::{Book, Edits, Quarantined, Request};
use super::codec::{decode, decode_record, encode};
use super::epoch::Epoch;
use super::serial::Serial;
use super::writer::{Store, Writer};
use super::{Condition, Durability, Ledger, LedgerError, Opened};
use crate::domain::change::Change;
use crate::domain::ids::VolumeId;
use crate::domain::record::Record;
use async_trait::async_trait;
use std::fs::{File, TryLockError};
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};

const RECORD: &str = "v/";
const ASIDE: &str = "q/";
const EPOCH: &str = "m/epoch";
const SERIAL: &str = "m/serial";

/// All records are in memory already; sled's own cache only has to serve its writes. Its default is 512 MiB.
const CACHE: u64 = 16 << 20;
/// How long [`Durability::Soon`] takes at most.
const FLUSH_EVERY_MS: u64 = 500;

/// The ledger in a directory. Dropping it waits until everything is flushed.
#[derive(Debug)]
pub struct SledLedger {
    book: Arc<Book>,
    // Before the lock, so that the store is closed when the lock goes.
    writer: Writer,
    _lock: File,
}

impl SledLedger {
    /// Opens the ledger in `dir`, making it if there is none. Blocks; once per process.
    ///
    /// A store that cannot be read, or that has lost writes it had flushed, is moved aside and an empty one takes its place.
    ///
    /// # Errors
    /// [`LedgerError::Locked`] and [`LedgerError::Unavailable`].
    pub fn open(dir: &Path) -> Result<Opened<Self>, LedgerError> {
        let unavailable = |source| LedgerError::Unavailable {
            dir: dir.to_owned(),
            source,
        };
        std::fs::create_dir_all(dir).map_err(unavailable)?;
        let lock = File::create(dir.join("lock")).map_err(unavailable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LedgerError::Locked { dir: dir.to_owned() }),
            Err(TryLockError::Error(e)) => return Err(unavailable(e)),
        }
        let (book, writer, condition) = match start(dir) {
            Ok(opened) => opened,
            Err(Fault::Unavailable(e)) => return Err(unavailable(e)),
            Err(Fault::Damaged(why)) => {
                let moved_to = move_aside(dir).map_err(unavailable)?;
                let (book, writer, _) = start(dir).map_err(|fault| match fault {
                    Fault::Unavailable(e) => unavailable(e),
                    Fault::Damaged(why) => unavailable(Error::other(why)),
                })?;
                (book, writer, Condition::Recovered { moved_to, why })
            }
        };
        let ledger = Self {
            book,
            writer,
            _lock: lock,
        };
        Ok(Opened { ledger, condition })
    }

    /// How often the disk was flushed: fewer times than was asked for, because those who wait share one flush.
    pub fn flushes(&self) -> u64 {
        self.writer.flushes()
    }
}

#[async_trait]
impl Ledger for SledLedger {
    fn book(&self) -> &Book {
        &self.book
    }

    async fn apply(&self, changes: Vec<Change>, durability: Durability) -> Result<(), LedgerError> {
        self.writer.write(Request::Apply(changes), durability).await
    }

    async fn replace_all(&self, records: Vec<Record>) -> Result<(), LedgerError> {
        let request = Request::ReplaceAll(records);
        self.writer.write(request, Durability::Flushed).await
    }

    async fn set_epoch(&self, epoch: Epoch) -> Result<(), LedgerError> {
        let request = Request::SetEpoch(epoch);
        self.writer.write(request, Durability::Flushed).await
    }
}

/// Why a store cannot be used.
#[derive(Debug, thiserror::Error)]
enum Fault {
    /// It is no good; another may be.
    #[error("{0}")]
    Damaged(String),
    /// The disk or the permissions are no good.
    #[error(transparent)]
    Unavailable(Error),
}

impl From<sled::Error> for Fault {
    fn from(e: sled::Error) -> Self {
        match e {
            sled::Error::Io(e) => e.into(),
            sled::Error::CollectionNotFound(_)
            | sled::Error::Unsupported(_)
            | sled::Error::ReportableBug(_)
            | sled::Error::Corruption { .. } => Self::Damaged(e.to_string()),
        }
    }
}

impl From<Error> for Fault {
    fn from(e: Error) -> Self {
        match e.kind() {
            ErrorKind::UnexpectedEof | ErrorKind::InvalidData => Self::Damaged(e.to_string()),
            _ => Self::Unavailable(e),
        }
    }
}

/// Opens the store on the thread that will write to it: where sled panics on a damaged file, only that thread ends.
fn start(dir: &Path) -> Result<(Arc<Book>, Writer, Condition), Fault> {
    let (ready, opened) = mpsc::channel();
    let dir = dir.to_owned();
    let writer = Writer::start(move |rounds| match Disk::open(&dir) {
        Ok((disk, book, condition)) => {
            let book = Arc::new(book);
            if ready.send(Ok((Arc::clone(&book), condition))).is_ok() {
                rounds.run(&book, disk);
            }
        }
        Err(fault) => {
            let _ = ready.send(Err(fault));
        }
    })?;
    match opened.recv() {
        Ok(Ok((book, condition))) => Ok((book, writer, condition)),
        Ok(Err(fault)) => Err(fault),
        Err(mpsc::RecvError) => Err(Fault::Damaged(format!(
            "sled panicked: {}",
            writer.end().err().unwrap_or_default()
        ))),
    }
}

fn move_aside(dir: &Path) -> Result<PathBuf, Error> {
    let mut n = 1;
    let to = loop {
        let to = dir.join(format!("store.corrupt-{n}"));
        if !to.try_exists()? {
            break to;
        }
        n += 1;
    };
    std::fs::rename(dir.join("store"), &to)?;
    File::open(dir)?.sync_all()?;
    Ok(to)
}

/// The open store.
struct Disk {
    db: sled::Db,
    dir: PathBuf,
    file: File,
    /// Number of the last write.
    serial: u64,
    flushed: Serial,
}

impl Disk {
    fn open(parent: &Path) -> Result<(Self, Book, Condition), Fault> {
        let dir = parent.join("store");
        let existed = dir.try_exists()?;
        let config = sled::Config::new()
            .path(&dir)
            .cache_capacity(CACHE)
            .flush_every_ms(Some(FLUSH_EVERY_MS));
        let db = let_go(|| config.open())?;
        let (mut flushed, noted) = Serial::open(&parent.join("serial"))?;
        let serial = match db.get(SERIAL)? {
            Some(bytes) => Some(decode::<u64>(&bytes).map_err(|e| Fault::Damaged(e.to_string()))?),
            None => None,
        };
        let condition = match (serial, noted) {
            // The number, if there is one, is that of a store that was deleted.
            _ if !existed => Condition::Fresh,
            // Its making was interrupted.
            (None, None) => Condition::Fresh,
            (Some(_), None) => return Err(Fault::Damaged("the number of its last flushed write is lost".into())),
            (found, Some(noted)) if found.unwrap_or(0) < noted => {
                let found = found.unwrap_or(0);
                let why = format!("it ends with write {found}, and write {noted} had been flushed");
                return Err(Fault::Damaged(why));
            }
            (_, Some(_)) => Condition::Loaded,
        };
        if condition == Condition::Fresh {
            flushed.note(0)?;
        }
        File::open(&dir)?.sync_all()?;
        File::open(parent)?.sync_all()?;
        let mut disk = Self {
            file: File::open(dir.join("db"))?,
            db,
            dir,
            serial: serial.unwrap_or(0),
            flushed,
        };
        let book = disk.load()?;
        Ok((disk, book, condition))
    }

    /// Reads everything, and moves what cannot be read to keys of its own.
    fn load(&mut self) -> Result<Book, Fault> {
        let (mut records, mut quarantined) = (Vec::new(), Vec::new());
        let mut moves = sled::Batch::default();
        for entry in self.db.iter() {
            let (key, bytes) = entry?;
            if let Some(name) = key.strip_prefix(RECORD.as_bytes()) {
                let volume = VolumeId::new(String::from_utf8_lossy(name));
                match decode_record(&volume, &bytes) {
                    Ok(record) => records.push(record),
                    Err(_) => {
                        quarantined.push(Quarantined::new(&volume, &bytes));
                        moves.remove(&key);
                        moves.insert([ASIDE.as_bytes(), name].concat(), bytes);
                    }
                }
            } else if let Some(name) = key.strip_prefix(ASIDE.as_bytes()) {
                let volume = VolumeId::new(String::from_utf8_lossy(name));
                quarantined.push(Quarantined::new(&volume, &bytes));
            }
        }
        let epoch = self.db.get(EPOCH)?.and_then(|bytes| decode(&bytes).ok());
        if !quarantined.is_empty() {
            self.commit(moves)?;
            self.sync()?;
        }
        Ok(Book::new(records, epoch, quarantined))
    }

    fn commit(&mut self, mut batch: sled::Batch) -> Result<(), Fault> {
        let serial = self.serial + 1;
        let bytes = encode(&serial).map_err(Error::other)?;
        batch.insert(SERIAL, bytes);
        self.db.apply_batch(batch)?;
        self.serial = serial;
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Fault> {
        let _ = self.db.flush()?;
        // On Linux that was sync_file_range(2), which "does not flush disk write caches" nor the file's size; and of values
        // too large for the log, which sled keeps in files of their own, it was nothing.
        self.file.sync_all()?;
        let blobs = self.dir.join("blobs");
        let mut any = false;
        for blob in std::fs::read_dir(&blobs)? {
            match File::open(blob?.path()) {
                Ok(file) => file.sync_all()?,
                // sled removes those that no page needs any more, whenever it likes.
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                Err(e) => return Err(e.into()),
            }
            any = true;
        }
        if any {
            File::open(&blobs)?.sync_all()?;
        }
        self.flushed.note(self.serial)?;
        Ok(())
    }
}

impl Store for Disk {
    type Error = Fault;

    fn write(&mut self, edits: &Edits) -> Result<(), Fault> {
        let mut batch = sled::Batch::default();
        for (volume, record) in &edits.records {
            let key = format!("{RECORD}{volume}");
            match record {
                Some(record) => batch.insert(key.as_bytes(), encode(record.as_ref()).map_err(Error::other)?),
                None => batch.remove(key.as_bytes()),
            }
        }
        if let Some(epoch) = &edits.epoch {
            batch.insert(EPOCH, encode(epoch).map_err(Error::other)?);
        }
        if edits.clear_quarantine {
            for key in self.db.scan_prefix(ASIDE).keys() {
                batch.remove(key?);
            }
        }
        self.commit(batch)
    }

    fn flush(&mut self) -> Result<(), Fault> {
        self.sync()
    }
}

/// Opens a store whose lock may be held for a moment more: a store that was closed lets go of it when its last thread has ended. Another
/// process has it for longer, but then our own lock beside it, too.
fn let_go(open: impl Fn() -> sled::Result<sled::Db>) -> sled::Result<sled::Db> {
    for _ in 0..100 {
        match open() {
            Err(sled::Error::Io(error)) if error.to_string().contains("could not acquire lock") => {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            opened => return opened,
        }
    }
    open()
}

#[cfg(test)]
mod tests;
