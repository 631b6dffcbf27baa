//! Holds that were put on, each while it is needed: one that is missing again so soon was stripped, and is put back with patience.
//!
//! Only of this process: the next one puts it back once.

use crate::domain::hold::Hold;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long until it is put back.
const PATIENCE: Duration = Duration::from_secs(60);

/// By the UID of the object.
#[derive(Default)]
pub struct Given(Mutex<HashMap<(Hold, String), Instant>>);

impl Given {
    /// It was put on now, or that was tried.
    pub fn put(&self, hold: Hold, uid: &str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // What is older says nothing any more, of whatever object.
        all.retain(|_, at| at.elapsed() < PATIENCE);
        all.insert((hold, uid.to_owned()), Instant::now());
    }

    /// How long until it may be put on again; `None`: it may. One that is not `needed` any more is forgotten: the next need is another.
    pub fn rests(&self, hold: Hold, uid: &str, needed: bool) -> Option<Duration> {
        let key = (hold, uid.to_owned());
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !needed {
            all.remove(&key);
        }
        let left = PATIENCE.saturating_sub(all.get(&key)?.elapsed());
        (!left.is_zero()).then_some(left)
    }
}
