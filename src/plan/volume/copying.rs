//! The tokens of copies on a volume: which copies are to be made, and the end of those that nobody wants any more.
//!
//! A token comes off only when the copy's object exists, or when nothing is left of the copy: its claim is gone, so nobody ever mounted
//! what was made, and nobody will. That what lies at the copy's name is such a thing, and not a volume whose object went later, follows
//! from one rule: while the token is on, the copy's own volume is not let go (`deletion`).

use super::{LiveVolume, TokenClaim, backend_name, expected_owner, in_use, ledger};
use crate::domain::access::OnDelete;
use crate::domain::backend::Backend;
use crate::domain::change::Change;
use crate::domain::ids::{BackendName, ClaimKey, ClaimRef, Handle, VolumeId};
use crate::domain::pv::{Ours, Pv, PvPhase};
use crate::domain::record::{Intent, Record, State, Terms};
use crate::domain::token::{CopyNote, Note, Token, TokenKind};
use crate::plan::copy::{self, Wanted};
use crate::plan::{Action, Plan};
use std::collections::BTreeMap;

/// What is known of copies besides their tokens.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Copies {
    /// For each token of a copy that is on the volume.
    pub of_this: BTreeMap<Token, Known>,
    /// Whether the token of the copy that is to become, or has become, this volume is on its source.
    pub into_this: bool,
}

/// What is known of one copy.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Known {
    /// What the ledger knows of its volume.
    pub record: Option<Record>,
    /// Whether a PersistentVolume has its handle, as only an edit can bring about while there is none of its name.
    pub twins: bool,
    /// Whether it was given up: its source was found too large for it, or consent to it has ended.
    pub given_up: bool,
}

/// The tokens of copies that are on a volume, each with what was looked up for it.
fn tokens<'a>(
    v: &'a LiveVolume,
    pv: &'a Pv,
) -> impl Iterator<Item = (&'a Token, Option<&'a CopyNote>, &'a TokenClaim)> {
    let copying = pv.tokens.iter().filter(|(token, _)| token.kind == TokenKind::Copying);
    copying.map(|(token, note)| {
        // One that was not looked up counts as waiting.
        let claim = v.tokens.get(token).unwrap_or(&TokenClaim::Waiting);
        (token, note.as_ref().and_then(Note::copy), claim)
    })
}

fn record_of<'a>(v: &'a LiveVolume, token: &Token) -> Option<&'a Record> {
    v.copies.of_this.get(token)?.record.as_ref()
}

/// Whether a copy that its claim still waits for is over all the same: it was given up, or its end has begun.
fn is_over(v: &LiveVolume, token: &Token) -> bool {
    let given_up = v.copies.of_this.get(token).is_some_and(|known| known.given_up);
    given_up || record_of(v, token).is_some_and(is_ending)
}

fn is_ending(record: &Record) -> bool {
    record.state == State::Deleting || matches!(record.intent, Some(Intent::Discard { .. }))
}

/// The copies that are to be made from a volume, or to go on.
pub fn wanted(v: &LiveVolume) -> Vec<Wanted> {
    let owner = v.pv.as_ref().filter(|pv| pv.is_owner());
    let Some((pv, ours)) = owner.and_then(|pv| Some((pv, pv.ours.as_ref()?))) else {
        return Vec::new();
    };
    let waiting = tokens(v, pv).filter(|(token, _, claim)| **claim == TokenClaim::Waiting && !is_over(v, token));
    waiting
        .filter_map(|(token, note, _)| {
            // Somebody has edited the source's handle: nothing is copied onto itself.
            let note = note.filter(|_| copy::handle(ours, token).is_some_and(|handle| handle != ours.handle))?;
            let record = match record_of(v, token) {
                Some(record) if record.state == State::Creating => record.clone(),
                // Its object was there: whoever repairs that, it is no copy's work.
                Some(_) => return None,
                None => copy::record(pv, ours, token, note, backend_name(v, ours)?)?,
            };
            Some(copy::steps(pv, ours, token, note, record))
        })
        .collect()
}

/// What becomes of a copy that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It goes on.
    Wanted,
    /// Its object is there: what is left takes a moment.
    Finishing,
    /// It stops: nobody waits for it any more, or nothing keeps its source.
    Stopped,
}

/// What becomes of the copy with a token, by what was seen of its source.
pub fn fate(v: &LiveVolume, token: &Token) -> Fate {
    let on = v.pv.as_ref().is_some_and(|pv| pv.tokens.contains_key(token));
    match v.tokens.get(token).unwrap_or(&TokenClaim::Waiting) {
        TokenClaim::Served => Fate::Finishing,
        TokenClaim::Waiting if on && !is_over(v, token) => Fate::Wanted,
        TokenClaim::Waiting | TokenClaim::Gone => Fate::Stopped,
    }
}

/// What is done about copies before anything else: the end of one, and a record for each that has begun.
pub(super) enum Step {
    /// One is over: this is its end.
    Ends(Plan),
    /// They are under way, or wait; these records are missing.
    Under(Vec<Action>),
}

pub(super) fn step(v: &LiveVolume, pv: &Pv, ours: &Ours) -> Step {
    let mut begun = Vec::new();
    for (token, note, claim) in tokens(v, pv) {
        match claim {
            TokenClaim::Served => return Step::Ends(Plan::then_look_again(vec![take(pv, token)])),
            TokenClaim::Waiting if !is_over(v, token) => {
                let missing = note.filter(|_| record_of(v, token).is_none());
                let record = missing.and_then(|note| copy::record(pv, ours, token, note, backend_name(v, ours)?));
                begun.extend(record.map(|record| Action::Record(vec![Change::Begin(record)])));
            }
            TokenClaim::Gone | TokenClaim::Waiting => {
                if let Some(actions) = end(v, pv, ours, token, note) {
                    return Step::Ends(Plan::then_look_again(actions));
                }
            }
        }
    }
    Step::Under(begun)
}

