//! NFS procedures as this crate uses them: by handle, one name at a time, with a deadline and one repetition.
//!
//! A [`Call`] accompanies one call of the backend. It remembers whether anything may have been changed, and knows for
//! each procedure what a repetition means after an answer was lost. Paths are [`crate::directory`]'s business:
//! nothing here sends a name with a slash, and no procedure of NFS that takes a name follows a symbolic link.

use crate::{
    connection::Connection,
    errors::{Fault, Kind, Reached},
    node::{Entry, Handle, Node, Page},
    pool::{Deadline, Pool},
};
use bytes::Bytes;
use nfs_rs::{DirectoryCookie, FSStat, ObjRes};
use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tombolo_backend_api::BackendError;

/// After which pauses a look is repeated that met a removal.
const STALE_PAUSES: [Duration; 3] = [Duration::ZERO, Duration::from_millis(5), Duration::from_millis(50)];

/// What a request does to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Reads,
    Changes,
}

/// One call of the backend, on its way.
pub(crate) struct Call<'a> {
    pool: &'a Pool,
    deadline: Deadline,
    changed: AtomicBool,
}

impl<'a> Call<'a> {
    pub(crate) fn new(pool: &'a Pool, deadline: Deadline) -> Self {
        Self {
            pool,
            deadline,
            changed: AtomicBool::new(false),
        }
    }

    pub(crate) fn pool(&self) -> &Pool {
        self.pool
    }

    /// Turns a fault into what the backend's caller is told.
    pub(crate) fn fail(&self, what: &str, fault: Fault) -> BackendError {
        if fault.is(Kind::Stale) {
            // It may be the export's own handle that is, and only mounting renews that.
            self.pool.forget_export();
        }
        fault.into_error(what, self.changed.load(Ordering::Relaxed))
    }

    /// The export's directory.
    pub(crate) async fn export(&self) -> Result<Handle, Fault> {
        Ok(self.connection().await?.export.clone())
    }

    /// A connection, for requests that have to take the same one.
    pub(crate) async fn connection(&self) -> Result<Arc<Connection>, Fault> {
        Ok(self.pool.lease(self.deadline.instant()).await?.connection)
    }

    pub(crate) async fn getattr(&self, handle: &Handle) -> Result<Node, Fault> {
        let attr = self
            .send(Effect::Reads, |c| async move { c.mount.getattr(handle.clone()).await })
            .await?;
        Ok(Node::new(handle.clone(), &attr))
    }

