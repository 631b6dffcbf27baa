//! What live reads have said of members' consent: the caches alone are no evidence that anything has ended.
//!
//! A verdict is remembered with what the caches showed when it was read, and counts until they show something else. So a member
//! is read live once for each change that concerns it, however often it is looked at, and everybody says the same of it.

use super::consent::Shown;
use crate::domain::ids::PvName;
use crate::plan::consent::Consent;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Live verdicts, by the member's PersistentVolume.
#[derive(Default)]
pub struct Verdicts(Mutex<HashMap<PvName, (Shown, Consent)>>);

impl Verdicts {
    /// The state of a member's consent as far as it is known; `None`: it seems to have ended, or to be less, and has not been read
    /// live since.
    pub fn of(&self, member: &PvName, shown: &Shown) -> Option<Consent> {
        match shown.state() {
            Consent::WithdrawnByOwner | Consent::WithdrawnByReference | Consent::ReadOnlyNow => {
                let all = self.lock();
                all.get(member)
                    .filter(|(then, _)| then == shown)
                    .map(|(_, consent)| *consent)
            }
            known @ (Consent::Given | Consent::Unknown) => Some(known),
        }
    }

    /// What a live read has said, made while the caches showed `shown`. Answers whether that is news.
    pub fn note(&self, member: &PvName, shown: Shown, consent: Consent) -> bool {
        let news = (shown, consent);
        let before = self.lock().insert(member.clone(), news.clone());
        before.as_ref() != Some(&news)
    }

    /// Forgets members that are no more.
    pub fn retain(&self, is_there: impl Fn(&PvName) -> bool) {
        self.lock().retain(|member, _| is_there(member));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PvName, (Shown, Consent)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
