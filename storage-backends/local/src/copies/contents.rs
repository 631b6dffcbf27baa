//! Steps on files: sharing or copying what they hold, and finishing them.

use super::attributes;
use crate::error::Certain;
use rustix::fs::{SeekFrom, copy_file_range, fstat, ftruncate, ioctl_ficlone, seek};
use rustix::io::{Errno, pread, pwrite};
use std::ops::Range;
use std::os::fd::OwnedFd;
use tombolo_backend_api::BackendError;
use tombolo_backend_copy::{Moved, Node};

/// Bytes that one step copies: as much as any disk takes long before the deadline.
const STEP: u64 = 8 << 20;
/// Bytes that are read at once where the kernel does not copy by itself.
const BUFFER: u64 = 1 << 20;

/// What became of an attempt to share contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shared {
    Done,
    /// Not this file.
    NotThis,
    /// No file here.
    None,
}

pub(super) fn reflink(from: &OwnedFd, to: &OwnedFd) -> Result<Shared, BackendError> {
    match ioctl_ficlone(to, from) {
        Ok(()) => Ok(Shared::Done),
        Err(Errno::OPNOTSUPP | Errno::NOTTY | Errno::NOSYS | Errno::XDEV) => Ok(Shared::None),
        Err(errno @ (Errno::NOSPC | Errno::DQUOT)) => Err(errno).maybe_done("share the contents of a file"),
        // A swap file, or one without copy on write: ioctl_ficlone(2).
        Err(_) => Ok(Shared::NotThis),
    }
}

pub(super) fn next_data(file: &OwnedFd, range: Range<u64>) -> Result<Option<Range<u64>>, BackendError> {
    let what = "look for holes in a file";
    let start = match seek(file, SeekFrom::Data(range.start)) {
        Ok(start) => start,
        Err(Errno::NXIO) => return Ok(None),
        // A file system that knows nothing of holes.
        Err(Errno::INVAL) => return Ok(Some(range)),
        Err(errno) => return Err(errno).maybe_done(what),
    };
    if start >= range.end {
        return Ok(None);
    }
    let end = match seek(file, SeekFrom::Hole(start)) {
        Ok(end) => end.min(range.end),
        // Cut off meanwhile; the next read tells.
        Err(Errno::NXIO) => range.end,
        Err(errno) => return Err(errno).maybe_done(what),
    };
    Ok(Some(start..end))
}

pub(super) fn transfer(from: &OwnedFd, to: &OwnedFd, range: Range<u64>) -> Result<Moved, BackendError> {
    let most = (range.end - range.start).min(STEP);
    let (mut at, mut there) = (range.start, range.start);
    let length = usize::try_from(most).unwrap_or(usize::MAX);
    let copied = match copy_file_range(from, Some(&mut at), to, Some(&mut there), length) {
        Ok(copied) => copied as u64,
        Err(Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::PERM) => {
            copy_by_hand(from, to, range.start, most.min(BUFFER))?
        }
        Err(errno) => return Err(errno).maybe_done("copy a file"),
    };
    Ok(Moved {
        read: copied,
        written: copied,
    })
}

fn copy_by_hand(from: &OwnedFd, to: &OwnedFd, at: u64, most: u64) -> Result<u64, BackendError> {
    let mut buffer = vec![0; usize::try_from(most).unwrap_or(0)];
    let read = pread(from, &mut buffer, at).maybe_done("read a file")?;
    let mut left = buffer.get(..read).unwrap_or_default();
    let mut there = at;
    while !left.is_empty() {
        let written = pwrite(to, left, there).maybe_done("write a file")?;
        there += written as u64;
        left = left.get(written..).unwrap_or_default();
    }
    Ok(read as u64)
}

pub(super) fn finish(from: &OwnedFd, to: &OwnedFd, size: u64, like: &Node) -> Result<(), BackendError> {
    let now = fstat(to).maybe_done("look at a copy")?.st_size;
    if u64::try_from(now) != Ok(size) {
        ftruncate(to, size).maybe_done("set the size of a copy")?;
    }
    attributes::set(from, to, like)
}
