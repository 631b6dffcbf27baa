//! Whose a volume is: the claim that was recorded, one that a populator has given it to, or somebody unexpected.

use super::{LiveVolume, ledger};
use crate::api::reasons::SharedVolumeReason;
use crate::domain::claim::{Claim, ClaimPhase};
use crate::domain::ids::ClaimUid;
use crate::domain::pv::{Ours, Pv};
use crate::domain::record::{Record, State};
use crate::plan::{Action, Plan};

/// Given to a claim a moment ago; kube-controller-manager is about to bind it to that one and to no other.
pub fn awaited(pv: &Pv, ours: &Ours) -> bool {
    let reserved = pv.claim.as_ref().and_then(|c| c.uid.as_ref());
    reserved.is_some() && reserved == ours.owner_uid.as_ref()
}

/// Anybody's claim could be bound to a volume that is free. It is left alone, and said.
pub(super) fn unexpected(pv: &Pv) -> Plan {
    let text = "this volume is not bound to the claim that Tombolo recorded; it will not be deleted. Give it an owner with: \
                tombolo reclaim";
    Plan::finally(vec![Action::tell_pv_state(
        pv,
        SharedVolumeReason::UnexpectedClaim,
        text,
    )])
}

/// Bound: to the recorded owner, to a new one by a legitimate rewrite, or to somebody unexpected.
pub(super) fn bound(v: &LiveVolume, pv: &Pv, ours: &Ours) -> Plan {
    let Some(uid) = pv.claim.as_ref().and_then(|c| c.uid.as_ref()) else {
        return Plan::settled();
    };
    let record = v.record.as_ref();
    if expected_owner(pv, record).contains(uid) {
        return Plan::finally(ledger::bound(v, pv, ours));
    }
    let soft_deleted = record.is_some_and(|r| matches!(r.state, State::SoftDeleted | State::Deleting));
    // A populator rewrites once; its annotation stays and must not excuse whoever gets hold of the volume later.
    let first_time = pv.populated && ours.owner_uid.is_none();
    if !first_time || soft_deleted || !v.members.is_empty() || !v.tokens.is_empty() {
        return unexpected(pv);
    }
    let mut others = v.owners.iter().filter(|c| c.uid != *uid);
    if others.clone().all(|c| c.phase == ClaimPhase::Lost) {
        return Plan::then_look_again(vec![Action::RecordOwner {
            pv: pv.into(),
            owner: uid.clone(),
        }]);
    }
    let had_it = |c: &Claim| c.phase == ClaimPhase::Bound && c.volume_name.as_ref() == Some(&pv.name);
    if others.all(|c| c.phase == ClaimPhase::Lost || had_it(c)) {
        // kube-controller-manager is about to call the helper's claim Lost.
        return Plan::settled();
    }
    unexpected(pv)
}

/// The UIDs of claims that may own it: what a reclaim or populator left on it, else what its name says.
pub fn expected_owner(pv: &Pv, record: Option<&Record>) -> Vec<ClaimUid> {
    match pv.ours.as_ref().and_then(|o| o.owner_uid.clone()) {
        Some(uid) => vec![uid],
        None => pv
            .name
            .claim_uid()
            .into_iter()
            .chain(record.iter().map(|r| r.owner.uid.clone()))
            .collect(),
    }
}
