//! Walking through the source, depth first and without recursion, and making its directories on the way.
//!
//! What is kept in memory is one page of entries and, for each directory on the way down, the names of those of its
//! subdirectories that are still to be visited. When those become too many they are forgotten, and listed again on the way
//! back. Where a directory costs a file descriptor, only the deepest few are open; the way back goes through `..`, and is
//! the right one only if it leads to the same directory.

mod frame;

use crate::account::{Account, Tally};
use crate::decide::{Need, need};
use crate::node::{Id, Name, Node};
use crate::tree::{Entry, Listing, Tree};
use frame::{Ahead, Frame};
use futures::future::BoxFuture;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use tombolo_backend_api::{BackendError, Class};

pub(crate) use frame::Pair;

/// Levels of directories. No path leads that far: paths end at 4096 bytes (path_resolution(7)).
const DEEPEST: usize = 16_384;
/// Bytes of names that are remembered of directories still to be visited.
const MOST_AHEAD: usize = 256 << 10;
/// How often the listing of a directory that changes all the time is begun anew.
const MOST_RESTARTS: u32 = 100;

/// What is to be done next.
pub(crate) enum Job<T: Tree> {
    /// An entry that is no directory.
    Entry(Arc<Pair<T>>, Name, Need, Node),
    /// A directory all of whose entries were found, and are made or being made.
    Listed(Arc<Pair<T>>),
}

pub(crate) struct Walk<'a, T: Tree> {
    tree: &'a T,
    account: &'a Account,
    frames: Vec<Frame<T>>,
    /// Which frames are open, besides the first, which always is.
    open: VecDeque<usize>,
    /// Entries of the deepest directory that are no directories.
    ready: VecDeque<(Name, Need, Node)>,
    ahead: usize,
}

/// Something to be done, and the walk that goes on.
type Advanced<'a, T> = (Job<T>, Walk<'a, T>);

impl<'a, T: Tree> Walk<'a, T> {
    /// A walk that begins at a directory and its copy.
    pub(crate) fn new(tree: &'a T, account: &'a Account, copy: Id, top: Pair<T>) -> Self {
        account.made_directory();
        Self {
            tree,
            account,
            frames: vec![Frame::new(None, copy, top)],
            open: VecDeque::new(),
            ready: VecDeque::new(),
            ahead: 0,
        }
    }

    /// Goes to the next thing to be done; `None` when there is nothing more.
    pub(crate) fn advance(mut self) -> BoxFuture<'a, Result<Option<Advanced<'a, T>>, BackendError>> {
        Box::pin(async move { Ok(self.step().await?.map(|job| (job, self))) })
    }

    async fn step(&mut self) -> Result<Option<Job<T>>, BackendError> {
        loop {
            let Some(deepest) = self.frames.last_mut() else {
                self.account.found_all();
                return Ok(None);
            };
            let Some(pair) = deepest.pair.clone() else {
                return Err(BackendError::maybe_done(Class::Bug, "the deepest directory is closed"));
            };
            if let Some((name, need, node)) = self.ready.pop_front() {
                return Ok(Some(Job::Entry(pair, name, need, node)));
            }
            match deepest.next() {
                Ahead::Directory(name) => {
                    self.ahead = self.ahead.saturating_sub(name.as_bytes().len());
                    self.descend(&pair, name).await?;
                }
                Ahead::Page(place) => self.read(&pair, place).await?,
                Ahead::Again(place, from) => self.read_again(&pair, place, &from).await?,
                Ahead::Nothing => return self.ascend(pair).await.map(Some),
            }
        }
    }

    async fn read(&mut self, pair: &Pair<T>, place: T::Place) -> Result<(), BackendError> {
        let Listing::Page { entries, next } = self.tree.list(&pair.from, &place).await? else {
            return self.restart();
        };
        if let Some(deepest) = self.frames.last_mut() {
            deepest.turned(place, next);
        }
        for entry in entries {
            let Some((name, node)) = self.seen(pair, entry).await? else {
                continue;
            };
            let need = need(&node);
            let tally = Tally {
                bytes: node.data(),
                entries: u64::from(need != Need::Nothing),
                skipped: u64::from(need == Need::Nothing),
            };
            if let Some(deepest) = self.frames.last_mut() {
                deepest.tally.add(tally);
            }
            self.account.found(tally)?;
            match need {
                Need::Directory => self.visit_later(name),
                Need::File | Need::SharedFile | Need::Symlink => self.ready.push_back((name, need, node)),
                Need::Nothing => {}
            }
        }
        Ok(())
    }

    /// Reads a page of which everything was made but the directories from a name on. If that name has gone, all are visited
    /// again, which costs time and changes nothing.
    async fn read_again(&mut self, pair: &Pair<T>, place: T::Place, from: &Name) -> Result<(), BackendError> {
        let Listing::Page { entries, next: _ } = self.tree.list(&pair.from, &place).await? else {
            return self.restart();
        };
        let visited = entries.iter().position(|entry| entry.name == *from).unwrap_or(0);
        for entry in entries.into_iter().skip(visited) {
            if let Some((name, node)) = self.seen(pair, entry).await?
                && need(&node) == Need::Directory
            {
                self.visit_later(name);
            }
        }
        Ok(())
    }

