//! Failures that a test arranges: which call fails, and whether its work happened all the same.

use crate::Op;
use tombolo_backend_api::{BackendError, Class};

/// A failure of one call.
///
/// `LostRequest` and `LostAnswer` answer the very same error; only what is on disk differs. A caller that treats them
/// differently without an `inspect` has guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Refused: `NotDone`, and nothing changed.
    Refused(Class),
    /// The request did not arrive: `MaybeDone`, and nothing changed.
    LostRequest(Class),
    /// Stopped halfway: `MaybeDone`. A purge has renamed its entry and removed some files; a discard has written its record
    /// only; a copy has half of its files; an admission is listed, and clients see nothing of it; every other operation is atomic,
    /// and nothing changed.
    Interrupted(Class),
    /// The answer was lost: `MaybeDone`, and all of it happened.
    LostAnswer(Class),
}

impl Fault {
    pub(crate) fn error(self, op: Op) -> BackendError {
        let message = format!("{op:?} failed on command");
        match self {
            Self::Refused(class) => BackendError::not_done(class, message),
            Self::LostRequest(class) | Self::Interrupted(class) | Self::LostAnswer(class) => {
                BackendError::maybe_done(class, message)
            }
        }
    }
}

/// The failures still to come.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Planned>);

#[derive(Debug)]
struct Planned {
    op: Op,
    when: When,
    fault: Fault,
}

#[derive(Debug)]
enum When {
    /// After so many more calls of the operation have passed.
    After(usize),
    Always,
}

impl Faults {
    pub(crate) fn after(&mut self, op: Op, passing: usize, fault: Fault) {
        self.0.push(Planned {
            op,
            when: When::After(passing),
            fault,
        });
    }

    pub(crate) fn always(&mut self, op: Op, fault: Fault) {
        self.0.push(Planned {
            op,
            when: When::Always,
            fault,
        });
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Failures that no call has met yet; those that last for ever do not count.
    pub(crate) fn pending(&self) -> usize {
        self.0
            .iter()
            .filter(|planned| matches!(planned.when, When::After(_)))
            .count()
    }

    /// The failure of the call of `op` that begins now. Every planned one counts the call, the earliest planned wins.
    pub(crate) fn meet(&mut self, op: Op) -> Option<Fault> {
        let mut met = None;
        self.0.retain_mut(|planned| {
            if planned.op != op {
                return true;
            }
            match &mut planned.when {
                When::Always => {
                    met = met.or(Some(planned.fault));
                    true
                }
                When::After(0) => {
                    met = met.or(Some(planned.fault));
                    false
                }
                When::After(passing) => {
                    *passing -= 1;
                    true
                }
            }
        });
        met
    }
}
