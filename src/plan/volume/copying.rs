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
use crate::plan::copy::keeping::{Kept, Reading, Seen};
use crate::plan::copy::{self, Wanted};
use crate::plan::{Action, Plan};
use std::collections::BTreeMap;

pub use crate::plan::copy::keeping::{Fate, Known};

/// What is known of copies besides their tokens.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Copies {
    /// For each token of a copy that is on the volume.
    pub of_this: BTreeMap<Token, Known>,
    /// Whether the token of the copy that is to become, or has become, this volume is on its source.
    pub into_this: bool,
}

/// What is known of the copies of a volume, and what keeps them.
fn kept<'a>(v: &'a LiveVolume, pv: &'a Pv, ours: &Ours) -> Kept<'a> {
    let copying = pv.tokens.iter().filter(|(token, _)| token.kind == TokenKind::Copying);
    Kept {
        reading: Reading::of_volume(pv, ours),
        tokens: copying
            .map(|(token, note)| (token, note.as_ref().and_then(Note::copy)))
            .collect(),
        claims: &v.tokens,
        known: &v.copies.of_this,
        backend: v.backend.as_ref(),
        backend_name: backend_name(v, ours),
    }
}

/// The copies that are to be made from a volume, or to go on.
pub fn wanted(v: &LiveVolume) -> Vec<Wanted> {
    let owner = v.pv.as_ref().filter(|pv| pv.is_owner());
    match owner.and_then(|pv| Some((pv, pv.ours.as_ref()?))) {
        Some((pv, ours)) => kept(v, pv, ours).wanted(),
        None => Vec::new(),
    }
}

/// What becomes of the copy with a token, by what was seen of its source. One whose marks somebody has stripped is mended meanwhile.
pub fn fate(v: &LiveVolume, token: &Token) -> Fate {
    let on = v.pv.as_ref().is_some_and(|pv| pv.tokens.contains_key(token));
    let claim = v.tokens.get(token).unwrap_or(&TokenClaim::Waiting);
    Fate::of(on, claim, v.copies.of_this.get(token))
}

/// What is done about copies before anything else.
pub(super) enum Step {
    /// One is over: this is its end.
    Ends(Plan),
    /// They are under way, or wait; these records are missing.
    Under(Vec<Action>),
}

pub(super) fn step(v: &LiveVolume, pv: &Pv, ours: &Ours) -> Step {
    let kept = kept(v, pv, ours);
    match kept.see(|token, note| end(v, pv, ours, token, note)) {
        Seen::Ends(actions) => Step::Ends(Plan::then_look_again(actions)),
        Seen::Under(missing) => Step::Under(missing),
    }
}

/// Clears away what there is of a copy, then takes its token off. `None`: its backend cannot be used now, and the token waits for it.
fn end(v: &LiveVolume, pv: &Pv, ours: &Ours, token: &Token, note: Option<&CopyNote>) -> Option<Vec<Action>> {
    let reading = Reading::of_volume(pv, ours);
    let Some(handle) = copy::handle(reading.backend(), token) else {
        // No claim has such a UID, so nothing was ever made for one.
        return Some(vec![reading.take(token)]);
    };
    let backend = v.backend.as_ref()?;
    let known = v.copies.of_this.get(token);
    let record = known.and_then(|known| known.record.clone());
    if record.is_none() && !backend.capabilities.clone {
        return Some(vec![reading.take(token)]);
    }
    let record = record.unwrap_or_else(|| unrecorded(pv, ours, token, note, &backend.name, handle));
    let mut actions = cleared(&record, backend, known.is_some_and(|known| known.twins));
    actions.push(reading.take(token));
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
    let known = note.and_then(|note| copy::record(&Reading::of_volume(pv, ours), token, note, backend.clone()));
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
pub fn cleared(record: &Record, backend: &Backend, twins: bool) -> Vec<Action> {
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
