//! Making one entry of a copy.

use crate::account::Account;
use crate::decide::{Need, is_complete, likeness};
use crate::node::{Id, Name, Node};
use crate::relay::Stop;
use crate::tree::{Linked, Tree};
use crate::walk::{Job, Pair};
use futures::future::BoxFuture;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use tokio::sync::Mutex;
use tombolo_backend_api::{BackendError, Class};

/// Files of several names that are made at once, at most.
const LOCKS: usize = 64;

/// Makes the entries of one copy.
pub(crate) struct Maker<'a, T: Tree> {
    tree: &'a T,
    account: &'a Account,
    drop_set_id: bool,
    /// Files of several names, each by its number in the source.
    shared: T::Dir,
    locks: [Mutex<()>; LOCKS],
    stop: Stop,
}

impl<'a, T: Tree> Maker<'a, T> {
    pub(crate) fn new(tree: &'a T, account: &'a Account, drop_set_id: bool, shared: T::Dir, stop: Stop) -> Self {
        Self {
            tree,
            account,
            drop_set_id,
            shared,
            locks: std::array::from_fn(|_| Mutex::default()),
            stop,
        }
    }

    pub(crate) fn stop(&self) -> &Stop {
        &self.stop
    }

    pub(crate) fn shared(&self) -> &T::Dir {
        &self.shared
    }

    /// Does one job. Boxed, because many of them are passed through in turn.
    pub(crate) fn run(&self, job: Job<T>) -> BoxFuture<'_, Result<(), BackendError>> {
        Box::pin(async move {
            let pair = match job {
                Job::Listed(pair) => pair,
                Job::Entry(pair, name, need, node) => {
                    self.stop.check()?;
                    self.entry(&pair, &name, need, &node).await?;
                    pair
                }
            };
            self.let_go(pair).await
        })
    }

    /// Whoever lets go of a directory last finishes it: from then on nothing is made in it.
    async fn let_go(&self, pair: Arc<Pair<T>>) -> Result<(), BackendError> {
        match Arc::into_inner(pair) {
            Some(pair) if pair.listed.load(Relaxed) => self.tree.finish_dir(&pair.from, &pair.to, &pair.node).await,
            Some(_) | None => Ok(()),
        }
    }

    async fn entry(&self, pair: &Pair<T>, name: &Name, need: Need, node: &Node) -> Result<(), BackendError> {
        match need {
            Need::File => self.file(pair, name, (&pair.to, name), 1).await,
            Need::SharedFile => self.shared_file(pair, name, node.id).await,
            Need::Symlink => {
                if self.tree.symlink(&pair.from, &pair.to, name, node).await? {
                    self.account.made_file();
                }
                Ok(())
            }
            Need::Directory | Need::Nothing => Ok(()),
        }
    }

    /// Makes a file of several names once, out of the way, and then gives it one name after the other. What makes it lasts as
    /// long as the copy, so that no list of them has to be kept in memory.
    async fn shared_file(&self, pair: &Pair<T>, name: &Name, id: Id) -> Result<(), BackendError> {
        let number = format!("{:x}", id.inode);
        let (Some(number), Some(lock)) = (
            Name::parse(number.as_bytes()),
            usize::try_from(id.inode % LOCKS as u64)
                .ok()
                .and_then(|at| self.locks.get(at)),
        ) else {
            return Err(BackendError::maybe_done(Class::Bug, "a number is no name"));
        };
        {
            let _one_at_a_time = lock.lock().await;
            if self.tree.look(&self.shared, &number).await?.is_none() {
                self.make_file(pair, name, (&self.shared, &number), u64::MAX).await?;
            }
        }
        match self.tree.link((&self.shared, &number), (&pair.to, name)).await? {
            Linked::Made => self.account.made_file(),
            Linked::Taken | Linked::Gone => {}
            Linked::Unable => self.file(pair, name, (&pair.to, name), 0).await?,
        }
        Ok(())
    }

    async fn file(&self, pair: &Pair<T>, name: &Name, to: (&T::Dir, &Name), links: u64) -> Result<(), BackendError> {
        if self.make_file(pair, name, to, links).await? {
            self.account.made_file();
        }
        Ok(())
    }

    /// Makes a file, from what an earlier attempt has made of it if that has no more than so many names. `false`: the source
    /// has gone, or the file is there: a listing may show a name twice.
    async fn make_file(
        &self,
        pair: &Pair<T>,
        name: &Name,
        (dir, new): (&T::Dir, &Name),
        links: u64,
    ) -> Result<bool, BackendError> {
        let Some((from, node)) = self.tree.open(&pair.from, name).await? else {
            return Ok(false);
        };
        let like = likeness(&node, self.drop_set_id);
        if let Some(given) = self.given(pair, name, &node, (dir, new), links).await? {
            self.account.reused_file(node.data())?;
            self.tree.finish(&from, given, node.size, &like).await?;
            return Ok(true);
        }
        let Some(to) = self.tree.create(dir, new).await? else {
            return Ok(false);
        };
        let size = self.contents(&from, &to, &node).await?;
        self.tree.finish(&from, to, size, &like).await?;
        Ok(true)
    }

    /// What an earlier attempt has made of a file, moved to its new name.
    async fn given(
        &self,
        pair: &Pair<T>,
        name: &Name,
        source: &Node,
        (dir, new): (&T::Dir, &Name),
        links: u64,
    ) -> Result<Option<T::File>, BackendError> {
        for giver in &pair.givers {
            let left = self.tree.look(giver, name).await?;
            let fits = left.is_some_and(|left| left.links <= links && is_complete(&left, source));
            if fits && self.tree.rename((giver, name), (dir, new)).await? {
                return Ok(self.tree.open(dir, new).await?.map(|(file, _)| file));
            }
        }
        Ok(None)
    }

    /// Copies what a file holds, up to the length that it had; its length now, if it has become shorter.
    async fn contents(&self, from: &T::File, to: &T::File, node: &Node) -> Result<u64, BackendError> {
        if self.tree.reflink(from, to).await? {
            self.account.wrote(node.data())?;
            return Ok(node.size);
        }
        if !T::SKIPS_HOLES {
            self.account.will_read(node.size)?;
        }
        let mut at = 0;
        while at < node.size {
            let Some(data) = self.tree.next_data(from, at..node.size).await? else {
                break;
            };
            at = data.start;
            while at < data.end {
                self.stop.check()?;
                let moved = self.tree.transfer(from, to, at..data.end).await?;
                if moved.read == 0 {
                    return Ok(at);
                }
                self.account.wrote(moved.written)?;
                at = at.saturating_add(moved.read);
            }
        }
        Ok(node.size)
    }
}
