//! The life of a member's PersistentVolume: it leaves when its claim has, and nobody else's state holds it back.
//!
//! Looks at the object read live and at the claims that may use it. It holds no data: what is deleted here is an object.

use super::{Action, Plan};
use crate::api::reasons::ClaimReason as R;
use crate::domain::change::Change;
use crate::domain::claim::{Claim, ClaimPhase};
use crate::domain::ids::{BackendName, ClaimRef, PvName, VolumeId};
use crate::domain::pv::{Ours, Pv, PvPhase, ReclaimPolicy};
use crate::domain::record::{Member, Record, State};

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
        return Plan::not_ours();
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
    if !ours.intact
        && let Some(volume) = &m.volume
    {
        let backend = ours
            .backend
            .clone()
            .or_else(|| m.record.as_ref().map(|r| r.backend.clone()));
        let backend = backend.unwrap_or_else(|| BackendName::new(ours.handle.backend.as_str()));
        return Plan::then_look_again(vec![Action::Mend {
            pv: pv.into(),
            volume: volume.clone(),
            backend,
            member: true,
        }]);
    }
    let delete = || Plan::then_look_again(vec![Action::DeletePv(pv.into())]);
    let strayed = m.claims.iter().any(|c| c.is_bound_elsewhere(&pv.name)) && users == 0;
    match pv.phase {
        // Free for anybody's claim, or unbound because its claim has another: consent was for one claim.
        PvPhase::Available => delete(),
        _ if strayed => delete(),
        PvPhase::Released | PvPhase::Failed if users == 0 && pv.policy == ReclaimPolicy::Delete => delete(),
        PvPhase::Released | PvPhase::Failed | PvPhase::Bound | PvPhase::Pending => Plan::finally(entered(m, pv, ours)),
    }
}

/// A member whose object is gone has left, unless its claim still waits for the object to be made again.
fn without_object(m: &LiveMember) -> Plan {
    if m.claims.iter().any(|c| c.phase == ClaimPhase::Lost) {
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
    if record.members.contains_key(&m.name) || record.state == State::Deleting || record.state == State::Creating {
        return Vec::new();
    }
    let member = Member {
        claim: ClaimRef {
            key: claim.key.clone(),
            uid,
        },
        access: ours.access,
    };
    vec![Action::Note(vec![Change::Join {
        volume: record.volume.clone(),
        pv: m.name.clone(),
        member,
    }])]
}
