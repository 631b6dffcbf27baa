//! What waits to be looked at: each thing once, never twice at a time, later where that was asked.
//!
//! Keys, not objects: whoever takes one reads the world as it is then, so ten events cost one look.

use crate::observe::work::Work;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Outdated timers that may stay.
const SPARE: usize = 1024;

/// The queue. Cheap to add to; any number of workers take from it.
#[derive(Default)]
pub struct Queue {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    ready: VecDeque<Work>,
    waiting: HashSet<Work>,
    running: HashSet<Work>,
    /// Asked for again while running.
    again: HashSet<Work>,
    /// When each is due; the heap may hold outdated entries, this map does not.
    due: HashMap<Work, Instant>,
    timers: BinaryHeap<Reverse<(Instant, Work)>>,
    closed: bool,
}

impl Queue {
    /// To be looked at as soon as its patience ends and a worker is free.
    pub fn add(&self, work: Work) {
        self.add_all([work]);
    }

    /// All of these.
    pub fn add_all(&self, all: impl IntoIterator<Item = Work>) {
        let now = Instant::now();
        let mut state = self.lock();
        for work in all {
            match work.patience() {
                Duration::ZERO => state.make_ready(work),
                patience => state.make_due(work, now + patience),
            }
        }
        drop(state);
        self.changed.notify_one();
    }

    /// To be looked at then, unless it is asked for sooner.
    pub fn add_after(&self, work: Work, delay: Duration) {
        let at = Instant::now() + delay;
        let mut state = self.lock();
        state.make_due(work, at);
        drop(state);
        self.changed.notify_one();
    }

    /// Takes what is to be looked at next; `None` when the queue is closed. [`Queue::done`] must follow.
    pub async fn next(&self) -> Option<Work> {
        loop {
            let changed = self.changed.notified();
            let timer = {
                let mut state = self.lock();
                state.expire(Instant::now());
                if state.closed {
                    self.changed.notify_one();
                    return None;
                }
                if let Some(work) = state.take() {
                    if !state.ready.is_empty() {
                        self.changed.notify_one();
                    }
                    return Some(work);
                }
                state.timers.peek().map(|Reverse((at, _))| *at)
            };
            match timer {
                Some(at) => tokio::select! { () = changed => {}, () = tokio::time::sleep_until(at) => {} },
                None => changed.await,
            }
        }
    }

    /// A look has ended.
    pub fn done(&self, work: &Work) {
        let mut state = self.lock();
        state.running.remove(work);
        if state.again.remove(work) {
            state.make_ready(work.clone());
        }
        drop(state);
        self.changed.notify_one();
    }

    /// No more is taken.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    /// What waits for a worker.
    pub fn waiting(&self) -> Vec<Work> {
        self.lock().ready.iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn make_ready(&mut self, work: Work) {
        self.due.remove(&work);
        if self.running.contains(&work) {
            self.again.insert(work);
        } else if self.waiting.insert(work.clone()) {
            self.ready.push_back(work);
        }
    }

    fn make_due(&mut self, work: Work, at: Instant) {
        if !self.waiting.contains(&work) && self.due.get(&work).is_none_or(|due| at < *due) {
            self.due.insert(work.clone(), at);
            self.timers.push(Reverse((at, work)));
            self.forget_outdated_timers();
        }
    }

    /// A thing that is asked for again and again, and each time put off, leaves a timer each time.
    fn forget_outdated_timers(&mut self) {
        if self.timers.len() > 2 * self.due.len() + SPARE {
            self.timers = self.due.iter().map(|(work, at)| Reverse((*at, work.clone()))).collect();
        }
    }

    fn take(&mut self) -> Option<Work> {
        let work = self.ready.pop_front()?;
        self.waiting.remove(&work);
        self.running.insert(work.clone());
        Some(work)
    }

    fn expire(&mut self, now: Instant) {
        while let Some(Reverse((at, _))) = self.timers.peek() {
            if *at > now {
                return;
            }
            let Some(Reverse((at, work))) = self.timers.pop() else {
                return;
            };
            if self.due.get(&work) == Some(&at) {
                self.make_ready(work);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sweep() -> Work {
        Work::Sweep
    }

    #[tokio::test(start_paused = true)]
    async fn a_thing_is_looked_at_once_however_often_it_was_asked_for() {
        let queue = Queue::default();
        queue.add_all([sweep(), sweep()]);
        queue.add(sweep());
        assert_eq!(queue.next().await, Some(sweep()));
        queue.add(sweep());
        let busy = tokio::time::timeout(Duration::from_secs(9), queue.next()).await;
        assert!(busy.is_err(), "it is being looked at");
        queue.done(&sweep());
        assert_eq!(queue.next().await, Some(sweep()), "asked for again meanwhile");
    }

    #[tokio::test(start_paused = true)]
    async fn the_soonest_time_counts() {
        let queue = Queue::default();
        let start = Instant::now();
        queue.add_after(sweep(), Duration::from_secs(60));
        queue.add_after(sweep(), Duration::from_secs(5));
        queue.add_after(sweep(), Duration::from_secs(30));
        assert_eq!(queue.next().await, Some(sweep()));
        assert_eq!(start.elapsed().as_secs(), 5);
        queue.done(&sweep());
        let nothing = tokio::time::timeout(Duration::from_secs(600), queue.next()).await;
        assert!(nothing.is_err(), "the later times were for the same look");
    }

    #[tokio::test(start_paused = true)]
    async fn a_thing_that_is_put_off_again_and_again_leaves_no_pile_of_timers() {
        let queue = Queue::default();
        for _ in 0..10 * SPARE {
            queue.add(sweep());
            assert_eq!(queue.next().await, Some(sweep()));
            queue.done(&sweep());
            queue.add_after(sweep(), Duration::from_secs(3600));
        }
        assert!(queue.lock().timers.len() <= SPARE + 2);
        assert_eq!(queue.next().await, Some(sweep()), "the one that counts is still there");
    }

    #[tokio::test]
    async fn closing_ends_every_worker() {
        let queue = std::sync::Arc::new(Queue::default());
        let workers: Vec<_> = (0..3)
            .map(|_| {
                tokio::spawn({
                    let q = queue.clone();
                    async move { q.next().await }
                })
            })
            .collect();
        queue.close();
        for worker in workers {
            assert_eq!(worker.await.unwrap(), None);
        }
    }
}
