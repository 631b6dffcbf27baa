//! How a file system divides its room between data and metadata.
//!
//! A btrfs made as usual has block groups of either kind. What one kind has taken stays its own while anything is left in it, and small
//! files are metadata, which is often kept twice: so much less can be promised than there is. One that was made with
//! `mkfs.btrfs --mixed` has one kind for both.

use crate::subvolume::file_system;
use rustix::io::Errno;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// How the room is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Division {
    /// Data and metadata lie in the same block groups.
    Mixed,
    /// Each has block groups of its own.
    Apart {
        /// How often data is kept.
        data: u64,
        /// How often metadata is kept.
        metadata: u64,
    },
}

impl Division {
    /// Of the file system that a descriptor lies on. `NOTTY`: it is no btrfs.
    pub fn of(inside: impl AsFd) -> Result<Self, Errno> {
        let uuid = file_system(inside)?;
        Self::at(&Path::new("/sys/fs/btrfs").join(uuid.to_string()).join("allocation"))
    }

    fn at(allocation: &Path) -> Result<Self, Errno> {
        if allocation.join("mixed").is_dir() {
            return Ok(Self::Mixed);
        }
        Ok(Self::Apart {
            data: kept(&allocation.join("data"))?,
            metadata: kept(&allocation.join("metadata"))?,
        })
    }

    /// What of `bytes` can be promised, so that it is there whatever it is used for, and whatever was written and removed before.
    pub fn promisable(self, bytes: u64) -> u64 {
        match self {
            Self::Mixed => bytes,
            // All of it first as data, which keeps the block groups, and then as metadata. The total counts data once.
            Self::Apart { data, metadata } => {
                let share = u128::from(bytes) * u128::from(data) / u128::from(data.saturating_add(metadata).max(1));
                u64::try_from(share).unwrap_or(bytes)
            }
        }
    }
}

/// How often one kind is kept, by the profiles that sysfs shows: the most, while one is being converted into another.
fn kept(kind: &Path) -> Result<u64, Errno> {
    let entries = fs::read_dir(kind).map_err(errno)?;
    let names: Vec<PathBuf> = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<_>>()
        .map_err(errno)?;
    let profiles = names.iter().filter_map(|path| path.file_name()?.to_str());
    Ok(profiles.filter_map(copies).max().unwrap_or(1))
}

/// Copies of a profile of mkfs.btrfs(8); those with parity are none, but take more than once.
fn copies(profile: &str) -> Option<u64> {
    match profile {
        "single" | "raid0" => Some(1),
        "dup" | "raid1" | "raid10" | "raid5" | "raid6" => Some(2),
        "raid1c3" => Some(3),
        "raid1c4" => Some(4),
        _ => None,
    }
}

fn errno(error: io::Error) -> Errno {
    Errno::from_io_error(&error).unwrap_or(Errno::IO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_that_is_apart_is_promised_once_for_either_use() {
        let apart = |data, metadata| Division::Apart { data, metadata };
        for (division, promised) in [
            (Division::Mixed, 900),
            (apart(1, 1), 450),
            (apart(1, 2), 300),
            (apart(2, 2), 450),
            (apart(2, 4), 300),
        ] {
            assert_eq!(division.promisable(900), promised, "{division:?}");
        }
        assert_eq!(apart(1, 2).promisable(u64::MAX), u64::MAX / 3);
    }

    #[test]
    fn the_kernel_shows_profiles_as_directories() {
        let sysfs = tempfile::tempdir().unwrap();
        let at = |path: &str| fs::create_dir_all(sysfs.path().join(path)).unwrap();
        at("data/single");
        at("metadata/dup");
        fs::write(sysfs.path().join("metadata/bytes_used"), "0").unwrap();
        assert_eq!(Division::at(sysfs.path()), Ok(Division::Apart { data: 1, metadata: 2 }));
        at("mixed/single");
        assert_eq!(Division::at(sysfs.path()), Ok(Division::Mixed));
        assert!(Division::at(Path::new("/no/such")).is_err());
    }
}
