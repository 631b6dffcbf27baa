//! Simple quotas: a limit for each subvolume, and what is charged to it.
//!
//! With simple quotas a subvolume is charged what was written through it for as long as anything holds those bytes, its
//! snapshots among them; a clone is charged what is written through the clone. Nothing is counted twice, and a deletion costs no more
//! than without quotas. Full quota groups are told apart and never switched on here: with snapshots the kernel's cleaner spends
//! minutes in them, and a loop of rewriting and taking snapshots escapes their limits.
//!
//! Numbers come from sysfs, which has those that the kernel itself goes by; the quota tree on disk lags behind by a transaction.

use crate::subvolume::file_system;
use crate::{SubvolumeId, ioctl, tree};
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// `limit_flags`: the limit is on referenced bytes.
const MAX_REFERENCED: u64 = 1;

/// What kind of quotas a file system keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quotas {
    /// None.
    Off,
    /// Simple ones.
    Simple,
    /// Full quota groups.
    Full,
}

/// What is charged to a subvolume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charged {
    /// The subvolume, which may be gone.
    pub id: SubvolumeId,
    /// Bytes, also those that are not written to disk yet.
    pub used: u64,
    /// Bytes that it may be charged; `None`: no limit.
    pub limit: Option<u64>,
}

/// The quotas of one file system: where sysfs shows them.
#[derive(Debug, Clone)]
pub struct Qgroups(PathBuf);

impl Qgroups {
    /// Of the file system that a descriptor lies on. `NOTTY`: it is no btrfs.
    pub fn of(inside: impl AsFd) -> Result<Self, Errno> {
        let uuid = file_system(inside)?;
        Ok(Self(Path::new("/sys/fs/btrfs").join(uuid.to_string()).join("qgroups")))
    }

    /// What kind of quotas there are.
    pub fn kind(&self) -> Result<Quotas, Errno> {
        match (
            text(&self.0.join("enabled"))?.as_deref(),
            text(&self.0.join("mode"))?.as_deref(),
        ) {
            (None | Some("0"), _) => Ok(Quotas::Off),
            (Some(_), Some("squota")) => Ok(Quotas::Simple),
            // Kernels before simple quotas show no mode.
            (Some(_), _) => Ok(Quotas::Full),
        }
    }

    /// What is charged to a subvolume; `None`: nothing keeps account of it.
    pub fn charged(&self, id: SubvolumeId) -> Result<Option<Charged>, Errno> {
        let group = self.0.join(format!("0_{id}"));
        let number = |name: &str| Ok(text(&group.join(name))?.and_then(|text| text.parse::<u64>().ok()));
        let Some(referenced) = number("referenced")? else {
            return Ok(None);
        };
        let limited = number("limit_flags")?.is_some_and(|flags| flags & MAX_REFERENCED != 0);
        Ok(Some(Charged {
            id,
            used: referenced.saturating_add(number("rsv_data")?.unwrap_or_default()),
            limit: number("max_referenced")?.filter(|_| limited),
        }))
    }

    /// What is charged to each subvolume, to those that are gone too.
    pub fn all(&self) -> Result<Vec<Charged>, Errno> {
        let mut all = Vec::new();
        for entry in fs::read_dir(&self.0).map_err(errno)? {
            let name = entry.map_err(errno)?.file_name();
            let id = name.to_str().and_then(|name| name.strip_prefix("0_")?.parse().ok());
            // One that goes meanwhile is gone.
            if let Some(charged) = id.map(|id| self.charged(SubvolumeId::new(id))).transpose()? {
                all.extend(charged);
            }
        }
        Ok(all)
    }
}

/// Switches simple quotas on where there are none. `INVAL`: this kernel has none (before Linux 6.7). Where full ones are on it answers
/// success and changes nothing: look at [`Qgroups::kind`] afterwards.
///
/// What was written before is charged to nobody.
pub fn enable(inside: impl AsFd) -> Result<(), Errno> {
    ioctl::enable_simple_quota(inside.as_fd())
}

/// Limits what may be charged to a subvolume. It holds at once, and may be less than what is charged already.
pub fn limit(inside: impl AsFd, id: SubvolumeId, bytes: u64) -> Result<(), Errno> {
    ioctl::limit_qgroup(inside.as_fd(), id.get(), bytes)
}

/// What is charged to subvolumes that have been deleted: what others still hold of them, and what the kernel has yet to clean up.
pub fn left_behind(inside: impl AsFd) -> Result<Vec<Charged>, Errno> {
    let inside = inside.as_fd();
    // Before the look at what exists, so that what is made in between is in neither.
    let all = Qgroups::of(inside)?.all()?;
    let alive: BTreeSet<_> = tree::subvolumes(inside)?.into_iter().collect();
    let gone = |charged: &Charged| charged.id != SubvolumeId::TOP_LEVEL && !alive.contains(&charged.id);
    Ok(all.into_iter().filter(gone).collect())
}

/// Forgets the accounts of deleted subvolumes to which nothing is charged any more, and answers how many.
pub fn forget_empty(inside: impl AsFd) -> Result<usize, Errno> {
    let inside = inside.as_fd();
    let mut forgotten = 0;
    for charged in left_behind(inside)? {
        if charged.used == 0 {
            match ioctl::remove_qgroup(inside, charged.id.get()) {
                Ok(()) => forgotten += 1,
                // Not cleaned up yet, or gone already.
                Err(Errno::BUSY | Errno::NOENT) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
    Ok(forgotten)
}

/// A file of sysfs, if it is there.
fn text(path: &Path) -> Result<Option<String>, Errno> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        // The group went while its file was open.
        Err(error) if Errno::from_io_error(&error) == Some(Errno::NODEV) => Ok(None),
        Err(error) => Err(errno(error)),
    }
}

fn errno(error: io::Error) -> Errno {
    Errno::from_io_error(&error).unwrap_or(Errno::IO)
}
