//! Sizes that a backend refused: each is asked for again after its time, and another one at once.
//!
//! Only of this process: the next one asks once.

use crate::domain::ids::ClaimUid;
use crate::plan::resize::Answer;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// All of them, the last of each claim.
#[derive(Default)]
pub struct Refusals(Mutex<HashMap<ClaimUid, Refused>>);

struct Refused {
    bytes: u64,
    answer: Answer,
    until: Instant,
    in_a_row: u32,
}

impl Refusals {
    /// How long a size stays refused, and why; `None`: it may be asked for.
    pub fn left(&self, claim: &ClaimUid, bytes: u64) -> Option<(Duration, Answer)> {
        let all = self.lock();
        let refused = all.get(claim).filter(|refused| refused.bytes == bytes)?;
        let left = refused.until.saturating_duration_since(Instant::now());
        (!left.is_zero()).then(|| (left, refused.answer.clone()))
    }

    /// A size was refused; `patience` says for how long, by how often that was in a row.
    pub fn note(
        &self,
        claim: &ClaimUid,
        bytes: u64,
        answer: &Answer,
        patience: impl FnOnce(u32) -> Duration,
    ) -> Duration {
        let mut all = self.lock();
        let before = all.get(claim).filter(|refused| refused.bytes == bytes);
        let in_a_row = before.map_or(0, |refused| refused.in_a_row).saturating_add(1);
        let wait = patience(in_a_row);
        let refused = Refused {
            bytes,
            answer: answer.clone(),
            until: Instant::now() + wait,
            in_a_row,
        };
        all.insert(claim.clone(), refused);
        wait
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
    use crate::api::reasons::ClaimReason;
    use crate::plan::Refusal;

    #[tokio::test(start_paused = true)]
    async fn a_size_is_refused_for_its_time_and_another_one_may_be_asked_for_at_once() {
        let (refusals, claim) = (Refusals::default(), ClaimUid::new("u"));
        let answer = Answer {
            refusal: Refusal::new(ClaimReason::BackendUnavailable, "no room"),
            infeasible: false,
        };
        let minutes = |n: u32| Duration::from_secs(60) * n;
        let note = |bytes| refusals.note(&claim, bytes, &answer, minutes);
        let left = |bytes| refusals.left(&claim, bytes);
        assert_eq!(left(7), None);
        assert_eq!(note(7), minutes(1));
        assert_eq!(left(7), Some((minutes(1), answer.clone())));
        assert_eq!(left(8), None);
        tokio::time::advance(minutes(1)).await;
        assert_eq!(left(7), None);
        assert_eq!(note(7), minutes(2), "it is the second in a row");
        assert_eq!(note(8), minutes(1), "of another size it is the first");
        refusals.retain(|_| false);
        assert_eq!(left(8), None);
    }
}
