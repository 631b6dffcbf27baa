//! Keeping the ledger's record of a volume level with its PersistentVolume.
//!
//! Every change planned here is legal whatever step a crash left open: a step that nobody takes any more is settled first,
//! because an open one refuses every other (see `domain::change`).

use super::{LiveVolume, backend_name};
use crate::domain::change::Change;
use crate::domain::ids::{BackendName, ClaimRef, PvName, VolumeId};
use crate::domain::pv::{Ours, Pv};
use crate::domain::record::{Intent, Record, State};
use crate::plan::Action;
use std::collections::BTreeMap;

/// The record of a volume as its PersistentVolume tells it; members are added by their own.
pub fn record_of(pv: &Pv, ours: &Ours, backend: BackendName) -> Option<Record> {
    let claim = pv.claim.as_ref()?;
    let uid = ours
        .owner_uid
        .clone()
        .or_else(|| pv.name.claim_uid())
        .or_else(|| claim.uid.clone())?;
    Some(Record {
        volume: VolumeId::from(&pv.name),
        backend,
        handle: ours.handle.clone(),
        owner: ClaimRef {
            key: claim.key.clone(),
            uid,
        },
        bytes: pv.promised(),
        terms: pv.terms()?,
        mount_options: pv.mount_options.clone(),
        members: BTreeMap::new(),
        state: rest(pv),
        intent: None,
    })
}

/// How a volume is while nothing is being done to it.
fn rest(pv: &Pv) -> State {
    if pv.is_let_go() {
        State::SoftDeleted
    } else {
        State::Live
    }
}

/// Ends whatever step is open.
pub(super) fn settle(record: &Record) -> Option<Change> {
    record.intent.clone().map(|intent| Change::Settle {
        volume: record.volume.clone(),
        intent,
    })
}

/// Ends an open step that has nothing more to do once no token waits: the object exists, or the join came off. A discard is
/// not among them, for only its own plan knows that it has been done.
fn settle_made(record: &Record) -> Option<Change> {
    match &record.intent {
        Some(Intent::Create | Intent::Copy { .. } | Intent::Join { .. }) => settle(record),
        Some(Intent::Discard { .. }) | None => None,
    }
}

/// A record for a volume that has none, as a rebuild would make it.
pub(super) fn remember(v: &LiveVolume, pv: &Pv, ours: &Ours) -> Vec<Action> {
    match (&v.record, backend_name(v, ours)) {
        (None, Some(backend)) => record_of(pv, ours, backend)
            .map(|record| Action::Record(vec![Change::Restore(record)]))
            .into_iter()
            .collect(),
        (Some(_), _) | (None, None) => Vec::new(),
    }
}

/// A volume that was a copy, before its object may go: from a record that still says "being copied" it would look as if there had
/// never been one, and what is kept would be cleared away.
pub(super) fn no_copy_any_more(v: &LiveVolume, pv: &Pv) -> Vec<Action> {
    let copied = |r: &&Record| matches!(r.intent, Some(Intent::Copy { .. }));
    let Some(record) = v.record.as_ref().filter(copied) else {
        return Vec::new();
    };
    note(in_state(v, record, rest(pv)))
}

/// What comes before a new step: a record, no other step open, and no volume still "being made" whose object is there.
pub(super) fn make_ready(v: &LiveVolume, pv: &Pv, ours: &Ours, next: &Intent) -> Vec<Action> {
    let Some(record) = &v.record else {
        return remember(v, pv, ours);
    };
    let mut changes: Vec<Change> = settle_made(record)
        .filter(|_| record.intent.as_ref() != Some(next))
        .into_iter()
        .collect();
    if record.state == State::Creating {
        changes.push(Change::SetState {
            volume: v.volume.clone(),
            state: rest(pv),
        });
    }
    if changes.is_empty() {
        Vec::new()
    } else {
        vec![Action::Record(changes)]
    }
}

