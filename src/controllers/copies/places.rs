//! The places in which copies are made and snapshots taken: so many in all, and so many of a namespace, whatever they are used for.
//!
//! Each of the two lines knows how to make its own. Whose turn is next is decided over both, by what waits in either, so that neither
//! keeps the other out.

use crate::domain::ids::Namespace;
use crate::plan::copy::schedule::{Bounds, Turns, next};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Who has places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// Copies of volumes, and of snapshots.
    Copies,
    /// Snapshots that are taken.
    Takes,
}

impl Line {
    const fn other(self) -> Self {
        match self {
            Self::Copies => Self::Takes,
            Self::Takes => Self::Copies,
        }
    }
}

/// All places.
#[derive(Default)]
pub struct Places {
    bounds: Bounds,
    state: Mutex<State>,
    copies: Notify,
    takes: Notify,
}

#[derive(Default)]
struct State {
    running: Vec<Namespace>,
    turns: Turns,
    /// Who waits in each line, as that has said last.
    copies: Vec<Namespace>,
    takes: Vec<Namespace>,
    last: Option<Line>,
}

impl State {
    const fn line(&mut self, line: Line) -> &mut Vec<Namespace> {
        match line {
            Line::Copies => &mut self.copies,
            Line::Takes => &mut self.takes,
        }
    }
}

impl Places {
    /// So many.
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            ..Self::default()
        }
    }

    /// There may be a place for a line, or it may be its turn.
    pub async fn changed(&self, line: Line) {
        self.notify(line).notified().await;
    }

    /// Takes a place for what is next of all that is `waiting` in a line. `None`: nothing may begin now, or the other line is next, which
    /// is told.
    pub fn take<'a, K>(
        self: &Arc<Self>,
        line: Line,
        waiting: impl IntoIterator<Item = (K, &'a Namespace)>,
    ) -> Option<(K, Place)> {
        let (mut keys, names): (Vec<K>, Vec<Namespace>) =
            waiting.into_iter().map(|(key, of)| (key, of.clone())).unzip();
        let mut state = self.lock();
        let news = *state.line(line) != names;
        let others = state.line(line.other()).clone();
        let own = names.iter().enumerate().map(|(at, of)| (Some(at), of));
        let other = others.iter().map(|of| (None, of));
        // Of one namespace, or of several that are equal, the lines take turns.
        let chosen = match state.last == Some(line) {
            true => next(self.bounds, &state.running, &state.turns, other.chain(own)),
            false => next(self.bounds, &state.running, &state.turns, own.chain(other)),
        };
        *state.line(line) = names;
        if news || chosen.is_some() {
            self.notify(line.other()).notify_one();
        }
        let at = chosen??;
        let namespace = state.line(line).remove(at);
        let State {
            running,
            turns,
            copies,
            takes,
            ..
        } = &mut *state;
        turns.give(&namespace, copies.iter().chain(takes.iter()).chain(running.iter()));
        running.push(namespace.clone());
        state.last = Some(line);
        drop(state);
        let place = Place {
            namespace,
            all: self.clone(),
        };
        Some((keys.swap_remove(at), place))
    }

    const fn notify(&self, line: Line) -> &Notify {
        match line {
            Line::Copies => &self.copies,
            Line::Takes => &self.takes,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place that is taken until this is dropped.
pub struct Place {
    namespace: Namespace,
    all: Arc<Places>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.all.lock();
        if let Some(at) = state.running.iter().position(|of| *of == self.namespace) {
            state.running.swap_remove(at);
        }
        drop(state);
        self.all.copies.notify_one();
        self.all.takes.notify_one();
    }
}

#[cfg(test)]
mod tests;
