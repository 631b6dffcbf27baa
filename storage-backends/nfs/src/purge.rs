//! Removing a trash entry for ever, in parallel, without recursion and without keeping the tree in memory.
//!
//! A directory found inside a directory is first moved up to the top of the entry. So nothing is ever deeper than two levels below it, whatever
//! a tenant has built, and the server's own disk is the list of what is left: an interrupted purge just goes on. Only handles
//! and single names are used; a symbolic link is removed like a file, and a directory of another file system is left alone.

use crate::{
    call::{Call, Entry, FileKind, Handle, Node},
    errors::{Fault, Kind},
    trash::{purging_name, record_name},
};
use futures::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, TryStreamExt},
};
use nfs_rs::DirectoryCookie;
use std::{
    future::Future,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};
use tokio::sync::Semaphore;
use tombolo_backend_api::{PurgeProgress, Purged, TRASH_DIR, TrashId};

/// Requests in flight.
const REQUESTS: usize = 32;
/// Entries of one directory that are being worked on at once.
const ENTRIES: usize = 32;
/// How many removals lie between two words to whoever watches.
const REPORT_EVERY: u64 = 256;

/// Removes the entry `id`.
pub(crate) async fn purge(call: &Call<'_>, id: &TrashId, progress: &dyn PurgeProgress) -> Result<Purged, Fault> {
    let root = call.root().await?;
    let Some(bin) = call.private(&root, TRASH_DIR).await? else {
        return Ok(Purged::default());
    };
    let doomed = purging_name(id);
    let count = Count::new(progress);
    if let Some(begun) = call.directory(&bin, &doomed).await? {
        finish(call, &bin, id, begun, &count).await?;
    }
    if let Some(entry) = call.directory(&bin, id.as_str()).await? {
        call.rename((&bin, id.as_str()), &entry, (&bin, &doomed)).await?;
        finish(call, &bin, id, entry, &count).await?;
    }
    call.remove(&bin, &record_name(id)).await?;
    progress.purged(count.so_far());
    Ok(count.so_far())
}

/// Empties the directory under purge and removes it. The record goes before it, and only when nothing is left to restore or to describe: after an
/// interruption there is a directory to go on with, never a record that nobody looks for.
async fn finish(call: &Call<'_>, bin: &Handle, id: &TrashId, top: Node, count: &Count<'_>) -> Result<(), Fault> {
    Removal::new(call, &top, count).run().await?;
    if call.lookup(bin, id.as_str()).await?.is_none() {
        call.remove(bin, &record_name(id)).await?;
    }
    count.directory(call.rmdir(bin, &purging_name(id)).await?);
    Ok(())
}

struct Count<'a> {
    files: AtomicU64,
    directories: AtomicU64,
    progress: &'a dyn PurgeProgress,
}

impl<'a> Count<'a> {
    fn new(progress: &'a dyn PurgeProgress) -> Self {
        Self {
            files: AtomicU64::new(0),
            directories: AtomicU64::new(0),
            progress,
        }
    }

    fn so_far(&self) -> Purged {
        Purged {
            files: self.files.load(Relaxed),
            directories: self.directories.load(Relaxed),
        }
    }

    fn file(&self, gone: bool) {
        self.add(&self.files, gone);
    }

    fn directory(&self, gone: bool) {
        self.add(&self.directories, gone);
    }

    fn add(&self, counter: &AtomicU64, gone: bool) {
        counter.fetch_add(u64::from(gone), Relaxed);
        let Purged { files, directories } = self.so_far();
        if gone && (files + directories).is_multiple_of(REPORT_EVERY) {
            self.progress.purged(self.so_far());
        }
    }
}

/// Whether a directory is the top of the entry, or lies directly in it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Top,
    Below,
}

struct Removal<'a> {
    call: &'a Call<'a>,
    top: &'a Node,
    count: &'a Count<'a>,
    requests: Semaphore,
    /// Names for moved directories: this prefix, which nobody can have guessed, and a number.
    prefix: String,
    moved: AtomicU64,
    /// The first refusal; the rest is removed all the same.
    refusal: Mutex<Option<Fault>>,
}

impl<'a> Removal<'a> {
    fn new(call: &'a Call<'a>, top: &'a Node, count: &'a Count<'a>) -> Self {
        Self {
            call,
            top,
            count,
            requests: Semaphore::new(REQUESTS),
            prefix: uuid::Uuid::new_v4().simple().to_string(),
            moved: AtomicU64::new(0),
            refusal: Mutex::new(None),
        }
    }

