//! What the SharedVolume of a volume should say: for people to read, never to decide by.
//!
//! Looks at the caches. It exists while a volume has members besides its owner, is soft-deleted, or has something to complain
//! about.

use super::cleanup::Cleanup;
use super::consent::Consent;
use super::exports::kept_by_one_of;
use super::volume::{awaited, expected_owner};
use crate::api::conditions::{Statement, Status};
use crate::api::reasons::SharedVolumeReason as R;
use crate::api::shared_volume::{
    MEMBERS_LISTED, SharedVolumeMember, SharedVolumeOwner, SharedVolumePhase, SharedVolumeStatus,
};
use crate::domain::access::{Access, OnRevoke};
use crate::domain::ids::{BackendName, ClaimKey, VolumeId};
use crate::domain::pv::{Pv, PvPhase, ReclaimPolicy};
use crate::domain::record::{Record, State};

/// What the description looks at.
#[derive(Debug, Clone)]
pub struct ForSharedVolume<'a> {
    /// The volume.
    pub volume: &'a VolumeId,
    /// The owner's PersistentVolume.
    pub pv: Option<&'a Pv>,
    /// Members' PersistentVolumes, each with the state of its consent; `None`: it looks withdrawn, and has not been read live.
    pub members: &'a [(std::sync::Arc<Pv>, Option<Consent>)],
    /// What the ledger knows.
    pub record: Option<&'a Record>,
    /// Whether the owner's claim is being deleted and held by us.
    pub holding: bool,
    /// How far its removal has come.
    pub cleanup: Cleanup,
    /// The backend it lies on, if it is there.
    pub backend: Option<&'a BackendName>,
    /// Whether that can take access away, if it is known.
    pub revokes: Option<bool>,
}

/// What the object should be; `None`: there should be none.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// `spec.backend`.
    pub backend: BackendName,
    /// The status but for its conditions.
    pub status: SharedVolumeStatus,
    /// The conditions that hold; all other types of ours are False, but for those that are open.
    pub conditions: Vec<Statement>,
    /// Conditions of which it cannot be told now whether they hold: they stay as they are.
    pub open: Vec<R>,
}

/// Describes a volume.
pub fn describe(o: &ForSharedVolume<'_>) -> Option<Wanted> {
    let pv = o.pv?;
    let ours = pv.ours.as_ref()?;
    let deleting = o.record.is_some_and(|r| r.state == State::Deleting);
    // A PersistentVolume deleted by hand stays `Bound` while its owner's claim lives: the owner has not gone.
    let owner_gone = pv.is_let_go() && pv.phase != PvPhase::Bound;
    let soft_deleted = owner_gone && !(pv.policy == ReclaimPolicy::Retain && o.members.is_empty() && !pv.terminating);
    let unexpected = is_unexpected(o, pv);
    let conditions = conditions(o, soft_deleted, unexpected);
    if o.members.is_empty() && !soft_deleted && !deleting && conditions.is_empty() {
        return None;
    }
    let phase = match (deleting, soft_deleted) {
        (true, _) => SharedVolumePhase::Deleting,
        (false, true) => SharedVolumePhase::SoftDeleted,
        (false, false) => SharedVolumePhase::Shared,
    };
    let backend = o.record.map(|r| r.backend.clone());
    let backend = backend
        .or_else(|| ours.backend.clone())
        .or_else(|| o.backend.cloned())?;
    let listed = newest_first(o.members)
        .into_iter()
        .take(MEMBERS_LISTED)
        .filter_map(member)
        .collect();
    let owner = pv.claim.as_ref().and_then(|c| owner(&c.key, c.uid.as_ref()?.as_str()));
    let read_only = o
        .members
        .iter()
        .filter(|(pv, _)| pv.ours.as_ref().is_some_and(|m| m.access == Access::ReadOnly))
        .count();
    let status = SharedVolumeStatus {
        phase: Some(phase),
        owner,
        backend: Some(backend.to_string()),
        member_count: i64::try_from(o.members.len()).ok(),
        read_only_member_count: i64::try_from(read_only).ok(),
        members: listed,
        truncated: Some(o.members.len() > MEMBERS_LISTED),
        conditions: Vec::new(),
    };
    Some(Wanted {
        backend,
        status,
        conditions,
        open: open(o),
    })
}

/// Free for any claim, or bound to one that nobody recorded.
fn is_unexpected(o: &ForSharedVolume<'_>, pv: &Pv) -> bool {
    let uid = pv.claim.as_ref().and_then(|c| c.uid.as_ref());
    match pv.phase {
        PvPhase::Available => !pv.ours.as_ref().is_some_and(|ours| awaited(pv, ours)),
        PvPhase::Bound => uid.is_some_and(|uid| !being_populated(pv) && !expected_owner(pv, o.record).contains(uid)),
        PvPhase::Pending | PvPhase::Released | PvPhase::Failed => false,
    }
}

/// A populator has rebound it a moment ago, and its new owner is about to be recorded.
fn being_populated(pv: &Pv) -> bool {
    pv.populated && pv.ours.as_ref().is_some_and(|o| o.owner_uid.is_none())
}

