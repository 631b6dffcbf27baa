//! What live reads have said of members' consent: the caches alone are no evidence that anything has ended.
//!
//! A verdict is remembered with what the caches showed when it was read, and counts until they show something else. So a member
//! is read live once for each change that concerns it, however often it is looked at, and everybody says the same of it.
//! How long consent has been seen to have ended without a break is remembered beside it: access is cut by nothing younger.

use super::consent::Shown;
use crate::domain::cut::Left;
use crate::domain::ids::PvName;
use crate::plan::consent::Consent;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Live verdicts, by the member's PersistentVolume.
#[derive(Default)]
pub struct Verdicts(Mutex<HashMap<PvName, Verdict>>);

struct Verdict {
    shown: Shown,
    consent: Consent,
    evidence: Option<Evidence>,
}

/// An unbroken row of live verdicts by which no more than this is left.
#[derive(Clone, Copy)]
struct Evidence {
    left: Left,
    since: Instant,
}

impl Verdicts {
    /// The state of a member's consent as far as it is known; `None`: it seems to have ended, or to be less, and has not been read
    /// live since.
    pub fn of(&self, member: &PvName, shown: &Shown) -> Option<Consent> {
        match shown.state() {
            Consent::WithdrawnByOwner | Consent::WithdrawnByReference | Consent::ReadOnlyNow(_) => {
                let all = self.lock();
                all.get(member).filter(|v| v.shown == *shown).map(|v| v.consent)
            }
            known @ (Consent::Given | Consent::Unknown) => Some(known),
        }
    }

    /// How long consent of a member has been seen to have ended, without a break; nothing, if it has not.
    pub fn age(&self, member: &PvName) -> Duration {
        let evidence = self.lock().get(member).and_then(|v| v.evidence);
        evidence.map_or(Duration::ZERO, |evidence| evidence.since.elapsed())
    }

    /// What a live read has said, made while the caches showed `shown`. Answers whether that is news.
    pub fn note(&self, member: &PvName, shown: Shown, consent: Consent) -> bool {
        let mut all = self.lock();
        let before = all.get(member);
        let news = before.is_none_or(|v| (&v.shown, v.consent) != (&shown, consent));
        let known = before.and_then(|v| v.evidence);
        let evidence = consent.ended().map(|(left, _)| match known {
            // What was evidence of less than this is evidence of this.
            Some(known) if known.left <= left => Evidence { left, ..known },
            Some(_) | None => Evidence {
                left,
                since: Instant::now(),
            },
        });
        let verdict = Verdict {
            shown,
            consent,
            evidence,
        };
        all.insert(member.clone(), verdict);
        news
    }

    /// Nothing seems to have ended, or nobody can tell now: what was evidence is broken off.
    pub fn interrupted(&self, member: &PvName) {
        self.lock().remove(member);
    }

    /// Forgets members that are no more.
    pub fn retain(&self, is_there: impl Fn(&PvName) -> bool) {
        self.lock().retain(|member, _| is_there(member));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PvName, Verdict>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