    /// An entry with what stands there; `None` if it has gone.
    async fn seen(&self, pair: &Pair<T>, entry: Entry) -> Result<Option<(Name, Node)>, BackendError> {
        let node = match entry.node {
            Some(node) => Some(node),
            None => self.tree.look(&pair.from, &entry.name).await?,
        };
        Ok(node.map(|node| (entry.name, node)))
    }

    fn restart(&mut self) -> Result<(), BackendError> {
        let Some(deepest) = self.frames.last_mut() else {
            return Ok(());
        };
        let (tally, times) = deepest.restart();
        self.account.forget(tally);
        if times > MOST_RESTARTS {
            let message = "a directory of the source changes faster than it can be listed";
            return Err(BackendError::maybe_done(Class::Transient, message));
        }
        Ok(())
    }

    fn visit_later(&mut self, name: Name) {
        if let Some(deepest) = self.frames.last_mut() {
            self.ahead += deepest.visit_later(name);
        }
    }

    async fn descend(&mut self, above: &Pair<T>, name: Name) -> Result<(), BackendError> {
        if self.frames.len() >= DEEPEST {
            let message = format!("the source has more than {DEEPEST} levels of directories");
            return Err(BackendError::maybe_done(Class::TooLarge, message));
        }
        let Some((from, node)) = self.tree.enter(&above.from, &name).await? else {
            return Ok(());
        };
        let (to, made, is_new) = self.tree.make_dir(&above.to, &name).await?;
        if is_new {
            self.account.made_directory();
        }
        let givers = self.givers_below(&above.givers, &name).await?;
        let pair = Pair {
            from,
            to,
            givers,
            node,
            listed: AtomicBool::new(false),
        };
        if self.ahead > MOST_AHEAD {
            let freed: usize = self.frames.iter_mut().map(Frame::forget).sum();
            self.ahead = self.ahead.saturating_sub(freed);
        }
        self.open.push_back(self.frames.len());
        self.frames.push(Frame::new(Some(name), made.id, pair));
        self.close_some();
        Ok(())
    }

    async fn givers_below(&self, givers: &[T::Dir], name: &Name) -> Result<Vec<T::Dir>, BackendError> {
        let mut below = Vec::new();
        for giver in givers {
            below.extend(self.tree.enter(giver, name).await?.map(|(dir, _)| dir));
        }
        Ok(below)
    }

    /// Closes what is open above the deepest few, but for directories in which something is being made.
    fn close_some(&mut self) {
        while self.open.len() > T::OPEN_LEVELS {
            let surplus = self.open.len() - T::OPEN_LEVELS;
            let idle = |at: &usize| self.frames.get(*at).is_some_and(Frame::is_idle);
            let Some(place) = self.open.iter().take(surplus).position(idle) else {
                return;
            };
            if let Some(frame) = self.open.remove(place).and_then(|at| self.frames.get_mut(at)) {
                frame.pair = None;
            }
        }
    }

    /// Leaves the deepest directory, and opens the one above it again if it was closed.
    async fn ascend(&mut self, pair: Arc<Pair<T>>) -> Result<Job<T>, BackendError> {
        pair.listed.store(true, Relaxed);
        let left = self.frames.pop();
        self.open.pop_back();
        if let (Some(left), Some(above)) = (left, self.frames.last_mut()) {
            above.tally.add(left.tally);
            if above.pair.is_none() {
                let (node, copy) = (above.node, above.copy);
                let reopened = Pair {
                    from: self.back(&pair.from, node.id).await?,
                    to: self.back(&pair.to, copy).await?,
                    givers: self.givers_of_deepest().await?,
                    node,
                    listed: AtomicBool::new(false),
                };
                self.open.push_back(self.frames.len() - 1);
                if let Some(above) = self.frames.last_mut() {
                    above.pair = Some(Arc::new(reopened));
                }
            }
        }
        Ok(Job::Listed(pair))
    }

    async fn back(&self, dir: &T::Dir, id: Id) -> Result<T::Dir, BackendError> {
        let moved = || {
            let message = "a directory was moved to another while it was copied";
            BackendError::maybe_done(Class::Transient, message)
        };
        self.tree.climb(dir, id).await?.ok_or_else(moved)
    }

    /// What earlier attempts have made of the deepest directory, found from the top.
    async fn givers_of_deepest(&self) -> Result<Vec<T::Dir>, BackendError> {
        let Some(top) = self.frames.first().and_then(|top| top.pair.as_ref()) else {
            return Ok(Vec::new());
        };
        let names: Vec<&Name> = self.frames.iter().filter_map(|frame| frame.name.as_ref()).collect();
        let [first, rest @ ..] = names.as_slice() else {
            return Ok(Vec::new());
        };
        let mut givers = self.givers_below(&top.givers, first).await?;
        for name in rest {
            givers = self.givers_below(&givers, name).await?;
        }
        Ok(givers)
    }
}
