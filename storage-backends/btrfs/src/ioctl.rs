//! The requests of btrfs to `ioctl(2)`, each as a safe function over a structure of exactly the kernel's layout.
//!
//! The only file of this project with `unsafe` code. The kernel has no other interface for these things, and rustix, which wraps
//! `ioctl` itself, cannot know which structure a request reads and writes. So each call here is sound for the same two reasons: the
//! number of the request is made from the size of the structure that is passed, and the sizes and offsets are checked at
//! compile time in `layout`, against `linux/btrfs.h`. No structure holds a pointer, and every bit pattern is a value of each of them.
//! It must do nothing but this; what the answers mean is in the files beside it.
#![allow(unsafe_code, reason = "ioctl(2) takes a pointer whose type only the request defines")]

mod layout;

use layout::{FileSystem, NAME, QgroupCreate, QgroupLimit, QuotaControl, Volume, Wait};
pub(crate) use layout::{Info, Key, Search, Time};
use rustix::io::Errno;
use rustix::ioctl::{NoArg, Opcode, Updater, ioctl, opcode};
use std::os::fd::{AsRawFd, BorrowedFd};

/// `BTRFS_IOCTL_MAGIC`.
const MAGIC: u8 = 0x94;
/// `BTRFS_SUBVOL_RDONLY`.
pub(crate) const READ_ONLY: u64 = 1 << 1;
/// `BTRFS_SUBVOL_SPEC_BY_ID`.
const BY_ID: u64 = 1 << 4;
/// `BTRFS_QUOTA_CTL_ENABLE_SIMPLE_QUOTA`, since Linux 6.7.
const ENABLE_SIMPLE_QUOTA: u64 = 4;
/// `BTRFS_QGROUP_LIMIT_MAX_RFER`.
const LIMIT_REFERENCED: u64 = 1;
/// `BTRFS_SUBVOL_SYNC_COUNT`, since Linux 6.13.
const COUNT_QUEUED: u32 = 2;

