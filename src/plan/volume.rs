//! The life of an owner's PersistentVolume: finish or drop tokens, soft-delete, delete.
//!
//! Looks at one live view, read in a fixed order: first the PersistentVolume, then the claims, then the members. That order
//! carries the safety. Once a GET has shown the object terminating and without a token, no member can appear any more (the API
//! server takes no new finalizer then), so a LIST made after that GET is final. One decision, one step, then a new view: there
//! is no other code for crashes or for objects deleted by hand.

use super::{Action, Plan, join};
use crate::api::reasons::{ClaimReason as R, SharedVolumeReason};
use crate::domain::access::OnDelete;
use crate::domain::backend::Backend;
use crate::domain::change::Change;
use crate::domain::claim::{Claim, ClaimPhase};
use crate::domain::ids::{BackendName, ClaimRef, PvName, VolumeId};
use crate::domain::pv::{Ours, Pv, PvPhase, ReclaimPolicy};
use crate::domain::record::{Intent, Record, State};
use crate::domain::token::{Token, TokenKind};
use std::collections::{BTreeMap, BTreeSet};

/// A volume as read live, in the order of the fields.
#[derive(Debug, Clone)]
pub struct LiveVolume {
    /// Its id.
    pub volume: VolumeId,
    /// The owner's PersistentVolume.
    pub pv: Option<Pv>,
    /// For each token on it, what has become of the claim it is for.
    pub tokens: BTreeMap<Token, TokenClaim>,
    /// Claims that exist and whose UID is one of those that use this volume.
    pub owners: Vec<Claim>,
    /// Everybody in it besides the owner: members' PersistentVolumes by label and by the ledger's names, and claims that lost
    /// theirs.
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
        return Plan::not_ours();
    };
    if pv.policy == ReclaimPolicy::Recycle {
        let text = "policy Recycle would erase the data of everybody who shares it; it was set back to Retain";
        return Plan::then_look_again(vec![
            Action::SetRetain(pv.into()),
            Action::tell_pv(pv, R::RecycleRefused, text),
        ]);
    }
    if !ours.intact && !pv.terminating {
        return Plan::then_look_again(vec![mend(v, pv, ours)]);
    }
    if let Some(step) = token_step(v, pv, ours) {
        return step;
    }
    if pv.terminating {
        return terminating(v, pv, ours);
    }
    match pv.phase {
        PvPhase::Released | PvPhase::Failed => released(v, pv),
        PvPhase::Available => unexpected(pv),
        PvPhase::Bound => bound(v, pv),
        PvPhase::Pending => Plan::settled(),
    }
}

/// The object is gone. While a record says that the volume is being made, the claim's own plan makes the object; if the claim
/// has gone too, nobody ever mounted the directory, and it is removed unless something is in it.
fn without_object(v: &LiveVolume) -> Plan {
    let Some(record) = &v.record else {
        return Plan::settled();
    };
    if !v.owners.is_empty() || !v.members.is_empty() || !record.members.is_empty() {
        return Plan::settled();
    }
    let mut forget: Vec<Change> = settle(record).into_iter().collect();
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
        State::Live | State::SoftDeleted | State::Deleting => Plan::finally(vec![Action::Note(forget)]),
    }
}

/// Ends whatever step is open.
fn settle(record: &Record) -> Option<Change> {
    record.intent.clone().map(|intent| Change::Settle {
        volume: record.volume.clone(),
        intent,
    })
}

fn mend(v: &LiveVolume, pv: &Pv, ours: &Ours) -> Action {
    Action::Mend {
        pv: pv.into(),
        volume: v.volume.clone(),
        backend: backend_name(v, ours),
        member: false,
    }
}

fn backend_name(v: &LiveVolume, ours: &Ours) -> BackendName {
    let known = v.backend.as_ref().map(|b| b.name.clone());
    known
        .or_else(|| ours.backend.clone())
        .or_else(|| v.record.as_ref().map(|r| r.backend.clone()))
        .unwrap_or_else(|| BackendName::new(ours.handle.backend.as_str()))
}

