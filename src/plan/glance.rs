//! Whether a cached view is worth a live one: most events concern volumes of which nothing is to be decided.
//!
//! A false "quiet" would be an omission, so every condition under which `plan::volume` or `plan::member` acts has its twin here;
//! a property test holds the two together.

use crate::domain::ids::{PvName, VolumeId};
use crate::domain::pv::{Pv, PvPhase, ReclaimPolicy};
use crate::domain::record::{Record, State};

/// Nothing is to be decided about this volume. `used`: whether a claim that is known to use it is there, and not bound to
/// another one. While a volume is being made, its claim is; when that goes, there is an event.
pub fn volume_is_quiet(volume: &VolumeId, pv: Option<&Pv>, record: Option<&Record>, used: bool) -> bool {
    let Some(pv) = pv else {
        return used || record.is_none();
    };
    let Some(ours) = pv.ours.as_ref().filter(|_| pv.is_owner()) else {
        return !pv.bare;
    };
    let expected = ours.owner_uid.clone().or_else(|| volume.pv_name().claim_uid());
    let at_rest = ours.intact && !pv.terminating && pv.tokens.is_empty() && pv.policy != ReclaimPolicy::Recycle;
    let claim_uid = pv.claim.as_ref().and_then(|c| c.uid.as_ref());
    let bound_as_expected = match pv.phase {
        PvPhase::Pending => true,
        PvPhase::Bound => claim_uid.is_some() && claim_uid == expected.as_ref(),
        PvPhase::Available | PvPhase::Released | PvPhase::Failed => false,
    };
    let recorded = record.is_some_and(|r| {
        pv.phase == PvPhase::Pending
            || (r.state == State::Live
                && r.intent.is_none()
                && r.bytes == pv.promised()
                && Some(&r.terms) == pv.terms().as_ref()
                && Some(&r.owner.uid) == claim_uid)
    });
    at_rest && bound_as_expected && recorded
}

/// Nothing is to be decided about this member. `volume`: the one it belongs to by its handle. `record`: of that one, or of the one
/// that it is recorded in.
pub fn member_is_quiet(name: &PvName, pv: Option<&Pv>, volume: Option<&VolumeId>, record: Option<&Record>) -> bool {
    let Some(pv) = pv else {
        return record.is_none_or(|r| !r.members.contains_key(name));
    };
    let Some(ours) = pv.ours.as_ref().filter(|_| pv.is_member()) else {
        return !pv.bare;
    };
    let at_rest = ours.intact && !pv.terminating && pv.policy != ReclaimPolicy::Recycle;
    let bound = pv.claim.as_ref().and_then(|c| c.uid.as_ref());
    let its_own = pv.phase == PvPhase::Pending || bound.is_none() || bound == pv.name.claim_uid().as_ref();
    let labelled = volume.is_none() || volume == ours.volume.as_ref();
    at_rest
        && its_own
        && labelled
        && matches!(pv.phase, PvPhase::Bound | PvPhase::Pending)
        && record.is_some_and(|r| r.members.contains_key(&pv.name))
}

#[cfg(test)]
mod tests;
