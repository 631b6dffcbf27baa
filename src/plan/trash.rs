//! What becomes of a trash entry, and which of those that are due is purged next.

use crate::domain::discarded::Discarded;
use crate::domain::ids::{BackendName, Namespace};
use jiff::Timestamp;
use std::time::Duration;
use tombolo_backend_api::{Remains, TrashEntry, TrashId};

/// A record without its volume is of no use after this: whoever wrote it and was slow has been told by then.
const RECORD_ALONE: Duration = Duration::from_secs(3600);

/// Purges at once, of all backends.
const IN_ALL: usize = 16;
/// Of one backend: a server has other work, too.
const PER_BACKEND: usize = 4;
/// Of one namespace's volumes on one backend, so that huge trees of one tenant do not keep the others' in the trash.
const PER_NAMESPACE: usize = 2;

/// What becomes of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Nothing for so long.
    After(Duration),
    /// It is removed for ever.
    Purge,
    /// Its record is removed: there is nothing else.
    Forget,
}

/// What becomes of an entry now. Its age is by its record; one without, as a full disk leaves it, is as old as its directory says.
pub fn due(entry: &TrashEntry, retention: Duration, now: Timestamp) -> Due {
    let since = Discarded::of(entry).map_or(entry.since, |record| record.at);
    // From the future, by clocks that differ: as good as new.
    let age = Duration::try_from(now.duration_since(since)).unwrap_or_default();
    let (stays, then) = match entry.remains {
        Remains::Purging => (Duration::ZERO, Due::Purge),
        Remains::Whole => (retention, Due::Purge),
        Remains::RecordOnly => (RECORD_ALONE, Due::Forget),
    };
    match stays.saturating_sub(age) {
        Duration::ZERO => then,
        wait => Due::After(wait),
    }
}

/// An entry that is to be purged, or is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doomed {
    /// Where it lies.
    pub backend: BackendName,
    /// Which.
    pub id: TrashId,
    /// Whose volume it was, where a record says so.
    pub namespace: Option<Namespace>,
}

/// Which of `wanted` is purged next while `running` are: one of the backend that has the fewest under purge, in the order given.
/// `None`: as many as may are.
pub fn next<'a>(running: &[Doomed], wanted: impl IntoIterator<Item = &'a Doomed>) -> Option<&'a Doomed> {
    if running.len() >= IN_ALL {
        return None;
    }
    let of_backend = |doomed: &Doomed| running.iter().filter(|r| r.backend == doomed.backend).count();
    let of_namespace = |doomed: &Doomed| {
        let same = |r: &&Doomed| (&r.backend, &r.namespace) == (&doomed.backend, &doomed.namespace);
        running.iter().filter(same).count()
    };
    let may = |doomed: &&Doomed| {
        let begun = running
            .iter()
            .any(|r| (&r.backend, &r.id) == (&doomed.backend, &doomed.id));
        !begun && of_backend(doomed) < PER_BACKEND && of_namespace(doomed) < PER_NAMESPACE
    };
    wanted.into_iter().filter(may).min_by_key(|doomed| of_backend(doomed))
}

#[cfg(test)]
mod tests;