/// A token is a promise. One whose claim is gone or served comes off; any other is kept: the join is finished, even if the
/// owner is terminating by now, because a paused controller may finish it at any moment.
fn token_step(v: &LiveVolume, pv: &Pv, ours: &Ours) -> Option<Plan> {
    let mut waiting = false;
    for (token, claim) in &v.tokens {
        let take = || Action::TakeToken {
            pv: pv.name.clone(),
            uid: pv.uid.clone(),
            token: token.clone(),
        };
        match (claim, token.kind, pv.tokens.get(token).and_then(Option::as_ref)) {
            (TokenClaim::Gone | TokenClaim::Served, _, _) => return Some(Plan::then_look_again(vec![take()])),
            (TokenClaim::Waiting, TokenKind::Joining, Some(note)) => {
                let mut actions = remember(v, pv, ours);
                actions.extend(join::finish(pv, ours, token, note, v.backend.as_ref()));
                return Some(Plan::then_look_again(actions));
            }
            // Its note was tampered with or is of a kind not served yet: it can only be waited for.
            (TokenClaim::Waiting, _, _) => waiting = true,
        }
    }
    waiting.then(Plan::settled)
}

/// A record for a volume that has none, as a rebuild would make it.
fn remember(v: &LiveVolume, pv: &Pv, ours: &Ours) -> Vec<Action> {
    if v.record.is_some() {
        return Vec::new();
    }
    record_of(pv, ours, backend_name(v, ours))
        .map(|r| Action::Record(vec![Change::Restore(r)]))
        .into_iter()
        .collect()
}

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
        bytes: pv.capacity,
        members: BTreeMap::new(),
        state: if pv.is_let_go() {
            State::SoftDeleted
        } else {
            State::Live
        },
        intent: None,
    })
}

/// Claims that still use the volume: those known by UID that exist and are not bound to another one.
fn in_use(v: &LiveVolume, pv: &Pv) -> bool {
    v.owners.iter().any(|claim| !claim.is_bound_elsewhere(&pv.name))
}

/// "Released" does not mean unused: a claim whose reference was edited away is `Bound` for seconds more.
fn released(v: &LiveVolume, pv: &Pv) -> Plan {
    if in_use(v, pv) {
        return Plan::settled();
    }
    let soft = set_state(v, State::SoftDeleted);
    if !v.members.is_empty() || pv.policy == ReclaimPolicy::Retain {
        return Plan::finally(soft);
    }
    let mut actions = soft;
    actions.push(Action::DeletePv(pv.into()));
    Plan::then_look_again(actions)
}

/// Held by our finalizer: no token can be added any more, and none is left in this view.
fn terminating(v: &LiveVolume, pv: &Pv, ours: &Ours) -> Plan {
    if in_use(v, pv) {
        return Plan::settled();
    }
    if !v.members.is_empty() {
        return Plan::finally(set_state(v, State::SoftDeleted));
    }
    let how = if pv.policy == ReclaimPolicy::Delete {
        ours.on_delete
    } else {
        OnDelete::Retain
    };
    let unprotect = Action::Unprotect {
        pv: pv.name.clone(),
        uid: pv.uid.clone(),
    };
    let left = v.record.iter().flat_map(|r| r.members.keys());
    let mut changes: Vec<Change> = left
        .map(|pv| Change::Leave {
            volume: v.volume.clone(),
            pv: pv.clone(),
        })
        .collect();
    let intent = Intent::Discard { how };
    changes.extend(
        v.record
            .as_ref()
            .filter(|r| r.intent.as_ref() != Some(&intent))
            .and_then(settle),
    );
    let forget = Change::Forget {
        volume: v.volume.clone(),
    };
    if how == OnDelete::Retain {
        changes.push(forget);
        return Plan::finally(vec![unprotect, Action::Note(changes)]);
    }
    let backend = backend_name(v, ours);
    let owner = v
        .record
        .as_ref()
        .map(|r| r.owner.clone())
        .or_else(|| record_of(pv, ours, backend.clone()).map(|r| r.owner));
    let Some(owner) = owner else { return Plan::settled() };
    let mut actions = remember(v, pv, ours);
    changes.push(Change::SetState {
        volume: v.volume.clone(),
        state: State::Deleting,
    });
    changes.push(Change::Intend {
        volume: v.volume.clone(),
        intent: intent.clone(),
    });
    actions.extend([
        Action::Record(changes),
        Action::Discard {
            backend,
            handle: ours.handle.clone(),
            how,
            owner,
            class: pv.class.clone(),
            bytes: pv.capacity,
            volume: v.volume.clone(),
        },
        unprotect,
        Action::Note(vec![
            Change::Settle {
                volume: v.volume.clone(),
                intent,
            },
            forget,
        ]),
    ]);
    Plan::finally(actions)
}