/// Calls the request of number `OPCODE` with `arguments`, which the kernel may read and write.
///
/// # Safety
/// `T` is the structure of that request, without pointers, and every bit pattern is a `T`.
unsafe fn call<const OPCODE: Opcode, T>(fd: BorrowedFd<'_>, arguments: &mut T) -> Result<(), Errno> {
    // SAFETY: the caller's promise is the one that is asked for here.
    let request = unsafe { Updater::<'_, OPCODE, T>::new(arguments) };
    // SAFETY: the request stays within `arguments`, which outlives it; a wrong kind of descriptor is answered with ENOTTY.
    unsafe { ioctl(fd, request) }
}

/// One component, as the kernel wants it.
fn volume(name: &str) -> Result<Volume, Errno> {
    let mut volume = Volume::EMPTY;
    if matches!(name, "" | "." | "..") || name.bytes().any(|b| matches!(b, b'/' | 0)) {
        return Err(Errno::INVAL);
    }
    // At least one NUL has to stay.
    let place = volume.name.get_mut(..name.len()).filter(|place| place.len() < NAME);
    place.ok_or(Errno::NAMETOOLONG)?.copy_from_slice(name.as_bytes());
    Ok(volume)
}

/// `BTRFS_IOC_SUBVOL_CREATE_V2`.
pub(crate) fn create(parent: BorrowedFd<'_>, name: &str) -> Result<(), Errno> {
    let mut arguments = volume(name)?;
    // SAFETY: request 24 takes `btrfs_ioctl_vol_args_v2`, which is `Volume`; no flag makes it read a pointer from the union.
    unsafe { call::<{ opcode::write::<Volume>(MAGIC, 24) }, _>(parent, &mut arguments) }
}

/// `BTRFS_IOC_SNAP_CREATE_V2`.
pub(crate) fn snapshot(source: BorrowedFd<'_>, parent: BorrowedFd<'_>, name: &str, flags: u64) -> Result<(), Errno> {
    let mut arguments = volume(name)?;
    arguments.fd = i64::from(source.as_raw_fd());
    arguments.flags = flags & READ_ONLY;
    // SAFETY: request 23 takes `btrfs_ioctl_vol_args_v2`, which is `Volume`; no flag makes it read a pointer from the union.
    unsafe { call::<{ opcode::write::<Volume>(MAGIC, 23) }, _>(parent, &mut arguments) }
}

/// `BTRFS_IOC_SNAP_DESTROY_V2` of a subvolume by its id, wherever it is on the file system.
pub(crate) fn destroy(file_system: BorrowedFd<'_>, id: u64) -> Result<(), Errno> {
    let mut arguments = Volume {
        flags: BY_ID,
        ..Volume::EMPTY
    };
    // The id lies where the name would.
    if let Some(place) = arguments.name.first_chunk_mut() {
        *place = id.to_ne_bytes();
    }
    // SAFETY: request 63 takes `btrfs_ioctl_vol_args_v2`, which is `Volume`; its flag says that the union holds an id.
    unsafe { call::<{ opcode::write::<Volume>(MAGIC, 63) }, _>(file_system, &mut arguments) }
}

/// `BTRFS_IOC_SUBVOL_GETFLAGS`.
pub(crate) fn flags(subvolume: BorrowedFd<'_>) -> Result<u64, Errno> {
    let mut flags = 0;
    // SAFETY: request 25 writes a `u64`.
    unsafe { call::<{ opcode::read::<u64>(MAGIC, 25) }, _>(subvolume, &mut flags) }?;
    Ok(flags)
}

/// `BTRFS_IOC_SUBVOL_SETFLAGS`.
pub(crate) fn set_flags(subvolume: BorrowedFd<'_>, mut flags: u64) -> Result<(), Errno> {
    // SAFETY: request 26 reads a `u64`.
    unsafe { call::<{ opcode::write::<u64>(MAGIC, 26) }, _>(subvolume, &mut flags) }
}

/// `BTRFS_IOC_GET_SUBVOL_INFO` of the subvolume that a descriptor lies in.
pub(crate) fn info(inside: BorrowedFd<'_>) -> Result<Info, Errno> {
    let mut info = Info::EMPTY;
    // SAFETY: request 60 writes a `btrfs_ioctl_get_subvol_info_args`, which is `Info`.
    unsafe { call::<{ opcode::read::<Info>(MAGIC, 60) }, _>(inside, &mut info) }?;
    Ok(info)
}

/// `BTRFS_IOC_FS_INFO`: the UUID of the file system.
pub(crate) fn fsid(file_system: BorrowedFd<'_>) -> Result<[u8; 16], Errno> {
    let mut info = FileSystem::EMPTY;
    // SAFETY: request 31 reads and writes a `btrfs_ioctl_fs_info_args`, which is `FileSystem`.
    unsafe { call::<{ opcode::read::<FileSystem>(MAGIC, 31) }, _>(file_system, &mut info) }?;
    Ok(info.fsid)
}

/// `BTRFS_IOC_QUOTA_CTL`, to switch simple quotas on.
pub(crate) fn enable_simple_quota(file_system: BorrowedFd<'_>) -> Result<(), Errno> {
    let mut arguments = QuotaControl {
        command: ENABLE_SIMPLE_QUOTA,
        status: 0,
    };
    // SAFETY: request 40 reads and writes a `btrfs_ioctl_quota_ctl_args`, which is `QuotaControl`.
    unsafe { call::<{ opcode::read_write::<QuotaControl>(MAGIC, 40) }, _>(file_system, &mut arguments) }
}

/// `BTRFS_IOC_QGROUP_CREATE`, which also removes.
pub(crate) fn remove_qgroup(file_system: BorrowedFd<'_>, qgroup: u64) -> Result<(), Errno> {
    let mut arguments = QgroupCreate { create: 0, qgroup };
    // SAFETY: request 42 reads a `btrfs_ioctl_qgroup_create_args`, which is `QgroupCreate`.
    unsafe { call::<{ opcode::write::<QgroupCreate>(MAGIC, 42) }, _>(file_system, &mut arguments) }
}

/// `BTRFS_IOC_QGROUP_LIMIT` of referenced bytes; its number says "read" although the kernel reads.
pub(crate) fn limit_qgroup(file_system: BorrowedFd<'_>, qgroup: u64, bytes: u64) -> Result<(), Errno> {
    let mut arguments = QgroupLimit {
        qgroup,
        flags: LIMIT_REFERENCED,
        max_referenced: bytes,
        max_exclusive: 0,
        reserved_referenced: 0,
        reserved_exclusive: 0,
    };
    // SAFETY: request 43 reads a `btrfs_ioctl_qgroup_limit_args`, which is `QgroupLimit`.
    unsafe { call::<{ opcode::read::<QgroupLimit>(MAGIC, 43) }, _>(file_system, &mut arguments) }
}

/// `BTRFS_IOC_TREE_SEARCH`: as many items of a range as fit; `key.items` says how many.
pub(crate) fn search(file_system: BorrowedFd<'_>, search: &mut Search) -> Result<(), Errno> {
    // SAFETY: request 17 reads and writes a `btrfs_ioctl_search_args`, which is `Search`.
    unsafe { call::<{ opcode::read_write::<Search>(MAGIC, 17) }, _>(file_system, search) }
}

/// `BTRFS_IOC_SUBVOL_SYNC_WAIT`, asked how many deleted subvolumes are still to be cleaned up. `NOTTY` before Linux 6.13.
pub(crate) fn count_queued(file_system: BorrowedFd<'_>) -> Result<u32, Errno> {
    let mut arguments = Wait {
        subvolume: 0,
        mode: COUNT_QUEUED,
        count: 0,
    };
    // SAFETY: request 65 reads and writes a `btrfs_ioctl_subvol_wait`, which is `Wait`.
    unsafe { call::<{ opcode::write::<Wait>(MAGIC, 65) }, _>(file_system, &mut arguments) }?;
    Ok(arguments.count)
}

/// `BTRFS_IOC_SYNC`.
pub(crate) fn sync(file_system: BorrowedFd<'_>) -> Result<(), Errno> {
    // SAFETY: request 8 takes no argument.
    let request = unsafe { NoArg::<{ opcode::none(MAGIC, 8) }>::new() };
    // SAFETY: as above.
    unsafe { ioctl(file_system, request) }
}
