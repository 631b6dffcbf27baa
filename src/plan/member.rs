//! The life of a member's PersistentVolume: it leaves when its claim has, and nobody else's state holds it back.
//!
//! Looks at the object read live and at the claims that may use it. It holds no data: what is deleted here is an object.

use super::{Action, Plan};
use crate::api::reasons::ClaimReason as R;
use crate::domain::change::Change;
use crate::domain::claim::{Claim, ClaimPhase};
use crate::domain::ids::{BackendName, ClaimRef, PvName, VolumeId};
use crate::domain::pv::{Ours, Pv, PvPhase, ReclaimPolicy};
use crate::domain::record::{Intent, Member, Record, State};

/// A member as read live.
#[derive(Debug, Clone)]
pub struct LiveMember {
    /// Name of its PersistentVolume.
    pub name: PvName,
    /// Its PersistentVolume.
    pub pv: Option<Pv>,
    /// Claims that exist and whose UID is one of those that use it.
    pub claims: Vec<Claim>,
    /// The volume it is a member of, if that is known.
    pub volume: Option<VolumeId>,
    /// What the ledger knows of that volume.
    pub record: Option<Record>,
}

/// Decides about a member.
pub fn decide(m: &LiveMember) -> Plan {
    let Some(pv) = &m.pv else { return without_object(m) };
    let Some(ours) = pv.ours.as_ref().filter(|_| pv.is_member()) else {
        return unmarked(m, pv);
    };
    if pv.policy == ReclaimPolicy::Recycle {
        let text = "policy Recycle would erase the data of everybody who shares it; it was set back to Retain";
        return Plan::then_look_again(vec![
            Action::SetRetain(pv.into()),
            Action::tell_pv(pv, R::RecycleRefused, text),
        ]);
    }
    let users = m.claims.iter().filter(|c| !c.is_bound_elsewhere(&pv.name)).count();
    if pv.terminating {
        // While its claim lives, the data under a running pod does too.
        return if users > 0 {
            Plan::finally(entered(m, pv, ours))
        } else {
            Plan::finally(leave(m, pv))
        };
    }
    // Without either name it is waited for: a wrong one would stay.
    let astray = m.volume.is_some() && ours.volume != m.volume;
    if (!ours.intact || astray)
        && let Some(volume) = &m.volume
        && let Some(backend) = backend_name(m, ours)
    {
        return Plan::then_look_again(vec![Action::Mend {
            pv: pv.into(),
            volume: volume.clone(),
            backend,
            handle: ours.handle.clone(),
            member: true,
        }]);
    }
    let delete = || Plan::then_look_again(vec![Action::DeletePv(pv.into())]);
    let strayed = m.claims.iter().any(|c| c.is_bound_elsewhere(&pv.name)) && users == 0;
    match pv.phase {
        // Free for anybody's claim, taken by another claim, or left by its own: consent was for one claim.
        PvPhase::Available => delete(),
        PvPhase::Bound if usurped(pv) => delete(),
        _ if strayed => delete(),
        PvPhase::Released | PvPhase::Failed if users == 0 && pv.policy == ReclaimPolicy::Delete => delete(),
        PvPhase::Released | PvPhase::Failed | PvPhase::Bound | PvPhase::Pending => Plan::finally(entered(m, pv, ours)),
    }
}

/// Ours, by our finalizer, and without the handle that would say so: the ledger remembers it.
fn unmarked(m: &LiveMember, pv: &Pv) -> Plan {
    let joined = |r: &&Record| r.members.contains_key(&m.name);
    match m.record.as_ref().filter(joined) {
        Some(record) if pv.bare => Plan::then_look_again(vec![Action::Mend {
            pv: pv.into(),
            volume: record.volume.clone(),
            backend: record.backend.clone(),
            handle: record.handle.clone(),
            member: true,
        }]),
        Some(_) | None => Plan::not_ours(),
    }
}

/// Whether a claim for which no consent was given has the volume.
fn usurped(pv: &Pv) -> bool {
    let bound = pv.claim.as_ref().and_then(|c| c.uid.as_ref());
    bound.is_some() && bound != pv.name.claim_uid().as_ref()
}

fn backend_name(m: &LiveMember, ours: &Ours) -> Option<BackendName> {
    let label = ours.backend.clone();
    label.or_else(|| m.record.as_ref().map(|r| r.backend.clone()))
}

/// A member whose object is gone has left, unless its claim was bound to it: pods may run on it, so it still counts until the
/// object is made again or the claim goes. `Bound` is how such a claim looks until kube-controller-manager calls it `Lost`.
fn without_object(m: &LiveMember) -> Plan {
    let had_it = |c: &Claim| c.phase != ClaimPhase::Pending && !c.is_bound_elsewhere(&m.name);
    if m.claims.iter().any(had_it) {
        return Plan::settled();
    }
    Plan::finally(forget(m))
}

fn forget(m: &LiveMember) -> Vec<Action> {
    let Some(record) = m.record.as_ref().filter(|r| r.members.contains_key(&m.name)) else {
        return Vec::new();
    };
    vec![Action::Note(vec![Change::Leave {
        volume: record.volume.clone(),
        pv: m.name.clone(),
    }])]
}

fn leave(m: &LiveMember, pv: &Pv) -> Vec<Action> {
    let mut actions = vec![Action::Unprotect {
        pv: pv.name.clone(),
        uid: pv.uid.clone(),
    }];
    actions.extend(forget(m));
    if let (Some(record), Some(claim)) = (&m.record, &pv.claim)
        && record.state == State::Live
    {
        let text = format!("namespace {} has left this volume", claim.key.namespace);
        actions.push(Action::tell(&record.owner, R::MemberLeft, text));
    }
    actions
}

/// The ledger follows what exists.
fn entered(m: &LiveMember, pv: &Pv, ours: &Ours) -> Vec<Action> {
    let Some(record) = &m.record else { return Vec::new() };
    let Some(claim) = &pv.claim else { return Vec::new() };
    let Some(uid) = pv.name.claim_uid() else {
        return Vec::new();
    };
    let discarding = matches!(record.intent, Some(Intent::Discard { .. }));
    if record.members.contains_key(&m.name) || discarding || matches!(record.state, State::Deleting | State::Creating) {
        return Vec::new();
    }
    let member = Member {
        claim: ClaimRef {
            key: claim.key.clone(),
            uid,
        },
        access: ours.access,
        mount: pv.mount,
    };
    vec![Action::Note(vec![Change::Join {
        volume: record.volume.clone(),
        pv: m.name.clone(),
        member,
    }])]
}

#[cfg(test)]
mod tests;
