//! What a claim that has its volume still needs: the hold, and words about annotations that do not do what they seem to.
//!
//! Looks at the claim and at the volume behind it, from caches. Changes no membership: that was fixed at the join.

use super::Action;
use super::consent::Consent;
use super::handshake;
use crate::api::reasons::ClaimReason as R;
use crate::domain::access::OnOwnerDelete;
use crate::domain::claim::{Claim, ClaimPhase};
use crate::domain::consent::Grants;
use crate::domain::pv::{Pv, Role};

/// What upkeep looks at.
#[derive(Debug, Clone)]
pub struct ForUpkeep<'a> {
    /// The claim.
    pub claim: &'a Claim,
    /// The PersistentVolume it is bound to, or was made for it.
    pub pv: Option<&'a Pv>,
    /// Members of the volume, if the claim owns one.
    pub members: usize,
    /// The state of its consent, if it is a member.
    pub consent: Option<Consent>,
}

/// What is to be done and said.
pub fn plan(o: &ForUpkeep<'_>) -> Vec<Action> {
    let claim = o.claim.reference();
    let mut actions = Vec::new();
    let ours = o.pv.and_then(|pv| pv.ours.as_ref());
    match ours.map(|ours| &ours.role) {
        Some(Role::Owner) => {
            actions.extend(hold(o));
            let faults = &Grants::of(&o.claim.annotations).faults;
            if let Some(first) = faults.first() {
                let more = if faults.len() > 1 {
                    format!(" (and {} more)", faults.len() - 1)
                } else {
                    String::new()
                };
                actions.push(Action::tell(
                    &claim,
                    R::InvalidShareTo,
                    format!("{first}{more}; what can be read still counts"),
                ));
            }
        }
        Some(Role::Member(joined)) => {
            let moved = !handshake::wanted(o.claim).is_some_and(|w| w.is_ok_and(|wanted| joined.came_from(&wanted)));
            if o.claim.phase == ClaimPhase::Bound && moved {
                let text = "shareFromPVC was edited after the join; this claim keeps the volume it has";
                actions.push(Action::tell(&claim, R::ShareFromChanged, text));
            }
            actions.extend(withdrawn(o));
        }
        None => return actions,
    }
    if let Err(refusal) = handshake::well_spelt(o.claim) {
        actions.push(Action::tell(&claim, refusal.reason, refusal.text));
    }
    actions
}

/// Level-triggered: on while the claim lives and the volume has tokens or members, off when it has neither. It cannot be put
/// on a claim that is being deleted, so it is there before the first token.
fn hold(o: &ForUpkeep<'_>) -> Option<Action> {
    let pv = o.pv?;
    let wanted = pv.ours.as_ref()?.on_owner_delete == OnOwnerDelete::Hold && (o.members > 0 || !pv.tokens.is_empty());
    match (wanted, o.claim.held, o.claim.terminating) {
        (true, false, false) => Some(Action::PutHold(o.claim.reference())),
        (false, true, _) => Some(Action::TakeHold(o.claim.reference())),
        (true, true, _) | (true, false, true) | (false, false, _) => None,
    }
}

fn withdrawn(o: &ForUpkeep<'_>) -> Option<Action> {
    let text = match o.consent? {
        Consent::WithdrawnByOwner => {
            "the owner no longer shares this volume with this namespace; the data stays reachable"
        }
        Consent::WithdrawnByReference => {
            "no reference in this namespace permits this volume any more; the data stays reachable"
        }
        Consent::ReadOnlyNow => "this volume may only be read by now; make the claim again as ReadOnlyMany",
        Consent::Given | Consent::Unknown => return None,
    };
    Some(Action::tell(&o.claim.reference(), R::ConsentWithdrawn, text))
}

#[cfg(test)]
mod tests;
