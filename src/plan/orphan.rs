//! A directory in a backend's root: whether it belongs to a volume, and what becomes of it if not.
//!
//! A create whose answer was lost leaves an empty directory of which nothing else is known. That one is removed, by `rmdir`,
//! when it is old; whatever could hold somebody's data is only reported.

use crate::domain::ids::PvName;
use jiff::{SignedDuration, Timestamp};
use tombolo_backend_api::Listed;

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
