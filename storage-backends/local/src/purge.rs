//! Removing a discarded tree: in parallel, without recursion, with a handful of open directories however deep it is.
//!
//! A directory that is not empty is moved up, into the entry's own top directory, instead of being descended into. So every
//! directory is at most one level below the top when it is read, no path grows, and an interrupted purge goes on by reading
//! the top again. `rmdir` comes before every move: of a mount point the kernel answers `EBUSY`, so another file system that
//! somebody mounted inside a volume is never entered.

use crate::blocking::Steps;
use crate::dir::{self, Standing};
use crate::error::Certain;
use crate::trash::{purging_name, remove_record};
use rustix::fs::{AtFlags, Dir, FileType, Mode, RenameFlags, openat, renameat_with, unlinkat};
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;
use tombolo_backend_api::{BackendError, Class, Purged, TRASH_DIR, TrashId};

const WORKERS: usize = 4;
/// How often a directory may be found not empty after it was emptied: somebody still writes there.
const MOST_ROUNDS: usize = 100;

/// How far a purge has come, and whether it is still wanted.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    files: AtomicU64,
    directories: AtomicU64,
    unwanted: AtomicBool,
}

impl Steps for Counters {
    type SoFar = Purged;

    fn so_far(&self) -> Purged {
        Purged {
            files: self.files.load(Ordering::Relaxed),
            directories: self.directories.load(Ordering::Relaxed),
        }
    }

    /// A later purge goes on.
    fn abandon(&self) {
        self.unwanted.store(true, Ordering::Relaxed);
    }
}

impl Counters {
    fn check(&self) -> Result<(), BackendError> {
        if self.unwanted.load(Ordering::Relaxed) {
            return Err(BackendError::maybe_done(Class::Transient, "the purge was interrupted"));
        }
        Ok(())
    }
}

/// Removes the entry `id` for ever.
pub(crate) fn purge(root: &OwnedFd, id: &TrashId, counters: &Counters) -> Result<(), BackendError> {
    let Some(trash) = dir::open_private(root, TRASH_DIR)? else {
        return Ok(());
    };
    let purging = purging_name(id);
    for _ in 0..MOST_ROUNDS {
        counters.check()?;
        match openat(&trash, &purging, dir::DIRECTORY, Mode::empty()) {
            Ok(top) => {
                empty(&top, counters)?;
                // Before the directory, which is what shows that there is something to finish.
                remove_record(&trash, id)?;
                match unlinkat(&trash, &purging, AtFlags::REMOVEDIR) {
                    Ok(()) => _ = counters.directories.fetch_add(1, Ordering::Relaxed),
                    Err(Errno::NOENT) => {}
                    Err(Errno::NOTEMPTY | Errno::EXIST) => pause(),
                    Err(errno) => return Err(errno).maybe_done(&format!("remove {purging}")),
                }
            }
            Err(Errno::NOENT) => match dir::rename_new(&trash, id.as_str(), &trash, &purging) {
                Ok(()) => dir::persist(&trash)?,
                Err(Errno::NOENT) => return finish(&trash, id),
                // Another purge was faster.
                Err(Errno::EXIST | Errno::NOTEMPTY) => {}
                Err(errno) => return Err(errno).not_done(&format!("begin to purge {id}")),
            },
            Err(errno) => return Err(errno).maybe_done(&format!("open {purging}")),
        }
    }
    Err(BackendError::maybe_done(
        Class::Transient,
        format!("somebody still writes into {purging}"),
    ))
}

/// Nothing is left but perhaps a record whose volume was never renamed, or was restored.
fn finish(trash: &OwnedFd, id: &TrashId) -> Result<(), BackendError> {
    if dir::standing(trash, id.as_str())? == Standing::Nothing {
        remove_record(trash, id)?;
    }
    dir::persist(trash)
}

/// Gives another purge of the same entry, or a last writer, time to end.
fn pause() {
    thread::sleep(Duration::from_millis(2));
}

/// Directories still to be emptied, shared by the workers.
struct Work<'a> {
    top: &'a OwnedFd,
    counters: &'a Counters,
    fresh: AtomicU64,
    queue: Mutex<Queue>,
    changed: Condvar,
}

struct Queue {
    /// Names in `top`; `None` is `top` itself. Taken from the end, so that the top stays small.
    todo: Vec<Option<CString>>,
    busy: usize,
    failure: Option<BackendError>,
}

/// Empties `top`. What cannot be removed is told at the end, after everything else is gone.
fn empty(top: &OwnedFd, counters: &Counters) -> Result<(), BackendError> {
    let queue = Queue {
        todo: vec![None],
        busy: 0,
        failure: None,
    };
    let work = Work {
        top,
        counters,
        fresh: AtomicU64::new(0),
        queue: Mutex::new(queue),
        changed: Condvar::new(),
    };
    thread::scope(|scope| {
        for _ in 1..WORKERS {
            // Without more threads it takes longer; this one works too.
            let _ = thread::Builder::new().spawn_scoped(scope, || work.run());
        }
        work.run();
    });
    let queue = work.queue.into_inner().unwrap_or_else(PoisonError::into_inner);
    queue.failure.map_or(Ok(()), Err)
}