/// The ledger follows what is bound: a live volume, its owner, its size.
pub(super) fn bound(v: &LiveVolume, pv: &Pv, ours: &Ours) -> Vec<Action> {
    let Some(record) = &v.record else {
        return remember(v, pv, ours);
    };
    let Some(claim) = &pv.claim else { return Vec::new() };
    let Some(uid) = &claim.uid else { return Vec::new() };
    // A PersistentVolume that was put back by hand while its data was being discarded: it does not come back to life by that.
    if record.state == State::Deleting {
        return restored(v, pv, ours, record);
    }
    let owner = ClaimRef {
        key: claim.key.clone(),
        uid: uid.clone(),
    };
    let mut changes = in_state(v, record, State::Live);
    if record.owner != owner {
        changes.push(Change::SetOwner {
            volume: v.volume.clone(),
            owner,
        });
    }
    changes.extend(counts(v, record, pv));
    changes.extend(said(v, record, pv));
    note(changes)
}

/// A restore made the object again, for another claim and with another path: the volume that was being deleted is over, whatever a
/// crash left of its record.
fn restored(v: &LiveVolume, pv: &Pv, ours: &Ours, record: &Record) -> Vec<Action> {
    let anew = ours.owner_uid.is_some() && record.handle != ours.handle && record.members.is_empty();
    let next = backend_name(v, ours)
        .filter(|_| anew)
        .and_then(|backend| record_of(pv, ours, backend));
    let Some(next) = next else { return Vec::new() };
    let forget = Change::Forget {
        volume: v.volume.clone(),
    };
    let over = settle(record).into_iter().chain([forget, Change::Restore(next)]);
    vec![Action::Record(over.collect())]
}

/// The ledger follows that the owner has gone.
pub(super) fn let_go(v: &LiveVolume, pv: &Pv, ours: &Ours) -> Vec<Action> {
    match &v.record {
        Some(record) => {
            let mut changes = in_state(v, record, State::SoftDeleted);
            changes.extend(counts(v, record, pv));
            changes.extend(said(v, record, pv));
            note(changes)
        }
        None => remember(v, pv, ours),
    }
}

/// What the object promises, where the ledger counts something else.
fn counts(v: &LiveVolume, record: &Record, pv: &Pv) -> Option<Change> {
    let bytes = pv.promised();
    (record.bytes != bytes).then(|| Change::SetBytes {
        volume: v.volume.clone(),
        bytes,
    })
}

/// What the object says of deleting, where the ledger has something else.
fn said(v: &LiveVolume, record: &Record, pv: &Pv) -> Option<Change> {
    let terms = pv.terms().filter(|terms| record.terms != *terms)?;
    Some(Change::SetTerms {
        volume: v.volume.clone(),
        terms,
    })
}

fn in_state(v: &LiveVolume, record: &Record, state: State) -> Vec<Change> {
    let mut changes: Vec<Change> = settle_made(record).into_iter().collect();
    if record.state != state && record.state.may_become(state) {
        changes.push(Change::SetState {
            volume: v.volume.clone(),
            state,
        });
    }
    changes
}

/// Members that only the ledger still knows are gone, as live reads have shown; nor does any step but `next` go on.
pub(super) fn nobody_left(record: Option<&Record>, next: Option<&Intent>) -> Vec<Change> {
    let Some(record) = record else { return Vec::new() };
    let leave = |pv: &PvName| Change::Leave {
        volume: record.volume.clone(),
        pv: pv.clone(),
    };
    let settle = settle(record).filter(|_| record.intent.as_ref() != next);
    record.members.keys().map(leave).chain(settle).collect()
}

/// What is written down of a volume before its data goes: nobody is left, and what is going to be done.
pub(super) fn deletion_begins(record: &Record, intent: &Intent) -> Vec<Change> {
    let mut changes = nobody_left(Some(record), Some(intent));
    let volume = &record.volume;
    changes.extend([
        Change::SetState {
            volume: volume.clone(),
            state: State::Deleting,
        },
        Change::Intend {
            volume: volume.clone(),
            intent: intent.clone(),
        },
    ]);
    changes
}

/// That a volume was copied is over on disk, see [`no_copy_any_more`]; everything else may be noted later.
fn note(changes: Vec<Change>) -> Vec<Action> {
    let of_a_copy = |c: &Change| {
        matches!(
            c,
            Change::Settle {
                intent: Intent::Copy { .. },
                ..
            }
        )
    };
    if changes.is_empty() {
        Vec::new()
    } else if changes.iter().any(of_a_copy) {
        vec![Action::Record(changes)]
    } else {
        vec![Action::Note(changes)]
    }
}
