//! Which export id comes next: a decision over values, without I/O.
//!
//! A file handle carries the id of its export. An id that is given to another export makes handles that clients have kept
//! valid again, with the other's permissions. Ids therefore ascend and wrap, an id that was used rests, and the lowest free one
//! is never the next one merely because it is free. Only the export that had a resting id may have it again at once.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::time::Duration;

/// Number of an export in NFS-Ganesha; 0 is that of the pseudo file system's root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExportId(NonZeroU16);

impl ExportId {
    /// Takes a number; 0 is none of ours.
    pub fn new(id: u16) -> Option<Self> {
        NonZeroU16::new(id).map(Self)
    }

    /// The number.
    pub fn get(self) -> u16 {
        self.0.get()
    }

    fn following(self) -> Self {
        Self(self.0.checked_add(1).unwrap_or(NonZeroU16::MIN))
    }
}

impl std::fmt::Display for ExportId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// What an id is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Usage {
    /// By an export that there is, cut or not.
    Taken,
    /// By one that is gone since then.
    Resting {
        /// When it was certainly gone.
        since: jiff::Timestamp,
    },
}

/// All ids that were ever given and are not forgotten, and the one that was given last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ids {
    used: BTreeMap<ExportId, Usage>,
    last: Option<ExportId>,
}

/// Every id is taken or rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("all 65535 export ids are in use or rest")]
pub struct Exhausted;

impl Ids {
    /// What was recorded: ids with what they are used for, and the one that was given last.
    pub fn recorded(used: impl IntoIterator<Item = (ExportId, Usage)>, last: Option<ExportId>) -> Self {
        Self {
            used: used.into_iter().collect(),
            last,
        }
    }

    /// The next id that is neither taken nor resting, and for which `elsewhere` is not true. It is the caller's from now on.
    pub fn take(
        &mut self,
        now: jiff::Timestamp,
        rest: Duration,
        elsewhere: impl Fn(ExportId) -> bool,
    ) -> Result<ExportId, Exhausted> {
        let mut id = self.last.map_or(ExportId(NonZeroU16::MIN), ExportId::following);
        for _ in 0..u16::MAX {
            let free = match self.used.get(&id) {
                None => true,
                Some(Usage::Taken) => false,
                Some(Usage::Resting { since }) => rested(*since, now, rest),
            };
            if free && !elsewhere(id) {
                self.used.insert(id, Usage::Taken);
                self.last = Some(id);
                return Ok(id);
            }
            id = id.following();
        }
        Err(Exhausted)
    }

    /// An id is used, whatever it was before.
    pub fn hold(&mut self, id: ExportId) {
        self.used.insert(id, Usage::Taken);
    }

    /// The export of an id is certainly gone.
    pub fn rest(&mut self, id: ExportId, since: jiff::Timestamp) {
        self.used.insert(id, Usage::Resting { since });
    }

    /// Forgets what has rested long enough, and answers it. Never the id that was given last: the next one follows from it.
    pub fn forget(&mut self, now: jiff::Timestamp, rest: Duration) -> Vec<ExportId> {
        let last = self.last;
        let over = |id: &ExportId, usage: &Usage| {
            Some(*id) != last && matches!(usage, Usage::Resting { since } if rested(*since, now, rest))
        };
        self.used
            .extract_if(.., |id, usage| over(id, usage))
            .map(|(id, _)| id)
            .collect()
    }

    /// Ids that are taken.
    pub fn taken(&self) -> usize {
        self.used.values().filter(|usage| matches!(usage, Usage::Taken)).count()
    }

    /// Ids that rest.
    pub fn resting(&self) -> usize {
        self.used.len() - self.taken()
    }
}

/// Whether an id has rested long enough. A clock that was put back makes it rest longer.
pub(crate) fn rested(since: jiff::Timestamp, now: jiff::Timestamp, rest: Duration) -> bool {
    let passed = Duration::try_from(now.duration_since(since));
    passed.is_ok_and(|passed| passed >= rest)
}

#[cfg(test)]
mod tests;
