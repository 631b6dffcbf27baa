//! Removing a trash entry for ever, in parallel, without recursion and without keeping the tree in memory.
//!
//! A directory found inside a directory is first moved up to the top of the entry. So nothing is ever deeper than two
//! levels below it, whatever a tenant has built, and the server's own disk is the list of what is left: an
//! interrupted purge just goes on. Only handles and single names are used; a symbolic link is removed like a file,
//! and a directory of another file system is left alone.

use crate::{
    call::Call,
    errors::{Fault, Kind},
    node::{Entry, FileKind, Handle, Node},
    trash::{forget_record, purging_name, record_name},
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
    time::Duration,
};
use tokio::sync::Semaphore;
use tombolo_backend_api::{PurgeProgress, Purged, TRASH_DIR, TrashId};

/// Requests in flight.
const REQUESTS: usize = 32;
/// Entries of one directory that are being worked on at once.
const ENTRIES: usize = 32;
/// How often, and after which pause, an entry is emptied again that another purge has filled.
const RIVALS: u32 = 100;
const RIVALS_PAUSE: Duration = Duration::from_millis(10);
/// Directories that cannot be moved and are known at once; what lies in others is found by a later pass.
const UNMOVABLE: usize = 4096;
/// Begins the names of directories that were moved to the top.
const MOVED_PREFIX: &str = ".moved-";
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
    // Not only once: a purge that was interrupted may have left its part beside an entry of the same name.
    for attempt in 0.. {
        if let Some(begun) = call.directory(&bin, &doomed).await? {
            finish(call, &bin, id, begun, &count).await?;
        }
        let Some(entry) = call.directory(&bin, id.as_str()).await? else {
            forget_record(call, &root, TRASH_DIR, id).await?;
            break;
        };
        match call.rename((&bin, id.as_str()), &entry, (&bin, &doomed)).await {
            // Restored, or taken up by another purge.
            Err(fault) if attempt < RIVALS && gone_or_taken(&fault) => tokio::time::sleep(RIVALS_PAUSE).await,
            done => done?,
        }
    }
    progress.purged(count.so_far());
    Ok(count.so_far())
}

fn gone_or_taken(fault: &Fault) -> bool {
    removed_by_another(fault) || matches!(fault.kind, Kind::Exists | Kind::NotEmpty)
}

