//! One look at a time for each volume, without a worker that waits.
//!
//! Whoever finds a volume busy stands in line and lets its worker go; when the turn ends, the first in line is looked at again. So
//! a thousand claims that join one volume hold up no other volume.

use crate::domain::ids::VolumeId;
use crate::observe::queue::Queue;
use crate::observe::work::Work;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Volumes that are busy, and who waits for them.
#[derive(Default)]
pub struct Locks {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Only volumes that are busy or waited for.
    volumes: HashMap<VolumeId, Line>,
    /// Who was called, until it has been looked at: it may not want the turn any more.
    called: HashMap<Work, Vec<VolumeId>>,
}

#[derive(Default)]
struct Line {
    busy: bool,
    waiting: VecDeque<Work>,
}

/// A volume's turn; it ends when this is dropped.
#[must_use]
pub struct Turn {
    volume: VolumeId,
    locks: Arc<Locks>,
    queue: Arc<Queue>,
}

impl Turn {
    pub(super) fn take(locks: &Arc<Locks>, queue: &Arc<Queue>, volume: &VolumeId, work: Work) -> Option<Self> {
        let mut state = locks.lock();
        state.answered(&work, volume);
        let line = state.volumes.entry(volume.clone()).or_default();
        if line.busy {
            if !line.waiting.contains(&work) {
                line.waiting.push_back(work);
            }
            return None;
        }
        line.busy = true;
        Some(Self {
            volume: volume.clone(),
            locks: locks.clone(),
            queue: queue.clone(),
        })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.locks.lock();
        if let Some(line) = state.volumes.get_mut(&self.volume) {
            line.busy = false;
        }
        state.call(&self.volume, &self.queue);
    }
}

impl Locks {
    /// A look has ended. If it was called to a turn and did not take it, the next in line is called.
    pub fn looked_at(&self, work: &Work, queue: &Queue) {
        let mut state = self.lock();
        for volume in state.called.remove(work).unwrap_or_default() {
            state.call(&volume, queue);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn answered(&mut self, work: &Work, volume: &VolumeId) {
        if let Some(volumes) = self.called.get_mut(work) {
            volumes.retain(|called| called != volume);
            if volumes.is_empty() {
                self.called.remove(work);
            }
        }
    }

    fn call(&mut self, volume: &VolumeId, queue: &Queue) {
        let Some(line) = self.volumes.get_mut(volume).filter(|line| !line.busy) else {
            return;
        };
        match line.waiting.pop_front() {
            Some(next) => {
                self.called.entry(next.clone()).or_default().push(volume.clone());
                queue.add(next);
            }
            None => drop(self.volumes.remove(volume)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{ClaimKey, PvName};
    use futures::FutureExt;

    fn work(n: usize) -> Work {
        Work::Member(PvName::new(format!("pvc-{n}")))
    }

    fn volume() -> VolumeId {
        VolumeId::new("pvc-0")
    }

    /// What is called next, as a worker takes it.
    fn called(queue: &Queue) -> Option<Work> {
        let next = queue.next().now_or_never().flatten()?;
        queue.done(&next);
        Some(next)
    }

    #[test]
    fn those_who_wait_are_called_in_order_and_one_at_a_time() {
        let (locks, queue) = (Arc::default(), Arc::default());
        let take = |n| Turn::take(&locks, &queue, &volume(), work(n));
        let mut turn = take(1);
        assert!(turn.is_some());
        for n in [2, 3, 2, 4] {
            assert!(take(n).is_none());
        }
        assert_eq!(called(&queue), None, "nobody is called while it is busy");
        for n in [2, 3, 4] {
            drop(turn.take());
            assert_eq!((called(&queue), called(&queue)), (Some(work(n)), None));
            turn = take(n);
            assert!(turn.is_some());
        }
        drop(turn);
        assert!(locks.lock().volumes.is_empty() && locks.lock().called.is_empty());
    }

    /// Trident's row Q40: a chain of member, volume and backend is locked without a deadlock. Here the volume is the one lock: whoever
    /// looks at any part of the chain takes that one, and waits without a worker.
    #[test]
    fn q40_owner_and_members_of_a_chain_take_one_turn_and_never_two() {
        let (locks, queue): (Arc<Locks>, Arc<Queue>) = (Arc::default(), Arc::default());
        let chain = [
            Work::Volume(volume()),
            work(1),
            work(2),
            Work::Claim(ClaimKey::new("team", "app")),
        ];
        let mut turn = Turn::take(&locks, &queue, &volume(), chain[0].clone());
        for waits in &chain[1..] {
            assert!(Turn::take(&locks, &queue, &volume(), waits.clone()).is_none());
        }
        for next in &chain[1..] {
            drop(turn.take());
            assert_eq!(called(&queue).as_ref(), Some(next));
            turn = Turn::take(&locks, &queue, &volume(), next.clone());
            assert!(turn.is_some());
        }
    }

    #[test]
    fn who_does_not_want_the_turn_any_more_holds_up_nobody() {
        let (locks, queue): (Arc<Locks>, Arc<Queue>) = (Arc::default(), Arc::default());
        let take = |n| Turn::take(&locks, &queue, &volume(), work(n));
        let turn = take(1);
        assert!(take(2).is_none() && take(3).is_none());
        drop(turn);
        assert_eq!(called(&queue), Some(work(2)));
        locks.looked_at(&work(2), &queue);
        assert_eq!(called(&queue), Some(work(3)));
        locks.looked_at(&work(3), &queue);
        locks.looked_at(&work(9), &queue);
        assert_eq!(called(&queue), None);
        assert!(locks.lock().volumes.is_empty() && locks.lock().called.is_empty());
    }

    #[test]
    fn who_comes_between_sends_nobody_to_the_end_for_ever() {
        let (locks, queue): (Arc<Locks>, Arc<Queue>) = (Arc::default(), Arc::default());
        let take = |n| Turn::take(&locks, &queue, &volume(), work(n));
        let turn = take(1);
        assert!(take(2).is_none());
        drop(turn);
        assert_eq!(called(&queue), Some(work(2)));
        let quicker = take(3);
        assert!(quicker.is_some() && take(2).is_none());
        locks.looked_at(&work(2), &queue);
        assert_eq!(called(&queue), None);
        drop(quicker);
        assert_eq!(called(&queue), Some(work(2)));
    }
}
