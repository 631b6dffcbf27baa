//! What no plan may do, whatever it saw. Checked on every plan before it is carried out, and by property tests on plans from
//! arbitrary observations.
//!
//! Each rule is one function over the actions in their order. A rule knows nothing of what was seen: what a plan may do only
//! in some states of the world is `tests`' business, because only they know the world.

use super::{Action, NewPv, Plan, Verdict};
use crate::domain::access::OnDelete;
use crate::domain::change::Change;
use crate::domain::ids::{Handle, PvName, VolumeId};
use crate::domain::pv::ReclaimPolicy;
use crate::domain::record::{Intent, State};

mod cluster;
mod copies;
mod exports;
mod sizes;

/// A rule: what it is about, or in words how it was broken.
type Rule = fn(&[Action]) -> Result<(), String>;

/// Checks all rules about actions.
///
/// # Errors
/// The first rule that is broken, in words.
pub fn check(actions: &[Action]) -> Result<(), String> {
    const RULES: [Rule; 14] = [
        data_is_made_under_an_intent,
        copies::a_copy_is_cleared_away_before_its_token_comes_off,
        data_is_discarded_alone_and_under_an_intent,
        data_is_touched_once,
        a_volume_is_forgotten_last,
        a_pv_is_made_under_an_intent,
        a_member_s_pv_holds_no_data,
        a_token_comes_off_last,
        what_ends_a_view_ends_the_plan,
        names_follow_uids,
        exports::access_changes_before_it_is_said,
        exports::an_export_is_released_alone,
        sizes::a_size_is_recorded_before_it_is_promised_told_or_granted,
        sizes::a_claim_is_told_of_its_size_last,
    ];
    RULES.iter().try_for_each(|rule| rule(actions))
}

/// Checks a whole plan: its actions, and that they go with its verdict.
///
/// # Errors
/// The first rule that is broken, in words.
pub fn check_plan(plan: &Plan) -> Result<(), String> {
    check(&plan.actions)?;
    match &plan.verdict {
        Verdict::Settled => Ok(()),
        Verdict::Continue if plan.actions.iter().any(cluster::changes_the_cluster) => Ok(()),
        Verdict::Continue => Err("it looks again at once although nothing that it sees will have changed".into()),
        Verdict::AskLive | Verdict::NotOurs | Verdict::Refused(_) if plan.actions.is_empty() => Ok(()),
        // What may change the verdict, and nothing that serves the claim.
        Verdict::Refused(_) if matches!(*plan.actions, [Action::Reschedule { .. }]) => Ok(()),
        Verdict::AskLive | Verdict::NotOurs | Verdict::Refused(_) => Err("it says no and acts all the same".into()),
    }
}

fn changes(actions: &[Action]) -> impl Iterator<Item = (usize, &Change)> {
    actions.iter().enumerate().flat_map(|(i, action)| {
        let changes: &[Change] = match action {
            Action::Record(changes) | Action::Note(changes) => changes,
            _ => &[],
        };
        changes.iter().map(move |c| (i, c))
    })
}

/// Changes that are on disk before the action at `at`.
fn recorded(actions: &[Action], at: usize) -> impl Iterator<Item = &Change> {
    let on_disk = move |i: usize| i < at && matches!(actions.get(i), Some(Action::Record(_)));
    changes(actions).filter(move |(i, _)| on_disk(*i)).map(|(_, c)| c)
}

/// Whether the intent is still open before the action at `at`: noted, and not settled again.
fn open(actions: &[Action], at: usize, volume: &VolumeId, wanted: &Intent) -> bool {
    recorded(actions, at).fold(false, |open, change| match change {
        Change::Intend { volume: v, intent } if v == volume => intent == wanted,
        Change::Begin(record) if record.volume == *volume => record.intent.as_ref() == Some(wanted),
        Change::Settle { volume: v, intent } if v == volume && intent == wanted => false,
        _ => open,
    })
}

