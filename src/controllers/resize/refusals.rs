//! Sizes that a backend refused: each is asked for again after its time, and another one at once.
//!
//! Only of this process: the next one asks once.

use crate::domain::ids::ClaimUid;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// All of them, the last of each claim.
#[derive(Default)]
pub struct Refusals(Mutex<HashMap<ClaimUid, Refused>>);

struct Refused {
    bytes: u64,
    until: Instant,
    in_a_row: u32,
}

impl Refusals {
    /// How long a size stays refused; `None`: it may be asked for.
    pub fn left(&self, claim: &ClaimUid, bytes: u64) -> Option<Duration> {
        let all = self.lock();
        let refused = all.get(claim).filter(|refused| refused.bytes == bytes)?;
        let left = refused.until.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    /// A size was refused; answers how often in a row, by which `patience` says for how long.
    pub fn note(&self, claim: &ClaimUid, bytes: u64, patience: impl FnOnce(u32) -> Duration) -> u32 {
        let mut all = self.lock();
        let before = all.get(claim).filter(|refused| refused.bytes == bytes);
        let in_a_row = before.map_or(0, |refused| refused.in_a_row).saturating_add(1);
        let until = Instant::now() + patience(in_a_row);
        let refused = Refused { bytes, until, in_a_row };
        all.insert(claim.clone(), refused);
        in_a_row
    }

    /// A claim has what it asked for.
    pub fn forget(&self, claim: &ClaimUid) {
        self.lock().remove(claim);
    }

    /// Only these claims are left.
    pub fn retain(&self, there: impl Fn(&ClaimUid) -> bool) {
        self.lock().retain(|claim, _| there(claim));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ClaimUid, Refused>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_size_is_refused_for_its_time_and_another_one_may_be_asked_for_at_once() {
        let (refusals, claim) = (Refusals::default(), ClaimUid::new("u"));
        let minute = |n: u32| Duration::from_secs(60) * n;
        assert_eq!(refusals.left(&claim, 7), None);
        assert_eq!(refusals.note(&claim, 7, minute), 1);
        assert_eq!(refusals.left(&claim, 7), Some(minute(1)));
        assert_eq!(refusals.left(&claim, 8), None);
        tokio::time::advance(minute(1)).await;
        assert_eq!(refusals.left(&claim, 7), None);
        assert_eq!(refusals.note(&claim, 7, minute), 2);
        assert_eq!(refusals.left(&claim, 7), Some(minute(2)));
        assert_eq!(refusals.note(&claim, 8, minute), 1, "of another size it is the first");
        refusals.retain(|_| false);
        assert_eq!(refusals.left(&claim, 8), None);
    }
}
