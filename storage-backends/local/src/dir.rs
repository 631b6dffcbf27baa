//! Directories as open descriptors: the only way from the root to anything below it.
//!
//! Each step opens one component with `O_NOFOLLOW`, so a link that a tenant swaps in between two steps is refused by the
//! kernel, not by a check that came too early. No step leaves the root's file system.

use crate::error::Certain;
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, RenameFlags, ResolveFlags, fchmod, fstat, fsync, mkdirat, openat, openat2, statat,
};
use rustix::io::Errno;
use rustix::path::Arg;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use tombolo_backend_api::{BackendError, Class, PRIVATE_DIR, VolumePath};

/// How directories below the root are opened.
pub const DIRECTORY: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Mode of the root and of directories above volumes: to be gone through, not read.
pub const PASSAGE: Mode = Mode::from_raw_mode(0o711);
/// Mode of the private directories.
pub const PRIVATE: Mode = Mode::RWXU;

/// Opens the root. The path is the admin's, so links in it are followed. `None`: it is not there.
pub fn open_root(path: &Path) -> Result<Option<OwnedFd>, BackendError> {
    match rustix::fs::open(path, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) {
        Ok(root) => Ok(Some(root)),
        Err(Errno::NOENT) => Ok(None),
        Err(errno @ (Errno::NOTDIR | Errno::LOOP)) => {
            Err(BackendError::not_done(Class::Waiting, "the root is no directory").because(errno))
        }
        Err(errno) => Err(errno).not_done("open the root"),
    }
}

/// Opens the root, which must be there.
pub fn root(path: &Path) -> Result<OwnedFd, BackendError> {
    open_root(path)?
        .ok_or_else(|| BackendError::not_done(Class::Waiting, format!("the root {} is not there", path.display())))
}

/// What stands at a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing.
    Nothing,
    /// A directory.
    Directory,
    /// A file, a symbolic link or anything else.
    SomethingElse,
}

/// Looks at a name without following it.
pub fn standing(dir: &OwnedFd, name: &str) -> Result<Standing, BackendError> {
    match statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Directory => Ok(Standing::Directory),
        Ok(_) => Ok(Standing::SomethingElse),
        Err(Errno::NOENT) => Ok(Standing::Nothing),
        Err(errno) => Err(errno).not_done(&format!("look at {name}")),
    }
}

/// The error for a path at which, or on the way to which, no directory stands.
pub fn in_the_way(path: &VolumePath) -> BackendError {
    BackendError::not_done(
        Class::Invalid,
        format!("{path} is not a directory, or leads through something that is none"),
    )
}

/// The last component of a path, and the components before it.
fn split(path: &VolumePath) -> (Vec<&str>, &str) {
    let mut above: Vec<&str> = path.components().collect();
    let name = above.pop().unwrap_or_default();
    (above, name)
}

/// The directory above `path` and the path's last component; `None` if that directory is not there.
pub fn locate<'a>(root: &OwnedFd, path: &'a VolumePath) -> Result<Option<(OwnedFd, &'a str)>, BackendError> {
    walk(root, path, |_, _| Ok(()))
}

/// Like [`locate`], making the directories above `path`.
pub fn locate_or_make<'a>(root: &OwnedFd, path: &'a VolumePath) -> Result<(OwnedFd, &'a str), BackendError> {
    let gone = || {
        BackendError::maybe_done(
            Class::Transient,
            format!("a directory above {path} was removed meanwhile"),
        )
    };
    walk(root, path, make_passage)?.ok_or_else(gone)
}

fn walk<'a>(
    root: &OwnedFd,
    path: &'a VolumePath,
    before: impl Fn(&OwnedFd, &str) -> Result<(), BackendError>,
) -> Result<Option<(OwnedFd, &'a str)>, BackendError> {
    let device = fstat(root).not_done("look at the root")?.st_dev;
    let (above, name) = split(path);
    let mut dir = openat(root, ".", DIRECTORY, Mode::empty()).not_done("open the root")?;
    for component in above {
        before(&dir, component)?;
        dir = match openat(&dir, component, DIRECTORY, Mode::empty()) {
            Ok(next) => next,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::NOTDIR | Errno::LOOP) => return Err(in_the_way(path)),
            Err(errno) => return Err(errno).not_done(&format!("open {component}, on the way to {path}")),
        };
        if fstat(&dir).not_done("look at a directory")?.st_dev != device {
            return Err(BackendError::not_done(
                Class::Denied,
                format!("another file system is mounted above {path}"),
            ));
        }
    }
    Ok(Some((dir, name)))
}

