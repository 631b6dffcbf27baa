//! What a claim is told besides its volume: words about annotations that do not do what they seem to, and about consent that has ended.
//!
//! Looks at the claim and at the volume behind it, from caches. Changes no membership: that was fixed at the join.

use super::consent::Consent;
use super::handshake;
use super::{Action, Refusal};
use crate::api::reasons::ClaimReason as R;
use crate::domain::access::OnRevoke;
use crate::domain::backend::Backend;
use crate::domain::claim::{Claim, ClaimPhase};
use crate::domain::consent::Grants;
use crate::domain::cut::{Cut, Left, Side};
use crate::domain::pv::{Joined, Pv, Role};

/// What upkeep looks at.
#[derive(Debug, Clone)]
pub struct ForUpkeep<'a> {
    /// The claim.
    pub claim: &'a Claim,
    /// Whether its class is one of ours. A claim without that is ours by its volume, or not at all.
    pub ours: bool,
    /// The PersistentVolume it is bound to, or was made for it.
    pub pv: Option<&'a Pv>,
    /// The state of its consent, if it is a member.
    pub consent: Option<Consent>,
    /// The backend that its volume lies on, if it is known what that can do.
    pub backend: Option<&'a Backend>,
    /// Whether another claim keeps its namespace's way to the data whole, if it is a member.
    pub kept: bool,
}

/// What is to be done and said.
pub fn plan(o: &ForUpkeep<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    match role(o) {
        Some(Role::Owner) => {
            actions.extend(lists(o));
            actions.extend(cut(o));
        }
        Some(Role::Member(joined)) => {
            actions.extend(moved(o, joined));
            actions.extend(withdrawn(o));
        }
        // Its owner means it to be shared, and learns of a bad list before anybody waits for it.
        None if o.ours => actions.extend(lists(o)),
        None => return actions,
    }
    // A claim that waits hears of a typo in its own verdict.
    if (role(o).is_some() || o.claim.phase == ClaimPhase::Bound)
        && let Err(refusal) = handshake::well_spelt(o.claim)
    {
        actions.push(tell(o, refusal.reason, refusal.text));
    }
    actions
}

fn role<'a>(o: &ForUpkeep<'a>) -> Option<&'a Role> {
    Some(&o.pv?.ours.as_ref()?.role)
}

fn tell(o: &ForUpkeep<'_>, reason: R, text: impl Into<String>) -> Action {
    Action::tell(&o.claim.reference(), reason, text)
}

/// What is wrong with the lists of namespaces that an owner shares with.
fn lists(o: &ForUpkeep<'_>) -> Option<Action> {
    let faults = &Grants::of(&o.claim.annotations).faults;
    let first = faults.first()?;
    let more = match faults.len() {
        1 => String::new(),
        n => format!(" (and {} more)", n - 1),
    };
    let text = format!("{first}{more}; what can be read still counts");
    Some(tell(o, R::InvalidShareTo, text))
}

fn cannot_revoke(o: &ForUpkeep<'_>) -> bool {
    o.backend
        .is_some_and(|backend| backend.asked && !backend.capabilities.revoke)
}

/// `onRevoke: Cut` promises what this backend cannot do.
fn cut(o: &ForUpkeep<'_>) -> Option<Action> {
    let asked = Grants::of(&o.claim.annotations).on_revoke == OnRevoke::Cut;
    let text = "onRevoke: Cut has no effect, because the storage backend of this volume cannot take access away: consent that ends keeps \
                new members out, and those who are in keep the data";
    (asked && cannot_revoke(o)).then(|| tell(o, R::CutNotEnforced, text))
}

fn moved(o: &ForUpkeep<'_>, joined: &Joined) -> Option<Action> {
    let as_joined = handshake::wanted(o.claim).is_some_and(|w| w.is_ok_and(|wanted| joined.came_from(&wanted)));
    let text = "shareFromPVC was edited after the join; this claim keeps the volume it has";
    (o.claim.phase == ClaimPhase::Bound && !as_joined).then(|| tell(o, R::ShareFromChanged, text))
}

fn withdrawn(o: &ForUpkeep<'_>) -> Option<Action> {
    let refusal = ended(o.consent?, o)?;
    Some(tell(o, refusal.reason, refusal.text))
}

/// What a member is told of consent that has ended; `None`: it has not, or nobody can tell.
pub fn ended(consent: Consent, o: &ForUpkeep<'_>) -> Option<Refusal> {
    let ours = o.pv.and_then(|pv| pv.ours.as_ref());
    if let Some(cut) = ours.and_then(|ours| ours.cut.as_ref())
        && consent != Consent::Given
    {
        return Some(access_cut(cut));
    }
    let on_revoke = match role(o) {
        Some(Role::Member(joined)) => joined.on_revoke,
        Some(Role::Owner) | None => OnRevoke::Keep,
    };
    let kept = match on_revoke {
        OnRevoke::Keep => "the data stays reachable",
        OnRevoke::Cut if cannot_revoke(o) => "access stays, because the storage backend cannot take it away",
        OnRevoke::Cut if o.kept => "access stays, because another claim in this namespace has it on other terms",
        OnRevoke::Cut => "access is about to be cut",
    };
    let text = match consent {
        Consent::WithdrawnByOwner => {
            format!("the owner no longer shares this volume with this namespace; {kept}")
        }
        Consent::WithdrawnByReference => {
            format!("no reference in this namespace permits this volume any more; {kept}")
        }
        Consent::ReadOnlyNow(_) => {
            "this volume may only be read by now; make the claim again as ReadOnlyMany".to_owned()
        }
        Consent::Given | Consent::Unknown => return None,
    };
    Some(Refusal::new(R::ConsentWithdrawn, text))
}

/// What a member is told whose access was taken away.
pub fn access_cut(cut: &Cut) -> Refusal {
    let text = match (cut.left, cut.by) {
        (Left::Nothing, Side::Owner) => {
            "the owner no longer shares this volume with this namespace, and access has been cut: reads and writes fail. When the owner \
             shares it again, the same path works again"
        }
        (Left::Nothing, Side::Reference) => {
            "no reference in this namespace permits this volume any more, and access has been cut: reads and writes fail. With a \
             reference from an admin the same path works again"
        }
        (Left::ReadOnly, Side::Owner) => {
            "the owner lets this namespace only read this volume by now, and writing has been cut. Make the claim again as ReadOnlyMany, \
             or ask the owner"
        }
        (Left::ReadOnly, Side::Reference) => {
            "the reference in this namespace permits only to read this volume by now, and writing has been cut. Make the claim again as \
             ReadOnlyMany, or ask an admin"
        }
    };
    Refusal::new(R::AccessCut, text)
}

#[cfg(test)]
mod tests;
