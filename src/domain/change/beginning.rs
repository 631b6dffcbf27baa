//! How a record begins, and what is no beginning of the one that is there.

use super::super::record::{Intent, Record, State};
use super::Why;

pub(super) fn begin(record: Option<Record>, new: &Record) -> Result<Record, Why> {
    match record {
        Some(old) if old.handle == new.handle && old.owner == new.owner => match old.intent {
            Some(open) if is_another(&open, new) => Err(Why::Busy(open)),
            _ => Ok(old),
        },
        Some(old) => Err(Why::Taken(Box::new(old.owner), old.handle.to_string())),
        None if !new.members.is_empty() => Err(Why::MembersRemain(new.members.len())),
        None => match new.state {
            State::Creating | State::Live => Ok(new.clone()),
            state @ (State::SoftDeleted | State::Deleting) => Err(Why::State(state)),
        },
    }
}

/// Whether what is being made is a copy, and what is begun an empty volume, or the other way round: one would be taken for the other.
fn is_another(open: &Intent, new: &Record) -> bool {
    let pair = (open, new.intent.as_ref());
    matches!(
        pair,
        (Intent::Copy { .. }, Some(Intent::Create)) | (Intent::Create, Some(Intent::Copy { .. }))
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::record;
    use super::super::{Change, apply};
    use super::*;
    use crate::domain::ids::VolumeId;

    #[test]
    fn what_was_begun_as_a_copy_is_not_begun_again_as_an_empty_volume_nor_the_other_way_round() {
        let copy = |from: &str| Intent::Copy {
            from: VolumeId::new(from),
        };
        let begun = |intent: Option<Intent>| Record {
            state: State::Creating,
            intent,
            ..record("pvc-1")
        };
        let again = |old, new| apply(Some(begun(old)), &Change::Begin(begun(new)));
        for (old, new) in [(copy("a"), Intent::Create), (Intent::Create, copy("a"))] {
            let refused = again(Some(old.clone()), Some(new)).unwrap_err();
            assert_eq!((refused.is_busy(), refused.why), (true, Why::Busy(old)));
        }
        for (old, new) in [
            (Some(Intent::Create), Some(Intent::Create)),
            (Some(copy("a")), Some(copy("a"))),
            (None, Some(copy("a"))),
        ] {
            assert_eq!(again(old.clone(), new).unwrap(), Some(begun(old)));
        }
    }
}
