//! A walk through a copy that nobody else has yet: how much is in it, and what another tenant must not get.
//!
//! It follows no link, and keeps one directory open and one number for each level, however deep and wide a tenant made the tree.

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawDir, SeekFrom, Stat, fstat, openat, seek, statat, unlinkat};
use rustix::io::Errno;
use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tombolo_backend_api::{BackendError, Class};
use tombolo_backend_local::blocking::Steps;
use tombolo_backend_local::dir::DIRECTORY;
use tombolo_backend_local::error::Certain;

/// What a walk is for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Errand {
    /// Takes setuid and setgid bits off files, and removes devices.
    pub(crate) disarm: bool,
    /// Bytes that there may be.
    pub(crate) most_bytes: u64,
    /// Files, directories and links that there may be.
    pub(crate) most_entries: u64,
}

/// How far a walk has come.
#[derive(Debug, Default)]
pub(crate) struct Walked {
    entries: AtomicU64,
    bytes: AtomicU64,
    unwanted: AtomicBool,
}

impl Steps for Walked {
    type SoFar = (u64, u64);

    /// Entries and bytes.
    fn so_far(&self) -> (u64, u64) {
        (self.entries.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }

    fn abandon(&self) {
        self.unwanted.store(true, Ordering::Relaxed);
    }
}

/// Where to go after an entry.
enum Next {
    On,
    Into(OwnedFd),
}

/// Walks through `top` and everything in its subvolume.
pub(crate) fn walk(top: &OwnedFd, errand: Errand, walked: &Walked) -> Result<(), BackendError> {
    let what = "walk through a copy";
    let device = fstat(top).maybe_done(what)?.st_dev;
    let mut dir = openat(top, ".", DIRECTORY, Mode::empty()).maybe_done(what)?;
    // For each directory above this one, where in it to go on.
    let mut above: Vec<u64> = Vec::new();
    let mut at = 0;
    loop {
        match entries(&dir, at, |dir, name| step(dir, name, device, errand, walked))? {
            Some((child, place)) => {
                above.push(place);
                (dir, at) = (child, 0);
            }
            None => match above.pop() {
                Some(place) => {
                    // Nobody else is here to move a directory meanwhile.
                    dir = openat(&dir, "..", DIRECTORY, Mode::empty()).maybe_done(what)?;
                    at = place;
                }
                None => return Ok(()),
            },
        }
    }
}

/// Takes the entries of a directory from a place on, until one is a directory to go into, and answers that with the place behind it.
fn entries(
    dir: &OwnedFd,
    place: u64,
    mut step: impl FnMut(&OwnedFd, &CStr) -> Result<Next, BackendError>,
) -> Result<Option<(OwnedFd, u64)>, BackendError> {
    let what = "read a directory of a copy";
    seek(dir, SeekFrom::Start(place)).maybe_done(what)?;
    let mut buffer = [MaybeUninit::uninit(); 8192];
    let mut raw = RawDir::new(dir, &mut buffer);
    while let Some(entry) = raw.next() {
        let entry = entry.maybe_done(what)?;
        if matches!(entry.file_name().to_bytes(), b"." | b"..") {
            continue;
        }
        if let Next::Into(child) = step(dir, entry.file_name())? {
            return Ok(Some((child, entry.next_entry_cookie())));
        }
    }
    Ok(None)
}

/// Counts one entry and does to it what is to be done.
fn step(dir: &OwnedFd, name: &CStr, device: u64, errand: Errand, walked: &Walked) -> Result<Next, BackendError> {
    if walked.unwanted.load(Ordering::Relaxed) {
        return Err(BackendError::maybe_done(Class::Transient, "the copy was interrupted"));
    }
    let what = "look at an entry of a copy";
    let stat = statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).maybe_done(what)?;
    let entries = walked.entries.fetch_add(1, Ordering::Relaxed).saturating_add(1);
    let bytes = share(&stat);
    let bytes = walked.bytes.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
    if entries > errand.most_entries || bytes > errand.most_bytes {
        let message = format!("a copy of more than {entries} entries or {bytes} bytes is too large");
        return Err(BackendError::maybe_done(Class::TooLarge, message));
    }
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => {
            let child = openat(dir, name, DIRECTORY, Mode::empty()).maybe_done("open a directory of a copy")?;
            // A subvolume in the source is an empty directory here, whose device is not the copy's; nothing else can be.
            let own = fstat(&child).maybe_done(what)?.st_dev == device;
            Ok(if own { Next::Into(child) } else { Next::On })
        }
        FileType::RegularFile if errand.disarm => disarm(dir, name)
            .maybe_done("drop the set-id bits of a file")
            .map(|()| Next::On),
        FileType::CharacterDevice | FileType::BlockDevice if errand.disarm => {
            unlinkat(dir, name, AtFlags::empty()).maybe_done("remove a device")?;
            Ok(Next::On)
        }
        _ => Ok(Next::On),
    }
}

/// What one name of a file has of its bytes: all its names lie in the same subvolume. The kinds of numbers differ between machines.
fn share(stat: &Stat) -> u64 {
    fn number(number: impl TryInto<u64>) -> u64 {
        number.try_into().unwrap_or(0)
    }
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => number(stat.st_blocks).saturating_mul(512) / number(stat.st_nlink).max(1),
        _ => 0,
    }
}

fn disarm(dir: &OwnedFd, name: &CStr) -> Result<(), Errno> {
    // A descriptor that neither reads nor writes, so that whatever the name stands for is only looked at.
    let file = openat(
        dir,
        name,
        OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    let stat = fstat(&file)?;
    let mode = Mode::from_raw_mode(stat.st_mode);
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile || !mode.intersects(Mode::SUID | Mode::SGID) {
        return Ok(());
    }
    // There is no fchmod of such a descriptor (open(2)); its name in /proc leads to the same file.
    let itself = format!("/proc/self/fd/{}", file.as_raw_fd());
    rustix::fs::chmodat(CWD, itself, mode.difference(Mode::SUID | Mode::SGID), AtFlags::empty())
}
