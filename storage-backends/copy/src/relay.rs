//! A copy that outlives its caller for as long as the requests take that are on their way.
//!
//! Where a request that is dropped costs the connection that it was sent through, a copy runs as a task of its own. Its caller
//! hears how far it has come, and when that caller goes the copy stops at the next step.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use tokio::sync::watch;
use tombolo_backend_api::{BackendError, Class, Copied, CopyProgress, Seen};

/// Says that a copy is to stop at its next step.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(crate) fn set(&self) {
        self.0.store(true, Relaxed);
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Relaxed)
    }

    /// An error once it is set.
    pub(crate) fn check(&self) -> Result<(), BackendError> {
        match self.is_set() {
            true => Err(BackendError::maybe_done(Class::Transient, "the copy was interrupted")),
            false => Ok(()),
        }
    }
}

/// What connects a task with its caller.
#[derive(Debug)]
pub struct Relay {
    told: watch::Sender<(Copied, Seen)>,
    stop: Stop,
}

impl Relay {
    /// Is set when the caller has gone.
    pub fn stop(&self) -> Stop {
        self.stop.clone()
    }
}

impl CopyProgress for Relay {
    fn copied(&self, done: Copied, of: Seen) {
        self.told.send_replace((done, of));
    }
}

struct StopWhenDropped(Stop);

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        self.0.set();
    }
}

/// Runs `work` as a task, tells `progress` what it tells, and answers what it answers.
///
/// # Errors
/// Those of `work`.
pub async fn relayed<F>(progress: &dyn CopyProgress, work: impl FnOnce(Relay) -> F) -> Result<Copied, BackendError>
where
    F: Future<Output = Result<Copied, BackendError>> + Send + 'static,
{
    let (told, mut heard) = watch::channel(Default::default());
    let stop = Stop::default();
    let _stops = StopWhenDropped(stop.clone());
    let task = tokio::spawn(work(Relay { told, stop }));
    // Until the task, and what it tells through, has ended.
    while heard.changed().await.is_ok() {
        let (done, of) = *heard.borrow_and_update();
        progress.copied(done, of);
    }
    let broke = |panic| BackendError::maybe_done(Class::Bug, "a copy broke").because(panic);
    task.await.map_err(broke)?
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::time::Duration;

    #[derive(Default)]
    struct Heard(Mutex<Vec<u64>>);

    impl CopyProgress for Heard {
        fn copied(&self, done: Copied, _: Seen) {
            self.0.lock().unwrap().push(done.bytes);
        }
    }

    fn bytes(bytes: u64) -> Copied {
        Copied {
            bytes,
            ..Copied::default()
        }
    }

    #[tokio::test]
    async fn the_last_word_is_heard() {
        let heard = Heard::default();
        let work = |relay: Relay| async move {
            relay.copied(bytes(1), Seen::default());
            tokio::task::yield_now().await;
            relay.copied(bytes(2), Seen::default());
            Ok(bytes(2))
        };
        assert_eq!(relayed(&heard, work).await.unwrap(), bytes(2));
        assert_eq!(heard.0.lock().unwrap().last(), Some(&2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_who_goes_stops_the_work_and_does_not_cut_it_off() {
        let (ended, was) = tokio::sync::oneshot::channel();
        let work = |relay: Relay| async move {
            while !relay.stop().is_set() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            ended.send(()).unwrap();
            Ok(Copied::default())
        };
        let late = tokio::time::timeout(Duration::from_millis(10), relayed(&(), work)).await;
        assert!(late.is_err());
        was.await.unwrap();
    }
}
