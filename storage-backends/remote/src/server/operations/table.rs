//! The bounded list of operations.

use super::Room;
use crate::wire::headers::Revision;
use crate::wire::operation::State;
use std::collections::BTreeMap;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use uuid::Uuid;

/// One operation.
pub(super) struct Entry {
    pub by: Uuid,
    pub state: watch::Receiver<State>,
    pub stop: AbortHandle,
}

impl Entry {
    fn runs(&self) -> bool {
        matches!(*self.state.borrow(), State::Running(_))
    }
}

/// Those that run, and some of those that have ended.
pub(super) struct Table {
    room: Room,
    entries: BTreeMap<Revision, (Entry, Option<Instant>)>,
}

impl Table {
    pub fn new(room: Room) -> Self {
        Self {
            room,
            entries: BTreeMap::new(),
        }
    }

    pub fn put(&mut self, id: Revision, entry: Entry) {
        self.entries.insert(id, (entry, None));
    }

    pub fn get(&self, id: &Revision) -> Option<&Entry> {
        self.entries.get(id).map(|(entry, _)| entry)
    }

    pub fn runs(&self, id: &Revision) -> bool {
        self.get(id).is_some_and(Entry::runs)
    }

    pub fn has_room(&self) -> bool {
        self.entries.values().filter(|(entry, _)| entry.runs()).count() < self.room.running
    }

    /// Forgets what has ended long ago, and the oldest of what is too much. An end is noticed here, so that it is
    /// remembered at least as long as it was promised.
    pub fn tidy(&mut self) {
        let now = Instant::now();
        let mut ends = Vec::new();
        for (id, (entry, ended)) in &mut self.entries {
            if !entry.runs() {
                ends.push((*ended.get_or_insert(now), id.clone()));
            }
        }
        ends.sort();
        let too_many = ends.len().saturating_sub(self.room.remembered);
        for (at, (ended, id)) in ends.into_iter().enumerate() {
            if at < too_many || now.duration_since(ended) > self.room.memory {
                self.entries.remove(&id);
            }
        }
    }

    pub fn stop_all(&self) {
        for (entry, _) in self.entries.values() {
            entry.stop.abort();
        }
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.entries.len()
    }
}
