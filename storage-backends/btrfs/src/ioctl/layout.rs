//! The structures of `linux/btrfs.h`, checked against it by size and offset while this is compiled.
//!
//! Nothing here may hold a pointer or a type of which some bit pattern is no value: `ioctl` lets the kernel write into them.

use std::mem::{offset_of, size_of};

/// Bytes of a name with its NUL (`BTRFS_SUBVOL_NAME_MAX` + 1).
pub(crate) const NAME: usize = 4040;

/// `struct btrfs_ioctl_vol_args_v2`, the name as the member of its union.
#[repr(C)]
pub(crate) struct Volume {
    pub fd: i64,
    pub transaction: u64,
    pub flags: u64,
    pub unused: [u64; 4],
    pub name: [u8; NAME],
}

impl Volume {
    pub(crate) const EMPTY: Self = Self {
        fd: 0,
        transaction: 0,
        flags: 0,
        unused: [0; 4],
        name: [0; NAME],
    };
}

/// `struct btrfs_ioctl_quota_ctl_args`.
#[repr(C)]
pub(crate) struct QuotaControl {
    pub command: u64,
    pub status: u64,
}

/// `struct btrfs_ioctl_qgroup_create_args`.
#[repr(C)]
pub(crate) struct QgroupCreate {
    pub create: u64,
    pub qgroup: u64,
}

/// `struct btrfs_ioctl_qgroup_limit_args`.
#[repr(C)]
pub(crate) struct QgroupLimit {
    pub qgroup: u64,
    pub flags: u64,
    pub max_referenced: u64,
    pub max_exclusive: u64,
    pub reserved_referenced: u64,
    pub reserved_exclusive: u64,
}

/// `struct btrfs_ioctl_timespec`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Time {
    pub seconds: u64,
    pub nanoseconds: u32,
    padding: u32,
}

/// `struct btrfs_ioctl_get_subvol_info_args`.
#[repr(C)]
pub(crate) struct Info {
    pub id: u64,
    name: [u8; 256],
    pub parent: u64,
    directory: u64,
    pub generation: u64,
    pub flags: u64,
    pub uuid: [u8; 16],
    pub parent_uuid: [u8; 16],
    received_uuid: [u8; 16],
    transactions: [u64; 4],
    pub changed: Time,
    pub created: Time,
    sent: Time,
    received: Time,
    reserved: [u64; 8],
}

impl Info {
    const NEVER: Time = Time {
        seconds: 0,
        nanoseconds: 0,
        padding: 0,
    };
    pub(crate) const EMPTY: Self = Self {
        id: 0,
        name: [0; 256],
        parent: 0,
        directory: 0,
        generation: 0,
        flags: 0,
        uuid: [0; 16],
        parent_uuid: [0; 16],
        received_uuid: [0; 16],
        transactions: [0; 4],
        changed: Self::NEVER,
        created: Self::NEVER,
        sent: Self::NEVER,
        received: Self::NEVER,
        reserved: [0; 8],
    };
}

/// `struct btrfs_ioctl_fs_info_args`.
#[repr(C)]
pub(crate) struct FileSystem {
    max_id: u64,
    devices: u64,
    pub fsid: [u8; 16],
    rest: [u64; 124],
}

impl FileSystem {
    pub(crate) const EMPTY: Self = Self {
        max_id: 0,
        devices: 0,
        fsid: [0; 16],
        rest: [0; 124],
    };
}

/// `struct btrfs_ioctl_subvol_wait`.
#[repr(C)]
pub(crate) struct Wait {
    pub subvolume: u64,
    pub mode: u32,
    pub count: u32,
}

/// `struct btrfs_ioctl_search_key`: from and to, both included, of 136-bit keys.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Key {
    pub tree: u64,
    pub min_object: u64,
    pub max_object: u64,
    pub min_offset: u64,
    pub max_offset: u64,
    pub min_transaction: u64,
    pub max_transaction: u64,
    pub min_type: u32,
    pub max_type: u32,
    pub items: u32,
    pub unused: [u32; 9],
}

/// `struct btrfs_ioctl_search_args`.
#[repr(C)]
pub(crate) struct Search {
    pub key: Key,
    pub found: [u8; 3992],
}

const _: () = {
    assert!(size_of::<Volume>() == 4096 && offset_of!(Volume, name) == 56);
    assert!(size_of::<QuotaControl>() == 16);
    assert!(size_of::<QgroupCreate>() == 16 && offset_of!(QgroupCreate, qgroup) == 8);
    assert!(size_of::<QgroupLimit>() == 48 && offset_of!(QgroupLimit, flags) == 8);
    assert!(size_of::<Time>() == 16 && size_of::<Info>() == 504);
    assert!(offset_of!(Info, generation) == 280 && offset_of!(Info, uuid) == 296);
    assert!(offset_of!(Info, changed) == 376 && offset_of!(Info, created) == 392);
    assert!(size_of::<FileSystem>() == 1024 && offset_of!(FileSystem, fsid) == 16);
    assert!(size_of::<Wait>() == 16);
    assert!(size_of::<Key>() == 104 && offset_of!(Key, items) == 64 && size_of::<Search>() == 4096);
};