    pub(crate) async fn lookup(&self, directory: &Handle, name: &str) -> Result<Option<Node>, Fault> {
        let mut found = self.lookup_once(directory, name).await;
        for pause in STALE_PAUSES {
            if !found.as_ref().is_err_and(|fault| fault.is(Kind::Stale)) {
                break;
            }
            // What the server found went while it looked; the next look tells. "Absent" is never concluded from this.
            tokio::time::sleep(pause).await;
            found = self.lookup_once(directory, name).await;
        }
        match found {
            Ok(object) => Ok(Some(self.node(object).await?)),
            Err(fault) if fault.is(Kind::NotFound) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    async fn lookup_once(&self, directory: &Handle, name: &str) -> Result<ObjRes, Fault> {
        self.send(Effect::Reads, |c| async move {
            c.mount.lookup(directory.clone(), name).await
        })
        .await
    }

    /// `Exists` if the name is taken, also by a first attempt whose answer was lost.
    pub(crate) async fn mkdir(&self, directory: &Handle, name: &str, mode: u32) -> Result<Node, Fault> {
        let made = self
            .send(Effect::Changes, |c| async move {
                c.mount.mkdir(directory.clone(), name, mode).await
            })
            .await?;
        self.node(made).await
    }

    pub(crate) async fn set_mode(&self, handle: &Handle, mode: u32) -> Result<(), Fault> {
        self.send(Effect::Changes, |c| async move {
            c.mount
                .setattr(handle.clone(), None, Some(mode), None, None, None, None, None)
                .await
        })
        .await
    }

    /// Empties a file whose name cannot be said.
    pub(crate) async fn truncate(&self, handle: &Handle) -> Result<(), Fault> {
        self.send(Effect::Changes, |c| async move {
            c.mount
                .setattr(handle.clone(), None, None, None, None, Some(0), None, None)
                .await
        })
        .await
    }

    /// Removes what is no directory. Gone already is success.
    pub(crate) async fn remove(&self, directory: &Handle, name: &str) -> Result<bool, Fault> {
        let done = self
            .send(Effect::Changes, |c| async move {
                c.mount.remove(directory.clone(), name).await
            })
            .await;
        let done = self.unless_gone(done, &[directory]).await;
        removed(done)
    }

    /// Removes an empty directory. Gone already is success. With NFSv4 this would remove a file as well (RFC 8881
    /// §18.25): look first.
    pub(crate) async fn rmdir(&self, directory: &Handle, name: &str) -> Result<bool, Fault> {
        let done = self
            .send(Effect::Changes, |c| async move {
                c.mount.rmdir(directory.clone(), name).await
            })
            .await;
        let done = self.unless_gone(done, &[directory]).await;
        removed(done).map_err(|fault| match fault.kind {
            // RFC 1813 §3.3.13 has no NOTEMPTY for some servers: POSIX lets rmdir() say EEXIST instead.
            Kind::Exists => fault.of_kind(Kind::NotEmpty),
            _ => fault,
        })
    }

    /// Renames `node`, which is `name` in `from`, to `new_name` in `to`. An empty directory there would be replaced:
    /// look first.
    pub(crate) async fn rename(
        &self,
        (from, name): (&Handle, &str),
        node: &Node,
        (to, new_name): (&Handle, &str),
    ) -> Result<(), Fault> {
        let done = self
            .send(Effect::Changes, |c| async move {
                c.mount.rename(from.clone(), name, to.clone(), new_name).await
            })
            .await;
        let done = self.unless_gone(done, &[from, to]).await;
        match done {
            // Not there any more: by our first attempt, if it lies where we wanted it.
            Err(fault) if fault.is(Kind::NotFound) && fault.repeated => match self.lookup(to, new_name).await? {
                Some(moved) if moved.file_id == node.file_id => Ok(()),
                _ => Err(fault),
            },
            done => done,
        }
    }

    /// Gives a file a second name, unless that is taken (`Exists`).
    pub(crate) async fn link(&self, file: &Handle, directory: &Handle, name: &str) -> Result<(), Fault> {
        self.send(Effect::Changes, |c| async move {
            c.mount.link(file.clone(), directory.clone(), name).await
        })
        .await
        .map(|_| ())
    }

    /// Writes a new file, mode 0600, to stable storage. `name` must be one that nobody else uses.
    pub(crate) async fn write_file(&self, directory: &Handle, name: &str, contents: &[u8]) -> Result<Handle, Fault> {
        let contents = Bytes::copy_from_slice(contents);
        self.send(Effect::Changes, |c| {
            let contents = contents.clone();
            async move {
                // One connection for all three: NFSv4 ties what is open to the session that opened it.
                let file = c.mount.create(directory.clone(), name, Some(0o600)).await?;
                nfs_rs::write_all(&*c.mount, file.fh.clone(), 0, contents).await?;
                c.mount.close(file.fh.clone()).await?;
                Ok(file.fh)
            }
        })
        .await
    }

    /// Reads a whole file; `Unfit` if it has more than `limit` bytes.
    pub(crate) async fn read_file(&self, file: &Node, limit: u32) -> Result<Vec<u8>, Fault> {
        let mut contents = Vec::new();
        loop {
            let at = contents.len() as u64;
            let (part, asked) = self
                .send(Effect::Reads, |c| async move {
                    let most = c.mount.get_max_read_size().min(limit + 1);
                    Ok((c.mount.read(file.handle.clone(), at, most).await?, most))
                })
                .await?;
            contents.extend_from_slice(&part);
            let length = contents.len() as u64;
            if length > u64::from(limit) {
                return Err(Fault::found(Kind::Unfit, format!("a file has more than {limit} bytes")));
            }
            // A short answer is the end of a file that has no more bytes; any other may just be short.
            if part.is_empty() || (length >= file.size && part.len() as u64 != u64::from(asked)) {
                return Ok(contents);
            }
        }
    }

    pub(crate) async fn list(&self, directory: &Handle, from: DirectoryCookie) -> Result<Page, Fault> {
        let page = self
            .send(Effect::Reads, |c| async move {
                c.mount.readdirplus_page(directory.clone(), from).await
            })
            .await?;
        let entries = page
            .entries
            .into_iter()
            .filter(|entry| !matches!(entry.file_name.as_str(), "." | ".."))
            .map(|entry| {
                let node = entry
                    .attr
                    .filter(|_| !entry.handle.is_empty())
                    .map(|a| Node::new(entry.handle.clone(), &a));
                Entry {
                    name: entry.file_name,
                    node,
                }
            })
            .collect();
        Ok(Page {
            entries,
            next: (!page.eof).then_some(page.next),
        })
    }

    pub(crate) async fn space(&self) -> Result<FSStat, Fault> {
        self.send(Effect::Reads, |c| async move { c.mount.fsstat().await })
            .await
    }

    /// A server may call a handle stale, too, when what it found under a name went before it could change it. If the
    /// directories are there, that is what happened.
    async fn unless_gone<T>(&self, done: Result<T, Fault>, directories: &[&Handle]) -> Result<T, Fault> {
        match done {
            Err(fault) if fault.is(Kind::Stale) => {
                for directory in directories {
                    self.getattr(directory).await?;
                }
                Err(fault.of_kind(Kind::NotFound))
            }
            done => done,
        }
    }

    /// The attributes that version 3 may leave out of a reply.
    pub(crate) async fn node(&self, object: ObjRes) -> Result<Node, Fault> {
        match object.attr {
            Some(attr) => Ok(Node::new(object.fh, &attr)),
            None => self.getattr(&object.fh).await,
        }
    }

    /// Sends a request; once more over a new connection if the first broke.
    pub(crate) async fn send<T, F, A>(&self, effect: Effect, request: F) -> Result<T, Fault>
    where
        F: Fn(Arc<Connection>) -> A,
        A: Future<Output = nfs_rs::Result<T>>,
    {
        let lease = self.pool.lease(self.deadline.instant()).await?;
        let first = self.attempt(effect, &lease.connection, &request).await;
        let fault = match first {
            Err(fault) if fault.is(Kind::Lost) => fault,
            settled => return settled,
        };
        let lease = self.pool.replace(&lease, self.deadline.instant()).await?;
        let repeated = fault.reached == Reached::Perhaps;
        let second = self.attempt(effect, &lease.connection, &request).await;
        second.map_err(|mut fault| {
            fault.repeated = repeated;
            fault
        })
    }

    pub(crate) async fn attempt<T, F, A>(
        &self,
        effect: Effect,
        connection: &Arc<Connection>,
        request: &F,
    ) -> Result<T, Fault>
    where
        F: Fn(Arc<Connection>) -> A,
        A: Future<Output = nfs_rs::Result<T>>,
    {
        // Given up unless an answer comes: also when our own caller drops us in the middle of a request.
        let mut unanswered = GiveUp(Some(connection));
        let answer = tokio::time::timeout_at(self.deadline.instant(), request(Arc::clone(connection))).await;
        let result = match answer {
            Ok(result) => result.map_err(Fault::from),
            Err(_) => Err(Fault::timed_out(self.deadline.length())),
        };
        let reached = match &result {
            Ok(_) => Reached::Perhaps,
            Err(fault) => fault.reached,
        };
        if effect == Effect::Changes && reached == Reached::Perhaps {
            self.changed.store(true, Ordering::Relaxed);
        }
        if !result.as_ref().is_err_and(Fault::is_transport) {
            unanswered.0 = None;
        }
        result
    }
}

fn removed(done: Result<(), Fault>) -> Result<bool, Fault> {
    match done {
        Ok(()) => Ok(true),
        Err(fault) if fault.is(Kind::NotFound) => Ok(fault.repeated),
        Err(fault) => Err(fault),
    }
}

struct GiveUp<'a>(Option<&'a Connection>);

impl Drop for GiveUp<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.0 {
            connection.give_up();
        }
    }
}