/// Anybody's claim could be bound to a volume that is free. It is left alone, and said.
fn unexpected(pv: &Pv) -> Plan {
    let text = "this volume is not bound to the claim that Tombolo recorded; it will not be deleted. Give it an owner with: \
                tombolo reclaim";
    Plan::finally(vec![Action::tell_pv_state(
        pv,
        SharedVolumeReason::UnexpectedClaim,
        text,
    )])
}

/// Bound: to the recorded owner, to a new one by a legitimate rewrite, or to somebody unexpected.
fn bound(v: &LiveVolume, pv: &Pv) -> Plan {
    let Some(uid) = pv.claim.as_ref().and_then(|c| c.uid.as_ref()) else {
        return Plan::settled();
    };
    let expected = expected_owner(v, pv);
    if expected.contains(uid) {
        return Plan::finally(recorded(v, pv));
    }
    let old_claim_gone = v.owners.iter().all(|c| c.uid == *uid || c.phase == ClaimPhase::Lost);
    let soft_deleted = v.record.as_ref().is_some_and(|r| r.state != State::Live);
    if pv.populated && !soft_deleted && v.members.is_empty() && v.tokens.is_empty() && old_claim_gone {
        return Plan::then_look_again(vec![Action::RecordOwner {
            pv: pv.into(),
            owner: uid.clone(),
        }]);
    }
    unexpected(pv)
}

/// The UIDs of claims that may own it: what a reclaim or populator left on it, else what its name says.
pub fn expected_owner(v: &LiveVolume, pv: &Pv) -> Vec<crate::domain::ids::ClaimUid> {
    match pv.ours.as_ref().and_then(|o| o.owner_uid.clone()) {
        Some(uid) => vec![uid],
        None => pv
            .name
            .claim_uid()
            .into_iter()
            .chain(v.record.iter().map(|r| r.owner.uid.clone()))
            .collect(),
    }
}

/// The ledger follows what is bound: a live volume, its owner, its size.
fn recorded(v: &LiveVolume, pv: &Pv) -> Vec<Action> {
    let Some(ours) = &pv.ours else { return Vec::new() };
    let Some(record) = &v.record else {
        return remember(v, pv, ours);
    };
    let Some(claim) = &pv.claim else { return Vec::new() };
    let Some(uid) = &claim.uid else { return Vec::new() };
    let owner = ClaimRef {
        key: claim.key.clone(),
        uid: uid.clone(),
    };
    let volume = || v.volume.clone();
    let mut changes = Vec::new();
    if record.intent == Some(Intent::Create) {
        changes.extend(settle(record));
    }
    if record.state != State::Live {
        changes.push(Change::SetState {
            volume: volume(),
            state: State::Live,
        });
    }
    if record.owner != owner {
        changes.push(Change::SetOwner {
            volume: volume(),
            owner,
        });
    }
    if record.bytes != pv.capacity {
        changes.push(Change::SetBytes {
            volume: volume(),
            bytes: pv.capacity,
        });
    }
    if changes.is_empty() {
        Vec::new()
    } else {
        vec![Action::Note(changes)]
    }
}

fn set_state(v: &LiveVolume, state: State) -> Vec<Action> {
    match &v.record {
        Some(record) if record.state != state && record.state.may_become(state) => {
            let mut changes = Vec::new();
            if record.intent == Some(Intent::Create) {
                changes.extend(settle(record));
            }
            changes.push(Change::SetState {
                volume: v.volume.clone(),
                state,
            });
            vec![Action::Note(changes)]
        }
        _ => Vec::new(),
    }
}
