//! A directory in a backend's root: whether it belongs to a volume, and what becomes of it if not.
//!
//! A create whose answer was lost leaves an empty directory of which nothing else is known. That one is removed, by `rmdir`,
//! when it is old; whatever could hold somebody's data is only reported.

use crate::domain::ids::PvName;
use crate::domain::snapshot::handle::uid_of;
use jiff::{SignedDuration, Timestamp};
use tombolo_backend_api::{Listed, Snapshot};

/// How long nobody must have asked for an empty directory: a create is repeated long before.
const ORPHANED: SignedDuration = SignedDuration::from_hours(1);

/// What a directory is judged by.
#[derive(Debug, Clone)]
pub struct ForOrphan<'a> {
    /// As the backend listed it.
    pub directory: &'a Listed,
    /// Whether the claim whose UID is in its name exists.
    pub claim: bool,
    /// Whether a PersistentVolume of its name exists, whosever it is.
    pub pv: bool,
    /// Whether a PersistentVolume has its data here, whatever its name.
    pub handle: bool,
    /// Whether the ledger has a record of its name.
    pub record: bool,
    /// Our clock; the directory's time is the server's.
    pub now: Timestamp,
}

/// What becomes of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It belongs to a volume, or may do so in a moment.
    Belongs,
    /// It goes, if it is empty: `rmdir` says so, as no listing can.
    RemovedIfEmpty,
    /// It stays, and is counted.
    Reported,
}

/// What a snapshot on a backend is judged by.
#[derive(Debug, Clone)]
pub struct ForSnapshot<'a> {
    /// As the backend listed it.
    pub snapshot: &'a Snapshot,
    /// Whether the VolumeSnapshot whose UID is in its name exists.
    pub of: bool,
    /// Whether a content says that this is its data, or is the one of that VolumeSnapshot.
    pub content: bool,
    /// Whether an admin has given it to another namespace.
    pub imported: bool,
    /// Our clock; the snapshot's time is the server's.
    pub now: Timestamp,
}

/// Whether a snapshot is nobody's. It is only reported: one that was kept on purpose, by a policy `Retain`, is found again by its name
/// and looks the same.
pub fn is_nobodys(o: &ForSnapshot<'_>) -> bool {
    let old = o.now.duration_since(o.snapshot.taken) >= ORPHANED;
    let ours = uid_of(&o.snapshot.id).is_some();
    ours && old && !o.of && !o.content && !o.imported
}

/// The name that a PersistentVolume of the directory's volume would have.
pub fn named(directory: &Listed) -> PvName {
    PvName::new(directory.path.as_str())
}

/// Decides about a directory.
pub fn decide(o: &ForOrphan<'_>) -> Fate {
    if o.claim || o.pv || o.handle || o.record {
        return Fate::Belongs;
    }
    // A server whose clock is ahead of ours makes it younger than now, never older.
    let old = o.now.duration_since(o.directory.modified) >= ORPHANED;
    // A restored volume lies at `pvc-<uid>.<another uid>`, and its object has another name than that.
    let ours = named(o.directory)
        .claim_uid()
        .is_some_and(|uid| !uid.as_str().contains('.'));
    if ours && old {
        Fate::RemovedIfEmpty
    } else {
        Fate::Reported
    }
}

#[cfg(test)]
mod tests;
