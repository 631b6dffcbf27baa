//! A clock that a test sets, and an audience that remembers.

pub(crate) mod scripted;

use super::{Audience, Clock};
use crate::plan::Announcement;
use jiff::{SignedDuration, Timestamp};
use std::sync::Mutex;

/// Stands still until a test moves it.
#[derive(Default)]
pub(crate) struct SetClock(Mutex<Timestamp>);

impl SetClock {
    /// Later, or earlier.
    pub(crate) fn move_by(&self, by: SignedDuration) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// Everything that was announced.
#[derive(Default)]
pub(crate) struct Heard(Mutex<Vec<Announcement>>);

impl Heard {
    /// All of it, in order.
    pub(crate) fn all(&self) -> Vec<Announcement> {
        self.0.lock().unwrap().clone()
    }

    /// The words, in order.
    pub(crate) fn words(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().map(|a| a.text.clone()).collect()
    }
}

impl Audience for Heard {
    fn hear(&self, announcement: &Announcement) {
        self.0.lock().unwrap().push(announcement.clone());
    }
}
