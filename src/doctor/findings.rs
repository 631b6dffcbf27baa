//! What that which was read means. Decides; reads nothing.

mod installed;
mod sources;
mod storage;

use super::examine::{Look, Seen};
use serde::Serialize;

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Outcome {
    /// As it has to be.
    Passed,
    /// Not as it has to be.
    Failed,
    /// The caller may not see it.
    Unknown,
    /// Something is not there that need not be; the text says what does not work without it.
    Absent,
}

/// One check.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) check: &'static str,
    pub(super) outcome: Outcome,
    pub(super) text: String,
    /// What to do about it.
    pub(super) next: Option<String>,
}

/// All checks.
pub(super) fn of(seen: &Seen) -> Vec<Finding> {
    let mut found = installed::of(seen);
    found.extend(sources::of(seen));
    found.extend(storage::of(seen));
    found
}

impl Finding {
    fn new(check: &'static str, outcome: Outcome, text: impl Into<String>) -> Self {
        Self {
            check,
            outcome,
            text: text.into(),
            next: None,
        }
    }

    fn passed(check: &'static str, text: impl Into<String>) -> Self {
        Self::new(check, Outcome::Passed, text)
    }

    fn failed(check: &'static str, text: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            next: Some(next.into()),
            ..Self::new(check, Outcome::Failed, text)
        }
    }

    fn absent(check: &'static str, text: impl Into<String>) -> Self {
        Self::new(check, Outcome::Absent, text)
    }

    fn unknown(check: &'static str, why: impl Into<String>) -> Self {
        Self::new(check, Outcome::Unknown, why)
    }

    /// What follows from something that was read, or that it was not.
    fn from<T>(check: &'static str, look: &Look<T>, told: impl FnOnce(&T) -> Self) -> Self {
        match look {
            Look::Saw(found) => told(found),
            Look::Unseen(why) => Self::unknown(check, why),
        }
    }
}