    async fn run(&self) -> Result<(), Fault> {
        while self.pass(&self.top.handle, Level::Top).await? > 0 {}
        match self.refusal.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(refusal) => Err(refusal),
            None => Ok(()),
        }
    }

    /// Goes once through a directory; how many of its entries have gone.
    async fn pass(&self, directory: &Handle, level: Level) -> Result<u64, Fault> {
        let mut gone = 0;
        let mut next = Some(DirectoryCookie::default());
        while let Some(from) = next {
            let page = match self.request(self.call.list(directory, from)).await {
                Ok(page) => page,
                // What we removed has unsettled the listing: the next pass begins anew.
                Err(fault) if fault.is(Kind::BadCookie) && gone > 0 => break,
                Err(fault) if fault.is(Kind::Stale) && level == Level::Below => break,
                Err(fault) => return Err(fault),
            };
            next = page.next;
            gone += stream::iter(page.entries)
                .map(|entry| self.entry(directory, entry, level))
                .buffer_unordered(ENTRIES)
                .try_fold(0, |sum, one| async move { Ok(sum + u64::from(one)) })
                .await?;
        }
        Ok(gone)
    }

    /// Removes one entry, or moves it up; whether it has gone. Boxed, because the entries of a directory are passed through in turn.
    fn entry<'s>(&'s self, directory: &'s Handle, entry: Entry, level: Level) -> BoxFuture<'s, Result<bool, Fault>> {
        async move {
            match self.try_entry(directory, entry, level).await {
                Err(fault) if fault.is_transport() => Err(fault),
                Err(fault) => {
                    self.refused(fault);
                    Ok(false)
                }
                done => done,
            }
        }
        .boxed()
    }

    async fn try_entry(&self, directory: &Handle, entry: Entry, level: Level) -> Result<bool, Fault> {
        let name = entry.name.as_str();
        let node = match entry.node {
            Some(node) => node,
            None => match self.request(self.call.lookup(directory, name)).await? {
                Some(node) => node,
                None if unspeakable(name) => return Err(unspeakable_fault(name)),
                None => return Ok(false),
            },
        };
        if node.file_system != self.top.file_system {
            let why = format!("{name:?} lies on another file system, which is not entered");
            return Err(Fault::found(Kind::CrossDevice, why));
        }
        match (node.kind, level) {
            (FileKind::Directory, Level::Top) => self.emptied(name, &node).await,
            (FileKind::Directory, Level::Below) => self.moved_up(directory, name, &node).await,
            (FileKind::Regular | FileKind::Other, _) => self.file(directory, name, &node).await,
        }
    }

    /// Empties and removes a directory that lies at the top.
    async fn emptied(&self, name: &str, node: &Node) -> Result<bool, Fault> {
        loop {
            let gone = self.pass(&node.handle, Level::Below).await?;
            match self.request(self.call.rmdir(&self.top.handle, name)).await {
                Ok(removed) => {
                    self.count.directory(removed);
                    return if removed || !unspeakable(name) {
                        Ok(removed)
                    } else {
                        Err(unspeakable_fault(name))
                    };
                }
                Err(fault) if fault.is(Kind::NotEmpty) && gone > 0 => {}
                Err(fault) => return Err(fault),
            }
        }
    }

    async fn moved_up(&self, directory: &Handle, name: &str, node: &Node) -> Result<bool, Fault> {
        let number = self.moved.fetch_add(1, Relaxed);
        let new_name = format!("{}-{number}", self.prefix);
        let top = &self.top.handle;
        match self
            .request(self.call.rename((directory, name), node, (top, &new_name)))
            .await
        {
            Ok(()) => Ok(true),
            Err(fault) if fault.is(Kind::NotFound) && unspeakable(name) => {
                // It cannot be moved, but its handle is known: what is in it can.
                while self.pass(&node.handle, Level::Below).await? > 0 {}
                Err(unspeakable_fault(name))
            }
            Err(fault) if fault.is(Kind::NotFound) => Ok(false),
            Err(fault) => Err(fault),
        }
    }

    async fn file(&self, directory: &Handle, name: &str, node: &Node) -> Result<bool, Fault> {
        let gone = self.request(self.call.remove(directory, name)).await?;
        self.count.file(gone);
        if gone || !unspeakable(name) {
            return Ok(gone);
        }
        // Its room can be had back. Not if it has another name, which may be outside of what is being purged.
        if node.kind == FileKind::Regular && node.links == 1 && node.size > 0 {
            self.request(self.call.truncate(&node.handle)).await?;
        }
        Err(unspeakable_fault(name))
    }

    async fn request<T>(&self, request: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        // The semaphore is never closed; without a permit the request is merely one too many.
        let _permit = self.requests.acquire().await;
        request.await
    }

    fn refused(&self, fault: Fault) {
        self.refusal
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(fault);
    }
}

/// Whether a name may stand for one that is not UTF-8, which the client library can neither show nor send.
fn unspeakable(name: &str) -> bool {
    name.contains(char::REPLACEMENT_CHARACTER)
}

fn unspeakable_fault(name: &str) -> Fault {
    let why = format!("{name:?} stands for a name that is not UTF-8; remove it on the server itself");
    Fault::found(Kind::Unfit, why)
}
