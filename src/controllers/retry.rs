//! When to try again: the class of a failure, how often it has happened in a row, and a little chance.

use crate::api::reasons::Class;
use crate::observe::work::Work;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Failures in a row, for each thing that has any.
#[derive(Default)]
pub struct Retries {
    in_a_row: Mutex<HashMap<Work, Tried>>,
}

/// Attempts in a row that came to nothing.
#[derive(Default)]
struct Tried {
    all: u32,
    /// Those that failed; the others were overtaken.
    failed: u32,
}

impl Retries {
    /// Counts a failure; answers how many there are in a row.
    pub fn failed(&self, work: &Work) -> u32 {
        self.tried(work, 1)
    }

    /// Counts an attempt that was overtaken, which is no failure; answers how many came to nothing in a row.
    pub fn overtaken(&self, work: &Work) -> u32 {
        self.tried(work, 0)
    }

    fn tried(&self, work: &Work, failed: u32) -> u32 {
        let mut all = self.in_a_row.lock().unwrap_or_else(PoisonError::into_inner);
        let tried = all.entry(work.clone()).or_default();
        tried.all = tried.all.saturating_add(1);
        tried.failed = tried.failed.saturating_add(failed);
        tried.all
    }

    /// How many failures in a row a thing has.
    pub fn of(&self, work: &Work) -> u32 {
        let all = self.in_a_row.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(work).map_or(0, |tried| tried.failed)
    }

    /// Forgets the failures of a thing.
    pub fn succeeded(&self, work: &Work) {
        self.in_a_row
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(work);
    }
}

/// How long to wait after so many failures in a row, longer each time, never the same for everybody.
pub fn delay(class: Class, in_a_row: u32) -> Duration {
    let (first, most) = match class {
        Class::Transient | Class::Waiting => (Duration::from_secs(1), Duration::from_secs(60)),
        Class::Unknown => (Duration::from_millis(500), Duration::from_secs(60)),
        Class::Invalid | Class::Denied | Class::Bug => (Duration::from_secs(15), Duration::from_secs(300)),
    };
    let doubled = first.saturating_mul(1u32.checked_shl(in_a_row.saturating_sub(1).min(16)).unwrap_or(u32::MAX));
    jitter(doubled.min(most))
}

/// For a plan that was overtaken: at once at first, with patience when that goes on.
pub fn at_once(in_a_row: u32) -> Duration {
    jitter(
        Duration::from_millis(10)
            .saturating_mul(1u32.checked_shl(in_a_row.min(12)).unwrap_or(u32::MAX))
            .min(Duration::from_secs(30)),
    )
}

/// Between three quarters of it and the whole.
fn jitter(whole: Duration) -> Duration {
    // Fresh keys each time: as random as spreading retries needs.
    let chance = u32::try_from(RandomState::new().hash_one(0u8) % 256).unwrap_or_default();
    whole - whole / 4 * chance / 256
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_and_end() {
        for class in [
            Class::Transient,
            Class::Waiting,
            Class::Unknown,
            Class::Invalid,
            Class::Denied,
            Class::Bug,
        ] {
            assert!(delay(class, 1) <= delay(class, 4), "{class:?}");
            assert!(delay(class, u32::MAX) <= Duration::from_secs(300));
            assert!(delay(class, 1) >= Duration::from_millis(375));
        }
        assert!(at_once(1) <= Duration::from_millis(20));
    }

    #[test]
    fn what_was_overtaken_makes_patient_and_is_no_failure() {
        let retries = Retries::default();
        assert_eq!((retries.overtaken(&Work::Sweep), retries.of(&Work::Sweep)), (1, 0));
        assert_eq!((retries.failed(&Work::Sweep), retries.of(&Work::Sweep)), (2, 1));
        retries.succeeded(&Work::Sweep);
        assert_eq!((retries.of(&Work::Sweep), retries.overtaken(&Work::Sweep)), (0, 1));
    }
}
