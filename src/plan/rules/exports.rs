//! What no plan may do about exports.

use crate::plan::Action;

/// Of one export at a time: first the backend, then what is written and said of it, and nothing else. Nobody is told of a cut that
/// was not made.
pub(super) fn access_changes_before_it_is_said(actions: &[Action]) -> Result<(), String> {
    let changes = |a: &Action| matches!(a, Action::Admit { .. } | Action::MakeExport { .. });
    let Some(at) = actions.iter().position(changes) else {
        return Ok(());
    };
    let rest = actions.get(at + 1..).unwrap_or_default();
    let says = |a: &Action| matches!(a, Action::NoteCut { .. } | Action::Tell(_));
    if at == 0 && rest.iter().all(says) {
        Ok(())
    } else {
        Err("access is changed among other things, or is said to be before it is".into())
    }
}

/// One that is released is never the same again, so nobody may be about to use it.
pub(super) fn an_export_is_released_alone(actions: &[Action]) -> Result<(), String> {
    let releases = |a: &&Action| matches!(a, Action::Release { .. });
    if actions.iter().any(|a| releases(&a)) && actions.len() > 1 {
        return Err("an export is released among other things".into());
    }
    Ok(())
}
