//! Sizes that are refused: by the backend, or before it is asked. In words for everybody, which never quote a backend.

use super::{ResizeMark, mark};
use crate::api::reasons::ClaimReason as R;
use crate::domain::claim::Claim;
use crate::domain::growth::GrowthStep;
use crate::domain::size;
use crate::plan::{Action, Plan, Refusal};
use tombolo_backend_api::{BackendError, Certainty, Class};

/// A backend's refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What its claim is told.
    pub refusal: Refusal,
    /// Whether it can never be, as things are.
    pub infeasible: bool,
}

/// Writes down that a size was refused, or if that is written already, says so.
pub(super) fn refused(claim: &Claim, bytes: u64, refusal: &Refusal, infeasible: bool) -> Plan {
    let why = refusal.to_string();
    let growth = &claim.growth;
    let step = match infeasible {
        true => GrowthStep::Infeasible,
        false => GrowthStep::InProgress,
    };
    let kept = growth.is_at(bytes) && growth.step == Some(step);
    if growth.error.as_ref() == Some(&why) && (kept || growth.has_no_steps()) {
        return Plan::refused(refusal.clone());
    }
    let refused = ResizeMark::Refused { bytes, infeasible, why };
    Plan::then_look_again(vec![mark(claim, refused)])
}

/// What a backend's refusal means. `None`: it did not refuse, or nobody knows, and it is asked again soon.
pub fn answer(bytes: u64, error: &BackendError) -> Option<Answer> {
    if error.certainty == Certainty::MaybeDone {
        return None;
    }
    let (reason, text, infeasible) = match error.class {
        Class::TooLarge => {
            let text = format!(
                "the volume holds more than {} already; ask for more than it uses",
                size::format(bytes)
            );
            (R::TooLarge, text, true)
        }
        Class::Invalid => {
            let text = "the storage backend cannot resize this volume; Tombolo's log says why, ask your admin";
            (R::BackendUnavailable, text.to_owned(), true)
        }
        Class::Full => {
            let text = "the storage backend has no room left; ask your admin, or ask for less";
            (R::BackendUnavailable, text.to_owned(), false)
        }
        Class::Denied => {
            let text = "the storage backend does not let Tombolo resize volumes; ask your admin";
            (R::BackendUnavailable, text.to_owned(), false)
        }
        Class::Waiting | Class::Transient | Class::Bug => return None,
    };
    Some(Answer {
        refusal: Refusal::new(reason, text),
        infeasible,
    })
}

/// What is written down of a backend's refusal.
pub fn note_refused(claim: &Claim, bytes: u64, answer: &Answer) -> Vec<Action> {
    refused(claim, bytes, &answer.refusal, answer.infeasible).actions
}

pub(super) fn away() -> Refusal {
    Refusal::new(
        R::BackendUnavailable,
        "the storage backend cannot be used now; the volume is resized when it can",
    )
}

pub(super) fn going() -> Refusal {
    Refusal::new(
        R::BackendUnavailable,
        "the storage backend of this volume is being deleted, and promises nothing more; ask your admin",
    )
}

pub(super) fn cannot() -> Refusal {
    Refusal::new(
        R::BackendUnavailable,
        "the storage backend enforces sizes and cannot change them; make a larger claim and copy the data",
    )
}
