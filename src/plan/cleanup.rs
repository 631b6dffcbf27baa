//! The removal of a volume that nobody uses any more: what it needs to be known, and whether it has failed.
//!
//! `plan::volume::deletion` removes by it, `plan::shared_volume` says it in a condition, a metric counts it: one answer for all.

use crate::domain::access::OnDelete;
use crate::domain::ids::BackendName;
use crate::domain::pv::{Ours, Pv, ReclaimPolicy};
use crate::domain::record::Record;
use crate::plan::volume::record_of;

/// How far the removal of a volume has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cleanup {
    /// Somebody uses it, or it is to be kept.
    NotDue,
    /// It is due, and nothing is known to be in its way.
    UnderWay,
    /// It fails, or waits for a person; why, in words for an admin.
    Failed(&'static str),
}

/// What the state of a removal is read from.
#[derive(Debug, Clone)]
pub struct ForCleanup<'a> {
    /// The owner's PersistentVolume.
    pub pv: &'a Pv,
    /// What the ledger knows.
    pub record: Option<&'a Record>,
    /// The backend it lies on, if it is there.
    pub backend: Option<&'a BackendName>,
    /// Whether another volume has the same handle.
    pub twins: bool,
    /// Whether a claim uses it.
    pub used: bool,
    /// How many members it has.
    pub members: usize,
    /// Attempts in a row that failed.
    pub failed_attempts: u32,
}

/// Reads the state of a removal.
pub fn state(o: &ForCleanup<'_>) -> Cleanup {
    let pv = o.pv;
    let Some(ours) = pv.ours.as_ref().filter(|_| pv.is_owner() && pv.is_let_go()) else {
        return Cleanup::NotDue;
    };
    let somebody = o.used || o.members > 0 || !pv.tokens.is_empty();
    if somebody || (pv.policy == ReclaimPolicy::Retain && !pv.terminating) {
        return Cleanup::NotDue;
    }
    if pv.terminating && how(pv, ours) != OnDelete::Retain {
        let name = o.backend.cloned();
        let name = name
            .or_else(|| ours.backend.clone())
            .or_else(|| o.record.map(|r| r.backend.clone()));
        if let Err(obstacle) = ready(pv, ours, o.record, name, o.twins) {
            return Cleanup::Failed(obstacle);
        }
    }
    match o.failed_attempts {
        0 => Cleanup::UnderWay,
        _ => Cleanup::Failed(
            "removing the data has failed, and is tried again; the events of the PersistentVolume say more",
        ),
    }
}

/// What becomes of the data: as the class said when it was made, while the policy is still Delete.
pub fn how(pv: &Pv, ours: &Ours) -> OnDelete {
    match pv.policy {
        ReclaimPolicy::Delete => ours.on_delete,
        ReclaimPolicy::Retain | ReclaimPolicy::Recycle => OnDelete::Retain,
    }
}

/// What has to be known before data is removed: the backend's name, and the record of whose it was.
///
/// # Errors
/// What a person has to put right first.
pub fn ready(
    pv: &Pv,
    ours: &Ours,
    record: Option<&Record>,
    backend: Option<BackendName>,
    twins: bool,
) -> Result<(BackendName, Record), &'static str> {
    if record.is_some_and(|r| r.handle != ours.handle) {
        return Err(
            "its handle is not the one that Tombolo recorded, so its data is not deleted; put the old handle back",
        );
    }
    if twins {
        return Err(
            "another volume has the same handle, so its data is not deleted; put the right handle back on the one that was edited",
        );
    }
    let known = backend.and_then(|name| {
        let record = record.cloned().or_else(|| record_of(pv, ours, name.clone()))?;
        Some((name, record))
    });
    known.ok_or(
        "nothing says whose volume it was or where it lies; set its claimRef and labels, or policy Retain to let it go",
    )
}

#[cfg(test)]
mod tests;
