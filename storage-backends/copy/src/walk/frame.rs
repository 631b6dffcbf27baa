//! One directory on the way down.

use crate::account::Tally;
use crate::node::{Id, Name, Node};
use crate::tree::Tree;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A directory of the source, its copy, and what earlier attempts have made of it.
pub(crate) struct Pair<T: Tree> {
    pub(crate) from: T::Dir,
    pub(crate) to: T::Dir,
    pub(crate) givers: Vec<T::Dir>,
    /// What the copy is to be like.
    pub(crate) node: Node,
    /// Whether all of its entries were found: whoever lets go of it last then finishes it.
    pub(crate) listed: AtomicBool,
}

pub(super) struct Frame<T: Tree> {
    /// Its name in the directory above.
    pub(super) name: Option<Name>,
    /// What it is in the source, and which directory its copy is.
    pub(super) node: Node,
    pub(super) copy: Id,
    /// `None` while it is closed.
    pub(super) pair: Option<Arc<Pair<T>>>,
    /// What was found in it and below it.
    pub(super) tally: Tally,
    /// Where the last page began.
    page: T::Place,
    /// Where the next page begins.
    following: Option<T::Place>,
    /// Directories of the last page that are still to be visited.
    todo: VecDeque<Name>,
    /// The first of those that were forgotten.
    forgotten: Option<Name>,
    restarts: u32,
}

/// What comes next in a directory.
pub(super) enum Ahead<P> {
    Directory(Name),
    Page(P),
    /// The last page once more, for its directories from a name on.
    Again(P, Name),
    Nothing,
}

impl<T: Tree> Frame<T> {
    pub(super) fn new(name: Option<Name>, copy: Id, pair: Pair<T>) -> Self {
        Self {
            name,
            node: pair.node,
            copy,
            pair: Some(Arc::new(pair)),
            tally: Tally::default(),
            page: T::Place::default(),
            following: Some(T::Place::default()),
            todo: VecDeque::new(),
            forgotten: None,
            restarts: 0,
        }
    }

    pub(super) fn next(&mut self) -> Ahead<T::Place> {
        if let Some(name) = self.todo.pop_front() {
            Ahead::Directory(name)
        } else if let Some(name) = self.forgotten.take() {
            Ahead::Again(self.page.clone(), name)
        } else if let Some(place) = self.following.take() {
            Ahead::Page(place)
        } else {
            Ahead::Nothing
        }
    }

    /// A page was read.
    pub(super) fn turned(&mut self, page: T::Place, following: Option<T::Place>) {
        (self.page, self.following) = (page, following);
    }

    /// A directory was found that is to be visited; what that costs in memory.
    pub(super) fn visit_later(&mut self, name: Name) -> usize {
        let cost = name.as_bytes().len();
        self.todo.push_back(name);
        cost
    }

    /// Forgets what is to be visited, and finds it again later; what that frees.
    pub(super) fn forget(&mut self) -> usize {
        let freed = self.todo.iter().map(|name| name.as_bytes().len()).sum();
        if let Some(first) = self.todo.pop_front() {
            self.forgotten = Some(first);
        }
        self.todo = VecDeque::new();
        freed
    }

    /// Begins anew; what of all that was found is to be forgotten, and how often that has happened.
    pub(super) fn restart(&mut self) -> (Tally, u32) {
        self.following = Some(T::Place::default());
        self.forgotten = None;
        self.todo.clear();
        self.restarts += 1;
        (std::mem::take(&mut self.tally), self.restarts)
    }

    /// Whether nothing is being made in it, so that it can be closed.
    pub(super) fn is_idle(&self) -> bool {
        self.pair.as_ref().is_some_and(|pair| Arc::strong_count(pair) == 1)
    }
}
