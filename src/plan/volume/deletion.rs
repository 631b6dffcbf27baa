//! The end of a volume: its PersistentVolume is under deletion, and no token is left on it.
//!
//! Nothing here deletes data unless the view, whose LISTs were made after the API server stopped taking tokens, shows nobody:
//! no claim that uses it, no member, no claim that lost a member's object.

use super::{LiveVolume, backend_name, in_use, ledger};
use crate::api::reasons::SharedVolumeReason;
use crate::domain::access::OnDelete;
use crate::domain::change::Change;
use crate::domain::pv::{Ours, Pv, ReclaimPolicy};
use crate::domain::record::{Intent, State};
use crate::plan::{Action, Plan};

/// Held by our finalizer: no token can be added any more, and none is left in this view.
pub(super) fn decide(v: &LiveVolume, pv: &Pv, ours: &Ours) -> Plan {
    if in_use(v, &pv.name) {
        return Plan::settled();
    }
    if !v.members.is_empty() {
        return Plan::finally(ledger::let_go(v, pv, ours));
    }
    let how = if pv.policy == ReclaimPolicy::Delete {
        ours.on_delete
    } else {
        OnDelete::Retain
    };
    if how == OnDelete::Retain {
        return keep(v, pv);
    }
    if v.record.as_ref().is_some_and(|r| r.handle != ours.handle) {
        return stuck(
            pv,
            "its handle is not the one that Tombolo recorded, so its data is not deleted; put the old handle back",
        );
    }
    discard(v, pv, ours, how)
}

fn unprotect(pv: &Pv) -> Action {
    Action::Unprotect {
        pv: pv.name.clone(),
        uid: pv.uid.clone(),
    }
}

fn stuck(pv: &Pv, text: &str) -> Plan {
    Plan::finally(vec![Action::tell_pv_state(pv, SharedVolumeReason::CleanupFailed, text)])
}

/// The object goes, the data stays where it is.
fn keep(v: &LiveVolume, pv: &Pv) -> Plan {
    let mut changes = ledger::nobody_left(v, None);
    changes.push(Change::Forget {
        volume: v.volume.clone(),
    });
    Plan::finally(vec![unprotect(pv), Action::Note(changes)])
}

fn discard(v: &LiveVolume, pv: &Pv, ours: &Ours, how: OnDelete) -> Plan {
    let intent = Intent::Discard { how };
    let name = backend_name(v, ours);
    let known = v.record.clone();
    let record = known.or_else(|| ledger::record_of(pv, ours, name.clone()?));
    let (Some(backend), Some(record)) = (name, record) else {
        return stuck(
            pv,
            "nothing says whose volume it was or where it lies; set its claimRef and labels, or policy Retain to let it go",
        );
    };
    let mut changes = ledger::nobody_left(v, Some(&intent));
    changes.extend([
        Change::SetState {
            volume: v.volume.clone(),
            state: State::Deleting,
        },
        Change::Intend {
            volume: v.volume.clone(),
            intent: intent.clone(),
        },
    ]);
    let mut actions = ledger::remember(v, pv, ours);
    actions.extend([
        Action::Record(changes),
        Action::Discard {
            backend,
            handle: ours.handle.clone(),
            how,
            owner: record.owner,
            class: pv.class.clone(),
            bytes: pv.capacity,
            volume: v.volume.clone(),
        },
        unprotect(pv),
        Action::Note(vec![
            Change::Settle {
                volume: v.volume.clone(),
                intent,
            },
            Change::Forget {
                volume: v.volume.clone(),
            },
        ]),
    ]);
    Plan::finally(actions)
}
