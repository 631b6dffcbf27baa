//! Making, looking at and removing subvolumes.

use crate::{ioctl, tree};
use jiff::Timestamp;
use rustix::fs::{FileType, Mode, OFlags, fstat, fstatfs, openat};
use rustix::io::Errno;
use std::fmt;
use std::os::fd::{AsFd, OwnedFd};
use uuid::Uuid;

/// `BTRFS_SUPER_MAGIC`.
const MAGIC: u64 = 0x9123_683e;
/// Inode number of every subvolume's root (`BTRFS_FIRST_FREE_OBJECTID`).
const ROOT_INODE: u64 = 256;
/// `BTRFS_ROOT_SUBVOL_RDONLY`, which is another bit than the one by which it is set.
const STORED_READ_ONLY: u64 = 1;

/// Number of a subvolume on its file system, and of its quota group. Never given out twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubvolumeId(u64);

impl SubvolumeId {
    /// The top level of a file system, which nobody can delete.
    pub const TOP_LEVEL: Self = Self(5);
    pub(crate) const FIRST: Self = Self(256);
    /// `BTRFS_LAST_FREE_OBJECTID`, -256.
    pub(crate) const LAST: Self = Self(u64::MAX - 255);

    pub(crate) const fn new(id: u64) -> Self {
        Self(id)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for SubvolumeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What btrfs knows of a subvolume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    /// Its number.
    pub id: SubvolumeId,
    /// The subvolume that it lies in; `None` for the top level and for a deleted one.
    pub parent: Option<SubvolumeId>,
    /// Its identity.
    pub uuid: Uuid,
    /// The subvolume that it is a snapshot of, which may be gone.
    pub snapshot_of: Option<Uuid>,
    /// Number of the transaction that changed it last.
    pub generation: u64,
    /// Whether it can be written to.
    pub read_only: bool,
    /// When it was made.
    pub created: Timestamp,
    /// When something in it was last changed.
    pub changed: Timestamp,
}

/// Whether a descriptor lies on a btrfs.
pub fn is_on_btrfs(fd: impl AsFd) -> Result<bool, Errno> {
    Ok(u64::try_from(fstatfs(fd)?.f_type).is_ok_and(|kind| kind == MAGIC))
}

/// The UUID of the file system that a descriptor lies on. `NOTTY`: it is no btrfs.
pub fn file_system(fd: impl AsFd) -> Result<Uuid, Errno> {
    ioctl::fsid(fd.as_fd()).map(Uuid::from_bytes)
}

/// Whether a descriptor is a subvolume's own root directory.
pub fn is_subvolume(fd: impl AsFd) -> Result<bool, Errno> {
    let fd = fd.as_fd();
    let stat = fstat(fd)?;
    let root = stat.st_ino == ROOT_INODE && FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
    Ok(root && is_on_btrfs(fd)?)
}

/// Opens the subvolume at a name, without following anything. `NOTDIR`: what is there is none.
pub fn open(parent: impl AsFd, name: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = match openat(parent, name, flags, Mode::empty()) {
        Err(Errno::LOOP) => return Err(Errno::NOTDIR),
        opened => opened?,
    };
    if is_subvolume(&opened)? {
        Ok(opened)
    } else {
        Err(Errno::NOTDIR)
    }
}

/// Makes an empty subvolume. Its root is the caller's, with the caller's umask. `EXIST`: something is there.
pub fn create(parent: impl AsFd, name: &str) -> Result<(), Errno> {
    ioctl::create(parent.as_fd(), name)
}

/// Whether a snapshot can be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writable {
    /// By nobody, root included.
    No,
    /// As any other subvolume.
    Yes,
}

/// Makes a snapshot of `source`, which is a subvolume's root on the same file system. It has what writers have written until now,
/// which the kernel first writes to disk; other subvolumes in `source` are empty directories in it.
pub fn snapshot(source: impl AsFd, parent: impl AsFd, name: &str, writable: Writable) -> Result<(), Errno> {
    let flags = match writable {
        Writable::No => ioctl::READ_ONLY,
        Writable::Yes => 0,
    };
    ioctl::snapshot(source.as_fd(), parent.as_fd(), name, flags)
}

/// What btrfs knows of the subvolume that a descriptor lies in.
pub fn info(inside: impl AsFd) -> Result<Info, Errno> {
    let info = ioctl::info(inside.as_fd())?;
    let time = |time: ioctl::Time| {
        let seconds = i64::try_from(time.seconds).unwrap_or(i64::MAX);
        let nanoseconds = i32::try_from(time.nanoseconds).unwrap_or_default();
        Timestamp::new(seconds, nanoseconds).unwrap_or(Timestamp::UNIX_EPOCH)
    };
    let other = Uuid::from_bytes(info.parent_uuid);
    Ok(Info {
        id: SubvolumeId(info.id),
        parent: (info.parent != 0).then_some(SubvolumeId(info.parent)),
        uuid: Uuid::from_bytes(info.uuid),
        snapshot_of: (!other.is_nil()).then_some(other),
        generation: info.generation,
        read_only: info.flags & STORED_READ_ONLY != 0,
        created: time(info.created),
        changed: time(info.changed),
    })
}

/// Makes a subvolume read-only or writable. Whoever has a file open for writing goes on writing.
pub fn set_writable(subvolume: impl AsFd, writable: Writable) -> Result<(), Errno> {
    let subvolume = subvolume.as_fd();
    let others = ioctl::flags(subvolume)? & !ioctl::READ_ONLY;
    let flags = match writable {
        Writable::No => others | ioctl::READ_ONLY,
        Writable::Yes => others,
    };
    ioctl::set_flags(subvolume, flags)
}

/// Removes a subvolume and all that lie in it, by their ids; nothing is opened on the way. It is gone from its directory when this
/// returns; its blocks are freed by the kernel, later. `false`: it was gone already, or somebody else removed it.
///
/// `inside` is any descriptor on the same file system. A crash leaves a subvolume without some of those that lay in it.
pub fn destroy(inside: impl AsFd, id: SubvolumeId) -> Result<bool, Errno> {
    let inside = inside.as_fd();
    let (mut open, mut removed) = (vec![id], false);
    while let Some(&next) = open.last() {
        let children = tree::children(inside, next)?;
        if children.is_empty() {
            match ioctl::destroy(inside, next.get()) {
                Ok(()) => {
                    open.pop();
                    removed = next == id;
                }
                Err(Errno::NOENT) => _ = open.pop(),
                // Somebody made one in it since the look; what is there now is found in the next round.
                Err(Errno::NOTEMPTY) => {}
                Err(errno) => return Err(errno),
            }
        } else {
            open.extend(children);
        }
    }
    Ok(removed)
}

/// Every subvolume that has not been deleted, but for the top level. Takes `CAP_SYS_ADMIN`.
pub fn all(inside: impl AsFd) -> Result<Vec<SubvolumeId>, Errno> {
    tree::subvolumes(inside.as_fd())
}

/// Writes everything to disk, and wakes the kernel's cleaner, which otherwise looks for deleted subvolumes every half minute.
pub fn sync(inside: impl AsFd) -> Result<(), Errno> {
    ioctl::sync(inside.as_fd())
}

/// How many deleted subvolumes the kernel has still to clean up; `None` where it cannot be asked (before Linux 6.13).
pub fn still_to_clean(inside: impl AsFd) -> Result<Option<u32>, Errno> {
    match ioctl::count_queued(inside.as_fd()) {
        Ok(count) => Ok(Some(count)),
        Err(Errno::NOTTY) => Ok(None),
        Err(errno) => Err(errno),
    }
}
