//! The ledger: who is in which volume, and which step was under way, on disk.
//!
//! # What it promises
//! * One record per volume. The count of its members is the size of a set, never a stored number.
//! * [`Ledger::apply`] makes all its changes or none, over several volumes too, and only legal ones
//!   ([`crate::domain::change`]). With [`Durability::Flushed`] they are on the disk when it returns.
//! * A reader sees only what the store has accepted; what was to be flushed, only after the flush.
//! * What cannot be read is kept aside and reported, never guessed, never silently dropped.
//!
//! # What it does not promise
//! To be right. It is a *cache with intent*: everything but an open step can be read from the PersistentVolumes, and is, at
//! every start and whenever [`trust`] says so. Nothing is deleted on the ledger's word alone; it can only add reasons not to.
//!
//! # What it assumes
//! * Of the disk: that a write for which `fsync` succeeded is found again, and that renaming a directory is atomic.
//! * Of sled 0.34: that a batch is recovered whole or not at all; that its directory lock excludes other processes on this
//!   node (the Lease excludes those on others). *Not* that its `flush` is durable: on Linux that is `sync_file_range`, which
//!   leaves out the file's size and the disk's write cache, so the files are synced after it. *Not* that it notices every
//!   damage: a damaged end of its log is cut off in silence, so a number beside the store tells which write it must have.
//!   *Not* that it never panics on a damaged file: it runs on a thread of its own.
//! * Of the caller: one step at a time per volume, [`Ledger::set_epoch`] only when the records have been found
//!   trustworthy or rebuilt, and no other changes during a rebuild.
//!
//! # If the file is lost
//! Nothing else is. The directory may be deleted at any time while the controller is stopped; at the next start the ledger
//! is empty, has no epoch, is therefore not trusted, and is rebuilt before anything is deleted. A file that cannot be read is
//! moved aside and treated the same. A disk that cannot be written to (full, read-only) is an error, and nothing is moved.
//!
//! # Hazards
//! | hazard | what prevents it | its test |
//! |---|---|---|
//! | data deleted under a member | no `Discard`, no `Deleting`, no forgetting while members remain | `no_history_breaks_a_rule` |
//! | a backend call that nobody remembers | the intent is flushed before the call | `a_change_is_there_when_apply_returns_and_after_a_crash` |
//! | half a change after a crash | one batch | `a_batch_over_two_volumes_is_all_or_nothing` |
//! | an old ledger taken for the newest | the epoch against the Lease | `trusted_only_if_the_lease_is_as_the_last_writer_left_it` |
//! | a damaged file, or a copy put back, taken for the newest | the number of the last flushed write | `damage_never_passes_for_an_older_or_smaller_ledger` |
//! | a lost ledger taken for "no members" | no epoch, no trust | `a_lost_ledger_is_not_trusted` |
//! | a damaged record read as another one | checksum, version, key and rules | `nothing_is_guessed` |
//! | a disk that is full or read-only taken for a damaged ledger | an error, and nothing is moved | `a_full_disk_ends_the_ledger_and_loses_nothing_that_it_had_accepted` |
//! | a write lost by a failing disk | the first failure is the last write | `a_full_disk_fails_the_write_and_every_later_one` |
//!
//! Read [`Ledger`], then [`epoch`]. `book` is what is in memory, `codec` what a value's bytes are, `writer` the thread that
//! writes, [`sled`] the store and [`memory`] its stand-in for simulations.

mod book;
mod codec;
pub mod epoch;
mod error;
pub mod memory;
mod serial;
pub mod sled;
#[cfg(test)]
mod suite;
mod tally;
mod writer;

pub use book::{Book, Quarantined};
pub use error::LedgerError;

use crate::domain::change::Change;
use crate::domain::ids::{BackendName, Namespace, PvName, VolumeId};
use crate::domain::record::{Record, Usage};
use async_trait::async_trait;
use epoch::{Doubt, Epoch, LeaseSeen, Trust};
use std::path::PathBuf;
use std::sync::Arc;

/// When a change must be on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Before `apply` returns: an intent, before the backend is called.
    Flushed,
    /// Within a second or so: whatever would be found out again after a crash.
    Soon,
}

/// Where records are kept. Reading is from memory and never waits for the disk.
#[async_trait]
pub trait Ledger: Send + Sync + 'static {
    /// All that can be read.
    fn book(&self) -> &Book;

    /// Makes all `changes`, in order, or none.
    ///
    /// Whether they are legal is decided where they are written, one call after the other: of two that contradict each
    /// other, one is refused. Dropping the future does not undo the call.
    ///
    /// # Errors
    /// [`LedgerError::Illegal`], with which nothing happened; [`LedgerError::Failed`] and [`LedgerError::Ended`].
    async fn apply(&self, changes: Vec<Change>, durability: Durability) -> Result<(), LedgerError>;

    /// Puts `records`, as read from the cluster, in place of all there are, open steps included, and clears the quarantine:
    /// one step, flushed.
    ///
    /// # Errors
    /// As [`Self::apply`]; `Illegal` also if two records are of one volume.
    async fn replace_all(&self, records: Vec<Record>) -> Result<(), LedgerError>;

    /// Signs the ledger as the newest there is; flushed.
    ///
    /// # Errors
    /// As [`Self::apply`].
    async fn set_epoch(&self, epoch: Epoch) -> Result<(), LedgerError>;

    /// Flushes all that was applied.
    ///
    /// # Errors
    /// As [`Self::apply`].
    async fn flush(&self) -> Result<(), LedgerError> {
        self.apply(Vec::new(), Durability::Flushed).await
    }

    /// One volume's record.
    fn get(&self, volume: &VolumeId) -> Option<Arc<Record>> {
        self.book().get(volume)
    }

    /// The volume that a member's PersistentVolume is recorded in.
    fn joined(&self, member: &PvName) -> Option<Arc<Record>> {
        self.book().joined(member)
    }

    /// All records as of one moment, ordered by volume: one pointer each.
    fn all(&self) -> Vec<Arc<Record>> {
        self.book().all()
    }

    /// What `namespace` uses of one backend (`None`: what all use); not counted, but kept.
    fn usage(&self, backend: &BackendName, namespace: Option<&Namespace>) -> Usage {
        self.book().usage(backend, namespace)
    }

    /// Records with an open step.
    fn open_intents(&self) -> Vec<Arc<Record>> {
        self.book().open_intents()
    }

    /// What could not be read when the ledger was opened.
    fn quarantined(&self) -> Vec<Quarantined> {
        self.book().quarantined()
    }

    /// Who signed last.
    fn epoch(&self) -> Option<Epoch> {
        self.book().epoch()
    }
}

/// A ledger that was opened, and how it was found.
#[derive(Debug)]
pub struct Opened<L> {
    /// The ledger.
    pub ledger: L,
    /// How it was found. Not the last word: ask [`trust`] before acting.
    pub condition: Condition,
}

/// How a ledger was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// There was none.
    Fresh,
    /// It was there.
    Loaded,
    /// It was there and could not be read; an empty one takes its place.
    Recovered {
        /// Where the unreadable one is now.
        moved_to: PathBuf,
        /// What was wrong with it.
        why: String,
    },
}

/// Whether `ledger` may be acted on, given the Lease as found *before* acquiring it.
pub fn trust(ledger: &dyn Ledger, lease: Option<&LeaseSeen>, leader_election: bool) -> Trust {
    match ledger.quarantined().len() {
        0 => epoch::trusted(ledger.epoch().as_ref(), lease, leader_election),
        n => Trust::Rebuild(Doubt::Quarantined(n)),
    }
}