/// Empties the directory under purge and removes it. The record goes shortly before it: after an interruption there
/// is a directory to go on with, never a record that nobody looks for.
async fn finish(call: &Call<'_>, bin: &Handle, id: &TrashId, top: Node, count: &Count<'_>) -> Result<(), Fault> {
    let doomed = purging_name(id);
    let mut patience = RIVALS;
    loop {
        Removal::new(call, &top, count).run().await?;
        if call.lookup(bin, id.as_str()).await?.is_none() {
            call.remove(bin, &record_name(id)).await?;
        }
        match call.rmdir(bin, &doomed).await {
            // Another purge of this entry has moved something up meanwhile.
            Err(fault) if fault.is(Kind::NotEmpty) && patience > 0 => {
                patience -= 1;
                tokio::time::sleep(RIVALS_PAUSE).await;
            }
            done => return done.map(|removed| count.directory(removed)),
        }
    }
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
    /// Part of the names of moved directories, which nobody can have guessed; the rest is a number.
    run: String,
    moved: AtomicU64,
    /// Directories that cannot be moved, to be emptied where they are.
    unmovable: Mutex<Vec<Handle>>,
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
            run: uuid::Uuid::new_v4().simple().to_string(),
            moved: AtomicU64::new(0),
            unmovable: Mutex::new(Vec::new()),
            refusal: Mutex::new(None),
        }
    }

    async fn run(&self) -> Result<(), Fault> {
        loop {
            let mut gone = self.pass(&self.top.handle, Level::Top).await?;
            // One after the other and never one inside the other, however deep a tenant has nested them.
            while let Some(directory) = self.next_unmovable() {
                gone += self.pass(&directory, Level::Below).await?;
            }
            // Only what the last pass was refused counts: the others were tried again.
            let refusal = self.refusal.lock().unwrap_or_else(PoisonError::into_inner).take();
            if gone == 0 {
                return refusal.map_or(Ok(()), Err);
            }
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
                Err(fault) if removed_by_another(&fault) => break,
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

    /// Removes one entry, or moves it up; whether it has gone. Boxed, because the entries of a directory are passed
    /// through in turn.
    fn entry<'s>(&'s self, directory: &'s Handle, entry: Entry, level: Level) -> BoxFuture<'s, Result<bool, Fault>> {
        async move {
            let listed = entry.node.as_ref().map(|node| node.file_id);
            let name = entry.name.clone();
            let mut done = self.try_entry(directory, entry, level).await;
            if let (Err(fault), Some(listed)) = (&done, listed)
                && !fault.is_transport()
                && !removed_by_another(fault)
                // A server may list a name with what it meant before: what it means now is the answer to a look at it.
                && let Ok(Some(now)) = self.request(self.call.lookup(directory, &name)).await
                && now.file_id != listed
            {
                let node = Some(now);
                done = self.try_entry(directory, Entry { name, node }, level).await;
            }
            match done {
                Err(fault) if fault.is_transport() => Err(fault),
                Err(fault) if removed_by_another(&fault) => Ok(false),
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
                None if unspeakable(name) => return Err(unspeakable_fault(name, REMOVE_IT)),
                None => return Ok(false),
            },
        };
        if node.file_system != self.top.file_system {
            let why = format!("{name:?} lies on another file system, which is not entered");
            return Err(Fault::found(Kind::CrossDevice, why));
        }
        match (node.kind, level) {
            (FileKind::Directory, Level::Top) => self.emptied(name, &node).await,
            (FileKind::Directory, Level::Below) => Ok(self.moved_up(directory, name, &node).await?.is_some()),
            (FileKind::Regular | FileKind::Symlink | FileKind::Other, _) => self.file(directory, name, &node).await,
        }
    }

    /// Empties and removes a directory that lies at the top. First it is renamed, as all others are: a server does not
    /// rename what a disk is mounted on, so whatever is emptied belongs to the volume.
    async fn emptied(&self, name: &str, node: &Node) -> Result<bool, Fault> {
        // A name of ours, of whichever purge: two at once must not take it from each other for ever.
        if name.starts_with(MOVED_PREFIX) {
            return self.drained(name, node).await;
        }
        match self.moved_up(&self.top.handle, name, node).await? {
            Some(new_name) => self.drained(&new_name, node).await,
            None => Ok(false),
        }
    }

    async fn drained(&self, name: &str, node: &Node) -> Result<bool, Fault> {
        loop {
            let gone = self.pass(&node.handle, Level::Below).await?;
            match self.request(self.call.rmdir(&self.top.handle, name)).await {
                Ok(removed) => {
                    self.count.directory(removed);
                    return Ok(removed);
                }
                Err(fault) if fault.is(Kind::NotEmpty) && gone > 0 => {}
                Err(fault) => return Err(fault),
            }
        }
    }

    /// Gives a directory a name of ours at the top, and answers it; `None` if somebody else was faster.
    async fn moved_up(&self, directory: &Handle, name: &str, node: &Node) -> Result<Option<String>, Fault> {
        let number = self.moved.fetch_add(1, Relaxed);
        let new_name = format!("{MOVED_PREFIX}{}-{number}", self.run);
        let top = &self.top.handle;
        let renamed = self
            .request(self.call.rename((directory, name), node, (top, &new_name)))
            .await;
        match renamed {
            Ok(()) => Ok(Some(new_name)),
            Err(fault) if fault.is(Kind::NotFound) && unspeakable(name) => {
                // It cannot be moved, but its handle is known: what is in it can.
                self.empty_later(&node.handle);
                Err(unspeakable_fault(name, REMOVE_IT))
            }
            Err(fault) if fault.is(Kind::NotFound) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    fn empty_later(&self, directory: &Handle) {
        let mut unmovable = self.unmovable.lock().unwrap_or_else(PoisonError::into_inner);
        if unmovable.len() < UNMOVABLE {
            unmovable.push(directory.clone());
        }
    }

    fn next_unmovable(&self) -> Option<Handle> {
        self.unmovable.lock().unwrap_or_else(PoisonError::into_inner).pop()
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
        Err(unspeakable_fault(name, REMOVE_IT))
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

/// Whether the directory that is being worked on has gone. If its whole file system has, the next look at the trash
/// says so.
fn removed_by_another(fault: &Fault) -> bool {
    matches!(fault.kind, Kind::Stale | Kind::NotFound)
}

const REMOVE_IT: &str = "remove it on the server itself";

/// Whether a name may stand for one that is not UTF-8, which the client library can neither show nor send.
pub(crate) fn unspeakable(name: &str) -> bool {
    name.contains(char::REPLACEMENT_CHARACTER)
}

pub(crate) fn unspeakable_fault(name: &str, so: &str) -> Fault {
    let why = format!("{name:?} stands for a name that is not UTF-8; {so}");
    Fault::found(Kind::Unfit, why)
}
