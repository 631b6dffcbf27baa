//! Copies of this process into one and the same target under one term: one at a time, and the next finds it done.
//!
//! It saves work and spares the slower one an error. Safety rests on the names, which other processes see too.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::OwnedMutexGuard;
use tombolo_backend_api::{BackendError, Class};

/// How long a second copy waits for a first one.
const PATIENCE: Duration = Duration::from_secs(30);

type Turns = HashMap<String, Weak<tokio::sync::Mutex<()>>>;
static TURNS: LazyLock<Mutex<Turns>> = LazyLock::new(Mutex::default);

/// Waits for one's turn at `what`.
pub(crate) async fn turn(what: String) -> Result<OwnedMutexGuard<()>, BackendError> {
    let lock = {
        // What a poisoned lock guards is whole: nothing in here panics between two changes.
        let mut turns = TURNS.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| turn.strong_count() > 0);
        match turns.get(&what).and_then(Weak::upgrade) {
            Some(lock) => lock,
            None => {
                let lock = Arc::default();
                turns.insert(what, Arc::downgrade(&lock));
                lock
            }
        }
    };
    let late = |_| BackendError::not_done(Class::Transient, "the same copy is being made already");
    tokio::time::timeout(PATIENCE, lock.lock_owned()).await.map_err(late)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_same_waits_and_something_else_does_not() {
        let first = turn("same".into()).await.unwrap();
        let _other = turn("other".into()).await.unwrap();
        assert_eq!(turn("same".into()).await.unwrap_err().class, Class::Transient);
        drop(first);
        turn("same".into()).await.unwrap();
    }
}
