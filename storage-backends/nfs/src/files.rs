//! Procedures on files and their attributes, which only copying needs.

use crate::{
    call::{Call, Effect},
    connection::Connection,
    errors::{Fault, Kind},
    node::{Handle, Node},
    purge::unspeakable,
};
use bytes::Bytes;
use nfs_rs::{Time, WriteOutcome};
use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// How long a file that nobody writes any more may take to be closed.
const CLOSING: Duration = Duration::from_secs(10);
/// Answers to writes that are kept until the server is asked to keep what was written.
const MOST_UNSTABLE: usize = 256;

/// What is to be set. Servers set the owner after the mode, and that takes set-id bits away: not both at once.
pub(crate) enum Change {
    Size(u64),
    Owner { uid: u32, gid: u32 },
    Times([Time; 2]),
    ModeAndTimes(u32, [Time; 2]),
}

/// A new file that is being written, all through one connection while that lasts: NFSv4 ties what is open to the session that
/// opened it. Where it was lost, requests go through another; NFSv4 servers take them without an open file too (RFC 8881 §8.2.3).
pub(crate) struct Writing {
    connection: Arc<Connection>,
    /// `None` once it is closed.
    handle: Option<Handle>,
    unstable: Mutex<Vec<WriteOutcome>>,
}

impl Call<'_> {
    pub(crate) async fn set(&self, handle: &Handle, change: &Change) -> Result<(), Fault> {
        self.send(Effect::Changes, |c| async move {
            let (mut mode, mut uid, mut gid, mut size, mut times) = (None, None, None, None, None);
            match change {
                Change::Size(bytes) => size = Some(*bytes),
                Change::Owner { uid: owner, gid: group } => (uid, gid) = (Some(*owner), Some(*group)),
                Change::Times(both) => times = Some(*both),
                Change::ModeAndTimes(bits, both) => (mode, times) = (Some(*bits), Some(*both)),
            }
            let (accessed, modified) = times.map(<(Time, Time)>::from).unzip();
            let handle = handle.clone();
            c.mount
                .setattr(handle, None, mode, uid, gid, size, accessed, modified)
                .await
        })
        .await
    }

    /// Where a symbolic link leads.
    pub(crate) async fn read_link(&self, link: &Handle) -> Result<String, Fault> {
        let target = self
            .send(Effect::Reads, |c| async move { c.mount.readlink(link.clone()).await })
            .await?;
        if unspeakable(&target) {
            let why = format!("a link to {target:?} seems to lead to a name that is not UTF-8, which cannot be said");
            return Err(Fault::found(Kind::Unfit, why));
        }
        Ok(target)
    }

    /// `Exists` if the name is taken, also by a first attempt whose answer was lost.
    pub(crate) async fn make_link(&self, directory: &Handle, name: &str, target: &str) -> Result<Node, Fault> {
        let made = self
            .send(Effect::Changes, |c| async move {
                c.mount.symlink(target, directory.clone(), name).await
            })
            .await?;
        self.node(made).await
    }

    /// Reads a part of a file, of at most so many bytes; none at its end.
    pub(crate) async fn read_part(&self, file: &Handle, at: u64, most: u32) -> Result<Bytes, Fault> {
        self.send(Effect::Reads, |c| async move {
            let most = most.min(c.mount.get_max_read_size());
            c.mount.read(file.clone(), at, most).await
        })
        .await
    }

    /// Sends a request through a file's connection, or through another if that was lost.
    async fn through<T, F, A>(&self, connection: &Arc<Connection>, request: F) -> Result<T, Fault>
    where
        F: Fn(Arc<Connection>) -> A,
        A: Future<Output = nfs_rs::Result<T>>,
    {
        if connection.usable() {
            match self.attempt(Effect::Changes, connection, &request).await {
                Err(fault) if fault.is(Kind::Lost) => {}
                settled => return settled,
            }
        }
        self.send(Effect::Changes, request).await
    }

    /// Makes a file, mode 0600, and opens it; one that is there is opened as it is.
    pub(crate) async fn begin_file(&self, directory: &Handle, name: &str) -> Result<(Node, Writing), Fault> {
        let mut connection = self.connection().await?;
        let create = |c: Arc<Connection>| async move { c.mount.create(directory.clone(), name, Some(0o600)).await };
        let mut made = self.attempt(Effect::Changes, &connection, &create).await;
        if made.as_ref().is_err_and(|fault| fault.is(Kind::Lost)) {
            connection = self.connection().await?;
            made = self.attempt(Effect::Changes, &connection, &create).await;
        }
        let made = made?;
        let writing = Writing {
            connection,
            handle: Some(made.fh.clone()),
            unstable: Mutex::default(),
        };
        Ok((self.node(made).await?, writing))
    }

    /// Writes a part of a file; it is on stable storage when the file is ended.
    pub(crate) async fn write_part(&self, file: &Writing, at: u64, mut data: Bytes) -> Result<(), Fault> {
        let handle = file.open()?;
        let mut place = at;
        while !data.is_empty() {
            let (connection, part) = (&file.connection, data.clone());
            let write = |c: Arc<Connection>| {
                let (handle, mut part) = (handle.clone(), part.clone());
                async move {
                    let most = usize::try_from(c.mount.get_max_write_size()).unwrap_or(usize::MAX);
                    part.truncate(most.max(1));
                    c.mount.write(handle, place, part).await
                }
            };
            let outcome = self.through(connection, write).await?;
            let count = usize::try_from(outcome.count).unwrap_or(0).min(data.len());
            if count == 0 {
                return Err(Fault::found(Kind::Other, "the server takes no bytes"));
            }
            data = data.split_off(count);
            place += count as u64;
            if file.remember(outcome) >= MOST_UNSTABLE {
                self.commit(file).await?;
            }
        }
        Ok(())
    }

    async fn commit(&self, file: &Writing) -> Result<(), Fault> {
        let (handle, written) = (file.open()?, file.written());
        if written.is_empty() {
            return Ok(());
        }
        let written = &written;
        let commit = |c: Arc<Connection>| {
            let handle = handle.clone();
            // A server that was restarted in between has lost what it had not kept, and says so by another verifier.
            async move { c.mount.commit_write_batch(handle, 0, 0, written).await }
        };
        self.through(&file.connection, commit).await
    }

    /// Waits until everything that was written is on stable storage, and closes the file.
    pub(crate) async fn end_file(&self, mut file: Writing) -> Result<(), Fault> {
        self.commit(&file).await?;
        let handle = file.open()?.clone();
        let close = |c: Arc<Connection>| {
            let handle = handle.clone();
            async move { c.mount.close(handle).await }
        };
        file.handle = None;
        if !file.connection.usable() {
            return Ok(());
        }
        match self.attempt(Effect::Changes, &file.connection, &close).await {
            // What was open goes with the session.
            Err(fault) if fault.is(Kind::Lost) => Ok(()),
            closed => closed,
        }
    }
}

impl Writing {
    fn open(&self) -> Result<&Handle, Fault> {
        self.handle
            .as_ref()
            .ok_or_else(|| Fault::found(Kind::Other, "the file is closed"))
    }

    fn remember(&self, outcome: WriteOutcome) -> usize {
        let mut unstable = self.unstable.lock().unwrap_or_else(PoisonError::into_inner);
        unstable.push(outcome);
        unstable.len()
    }

    fn written(&self) -> Vec<WriteOutcome> {
        std::mem::take(&mut *self.unstable.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Writing {
    /// A copy that is dropped leaves no file open on the server.
    fn drop(&mut self) {
        let (Some(handle), Ok(runtime)) = (self.handle.take(), tokio::runtime::Handle::try_current()) else {
            return;
        };
        let connection = Arc::clone(&self.connection);
        if connection.usable() {
            runtime.spawn(async move {
                tokio::time::timeout(CLOSING, connection.mount.close(handle))
                    .await
                    .is_ok()
            });
        }
    }
}