fn data_is_made_under_an_intent(actions: &[Action]) -> Result<(), String> {
    for (at, action) in actions.iter().enumerate() {
        let (handle, copied) = match action {
            Action::MakeData { handle, .. } => (handle, false),
            Action::Copy { from, handle, .. } if copies::stays_on_its_backend(from, handle) => (handle, true),
            Action::Copy { .. } => return Err("a copy leaves its backend, or is made of itself".into()),
            _ => continue,
        };
        let begun = recorded(actions, at).any(|c| matches!(c, Change::Begin(r) if begins_at(r, handle, copied)));
        if !begun {
            return Err("data is made before the intent is on disk".into());
        }
    }
    Ok(())
}

fn begins_at(record: &crate::domain::record::Record, handle: &Handle, copied: bool) -> bool {
    let intended = match &record.intent {
        Some(Intent::Create) => !copied,
        Some(Intent::Copy { .. }) => copied,
        Some(Intent::Join { .. } | Intent::Discard { .. }) | None => false,
    };
    record.handle == *handle && intended
}

/// First the ledger, on disk: the volume is being deleted, and how. Then the data. Then the finalizer that keeps the object.
/// Nothing else is in such a plan, above all nobody who joins.
fn data_is_discarded_alone_and_under_an_intent(actions: &[Action]) -> Result<(), String> {
    for (at, action) in actions.iter().enumerate() {
        let Action::Discard { how, volume, .. } = action else {
            continue;
        };
        if *how == OnDelete::Retain {
            return Err("retained data is discarded".into());
        }
        let deleting = recorded(actions, at)
            .any(|c| matches!(c, Change::SetState { volume: v, state: State::Deleting } if v == volume));
        if !deleting || !open(actions, at, volume, &Intent::Discard { how: *how }) {
            return Err("data is discarded before the ledger says so".into());
        }
        if changes(actions).any(|(_, c)| matches!(c, Change::Join { .. })) {
            return Err("data is discarded while somebody joins".into());
        }
        let own = volume.pv_name();
        let alone = actions.iter().enumerate().all(|(i, other)| match other {
            Action::Record(changes) => i < at || changes.iter().all(|c| copies::ends(c, volume)),
            Action::Note(_) | Action::Tell(_) => true,
            Action::AbandonCopy { .. } => i < at,
            Action::TakeToken { token, .. } | Action::LetSnapshotGo { token, .. } => {
                i > at && copies::is_of(token, volume)
            }
            Action::Unprotect { pv, .. } => i > at && *pv == own,
            Action::Discard { .. } => i == at,
            _ => false,
        });
        if !alone {
            return Err("something else is done where data is discarded, or its finalizer comes off before".into());
        }
    }
    Ok(())
}

fn data_is_touched_once(actions: &[Action]) -> Result<(), String> {
    let makes_way = |(at, action): &(usize, &Action)| match (action, actions.get(at + 1)) {
        (Action::RemoveEmpty { handle, .. }, Some(Action::Copy { handle: copy, .. })) => handle == copy,
        _ => false,
    };
    let touching = actions.iter().enumerate().filter(|one| !makes_way(one));
    match touching.filter(|(_, a)| a.touches_data()).count() {
        0 | 1 => Ok(()),
        _ => Err("a plan touches data more than once".into()),
    }
}

/// While there is something left to be done, the record says so; or the token of a copy, which comes off after it.
fn a_volume_is_forgotten_last(actions: &[Action]) -> Result<(), String> {
    for (at, change) in changes(actions) {
        let Change::Forget { volume } = change else { continue };
        let rest = actions.get(at + 1..).unwrap_or_default();
        let may_follow = |a: &Action| match a {
            Action::Tell(_) => true,
            Action::TakeToken { token, .. } | Action::LetSnapshotGo { token, .. } => copies::is_of(token, volume),
            _ => false,
        };
        if !rest.iter().all(may_follow) {
            return Err("a volume is forgotten before all is done".into());
        }
    }
    Ok(())
}