impl Work<'_> {
    fn run(&self) {
        while let Some(next) = self.next() {
            let done = match &next {
                None => self.scan(self.top, true).map(|_| ()),
                Some(name) => self.remove_dir(name),
            };
            let mut queue = self.lock();
            queue.busy -= 1;
            if let Err(failure) = done {
                queue.failure.get_or_insert(failure);
            }
            drop(queue);
            self.changed.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> Option<Option<CString>> {
        let mut queue = self.lock();
        loop {
            if let Some(next) = queue.todo.pop() {
                queue.busy += 1;
                return Some(next);
            }
            if queue.busy == 0 {
                return None;
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn push(&self, name: CString) {
        self.lock().todo.push(Some(name));
        self.changed.notify_one();
    }

    /// Removes a directory that lies in `top`.
    fn remove_dir(&self, name: &CStr) -> Result<(), BackendError> {
        let opened = openat(self.top, name, dir::DIRECTORY, Mode::empty());
        let dir = match opened {
            Ok(dir) => dir,
            // Another purge of this entry removed it, or a tenant who still has the volume put something else in its place,
            // which the next look at the top finds.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(()),
            Err(errno) => return Err(errno).maybe_done("open a directory under purge"),
        };
        for _ in 0..MOST_ROUNDS {
            let went = self.scan(&dir, false)?;
            match unlinkat(self.top, name, AtFlags::REMOVEDIR) {
                Ok(()) => {
                    self.counters.directories.fetch_add(1, Ordering::Relaxed);
                    return Ok(());
                }
                Err(Errno::NOENT | Errno::NOTDIR) => return Ok(()),
                // Reading while removing may skip names on some file systems; the next round finds them.
                Err(Errno::NOTEMPTY | Errno::EXIST) if went => {}
                Err(Errno::NOTEMPTY | Errno::EXIST) => pause(),
                Err(errno) => return Err(errno).maybe_done("remove a directory under purge"),
            }
        }
        Err(BackendError::maybe_done(
            Class::Transient,
            "somebody still writes into a directory under purge",
        ))
    }

    /// Reads a directory once, and removes or moves up what is in it. `true`: something was there and went.
    fn scan(&self, dir: &OwnedFd, is_top: bool) -> Result<bool, BackendError> {
        let (mut went, mut failure) = (false, None);
        for entry in Dir::read_from(dir).maybe_done("read a directory under purge")? {
            self.counters.check()?;
            let entry = entry.maybe_done("read a directory under purge")?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            match self.remove(dir, name, entry.file_type(), is_top) {
                Ok(()) => went = true,
                Err(errno) => {
                    let what = format!("remove {name:?} under purge");
                    failure = failure.or(Err::<(), _>(errno).maybe_done(&what).err());
                }
            }
        }
        failure.map_or(Ok(went), Err)
    }

    fn remove(&self, dir: &OwnedFd, name: &CStr, kind: FileType, is_top: bool) -> Result<(), Errno> {
        if kind != FileType::Directory {
            match unlinkat(dir, name, AtFlags::empty()) {
                Ok(()) => {
                    self.counters.files.fetch_add(1, Ordering::Relaxed);
                    return Ok(());
                }
                Err(Errno::NOENT) => return Ok(()),
                // It is a directory after all: the file system told no kind, or it was replaced.
                Err(Errno::ISDIR) => {}
                Err(errno) => return Err(errno),
            }
        }
        match unlinkat(dir, name, AtFlags::REMOVEDIR) {
            Ok(()) => {
                self.counters.directories.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(()),
            Err(Errno::NOTEMPTY | Errno::EXIST) if is_top => {
                self.push(name.to_owned());
                Ok(())
            }
            Err(Errno::NOTEMPTY | Errno::EXIST) => self.move_up(dir, name),
            Err(errno) => Err(errno),
        }
    }

    fn move_up(&self, dir: &OwnedFd, name: &CStr) -> Result<(), Errno> {
        loop {
            let number = self.fresh.fetch_add(1, Ordering::Relaxed);
            let new = CString::new(number.to_string()).map_err(|_| Errno::INVAL)?;
            match renameat_with(dir, name, self.top, &new, RenameFlags::NOREPLACE) {
                Ok(()) => {
                    self.push(new);
                    return Ok(());
                }
                // The tenant's own name, or an interrupted purge's.
                Err(Errno::EXIST | Errno::NOTEMPTY) => {}
                Err(Errno::NOENT) => return Ok(()),
                Err(errno) => return Err(errno),
            }
        }
    }
}
