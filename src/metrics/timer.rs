//! A measurement that cannot be forgotten.

use std::fmt;
use std::time::Instant;

/// Runs from its making to [`Timer::finish`]. Dropped without a verdict (an early return, a cancelled future), it counts as
/// the outcome that its maker named for that.
#[must_use = "dropping it at once measures nothing"]
pub struct Timer<O: Copy> {
    started: Instant,
    outcome: O,
    record: Option<Box<dyn FnOnce(O, f64) + Send>>,
}

impl<O: Copy> Timer<O> {
    pub(super) fn start(if_dropped: O, record: impl FnOnce(O, f64) + Send + 'static) -> Self {
        Self {
            started: Instant::now(),
            outcome: if_dropped,
            record: Some(Box::new(record)),
        }
    }

    /// Says how it ended.
    pub fn finish(mut self, outcome: impl Into<O>) {
        self.outcome = outcome.into();
    }
}

impl<O: Copy> Drop for Timer<O> {
    fn drop(&mut self) {
        if let Some(record) = self.record.take() {
            record(self.outcome, self.started.elapsed().as_secs_f64());
        }
    }
}

impl<O: Copy + fmt::Debug> fmt::Debug for Timer<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer")
            .field("started", &self.started)
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}
