//! What no plan may do about sizes.

use super::recorded;
use crate::domain::change::Change;
use crate::domain::ids::VolumeId;
use crate::plan::Action;
use crate::plan::resize::ResizeMark;

/// Whoever counts what is promised must never count less: first the ledger, on disk, with no less than that. A member's object is granted
/// what its owner's has, of which nothing is counted.
pub(super) fn a_size_is_recorded_before_it_is_promised_told_or_granted(actions: &[Action]) -> Result<(), String> {
    for (at, action) in actions.iter().enumerate() {
        let size = match action {
            Action::ResizeData { bytes, .. } => Some((*bytes, None)),
            Action::Promise { pv, bytes } => Some((*bytes, Some(VolumeId::from(&pv.name)))),
            Action::Grant { .. } if actions.len() == 1 => None,
            Action::Grant { pv, bytes } => Some((*bytes, Some(VolumeId::from(&pv.name)))),
            _ => None,
        };
        let Some((bytes, volume)) = size else { continue };
        let counts = |c: &Change| match c {
            Change::SetBytes {
                volume: of,
                bytes: counted,
            } => *counted >= bytes && volume.as_ref().is_none_or(|v| v == of),
            _ => false,
        };
        if !recorded(actions, at).any(counts) {
            return Err("a size is promised before the ledger counts it".into());
        }
    }
    Ok(())
}

/// A claim that says it has a size has it: everything else of it comes before, in this plan or an earlier one.
pub(super) fn a_claim_is_told_of_its_size_last(actions: &[Action]) -> Result<(), String> {
    let finishes = |a: &Action| {
        matches!(
            a,
            Action::MarkResize {
                mark: ResizeMark::Finished { .. },
                ..
            }
        )
    };
    let Some(at) = actions.iter().position(finishes) else {
        return Ok(());
    };
    let rest = actions.get(at + 1..).unwrap_or_default();
    if rest.iter().all(|a| matches!(a, Action::Tell(_))) {
        Ok(())
    } else {
        Err("a claim has a size before all is done for it".into())
    }
}
