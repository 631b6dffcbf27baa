//! What an action is, in a word.

use crate::plan::Action;

/// What it is called where plans are counted. A hold comes off by upkeep alone, and sizes are a plan's of their own.
pub(super) fn kind(action: &Action) -> &'static str {
    match action {
        Action::Record(_) => "record",
        Action::Note(_) => "note",
        Action::Tell(_) => "tell",
        Action::MakeData { .. } => "make",
        Action::Copy { .. } => "copy",
        Action::AbandonCopy { .. } => "abandon copy",
        Action::Discard { .. } => "discard",
        Action::RemoveEmpty { .. } => "remove empty",
        Action::CreatePv(_) => "create",
        Action::PutToken { .. } => "put token",
        Action::TakeToken { .. } => "take token",
        Action::KeepSnapshot { .. } => "keep snapshot",
        Action::LetSnapshotGo { .. } => "let snapshot go",
        Action::PutHold(..) => "put hold",
        Action::TakeHold(..) => "take hold",
        Action::Reschedule { .. } => "reschedule",
        Action::DeletePv(_) => "delete",
        Action::Unprotect { .. } => "unprotect",
        Action::Mend { .. } => "mend",
        Action::SetRetain(_) => "set retain",
        Action::RecordOwner { .. } => "record owner",
        Action::Admit { .. } | Action::MakeExport { .. } | Action::Release { .. } | Action::NoteCut { .. } => "exports",
        Action::ResizeData { .. } | Action::Promise { .. } | Action::Grant { .. } | Action::MarkResize { .. } => {
            "sizes"
        }
    }
}
