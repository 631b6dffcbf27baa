//! The life of an owner's PersistentVolume: finish or drop tokens, see to copies, soft-delete, delete.
//!
//! Looks at one live view, read in a fixed order: first the PersistentVolume, then the claims, then the members. That order
//! carries the safety. Once a GET has shown the object terminating and without a token, no member can appear any more (the API
//! server takes no new finalizer then), so a LIST made after that GET is final. One decision, one step, then a new view: there
//! is no other code for crashes or for objects deleted by hand.

use super::{Action, Plan, join};
use crate::api::reasons::ClaimReason as R;
use crate::domain::access::OnDelete;
use crate::domain::backend::Backend;
use crate::domain::change::Change;
use crate::domain::claim::Claim;
use crate::domain::ids::{BackendName, Handle, PvName, VolumeId};
use crate::domain::pv::{Ours, Pv, PvPhase, ReclaimPolicy};
use crate::domain::record::{Intent, Record, State};
use crate::domain::token::{JoinNote, Note, Token, TokenKind};
use std::collections::{BTreeMap, BTreeSet};

mod copying;
mod deletion;
mod ledger;
mod owner;
#[cfg(test)]
mod tests;

pub use copying::{Copies, Fate, Known, cleared, fate, wanted};
pub use ledger::record_of;
pub use owner::{awaited, expected_owner};

use owner::{bound, unexpected};

/// A volume as read live, in the order of the fields.
#[derive(Debug, Clone)]
pub struct LiveVolume {
    /// Its id.
    pub volume: VolumeId,
    /// Whether another volume's PersistentVolume has the same handle, as only an edit can bring about.
    pub twins: bool,
    /// The owner's PersistentVolume.
    pub pv: Option<Pv>,
    /// For each token on it, what has become of the claim it is for.
    pub tokens: BTreeMap<Token, TokenClaim>,
    /// Claims that exist and whose UID is one of those that use this volume.
    pub owners: Vec<Claim>,
    /// What is known of copies of it, and of the one that it is.
    pub copies: Copies,
    /// Everybody in it besides the owner: members' PersistentVolumes by label, by handle and by the ledger's names, and claims that
    /// lost theirs.
    pub members: BTreeSet<PvName>,
    /// What the ledger knows.
    pub record: Option<Record>,
    /// The backend it lies on, if it is known.
    pub backend: Option<Backend>,
}

/// What has become of the claim that a token is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenClaim {
    /// It exists and has no volume, or is bound to its own: the join is to be finished.
    Waiting,
    /// It is gone, or bound to another volume.
    Gone,
    /// A PersistentVolume named after it exists.
    Served,
}

/// Decides about a volume.
pub fn decide(v: &LiveVolume) -> Plan {
    let Some(pv) = &v.pv else { return without_object(v) };
    let Some(ours) = pv.ours.as_ref().filter(|_| pv.is_owner()) else {
        return unmarked(v, pv);
    };
    if pv.policy == ReclaimPolicy::Recycle {
        let text = "policy Recycle would erase the data of everybody who shares it; it was set back to Retain";
        return Plan::then_look_again(vec![
            Action::SetRetain(pv.into()),
            Action::tell_pv(pv, R::RecycleRefused, text),
        ]);
    }
    if !ours.intact
        && !pv.terminating
        && let Some(backend) = backend_name(v, ours)
    {
        return Plan::then_look_again(vec![mend(v, pv, backend, ours.handle.clone())]);
    }
    if let Some(step) = token_step(v, pv, ours) {
        return step;
    }
    let missing = match copying::step(v, pv, ours) {
        copying::Step::Ends(plan) => return plan,
        copying::Step::Under(missing) => missing,
    };
    if !pv.tokens.is_empty() {
        return copying::under_way(v, pv, ours, missing);
    }
    if pv.terminating {
        return deletion::decide(v, pv, ours);
    }
    match pv.phase {
        PvPhase::Released | PvPhase::Failed => released(v, pv, ours),
        PvPhase::Available if awaited(pv, ours) => Plan::settled(),
        PvPhase::Available => unexpected(pv),
        PvPhase::Bound => bound(v, pv, ours),
        PvPhase::Pending => Plan::settled(),
    }
}

/// The object is gone. While a record says that the volume is being made, the claim's own plan makes the object; if the claim
/// has gone too, nobody ever mounted the directory, and it is removed unless something is in it.
fn without_object(v: &LiveVolume) -> Plan {
    let Some(record) = &v.record else {
        return Plan::settled();
    };
    if in_use(v, &v.volume.pv_name()) || !v.members.is_empty() {
        return Plan::settled();
    }
    if let Some(Intent::Copy { .. }) = &record.intent {
        return copying::without_claim(v, record);
    }
    let mut forget = ledger::nobody_left(v.record.as_ref(), None);
    forget.push(Change::Forget {
        volume: v.volume.clone(),
    });
    match record.state {
        State::Creating => Plan::finally(vec![
            Action::RemoveEmpty {
                backend: record.backend.clone(),
                handle: record.handle.clone(),
            },
            Action::Note(forget),
        ]),
        // Somebody took the object away by force before its data had gone: what was begun is finished.
        State::Deleting => match &record.intent {
            Some(Intent::Discard { how }) if *how != OnDelete::Retain && !v.twins => {
                let mut actions = deletion::discard_recorded(record, *how, None, None);
                // It may have been a copy that was being cleared away.
                if let Some(abandon) = copying::abandon(record, v.backend.as_ref()) {
                    actions.insert(1, abandon);
                }
                Plan::finally(actions)
            }
            Some(_) | None => Plan::finally(vec![Action::Note(forget)]),
        },
        State::Live | State::SoftDeleted => Plan::finally(vec![Action::Note(forget)]),
    }
}

