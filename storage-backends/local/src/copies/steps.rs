//! Steps on names: each looks at, opens or makes one entry of one open directory.

use crate::dir;
use crate::error::Certain;
use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, RawDir, SeekFrom, Stat, Timespec, Timestamps, Uid, chownat, fstat, linkat,
    mkdirat, openat, readlinkat, seek, statat, symlinkat, unlinkat, utimensat,
};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use tombolo_backend_api::{BackendError, Class};
use tombolo_backend_copy::{Entry, Id, Kind, Linked, Listing, Name, Node, Time};

/// An open directory or file, shared by the steps on it.
pub(crate) type Descriptor = Arc<OwnedFd>;

/// Bytes of a directory's listing that are read at once.
const PAGE: usize = 64 * 1024;

pub(super) fn os(name: &Name) -> &OsStr {
    OsStr::from_bytes(name.as_bytes())
}

pub(crate) fn node_of(stat: &Stat) -> Node {
    let time = |seconds: i64, nanoseconds: u64| Time {
        seconds,
        nanoseconds: u32::try_from(nanoseconds).unwrap_or(0),
    };
    Node {
        id: Id {
            device: stat.st_dev,
            inode: stat.st_ino,
        },
        kind: match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Directory,
            FileType::Symlink => Kind::Symlink,
            _ => Kind::Special,
        },
        mode: stat.st_mode & 0o7777,
        links: stat.st_nlink,
        uid: stat.st_uid,
        gid: stat.st_gid,
        size: u64::try_from(stat.st_size).unwrap_or(0),
        // In units of 512 bytes, whatever the file system's blocks are: stat(2).
        allocated: u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512),
        accessed: time(stat.st_atime, stat.st_atime_nsec),
        modified: time(stat.st_mtime, stat.st_mtime_nsec),
        changed: time(stat.st_ctime, stat.st_ctime_nsec),
    }
}

pub(super) fn times(like: &Node) -> Timestamps {
    let spec = |time: Time| Timespec {
        tv_sec: time.seconds,
        tv_nsec: i64::from(time.nanoseconds),
    };
    Timestamps {
        last_access: spec(like.accessed),
        last_modification: spec(like.modified),
    }
}

/// Opens one name without following it; `None` if what is there is not what the flags ask for.
pub(super) fn open_inside(
    dir: &OwnedFd,
    name: &Name,
    flags: OFlags,
    device: u64,
) -> Result<Option<(OwnedFd, Node)>, BackendError> {
    let opened = match dir::open_here(dir, os(name), flags) {
        Ok(opened) => opened,
        // Gone, or a link, socket or file where none was.
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NXIO | Errno::NODEV) => return Ok(None),
        Err(Errno::XDEV) => return Err(mounted(name)),
        Err(errno) => return Err(errno).maybe_done(&format!("open {name:?}")),
    };
    let node = node_of(&fstat(&opened).maybe_done(&format!("look at {name:?}"))?);
    if node.id.device != device {
        return Err(mounted(name));
    }
    Ok(Some((opened, node)))
}

fn mounted(name: &Name) -> BackendError {
    let message = format!("another file system is mounted at {name:?} inside the source, and is not entered");
    BackendError::maybe_done(Class::Denied, message)
}

pub(super) fn list(dir: &OwnedFd, from: u64) -> Result<Listing<u64>, BackendError> {
    let what = "list a directory";
    // One of our own, because others read from other places. A directory that was removed has nothing in it.
    let opened = match openat(dir, ".", dir::DIRECTORY, Mode::empty()) {
        Ok(opened) => opened,
        Err(Errno::NOENT) => return Ok(Listing::empty()),
        Err(errno) => return Err(errno).maybe_done(what),
    };
    seek(&opened, SeekFrom::Start(from)).maybe_done(what)?;
    let mut buffer = Vec::with_capacity(PAGE);
    let mut raw = RawDir::new(&opened, buffer.spare_capacity_mut());
    let (mut entries, mut next) = (Vec::new(), None);
    while let Some(entry) = raw.next() {
        let entry = match entry {
            Err(Errno::NOENT) => break,
            entry => entry.maybe_done(what)?,
        };
        let here = entry.next_entry_cookie();
        let name = Name::parse(entry.file_name().to_bytes());
        let node = match &name {
            Some(name) => look(dir, name)?,
            None => None,
        };
        entries.extend(name.zip(node).map(|(name, node)| Entry { name, node: Some(node) }));
        if raw.is_buffer_empty() {
            next = Some(here);
            break;
        }
    }
    Ok(Listing::Page { entries, next })
}