/// Those of one second in the order of their names, so that the order holds still.
fn newest_first(members: &[(std::sync::Arc<Pv>, Option<Consent>)]) -> Vec<&Pv> {
    let mut sorted: Vec<&Pv> = members.iter().map(|(pv, _)| &**pv).collect();
    sorted.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| a.name.cmp(&b.name)));
    sorted
}

fn owner(key: &ClaimKey, uid: &str) -> Option<SharedVolumeOwner> {
    Some(SharedVolumeOwner {
        namespace: key.namespace.to_string(),
        name: key.name.clone(),
        uid: uid.to_owned(),
    })
}

fn member(pv: &Pv) -> Option<SharedVolumeMember> {
    let claim = pv.claim.as_ref()?;
    Some(SharedVolumeMember {
        namespace: claim.key.namespace.to_string(),
        name: claim.key.name.clone(),
        pv: pv.name.to_string(),
        access: pv.ours.as_ref()?.access,
    })
}

fn conditions(o: &ForSharedVolume<'_>, soft_deleted: bool, unexpected: bool) -> Vec<Statement> {
    let mut found = Vec::new();
    let mut say = |reason: R, message: String| {
        found.push(Statement {
            condition: reason.as_str(),
            status: Status::True,
            reason: reason.as_str(),
            message,
            observed_generation: None,
        });
    };
    if soft_deleted && !o.members.is_empty() {
        say(
            R::SoftDeleted,
            format!("the owner has gone; {} members keep the data", o.members.len()),
        );
    }
    if o.holding {
        say(
            R::HoldingOwner,
            format!("the owner's claim waits for {} members", o.members.len()),
        );
    }
    match o.cleanup {
        Cleanup::Failed(why) => say(R::CleanupFailed, why.to_owned()),
        Cleanup::NotDue | Cleanup::UnderWay => {}
    }
    if unexpected {
        say(
            R::UnexpectedClaim,
            "the owner's PersistentVolume is free for any claim, or bound to one that was not recorded; nothing is deleted"
                .to_owned(),
        );
    }
    let count = |wanted: &[Consent]| {
        o.members
            .iter()
            .filter(|(_, c)| c.is_some_and(|c| wanted.contains(&c)))
            .count()
    };
    match count(&[Consent::WithdrawnByOwner, Consent::WithdrawnByReference]) {
        0 => {}
        n => {
            let cut = o
                .members
                .iter()
                .filter(|(pv, consent)| withdrawn(*consent) && is_cut(pv))
                .count();
            let message = match cut {
                0 => format!("consent has ended for {n} members, which keep the data"),
                cut => {
                    format!("consent has ended for {n} members, which keep the data; access of {cut} of them is cut")
                }
            };
            say(R::ConsentWithdrawn, message);
        }
    }
    let not_reduced = not_reduced(o);
    if !not_reduced.is_empty() {
        say(R::AccessNotReduced, not_reduced.join("; "));
    }
    match count(&[Consent::Unknown]) {
        0 => {}
        n => say(
            R::ConsentUnknown,
            format!("the consent of {n} members cannot be read now; nothing is changed"),
        ),
    }
    found
}

fn withdrawn(consent: Option<Consent>) -> bool {
    matches!(consent, Some(Consent::WithdrawnByOwner | Consent::WithdrawnByReference))
}

fn is_cut(pv: &Pv) -> bool {
    pv.ours.as_ref().is_some_and(|ours| ours.cut.is_some())
}

/// Whose access is more than their consent, and stays so.
fn not_reduced(o: &ForSharedVolume<'_>) -> Vec<String> {
    let mut all = Vec::new();
    let uncut = || o.members.iter().filter(|(pv, _)| !is_cut(pv));
    let still_write = |consent: &Option<Consent>| matches!(consent, Some(Consent::ReadOnlyNow(_)));
    match uncut().filter(|(_, consent)| still_write(consent)).count() {
        0 => {}
        n => all.push(format!("{n} members may only read by now, and can still write")),
    }
    let asked = |pv: &Pv| pv.joined().is_some_and(|joined| joined.on_revoke == OnRevoke::Cut);
    // Those who keep it for others are few: they joined before their owner asked for cuts, or after.
    let everybody = o.members.iter().map(|(pv, _)| &**pv).chain(o.pv);
    let keep: Vec<&Pv> = everybody.filter(|pv| !asked(pv)).collect();
    let kept = uncut().filter(|(pv, consent)| {
        withdrawn(*consent) && asked(pv) && (o.revokes == Some(false) || kept_by_one_of(pv, keep.iter().copied()))
    });
    match kept.count() {
        0 => {}
        n => all.push(format!("access of {n} members was to be cut, and stays")),
    }
    all
}

/// What cannot be told now. Whether attempts failed before this process began is known to nobody, and a removal that is still
/// due has not succeeded since.
fn open(o: &ForSharedVolume<'_>) -> Vec<R> {
    let mut open = Vec::new();
    if o.members.iter().any(|(_, consent)| consent.is_none()) {
        open.extend([R::ConsentWithdrawn, R::AccessNotReduced, R::ConsentUnknown]);
    }
    match o.cleanup {
        Cleanup::UnderWay => open.push(R::CleanupFailed),
        Cleanup::NotDue | Cleanup::Failed(_) => {}
    }
    open
}

#[cfg(test)]
mod tests;
