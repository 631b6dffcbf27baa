//! What no plan may do, whatever it saw. Checked on every plan before it is carried out, and by property tests on plans from
//! arbitrary observations.

use super::Action;
use crate::domain::access::OnDelete;
use crate::domain::change::Change;
use crate::domain::record::{Intent, State};

/// Checks all rules.
///
/// # Errors
/// The first rule that is broken, in words.
pub fn check(actions: &[Action]) -> Result<(), String> {
    data_is_touched_under_an_intent(actions)?;
    discarding_is_recorded_first_and_unprotected_last(actions)?;
    a_member_is_made_under_an_intent(actions)?;
    a_token_comes_off_last(actions)?;
    names_follow_uids(actions)
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

fn data_is_touched_under_an_intent(actions: &[Action]) -> Result<(), String> {
    let intended = changes(actions)
        .find(|(_, c)| matches!(c, Change::Begin(_) | Change::Intend { .. }))
        .map(|(i, _)| i);
    let touched = actions
        .iter()
        .position(|a| matches!(a, Action::MakeData { .. } | Action::Discard { .. }));
    match (intended, touched) {
        (_, None) => Ok(()),
        (Some(i), Some(t)) if i < t && matches!(actions.get(i), Some(Action::Record(_))) => Ok(()),
        (_, Some(_)) => Err("a backend is changed before the intent is on disk".into()),
    }
}

fn discarding_is_recorded_first_and_unprotected_last(actions: &[Action]) -> Result<(), String> {
    for (at, action) in actions.iter().enumerate() {
        let Action::Discard { how, volume, .. } = action else {
            continue;
        };
        if *how == OnDelete::Retain {
            return Err("retained data is discarded".into());
        }
        let recorded = changes(actions)
            .any(|(i, c)| i < at && matches!(c, Change::SetState { volume: v, state: State::Deleting } if v == volume));
        let unprotected = actions.iter().position(|a| matches!(a, Action::Unprotect { .. }));
        if !recorded || unprotected.is_none_or(|u| u < at) {
            return Err("data is discarded before the ledger says so, or after its finalizer came off".into());
        }
    }
    Ok(())
}

fn a_member_is_made_under_an_intent(actions: &[Action]) -> Result<(), String> {
    for (at, action) in actions.iter().enumerate() {
        let Action::CreatePv(pv) = action else { continue };
        let intended = changes(actions).any(|(i, c)| match c {
            Change::Begin(record) => i < at && record.volume == pv.volume && pv.joined.is_none(),
            Change::Intend {
                volume,
                intent: Intent::Join { pv: name },
            } => i < at && *volume == pv.volume && *name == pv.name,
            _ => false,
        });
        if !intended {
            return Err("a PersistentVolume is made without an intent".into());
        }
    }
    Ok(())
}

fn a_token_comes_off_last(actions: &[Action]) -> Result<(), String> {
    let made = actions
        .iter()
        .position(|a| matches!(a, Action::CreatePv(pv) if pv.joined.is_some()));
    let taken = actions.iter().position(|a| matches!(a, Action::TakeToken { .. }));
    match (made, taken) {
        (Some(m), Some(t)) if t < m => Err("a token comes off before its member exists".into()),
        _ => Ok(()),
    }
}

fn names_follow_uids(actions: &[Action]) -> Result<(), String> {
    for action in actions {
        if let Action::CreatePv(pv) = action
            && pv.name != pv.claim.uid.pv_name()
        {
            return Err("a PersistentVolume's name is not that of its claim".into());
        }
    }
    Ok(())
}