/// No step crosses a mount, be it of the same file system, and none goes through a link.
const STAY: ResolveFlags = ResolveFlags::NO_XDEV
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::NO_MAGICLINKS);

/// Opens one name inside a volume without following it. `EXDEV` if something is mounted there.
pub(crate) fn open_here<N: Arg + Copy>(dir: &OwnedFd, name: N, flags: OFlags) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match openat2(dir, name, flags, Mode::empty(), STAY) {
        // A kernel, or a sandbox, that does not know the call: other file systems are told by their device then.
        Err(Errno::NOSYS | Errno::PERM) => openat(dir, name, flags, Mode::empty()),
        opened => opened,
    }
}

/// Makes a directory above volumes. One that is there keeps its mode, unless a crash came between mkdir and chmod.
fn make_passage(dir: &OwnedFd, name: &str) -> Result<(), BackendError> {
    let made = match mkdirat(dir, name, PRIVATE) {
        Ok(()) => true,
        Err(Errno::EXIST) => false,
        Err(errno) => return Err(errno).not_done(&format!("make {name}")),
    };
    if standing(dir, name)? != Standing::Directory {
        return Ok(());
    }
    let opened = openat(dir, name, DIRECTORY, Mode::empty()).not_done(&format!("open {name}"))?;
    let mode = Mode::from_raw_mode(fstat(&opened).not_done("look at a directory")?.st_mode);
    if !mode.contains(Mode::XUSR | Mode::XGRP | Mode::XOTH) {
        fchmod(&opened, PASSAGE).maybe_done(&format!("set the mode of {name}"))?;
    }
    if made { persist(dir) } else { Ok(()) }
}

/// Makes a directory and sets exactly this mode, whatever the umask; one that is there gets the mode too.
pub fn make_dir(dir: &OwnedFd, name: &str, mode: Mode) -> Result<OwnedFd, BackendError> {
    match mkdirat(dir, name, PRIVATE) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(errno).not_done(&format!("make {name}")),
    }
    let made = openat(dir, name, DIRECTORY, Mode::empty()).maybe_done(&format!("open {name}"))?;
    fchmod(&made, mode).maybe_done(&format!("set the mode of {name}"))?;
    Ok(made)
}

/// Opens a directory inside the private one (`""`: the private one itself); `None` if it is not there.
pub fn open_private(root: &OwnedFd, name: &str) -> Result<Option<OwnedFd>, BackendError> {
    let opened = openat(root, PRIVATE_DIR, DIRECTORY, Mode::empty()).and_then(|private| match name {
        "" => Ok(private),
        name => openat(&private, name, DIRECTORY, Mode::empty()),
    });
    match opened {
        Ok(dir) => Ok(Some(dir)),
        Err(Errno::NOENT) => Ok(None),
        Err(errno @ (Errno::NOTDIR | Errno::LOOP)) => {
            let message = format!("{PRIVATE_DIR}/{name} is no directory");
            Err(BackendError::not_done(Class::Waiting, message).because(errno))
        }
        Err(errno) => Err(errno).not_done("open the private directory"),
    }
}

/// Opens a directory inside the private one, making both.
pub fn make_private(root: &OwnedFd, name: &str) -> Result<OwnedFd, BackendError> {
    let private = make_dir(root, PRIVATE_DIR, PRIVATE)?;
    match name {
        "" => Ok(private),
        name => make_dir(&private, name, PRIVATE),
    }
}

/// Renames where nothing stands yet.
pub fn rename_new<N: Arg + Copy>(from: &OwnedFd, name: N, to: &OwnedFd, new: N) -> Result<(), Errno> {
    match rustix::fs::renameat_with(from, name, to, new, RenameFlags::NOREPLACE) {
        // A file system that does not know the flag. A plain rename of a directory replaces at most an empty one, so that
        // whoever comes between the look and the rename loses a name, and no file.
        Err(Errno::INVAL | Errno::NOSYS) => match statat(to, new, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Err(Errno::EXIST),
            Err(Errno::NOENT) => rustix::fs::renameat(from, name, to, new),
            Err(errno) => Err(errno),
        },
        answer => answer,
    }
}

/// Waits until the names in a directory are on disk, so that an answer survives a power failure.
pub fn persist(dir: impl AsFd) -> Result<(), BackendError> {
    match fsync(dir) {
        // File systems without an fsync of directories write them in order anyway.
        Ok(()) | Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(()),
        Err(errno) => Err(errno).maybe_done("write a directory to disk"),
    }
}
