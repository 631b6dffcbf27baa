//! Off the async threads, with a deadline: a disk that hangs stops the calls to it, not the controller.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tombolo_backend_api::{BackendError, Certainty, Class};

/// How long a call may take; a long one, how long it may make no progress.
const DEADLINE: Duration = Duration::from_secs(30);
/// How often a long call tells how far it has come.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);
/// Calls to one root at once. A disk that hangs keeps so many threads, and no more.
const MOST_CALLS: usize = 32;

/// The threads that one root may use. Clones share them.
#[derive(Debug, Clone)]
pub struct Threads(Arc<Semaphore>);

impl Default for Threads {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MOST_CALLS)))
    }
}

/// Whether a call that does not answer may have changed something.
#[derive(Debug, Clone, Copy)]
pub enum Work {
    /// It changes nothing.
    Reads,
    /// It may.
    Changes,
}

impl Work {
    fn late(self, deadline: Duration) -> BackendError {
        let message = format!("the disk did not answer within {deadline:?}");
        match self {
            Self::Reads => BackendError::not_done(Class::Waiting, message),
            Self::Changes => BackendError::maybe_done(Class::Waiting, message),
        }
    }
}

/// Work that may take long, as its threads and whoever waits for it see it.
pub trait Steps: Send + Sync + 'static {
    /// How far it has come.
    type SoFar: Copy + PartialEq + Send;
    /// How far it has come.
    fn so_far(&self) -> Self::SoFar;
    /// Nobody waits for it any more: it should end soon.
    fn abandon(&self);
}

/// Stops work whose caller has gone.
struct Abandon<S: Steps>(Arc<S>);

impl<S: Steps> Drop for Abandon<S> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// Sets a flag when its call is dropped, so that work which has not begun does not begin.
struct Wanted(Arc<AtomicBool>);

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Threads {
    /// Waits for a thread of this root.
    async fn permit(&self) -> Result<OwnedSemaphorePermit, BackendError> {
        let closed = |e| BackendError::not_done(Class::Bug, "nobody closes this semaphore").because(e);
        let permit = tokio::time::timeout(DEADLINE, self.0.clone().acquire_owned()).await;
        // Nothing has begun, whatever it was to be.
        permit
            .map_err(|_| BackendError {
                certainty: Certainty::NotDone,
                ..Work::Reads.late(DEADLINE)
            })?
            .map_err(closed)
    }

    /// Runs `job` and answers what it answers, at the deadline at the latest.
    pub async fn run<T: Send + 'static>(
        &self,
        work: Work,
        job: impl FnOnce() -> Result<T, BackendError> + Send + 'static,
    ) -> Result<T, BackendError> {
        self.run_within(DEADLINE, work, job).await
    }

    /// The same with a deadline of its own.
    pub(crate) async fn run_within<T: Send + 'static>(
        &self,
        length: Duration,
        work: Work,
        job: impl FnOnce() -> Result<T, BackendError> + Send + 'static,
    ) -> Result<T, BackendError> {
        let deadline = Instant::now() + length;
        let permit = self.permit().await?;
        let flag = Arc::new(AtomicBool::new(true));
        let _wanted = Wanted(flag.clone());
        let running = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            if !flag.load(Ordering::Relaxed) {
                return Err(BackendError::not_done(
                    Class::Transient,
                    "nobody waits for this any more",
                ));
            }
            job()
        });
        match tokio::time::timeout_at(deadline, running).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(panic)) => Err(BackendError::maybe_done(Class::Bug, "a call to the disk broke").because(panic)),
            Err(_) => Err(work.late(length)),
        }
    }

    /// Runs `job` as long as `steps` shows now and then that it goes on, and tells how far it has come.
    pub async fn watch<S: Steps, T: Send + 'static>(
        &self,
        what: &str,
        steps: Arc<S>,
        tell: impl Fn(S::SoFar) + Send,
        job: impl FnOnce(&S) -> Result<T, BackendError> + Send + 'static,
    ) -> Result<T, BackendError> {
        let permit = self.permit().await?;
        let _abandoned_with_this_call = Abandon(steps.clone());
        let counted = steps.clone();
        let mut running = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            job(&counted)
        });
        let (mut so_far, mut last_progress) = (steps.so_far(), Instant::now());
        loop {
            if let Ok(ended) = tokio::time::timeout(PROGRESS_EVERY, &mut running).await {
                return ended
                    .map_err(|panic| BackendError::maybe_done(Class::Bug, format!("{what} broke")).because(panic))?;
            }
            let now = steps.so_far();
            if now != so_far {
                (so_far, last_progress) = (now, Instant::now());
                tell(now);
            } else if last_progress.elapsed() > DEADLINE {
                let message = format!("{what} made no progress for {DEADLINE:?}");
                return Err(BackendError::maybe_done(Class::Waiting, message));
            }
        }
    }
}