/// Ours, by our finalizer, and without the handle that would say so: the ledger remembers it.
fn unmarked(v: &LiveVolume, pv: &Pv) -> Plan {
    let made = |r: &&Record| r.state != State::Creating;
    match v.record.as_ref().filter(made) {
        Some(record) if pv.bare => {
            Plan::then_look_again(vec![mend(v, pv, record.backend.clone(), record.handle.clone())])
        }
        Some(_) | None => Plan::not_ours(),
    }
}

fn mend(v: &LiveVolume, pv: &Pv, backend: BackendName, handle: Handle) -> Action {
    Action::Mend {
        pv: pv.into(),
        volume: v.volume.clone(),
        backend,
        handle,
        member: false,
    }
}

/// The backend's name, which a label and the ledger keep. `None` while the label is stripped, the record lost and the backend
/// away: then it is waited for, because a wrong name would stay.
fn backend_name(v: &LiveVolume, ours: &Ours) -> Option<BackendName> {
    let known = v.backend.as_ref().map(|b| b.name.clone());
    known
        .or_else(|| ours.backend.clone())
        .or_else(|| v.record.as_ref().map(|r| r.backend.clone()))
}

/// A join's token is a promise. One whose claim is gone or served comes off; any other is kept: the join is finished, even if the
/// owner is terminating by now, because a paused controller may finish it at any moment.
fn token_step(v: &LiveVolume, pv: &Pv, ours: &Ours) -> Option<Plan> {
    let joining = || pv.tokens.iter().filter(|(token, _)| token.kind == TokenKind::Joining);
    let _ = joining().next()?;
    let mut unfinished = Vec::new();
    for (token, note) in joining() {
        // One that was not looked up counts as waiting: keeping it costs time, dropping it could cost data.
        match v.tokens.get(token).unwrap_or(&TokenClaim::Waiting) {
            TokenClaim::Gone | TokenClaim::Served => return Some(Plan::then_look_again(take(v, pv, token))),
            // One whose note cannot be read can only be waited for.
            TokenClaim::Waiting => unfinished.extend(note.as_ref().and_then(Note::join).map(|n| (token, n))),
        }
    }
    // The ledger allows one open step: the join that a crash interrupted goes before all others.
    let interrupted = |token: &Token| v.record.as_ref().is_some_and(|r| r.intent == Some(intent_of(token)));
    let next = unfinished
        .iter()
        .find(|(token, _)| interrupted(token))
        .or(unfinished.first());
    Some(match next {
        Some((token, note)) => finish(v, pv, ours, token, note),
        None => Plan::settled(),
    })
}

fn intent_of(token: &Token) -> Intent {
    Intent::Join {
        pv: token.claim.pv_name(),
    }
}

fn finish(v: &LiveVolume, pv: &Pv, ours: &Ours, token: &Token, note: &JoinNote) -> Plan {
    let mut actions = ledger::make_ready(v, pv, ours, &intent_of(token));
    if v.record.is_none() && actions.is_empty() {
        // Nothing says whose volume it is or on which backend: the promise stands until something does.
        return Plan::settled();
    }
    actions.extend(join::finish(pv, ours, token, note, v.backend.as_ref()));
    Plan::then_look_again(actions)
}

/// Takes a token off, and ends the step it stood for, which a crash may have left open.
fn take(v: &LiveVolume, pv: &Pv, token: &Token) -> Vec<Action> {
    let open = v.record.as_ref().filter(|r| r.intent == Some(intent_of(token)));
    let settle = open.and_then(ledger::settle).map(|change| Action::Note(vec![change]));
    let take = Action::TakeToken {
        pv: pv.name.clone(),
        uid: pv.uid.clone(),
        token: token.clone(),
    };
    settle.into_iter().chain([take]).collect()
}

/// Claims that still use the volume: those known by UID that exist and are not bound to another one.
fn in_use(v: &LiveVolume, pv: &PvName) -> bool {
    v.owners.iter().any(|claim| !claim.is_bound_elsewhere(pv))
}

/// "Released" does not mean unused: a claim whose reference was edited away is `Bound` for seconds more.
fn released(v: &LiveVolume, pv: &Pv, ours: &Ours) -> Plan {
    if in_use(v, &pv.name) {
        return Plan::settled();
    }
    let soft = ledger::let_go(v, pv, ours);
    // Without our finalizer a DELETE would be the end of it at once, before anybody has looked at tokens and members again.
    if !v.members.is_empty() || pv.policy == ReclaimPolicy::Retain || !ours.intact {
        return Plan::finally(soft);
    }
    let mut actions = soft;
    actions.push(Action::DeletePv(pv.into()));
    Plan::then_look_again(actions)
}
