//! Which actions change the cluster.

use crate::plan::Action;

/// Whether the next look at the API server's objects shows something else.
pub(super) fn changes_the_cluster(action: &Action) -> bool {
    match action {
        Action::CreatePv(_)
        | Action::PutToken { .. }
        | Action::TakeToken { .. }
        | Action::KeepSnapshot { .. }
        | Action::LetSnapshotGo { .. }
        | Action::PutHold(..)
        | Action::TakeHold(..)
        | Action::Reschedule { .. }
        | Action::DeletePv(_)
        | Action::Unprotect { .. }
        | Action::Mend { .. }
        | Action::SetRetain(_)
        | Action::NoteCut { .. }
        | Action::Promise { .. }
        | Action::Grant { .. }
        | Action::MarkResize { .. }
        | Action::RecordOwner { .. } => true,
        Action::Record(_)
        | Action::Note(_)
        | Action::Tell(_)
        | Action::MakeData { .. }
        | Action::Copy { .. }
        | Action::AbandonCopy { .. }
        | Action::Discard { .. }
        | Action::Admit { .. }
        | Action::MakeExport { .. }
        | Action::Release { .. }
        | Action::ResizeData { .. }
        | Action::RemoveEmpty { .. } => false,
    }
}
