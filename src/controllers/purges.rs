//! Purges, in the background: a few at a time, each as long as it needs, none of one entry twice at once.
//!
//! Which may begin is decided in `plan::trash`; which are wanted is told by each look at a trash, which begins nothing itself. All of
//! them end with the task that runs [`purge_on`].

use super::context::Context;
use super::retry;
use crate::domain::ids::BackendName;
use crate::execute::Failure;
use crate::metrics::Metrics;
use crate::observe::queue::Queue;
use crate::observe::roots::{RootState, Roots};
use crate::observe::work::Work;
use crate::plan::trash::{Doomed, next};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tombolo_backend_api::{BackendError, Class, PurgeProgress, Purged, TrashId};

/// How long a purge may go on at a stretch; it goes on from there when its turn comes again.
const AT_A_STRETCH: Duration = Duration::from_secs(600);
/// A look at the trash follows a purge so soon, and several purges share one.
const LOOK_AFTER: Duration = Duration::from_secs(1);

/// What is to be purged, and what is being purged.
#[derive(Default)]
pub struct Purges {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    wanted: BTreeMap<BackendName, Vec<Doomed>>,
    running: Vec<Doomed>,
    failed: HashMap<(BackendName, TrashId), Failed>,
}

/// A purge that stopped.
struct Failed {
    in_a_row: u32,
    again: Instant,
}

impl Purges {
    /// These are due on a backend, and no others.
    pub fn want(&self, backend: &BackendName, doomed: Vec<Doomed>) {
        let mut state = self.lock();
        let known = |id: &TrashId| doomed.iter().any(|d| d.id == *id);
        state.failed.retain(|(of, id), _| of != backend || known(id));
        if doomed.is_empty() {
            state.wanted.remove(backend);
        } else {
            state.wanted.insert(backend.clone(), doomed);
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Takes what may begin now. It runs until what is answered is dropped.
    fn begin(self: &Arc<Self>) -> Option<Running> {
        let mut state = self.lock();
        let now = Instant::now();
        let State {
            wanted,
            running,
            failed,
        } = &*state;
        let rests = |d: &&Doomed| {
            let stopped = (!failed.is_empty())
                .then(|| failed.get(&(d.backend.clone(), d.id.clone())))
                .flatten();
            stopped.is_some_and(|f| f.again > now)
        };
        let doomed = next(running, wanted.values().flatten().filter(|d| !rests(d)))?.clone();
        state.running.push(doomed.clone());
        Some(Running {
            doomed,
            all: self.clone(),
        })
    }

    /// How many purges of an entry have stopped in a row, and when it is tried again.
    fn failed(&self, doomed: &Doomed, failure: &Failure) -> Duration {
        let mut state = self.lock();
        let key = (doomed.backend.clone(), doomed.id.clone());
        let again = Instant::now();
        let failed = state.failed.entry(key).or_insert(Failed { in_a_row: 0, again });
        failed.in_a_row = failed.in_a_row.saturating_add(1);
        let delay = retry::delay(failure.class(), failed.in_a_row);
        failed.again = again + delay;
        delay
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A purge under way.
struct Running {
    doomed: Doomed,
    all: Arc<Purges>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.all.lock();
        state.running.retain(|r| *r != self.doomed);
        // Whatever a look found meanwhile: the next one says whether it is wanted still.
        if let Some(wanted) = state.wanted.get_mut(&self.doomed.backend) {
            wanted.retain(|d| d.id != self.doomed.id);
        }
        drop(state);
        self.all.changed.notify_one();
    }
}

/// What purges need; cheap to clone.
#[derive(Clone)]
pub struct Purging {
    purges: Arc<Purges>,
    roots: Arc<Roots>,
    queue: Arc<Queue>,
    metrics: Metrics,
}

impl Purging {
    /// From what every controller is handed.
    pub fn of(ctx: &Context) -> Self {
        Self {
            purges: ctx.purges.clone(),
            roots: ctx.roots.clone(),
            queue: ctx.queue.clone(),
            metrics: ctx.metrics.clone(),
        }
    }
}

/// Purges what is wanted, for as long as it is polled.
pub async fn purge_on(with: Purging) {
    let mut tasks = JoinSet::new();
    loop {
        while let Some(running) = with.purges.begin() {
            let with = with.clone();
            tasks.spawn(async move {
                // Whoever goes on filling a tree that is being purged holds up nobody for ever: the next look lets others go first.
                if tokio::time::timeout(AT_A_STRETCH, purge(&with, &running))
                    .await
                    .is_err()
                {
                    let stopped = Failure::Backend(BackendError::maybe_done(Class::Transient, "a purge took too long"));
                    let _ = with.purges.failed(&running.doomed, &stopped);
                    with.metrics.purge_failed(&running.doomed.backend);
                }
            });
        }
        tokio::select! {
            () = with.purges.changed.notified() => {}
            Some(ended) = tasks.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a purge broke");
                }
            }
        }
    }
}

/// Purges one entry that may be purged now; `false`: there is none. For whoever has no tasks of its own.
pub async fn purge_next(with: &Purging) -> bool {
    match with.purges.begin() {
        Some(running) => {
            purge(with, &running).await;
            true
        }
        None => false,
    }
}

async fn purge(with: &Purging, running: &Running) {
    let Doomed { backend, id, .. } = &running.doomed;
    let Some(root) = with.roots.get(backend) else { return };
    // It is wanted again when the backend is back.
    let RootState::Ready(guarded) = &root.state else { return };
    let progress = Counted {
        metrics: with.metrics.clone(),
        seen: AtomicU64::new(0),
    };
    let look_after = match guarded.purge(id, &progress).await {
        Ok(purged) => {
            tracing::info!(%backend, entry = %id, files = purged.files, "purged");
            with.roots.trashed.purged(backend, id);
            LOOK_AFTER
        }
        // A tenant chose the names in it: one that cannot be removed keeps no other.
        Err(error) => {
            with.metrics.purge_failed(backend);
            let text = error.to_string();
            let delay = with.purges.failed(&running.doomed, &Failure::Backend(error));
            tracing::warn!(%backend, entry = %id, error = %text, ?delay, "not purged; it is tried again");
            delay
        }
    };
    with.queue.add_after(Work::Trash(backend.clone()), look_after);
}

struct Counted {
    metrics: Metrics,
    seen: AtomicU64,
}

impl PurgeProgress for Counted {
    fn purged(&self, so_far: Purged) {
        let before = self.seen.swap(so_far.files, Ordering::Relaxed);
        self.metrics.purged(so_far.files.saturating_sub(before));
    }
}

#[cfg(test)]
mod tests;
