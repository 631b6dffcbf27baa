//! How much is promised, and whether more fits: the sum of all limits, and of what is charged without a limit, stays within a
//! budget, so that no tenant within their limit meets a full file system.

use crate::filer::Filer;
use rustix::fs::{FlockOperation, flock, fstatvfs};
use std::collections::BTreeSet;
use std::os::fd::{AsFd, OwnedFd};
use tombolo_backend_api::{BackendError, Class};
use tombolo_backend_local::dir;
use tombolo_backend_local::error::Certain;
use tombolo_btrfs::quota::{self, Charged, Qgroups, Quotas};
use tombolo_btrfs::{Division, SubvolumeId, subvolume};

/// Bytes promised, without what is promised to `but`: limits of what exists (volumes, those in the trash, copies) and what is charged
/// to everything else (snapshots, and subvolumes which are gone and of which others hold something).
fn promised(all: &[Charged], alive: &BTreeSet<SubvolumeId>, but: Option<SubvolumeId>) -> u64 {
    let others = all.iter().filter(|charged| Some(charged.id) != but);
    let of = |charged: &Charged| match charged.limit {
        // One that a limit was set below may use more than its limit.
        Some(limit) if alive.contains(&charged.id) => limit.max(charged.used),
        Some(_) | None => charged.used,
    };
    others.map(of).fold(0, u64::saturating_add)
}

/// Whether `bytes` more fit.
fn fits(bytes: u64, promised: u64, budget: u64) -> Result<(), BackendError> {
    if promised.checked_add(bytes).is_some_and(|sum| sum <= budget) {
        return Ok(());
    }
    let message = format!("{bytes} bytes do not fit: {promised} of {budget} are promised to others");
    Err(BackendError::not_done(Class::Full, message))
}

/// The budget of one file system, held by this call alone until it is dropped.
pub(crate) struct Room<'a> {
    filer: &'a Filer,
    root: &'a OwnedFd,
    _lock: OwnedFd,
}

impl<'a> Room<'a> {
    /// Waits for its turn. What is decided about room is decided by one at a time, also of several processes.
    pub(crate) fn of(filer: &'a Filer, root: &'a OwnedFd) -> Result<Self, BackendError> {
        let gone = || BackendError::not_done(Class::Waiting, "the root has no private directory");
        let lock = dir::open_private(root, "")?.ok_or_else(gone)?;
        flock(&lock, FlockOperation::LockExclusive).not_done("wait for a turn")?;
        Ok(Self {
            filer,
            root,
            _lock: lock,
        })
    }

    /// Fails, as `Full`, unless `bytes` fit, without what was promised to `but`.
    pub(crate) fn check(&self, bytes: u64, but: Option<SubvolumeId>) -> Result<(), BackendError> {
        if self.filer.config().overcommit() {
            return Ok(());
        }
        let (promised, budget) = sums(self.filer, self.root, but)?;
        fits(bytes, promised, budget)
    }

    /// Promises `bytes` to a subvolume.
    pub(crate) fn promise(&self, subvolume: impl AsFd, id: SubvolumeId, bytes: u64) -> Result<(), BackendError> {
        self.check(bytes, Some(id))?;
        self.keep(subvolume, id, bytes)
    }

    /// Limits a new subvolume to what was [checked](Self::check) before it was made.
    pub(crate) fn keep(&self, subvolume: impl AsFd, id: SubvolumeId, bytes: u64) -> Result<(), BackendError> {
        quota::limit(subvolume, id, bytes).not_done(&format!("limit subvolume {id}"))
    }
}

/// Whether there are quotas at all: there are none before a filer was first opened.
pub(crate) fn is_kept(root: &OwnedFd) -> Result<bool, BackendError> {
    let kind = Qgroups::of(root).and_then(|groups| groups.kind());
    Ok(kind.not_done("ask for quotas")? != Quotas::Off)
}

/// What is promised, and what may be.
pub(crate) fn sums(filer: &Filer, root: &OwnedFd, but: Option<SubvolumeId>) -> Result<(u64, u64), BackendError> {
    let what = "ask what is promised";
    let all = Qgroups::of(root).and_then(|groups| groups.all()).not_done(what)?;
    let alive = subvolume::all(root).not_done(what)?.into_iter().collect();
    let stat = fstatvfs(root).not_done(what)?;
    let division = Division::of(root).not_done(what)?;
    let budget = filer
        .config()
        .budget(stat.f_blocks.saturating_mul(stat.f_frsize), division);
    Ok((promised(&all, &alive, but), budget))
}

/// What is charged to a subvolume, and its limit.
pub(crate) fn charged(inside: impl AsFd, id: SubvolumeId) -> Result<Charged, BackendError> {
    let none = Charged {
        id,
        used: 0,
        limit: None,
    };
    let groups = Qgroups::of(inside).and_then(|groups| groups.charged(id));
    Ok(groups
        .not_done(&format!("ask what subvolume {id} uses"))?
        .unwrap_or(none))
}

#[cfg(test)]
mod tests;