fn take(pv: &Pv, token: &Token) -> Action {
    Action::TakeToken {
        pv: pv.name.clone(),
        uid: pv.uid.clone(),
        token: token.clone(),
    }
}

/// Clears away what there is of a copy, then takes its token off. `None`: its backend cannot be used now, and the token waits for it.
fn end(v: &LiveVolume, pv: &Pv, ours: &Ours, token: &Token, note: Option<&CopyNote>) -> Option<Vec<Action>> {
    let Some(handle) = copy::handle(ours, token) else {
        // No claim has such a UID, so nothing was ever made for one.
        return Some(vec![take(pv, token)]);
    };
    let backend = v.backend.as_ref()?;
    let known = v.copies.of_this.get(token);
    let record = known.and_then(|known| known.record.clone());
    if record.is_none() && !backend.capabilities.clone {
        return Some(vec![take(pv, token)]);
    }
    let record = record.unwrap_or_else(|| unrecorded(pv, ours, token, note, &backend.name, handle));
    let mut actions = cleared(&record, backend, known.is_some_and(|known| known.twins));
    actions.push(take(pv, token));
    Some(actions)
}

/// A record for the end of a copy of which the ledger knows nothing.
fn unrecorded(
    pv: &Pv,
    ours: &Ours,
    token: &Token,
    note: Option<&CopyNote>,
    backend: &BackendName,
    handle: Handle,
) -> Record {
    let known = note.and_then(|note| copy::record(pv, ours, token, note, backend.clone()));
    known.unwrap_or_else(|| Record {
        volume: VolumeId::from(&token.claim.pv_name()),
        backend: backend.clone(),
        handle,
        // Whose it was to be, nobody can tell any more; whose data it is a copy of, the object says.
        owner: ClaimRef {
            key: pv
                .claim
                .as_ref()
                .map_or_else(|| ClaimKey::new("", ""), |c| c.key.clone()),
            uid: token.claim.clone(),
        },
        bytes: 0,
        terms: pv.terms().unwrap_or(Terms {
            policy: pv.policy,
            on_delete: OnDelete::Delete,
            on_owner_delete: ours.on_owner_delete,
            mount: pv.mount,
        }),
        mount_options: Vec::new(),
        members: BTreeMap::new(),
        state: State::Creating,
        intent: Some(Intent::Copy {
            from: VolumeId::from(&pv.name),
        }),
    })
}

/// Clears away what is unfinished of copies into a volume, where the backend makes any.
pub(super) fn abandon(record: &Record, backend: Option<&Backend>) -> Option<Action> {
    backend.filter(|b| b.capabilities.clone).map(|_| Action::AbandonCopy {
        backend: record.backend.clone(),
        handle: record.handle.clone(),
    })
}

/// Clears away a copy that nobody ever mounted: what is unfinished, and what was finished and has no object. The ledger forgets it on
/// disk, or a claim that is still there would be told for ever that its volume is being deleted.
pub(super) fn cleared(record: &Record, backend: &Backend, twins: bool) -> Vec<Action> {
    let volume = record.volume.clone();
    let abandon = abandon(record, Some(backend));
    // It had an object once, or its data has another's: none of it is a copy's to remove.
    let stays = twins || matches!(record.state, State::Live | State::SoftDeleted);
    if stays {
        let mut forget = ledger::nobody_left(Some(record), None);
        forget.push(Change::Forget { volume });
        return abandon.into_iter().chain([Action::Record(forget)]).collect();
    }
    let how = match &record.intent {
        Some(Intent::Discard { how }) if *how != OnDelete::Retain => *how,
        Some(_) | None => OnDelete::Delete,
    };
    let intent = Intent::Discard { how };
    // Of one that the ledger knows nothing: what is being removed is written down before.
    let begun = Record {
        state: State::Creating,
        members: BTreeMap::new(),
        ..record.clone()
    };
    let mut changes = vec![Change::Begin(begun)];
    changes.extend(ledger::deletion_begins(record, &intent));
    let mut actions = vec![Action::Record(changes)];
    actions.extend(abandon);
    actions.extend([
        Action::Discard {
            backend: record.backend.clone(),
            handle: record.handle.clone(),
            how,
            owner: record.owner.clone(),
            class: None,
            bytes: record.bytes,
            mount: record.terms.mount,
            volume: volume.clone(),
        },
        Action::Record(vec![
            Change::Settle {
                volume: volume.clone(),
                intent,
            },
            Change::Forget { volume },
        ]),
    ]);
    actions
}

/// While a copy reads it, and however long that takes: the ledger follows what happens to the volume, and nothing ends.
pub(super) fn under_way(v: &LiveVolume, pv: &Pv, ours: &Ours, missing: Vec<Action>) -> Plan {
    let mut actions = missing;
    let expected = pv.claim.as_ref().and_then(|c| c.uid.as_ref());
    let expected = expected.is_some_and(|uid| expected_owner(pv, v.record.as_ref()).contains(uid));
    if pv.is_let_go() {
        if !in_use(v, &pv.name) {
            actions.extend(ledger::let_go(v, pv, ours));
        }
    } else if pv.phase == PvPhase::Bound && expected {
        actions.extend(ledger::bound(v, pv, ours));
    }
    Plan::finally(actions)
}

/// A copy whose claim is gone. While its token is on the source, it is cleared away from there.
pub(super) fn without_claim(v: &LiveVolume, record: &Record) -> Plan {
    match &v.backend {
        Some(backend) if !v.copies.into_this => Plan::finally(cleared(record, backend, v.twins)),
        Some(_) | None => Plan::settled(),
    }
}
