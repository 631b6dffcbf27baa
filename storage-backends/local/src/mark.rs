//! The mark's file: written beside its place and linked into it, so that it is never half there and the first writer wins.

use crate::dir;
use crate::error::Certain;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, fchmod, fstat, openat, unlinkat};
use rustix::io::Errno;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use tombolo_backend_api::{ARCHIVE_DIR, BackendError, Class, MARK_FILE, Mark, TRASH_DIR, write_record};

/// Far above any mark or record; what is longer was not written here.
const LONGEST: u64 = 1 << 20;
/// More temporary files than this were not left by crashes.
const MOST_ATTEMPTS: usize = 1000;

pub(crate) fn read(root: &OwnedFd) -> Result<Option<Mark>, BackendError> {
    let Some(private) = dir::open_private(root, "")? else {
        return Ok(None);
    };
    let Some(bytes) = read_file(&private, MARK_FILE)? else {
        return Ok(None);
    };
    let unreadable = |e| BackendError::not_done(Class::Waiting, "the root's mark is unreadable").because(e);
    serde_json::from_slice(&bytes).map(Some).map_err(unreadable)
}

pub(crate) fn place(path: &Path, mark: &Mark) -> Result<Mark, BackendError> {
    let root = match dir::open_root(path)? {
        Some(root) => root,
        None => make_root(path)?,
    };
    if let Some(found) = read(&root)? {
        return Ok(found);
    }
    fchmod(&root, dir::PASSAGE).not_done("set the root's mode")?;
    let private = dir::make_private(&root, "")?;
    // Now, because a full file system could not make them when a volume is to be discarded.
    for name in [TRASH_DIR, ARCHIVE_DIR] {
        dir::make_private(&root, name)?;
    }
    dir::persist(&private)?;
    dir::persist(&root)?;
    let bytes = serde_json::to_value(mark)
        .map_err(|e| BackendError::not_done(Class::Bug, "the mark does not serialise").because(e))
        .and_then(|value| write_record(&value))?;
    let written = write_beside(&private, MARK_FILE, &bytes)?;
    let linked = match rustix::fs::linkat(&private, &written, &private, MARK_FILE, AtFlags::empty()) {
        // Somebody was first; the answer says who.
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(errno) => Err(errno).maybe_done("place the mark"),
    };
    // A left-over costs some bytes and no correctness, so only the link's own failure counts.
    let _ = unlinkat(&private, &written, AtFlags::empty());
    linked?;
    dir::persist(&private)?;
    read(&root)?.ok_or_else(|| BackendError::maybe_done(Class::Waiting, "the root went away while it was marked"))
}

/// Makes the root itself, not what is above it: a path that is missing as a whole is more likely a disk that is away.
fn make_root(path: &Path) -> Result<OwnedFd, BackendError> {
    match rustix::fs::mkdir(path, dir::PRIVATE) {
        Ok(()) | Err(Errno::EXIST) => dir::root(path),
        Err(Errno::NOENT) => {
            let message = format!("the directory above the root {} is not there", path.display());
            Err(BackendError::not_done(Class::Waiting, message))
        }
        Err(errno) => Err(errno).not_done("make the root"),
    }
}

/// Writes a file of a free name beside `name`, on disk when this returns, and answers that name.
pub fn write_beside(dir: &OwnedFd, name: &str, bytes: &[u8]) -> Result<String, BackendError> {
    for attempt in 0..MOST_ATTEMPTS {
        let new = format!(".{name}.{attempt}");
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = match openat(dir, &new, flags, Mode::RUSR | Mode::WUSR) {
            Ok(file) => File::from(file),
            Err(Errno::EXIST) => continue,
            Err(errno) => return Err(errno).not_done(&format!("write {name}")),
        };
        return match fill(file, bytes) {
            Ok(()) => Ok(new),
            Err(errno) => {
                let _ = unlinkat(dir, &new, AtFlags::empty());
                Err(errno).not_done(&format!("write {name}"))
            }
        };
    }
    Err(BackendError::not_done(
        Class::Transient,
        format!("{MOST_ATTEMPTS} temporary files lie beside {name}"),
    ))
}

/// Removes what calls of [`write_beside`] left that were cut off. The caller knows that no other is under way, or does it no harm
/// by it: that one fails, with nothing done.
pub fn remove_beside(dir: &OwnedFd, name: &str) -> Result<(), BackendError> {
    for attempt in 0..MOST_ATTEMPTS {
        match unlinkat(dir, format!(".{name}.{attempt}"), AtFlags::empty()) {
            Ok(()) => {}
            Err(Errno::NOENT) => break,
            Err(errno) => return Err(errno).maybe_done(&format!("remove what was left beside {name}")),
        }
    }
    Ok(())
}

fn fill(mut file: File, bytes: &[u8]) -> Result<(), Errno> {
    let written = fchmod(&file, Mode::RUSR | Mode::WUSR);
    let io = |e: std::io::Error| Errno::from_io_error(&e).unwrap_or(Errno::IO);
    written
        .and_then(|()| file.write_all(bytes).map_err(io))
        .and_then(|()| file.sync_all().map_err(io))
}

/// Reads a small regular file; `None` if nothing is there.
pub fn read_file(dir: &OwnedFd, name: &str) -> Result<Option<Vec<u8>>, BackendError> {
    // Without NONBLOCK, opening a FIFO would wait for a writer.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match openat(dir, name, flags, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(errno).not_done(&format!("open {name}")),
    };
    let stat = fstat(&file).not_done(&format!("look at {name}"))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(BackendError::not_done(
            Class::Waiting,
            format!("{name} is no regular file"),
        ));
    }
    let mut bytes = Vec::new();
    let read = File::from(file).take(LONGEST).read_to_end(&mut bytes);
    read.map_err(|e| BackendError::not_done(Class::Waiting, format!("read {name}")).because(e))?;
    Ok(Some(bytes))
}
