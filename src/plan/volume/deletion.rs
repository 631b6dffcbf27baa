//! The end of a volume: its PersistentVolume is under deletion, and no token is left on it.
//!
//! Nothing here deletes data unless the view, whose LISTs were made after the API server stopped taking tokens, shows nobody:
//! no claim that uses it, no member, no claim that lost a member's object.

use super::{LiveVolume, backend_name, in_use, ledger};
use crate::api::reasons::SharedVolumeReason as R;
use crate::domain::access::OnDelete;
use crate::domain::change::Change;
use crate::domain::ids::{BackendName, ClassName};
use crate::domain::pv::{Ours, Pv};
use crate::domain::record::{Intent, Record};
use crate::plan::{Action, Plan, cleanup};

/// Held by our finalizer: no token can be added any more, and none is left in this view.
pub(super) fn decide(v: &LiveVolume, pv: &Pv, ours: &Ours) -> Plan {
    // Its source still says that it is being copied, and clears away whatever has no object.
    if in_use(v, &pv.name) || v.copies.into_this {
        return Plan::settled();
    }
    if !v.members.is_empty() {
        return Plan::finally(ledger::let_go(v, pv, ours));
    }
    let how = cleanup::how(pv, ours);
    if how == OnDelete::Retain {
        return keep(v, pv);
    }
    match cleanup::ready(pv, ours, v.record.as_ref(), backend_name(v, ours), v.twins) {
        Ok((backend, record)) => discard(v, pv, ours, how, backend, record),
        Err(obstacle) => Plan::finally(vec![Action::tell_pv_state(pv, R::CleanupFailed, obstacle)]),
    }
}

fn unprotect(pv: &Pv) -> Action {
    Action::Unprotect {
        pv: pv.name.clone(),
        uid: pv.uid.clone(),
    }
}

/// The object goes, the data stays where it is.
fn keep(v: &LiveVolume, pv: &Pv) -> Plan {
    let mut changes = ledger::nobody_left(v.record.as_ref(), None);
    let mut actions = ledger::no_copy_any_more(v, pv);
    // A discard that had begun before the policy changed: without an object its record would have it finished.
    if v.record.as_ref().is_some_and(is_being_discarded) {
        actions.push(Action::Record(std::mem::take(&mut changes)));
    }
    changes.push(Change::Forget {
        volume: v.volume.clone(),
    });
    actions.extend([unprotect(pv), Action::Note(changes)]);
    Plan::finally(actions)
}

const fn is_being_discarded(record: &Record) -> bool {
    matches!(record.intent, Some(Intent::Discard { .. }))
}

fn discard(v: &LiveVolume, pv: &Pv, ours: &Ours, how: OnDelete, backend: BackendName, record: Record) -> Plan {
    let known = Record {
        backend,
        // What was promised may have been written, also where a growth was not finished.
        bytes: pv.promised(),
        terms: pv.terms().unwrap_or(record.terms),
        ..record
    };
    let mut actions = ledger::remember(v, pv, ours);
    actions.extend(discard_recorded(&known, how, pv.class.clone(), Some(pv)));
    Plan::finally(actions)
}

/// First the ledger, then the data, then the object, if it is still there, and the record last.
pub(super) fn discard_recorded(
    record: &Record,
    how: OnDelete,
    class: Option<ClassName>,
    pv: Option<&Pv>,
) -> Vec<Action> {
    let (volume, intent) = (record.volume.clone(), Intent::Discard { how });
    let mut actions = vec![
        Action::Record(ledger::deletion_begins(record, &intent)),
        Action::Discard {
            backend: record.backend.clone(),
            handle: record.handle.clone(),
            how,
            owner: record.owner.clone(),
            class,
            bytes: record.bytes,
            mount: record.terms.mount,
            volume: volume.clone(),
        },
    ];
    actions.extend(pv.map(unprotect));
    actions.push(Action::Note(vec![
        Change::Settle {
            volume: volume.clone(),
            intent,
        },
        Change::Forget { volume },
    ]));
    actions
}