pub(super) fn look(dir: &OwnedFd, name: &Name) -> Result<Option<Node>, BackendError> {
    match statat(dir, os(name), AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(node_of(&stat))),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno).maybe_done(&format!("look at {name:?}")),
    }
}

pub(super) fn climb(dir: &OwnedFd, id: Id) -> Result<Option<OwnedFd>, BackendError> {
    let above = openat(dir, "..", dir::DIRECTORY, Mode::empty()).maybe_done("open a directory above")?;
    let node = node_of(&fstat(&above).maybe_done("look at a directory above")?);
    Ok((node.id == id).then_some(above))
}

pub(super) fn make_dir(dir: &OwnedFd, name: &Name) -> Result<(OwnedFd, Node, bool), BackendError> {
    let what = format!("make {name:?}");
    let is_new = match mkdirat(dir, os(name), dir::PRIVATE) {
        Ok(()) => true,
        Err(Errno::EXIST) => false,
        Err(errno) => return Err(errno).maybe_done(&what),
    };
    let made = openat(dir, os(name), dir::DIRECTORY, Mode::empty()).maybe_done(&what)?;
    let node = node_of(&fstat(&made).maybe_done(&what)?);
    Ok((made, node, is_new))
}

pub(super) fn symlink(from: &OwnedFd, to: &OwnedFd, name: &Name, like: &Node) -> Result<bool, BackendError> {
    let what = format!("copy the link {name:?}");
    let target = match readlinkat(from, os(name), Vec::new()) {
        Ok(target) => target,
        Err(Errno::NOENT | Errno::INVAL) => return Ok(false),
        Err(errno) => return Err(errno).maybe_done(&what),
    };
    match symlinkat(&target, to, os(name)) {
        Ok(()) => {}
        Err(Errno::EXIST) => return Ok(false),
        Err(errno) => return Err(errno).maybe_done(&what),
    }
    let (owner, group) = (Uid::from_raw(like.uid), Gid::from_raw(like.gid));
    chownat(to, os(name), Some(owner), Some(group), AtFlags::SYMLINK_NOFOLLOW).maybe_done(&what)?;
    utimensat(to, os(name), &times(like), AtFlags::SYMLINK_NOFOLLOW).maybe_done(&what)?;
    Ok(true)
}

pub(super) fn link(file: (&OwnedFd, &Name), new: (&OwnedFd, &Name)) -> Result<Linked, BackendError> {
    match linkat(file.0, os(file.1), new.0, os(new.1), AtFlags::empty()) {
        Ok(()) => Ok(Linked::Made),
        Err(Errno::EXIST) => Ok(Linked::Taken),
        Err(Errno::NOENT) => Ok(Linked::Gone),
        Err(Errno::MLINK | Errno::PERM | Errno::OPNOTSUPP) => Ok(Linked::Unable),
        Err(errno) => Err(errno).maybe_done(&format!("link {:?}", new.1)),
    }
}

pub(super) fn rename(old: (&OwnedFd, &Name), new: (&OwnedFd, &Name)) -> Result<bool, BackendError> {
    match dir::rename_new(old.0, os(old.1), new.0, os(new.1)) {
        Ok(()) => Ok(true),
        Err(Errno::NOENT | Errno::EXIST | Errno::NOTEMPTY) => Ok(false),
        Err(errno) => Err(errno).maybe_done(&format!("move {:?}", old.1)),
    }
}

pub(super) fn remove(dir: &OwnedFd, name: &Name, flags: AtFlags) -> Result<bool, BackendError> {
    match unlinkat(dir, os(name), flags) {
        Ok(()) | Err(Errno::NOENT) => Ok(true),
        Err(Errno::NOTEMPTY | Errno::EXIST) => Ok(false),
        Err(errno) => Err(errno).maybe_done(&format!("remove {name:?}")),
    }
}
