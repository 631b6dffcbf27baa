//! What becomes of a copy that stopped before its end.

use tombolo_backend_api::{BackendError, Certainty, Class};

/// So many attempts in a row are refused as another term's before what that term left is given up.
const PATIENCE: u32 = 8;

/// So many attempts in a row come to nothing before a copy whose source somebody deletes keeps it no longer.
const IN_VAIN: u32 = 5;

/// What has come of a copy until now, as far as this process knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attempts {
    /// How many in a row have stopped without having copied anything.
    pub in_vain: u32,
    /// Whether one is under way.
    pub running: bool,
}

impl Attempts {
    /// Whether there is no end in sight. One that waits for its turn, or runs, has one.
    pub const fn are_hopeless(self) -> bool {
        self.in_vain >= IN_VAIN && !self.running
    }
}

/// What becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// Its source does not fit: over, until the claim is another one.
    Outgrown,
    /// It goes on from where it was, later.
    GoesOn,
    /// It may hold less than was asked for: it is discarded, and begins anew, later.
    Short,
    /// It begins anew, later: what there is of it belongs to a term that will not come back.
    BeginsAnew,
}

/// Whether a backend refused to do anything for now, as it does where a later term's copy is.
pub fn is_refusal(error: &BackendError) -> bool {
    (error.class, error.certainty) == (Class::Transient, Certainty::NotDone)
}

/// Decides about a copy whose data could not be made. `refusals`: how often in a row its backend [refused](is_refusal) by now, without
/// anything copied or any other answer between.
///
/// A leader takes over what an earlier one has begun, and is refused what a later one has, by the count of changes of the Lease. That
/// count starts from nothing when a Lease is deleted, and without election there is none: then a copy that nobody makes any more may
/// be a later term's for ever. To give it up harms nobody, not even a leader who works on it: it begins anew.
pub fn of(error: &BackendError, refusals: u32) -> Stopped {
    match (error.class, error.certainty) {
        (Class::TooLarge, _) => Stopped::Outgrown,
        (Class::Transient, Certainty::NotDone) if refusals > 0 && refusals.is_multiple_of(PATIENCE) => {
            Stopped::BeginsAnew
        }
        (
            Class::Invalid | Class::Denied | Class::Waiting | Class::Transient | Class::Full | Class::Bug,
            Certainty::NotDone | Certainty::MaybeDone,
        ) => Stopped::GoesOn,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_over_and_everything_else_goes_on() {
        let not_done = |class, times| of(&BackendError::not_done(class, "no"), times);
        let maybe_done = |class, times| of(&BackendError::maybe_done(class, "no"), times);
        for times in [1, PATIENCE] {
            assert_eq!(not_done(Class::TooLarge, times), Stopped::Outgrown);
            assert_eq!(maybe_done(Class::TooLarge, times), Stopped::Outgrown);
            for class in [Class::Invalid, Class::Denied, Class::Waiting, Class::Full, Class::Bug] {
                assert_eq!(not_done(class, times), Stopped::GoesOn, "{class:?}");
                assert_eq!(maybe_done(class, times), Stopped::GoesOn, "{class:?}");
            }
            assert_eq!(maybe_done(Class::Transient, times), Stopped::GoesOn);
        }
    }

    #[test]
    fn a_copy_that_runs_or_may_run_is_not_hopeless() {
        let attempts = |in_vain, running| Attempts { in_vain, running };
        assert!((0..IN_VAIN).all(|in_vain| !attempts(in_vain, false).are_hopeless()));
        assert!(attempts(IN_VAIN, false).are_hopeless());
        assert!(!attempts(u32::MAX, true).are_hopeless());
    }

    #[test]
    fn what_a_term_left_that_does_not_come_back_is_given_up_in_the_end() {
        let refused = |times| of(&BackendError::not_done(Class::Transient, "a later term's"), times);
        assert!((1..PATIENCE).all(|times| refused(times) == Stopped::GoesOn));
        assert_eq!(refused(PATIENCE), Stopped::BeginsAnew);
        assert_eq!(refused(PATIENCE + 1), Stopped::GoesOn);
    }
}