fn made(actions: &[Action]) -> impl Iterator<Item = (usize, &NewPv)> {
    actions.iter().enumerate().filter_map(|(at, action)| match action {
        Action::CreatePv(pv) => Some((at, &**pv)),
        _ => None,
    })
}

fn a_pv_is_made_under_an_intent(actions: &[Action]) -> Result<(), String> {
    for (at, pv) in made(actions) {
        let intended = match pv.joined {
            Some(_) => open(actions, at, &pv.volume, &Intent::Join { pv: pv.name.clone() }),
            None => owner_is_made(actions, at, pv) || owner_is_made_again(actions, at, pv),
        };
        if !intended {
            return Err("a PersistentVolume is made without an intent, or before its data".into());
        }
    }
    Ok(())
}

fn owner_is_made(actions: &[Action], at: usize, pv: &NewPv) -> bool {
    let made = |handle: &Handle| *handle == pv.handle;
    actions.iter().take(at).any(|action| match action {
        Action::MakeData { handle, .. } => made(handle) && open(actions, at, &pv.volume, &Intent::Create),
        Action::Copy { handle, .. } => made(handle) && copies::copying(actions, at, &pv.volume),
        _ => false,
    })
}

/// A repair: the ledger knows the volume, where it lies, and that nobody deletes it.
fn owner_is_made_again(actions: &[Action], at: usize, pv: &NewPv) -> bool {
    recorded(actions, at).any(|c| match c {
        Change::Begin(r) => {
            r.volume == pv.volume && r.handle == pv.handle && matches!(r.state, State::Live | State::SoftDeleted)
        }
        _ => false,
    })
}

/// Nothing that happens to a member's object, or is edited on it, may reach the data.
fn a_member_s_pv_holds_no_data(actions: &[Action]) -> Result<(), String> {
    for (_, pv) in made(actions).filter(|(_, pv)| pv.joined.is_some()) {
        if pv.on_delete != OnDelete::Retain || pv.policy != ReclaimPolicy::Delete || pv.name == pv.volume.pv_name() {
            return Err("a member's PersistentVolume looks like an owner's".into());
        }
    }
    Ok(())
}

/// When a token comes off, its member's object exists and the ledger knows it.
fn a_token_comes_off_last(actions: &[Action]) -> Result<(), String> {
    for (at, pv) in made(actions).filter(|(_, pv)| pv.joined.is_some()) {
        let taken = |name: &PvName| {
            actions
                .iter()
                .position(|a| matches!(a, Action::TakeToken { token, .. } if token.claim.pv_name() == *name))
        };
        let Some(taken) = taken(&pv.name) else { continue };
        let known = recorded(actions, taken).any(|c| matches!(c, Change::Join { pv: p, .. } if *p == pv.name));
        if taken < at || !known {
            return Err("a token comes off before its member exists and is known".into());
        }
    }
    Ok(())
}

/// A token and a DELETE change what every later step rests on: a new view comes first.
fn what_ends_a_view_ends_the_plan(actions: &[Action]) -> Result<(), String> {
    let rest = actions
        .iter()
        .skip_while(|a| {
            !matches!(
                a,
                Action::PutToken { .. } | Action::KeepSnapshot { .. } | Action::DeletePv(_)
            )
        })
        .skip(1);
    match rest.into_iter().find(|a| !matches!(a, Action::Tell(_))) {
        None => Ok(()),
        Some(_) => Err("something follows a token or a DELETE without a new look".into()),
    }
}

/// A volume that a reclaim gave to another claim keeps its name when its object is made again.
fn names_follow_uids(actions: &[Action]) -> Result<(), String> {
    let kept = |at, pv: &NewPv| pv.name == pv.volume.pv_name() && owner_is_made_again(actions, at, pv);
    match made(actions).find(|(at, pv)| pv.name != pv.claim.uid.pv_name() && !kept(*at, pv)) {
        None => Ok(()),
        Some(_) => Err("a PersistentVolume's name is not that of its claim".into()),
    }
}

#[cfg(test)]
mod tests;
