//! What has been said already: an unchanged verdict writes nothing, until its event is about to expire.

use crate::execute::{Audience, Clock};
use crate::plan::action::Told;
use crate::plan::{Announcement, Subject};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

/// The API server forgets events after an hour by default (`--event-ttl`).
pub const SAY_AGAIN_AFTER: jiff::SignedDuration = jiff::SignedDuration::from_mins(45);

/// When to look again at something that has to be said again.
pub const fn say_again() -> std::time::Duration {
    std::time::Duration::from_secs(45 * 60 + 5)
}

/// How many sayings are remembered; beyond it the memory is emptied, which costs repeated events and nothing else.
const REMEMBERED: usize = 200_000;

/// Passes on what was not said lately.
pub struct Memory {
    said: Mutex<HashMap<(u64, Told), (u64, jiff::Timestamp)>>,
    clock: Arc<dyn Clock>,
    listener: Arc<dyn Audience>,
}

impl Memory {
    /// Remembers before `listener`.
    pub fn before(listener: Arc<dyn Audience>, clock: Arc<dyn Clock>) -> Self {
        Self {
            said: Mutex::default(),
            clock,
            listener,
        }
    }

    fn is_news(&self, announcement: &Announcement) -> bool {
        let now = self.clock.now();
        let subject = match &announcement.subject {
            Subject::Claim(claim) => hash(&claim.uid),
            Subject::Pv(_, uid) => hash(uid),
            Subject::Snapshot(_, uid) => hash(uid),
            Subject::Content(_, uid) => hash(uid),
        };
        let text = hash(&announcement.text);
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.len() >= REMEMBERED {
            said.clear();
        }
        let before = said.get(&(subject, announcement.reason)).copied();
        let news = before.is_none_or(|(words, at)| words != text || now.duration_since(at) >= SAY_AGAIN_AFTER);
        if news {
            said.insert((subject, announcement.reason), (text, now));
        }
        news
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

impl Audience for Memory {
    fn hear(&self, announcement: &Announcement) {
        if self.is_news(announcement) {
            self.listener.hear(announcement);
        }
    }
}

#[cfg(test)]
mod tests;
