//! What no plan may do about copies.

use super::{open, recorded};
use crate::domain::change::Change;
use crate::domain::ids::{Handle, VolumeId};
use crate::domain::record::Intent;
use crate::domain::token::{Token, TokenKind};
use crate::plan::{Action, Data};

/// Whether a token is that of the copy which becomes this volume.
pub(super) fn is_of(token: &Token, volume: &VolumeId) -> bool {
    token.kind == TokenKind::Copying && token.claim.pv_name() == volume.pv_name()
}

/// Whether a copy is made where its data lies, and not of itself.
pub(super) fn stays_on_its_backend(from: &Data, copy: &Handle) -> bool {
    from.backend() == &copy.backend && *from != Data::Volume(copy.clone())
}

/// Whoever takes off the token of a copy that is over leaves nothing of it behind: not what is unfinished, nor a record.
pub(super) fn a_copy_is_cleared_away_before_its_token_comes_off(actions: &[Action]) -> Result<(), String> {
    let taken = actions
        .iter()
        .position(|a| matches!(a, Action::TakeToken { token, .. } | Action::LetSnapshotGo { token, .. } if token.kind == TokenKind::Copying));
    let Some(taken) = taken else { return Ok(()) };
    let rest = actions.get(taken + 1..).unwrap_or_default();
    if rest.iter().any(|a| !matches!(a, Action::Tell(_))) || actions.iter().any(|a| matches!(a, Action::Copy { .. })) {
        return Err("something is left to be done after the token of a copy".into());
    }
    Ok(())
}

/// Whether a change only says that something of the volume is over.
pub(super) fn ends(change: &Change, volume: &VolumeId) -> bool {
    change.volume() == volume && matches!(change, Change::Settle { .. } | Change::Forget { .. })
}

/// Whether a copy into the volume is under way before the action at `at`.
pub(super) fn copying(actions: &[Action], at: usize, volume: &VolumeId) -> bool {
    let begun = recorded(actions, at).find_map(|c| match c {
        Change::Begin(record) if record.volume == *volume => record.intent.clone(),
        _ => None,
    });
    begun.is_some_and(|intent| matches!(intent, Intent::Copy { .. }) && open(actions, at, volume, &intent))
}
