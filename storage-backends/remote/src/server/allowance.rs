//! How much one caller may ask: so many requests a second, and so many at once.

use super::callers::Who;
use governor::clock::MonotonicClock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What every caller may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Requests a second, in the long run.
    pub per_second: NonZeroU32,
    /// Requests that may come at once after a pause.
    pub burst: NonZeroU32,
    /// Requests under way at the same time.
    pub at_once: usize,
    /// For a request's body to arrive: a small one arrives at once, or somebody holds it back.
    pub body: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            per_second: NonZeroU32::MIN.saturating_add(499),
            burst: NonZeroU32::MIN.saturating_add(1999),
            at_once: 256,
            body: Duration::from_secs(10),
        }
    }
}

type Limiter = RateLimiter<NotKeyed, InMemoryState, MonotonicClock, NoOpMiddleware<std::time::Instant>>;

struct Allowance {
    rate: Limiter,
    places: Arc<Semaphore>,
}

/// Callers remembered at most. Tokens are few; certificates are as many as their authority gives out.
const MOST: usize = 1024;

/// The allowances of those who have called.
pub(super) struct Allowances {
    bounds: Bounds,
    callers: Mutex<BTreeMap<Who, Arc<Allowance>>>,
}

impl Allowances {
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            callers: Mutex::default(),
        }
    }

    /// A place for one request, unless the caller has used up theirs.
    pub fn admit(&self, who: &Who) -> Option<OwnedSemaphorePermit> {
        let allowance = self.of(who);
        allowance.rate.check().ok()?;
        allowance.places.clone().try_acquire_owned().ok()
    }

    fn of(&self, who: &Who) -> Arc<Allowance> {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if callers.len() >= MOST && !callers.contains_key(who) {
            // Whoever asks for nothing now is forgotten, and gets a fresh burst when they come back.
            callers.retain(|_, allowance| allowance.places.available_permits() < self.bounds.at_once);
        }
        let fresh = || {
            let quota = Quota::per_second(self.bounds.per_second).allow_burst(self.bounds.burst);
            Arc::new(Allowance {
                rate: RateLimiter::direct_with_clock(quota, MonotonicClock),
                places: Arc::new(Semaphore::new(self.bounds.at_once)),
            })
        };
        callers.entry(who.clone()).or_insert_with(fresh).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(burst: u32, at_once: usize) -> Allowances {
        Allowances::new(Bounds {
            per_second: NonZeroU32::MIN,
            burst: NonZeroU32::new(burst).unwrap(),
            at_once,
            ..Bounds::default()
        })
    }

    #[test]
    fn a_caller_has_a_rate_of_their_own() {
        let allowances = bounds(3, 10);
        let [one, two] = ["1", "2"].map(|name| Who::Token(name.to_owned()));
        let admitted = (0..10).filter(|_| allowances.admit(&one).is_some()).count();
        assert_eq!(admitted, 3);
        assert!(allowances.admit(&two).is_some(), "another's is another");
    }

    #[test]
    fn a_caller_has_so_many_at_once() {
        let allowances = bounds(100, 2);
        let who = Who::Certificate("1".to_owned());
        let held = (allowances.admit(&who).unwrap(), allowances.admit(&who).unwrap());
        assert!(allowances.admit(&who).is_none());
        drop(held);
        assert!(allowances.admit(&who).is_some());
    }

    #[test]
    fn callers_are_not_remembered_without_end() {
        let allowances = bounds(1, 1);
        for name in 0..MOST + 10 {
            allowances.admit(&Who::Certificate(name.to_string()));
        }
        assert!(allowances.callers.lock().unwrap().len() <= MOST);
    }
}
