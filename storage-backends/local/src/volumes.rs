//! Volumes: directories below the root, each made in one step and looked at without following anything.

use crate::dir::{self, Standing};
use crate::error::Certain;
use jiff::Timestamp;
use rustix::fs::{AtFlags, Dir, FileType, Mode, StatVfs, fstatvfs, statat, unlinkat};
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use tombolo_backend_api::{BackendError, Class, CreateVolume, Found, Listed, PRIVATE_DIR, Space, VolumePath};

/// Sizes are bookkeeping here.
const FOUND: Found = Found { enforced_bytes: None };

pub(crate) fn inspect(root: &OwnedFd, path: &VolumePath) -> Result<Option<Found>, BackendError> {
    let Some((above, name)) = dir::locate(root, path)? else {
        return Ok(None);
    };
    match dir::standing(&above, name)? {
        Standing::Directory => Ok(Some(FOUND)),
        Standing::Nothing => Ok(None),
        Standing::SomethingElse => Err(dir::in_the_way(path)),
    }
}

pub(crate) fn create(root: &OwnedFd, volume: &CreateVolume) -> Result<Found, BackendError> {
    spared_by_others(&volume.path)?;
    let (above, name) = dir::locate_or_make(root, &volume.path)?;
    if dir::standing(&above, name)? == Standing::SomethingElse {
        return Err(dir::in_the_way(&volume.path));
    }
    dir::make_dir(&above, name, Mode::from_raw_mode(volume.mode))?;
    dir::persist(&above)?;
    Ok(FOUND)
}

/// kube-controller-manager removes `hostPath` directories with `/tmp/` anywhere in their path (kubernetes
/// pkg/volume/hostpath), and the root's own path is checked by the configuration only.
pub(crate) fn spared_by_others(path: &VolumePath) -> Result<(), BackendError> {
    let mut above: Vec<_> = path.components().collect();
    above.pop();
    if above.contains(&"tmp") {
        let message = format!("{path} lies below a directory named tmp, where kube-controller-manager removes volumes");
        return Err(BackendError::not_done(Class::Invalid, message));
    }
    Ok(())
}

pub(crate) fn remove_empty(root: &OwnedFd, path: &VolumePath) -> Result<bool, BackendError> {
    let Some((above, name)) = dir::locate(root, path)? else {
        return Ok(false);
    };
    match unlinkat(&above, name, AtFlags::REMOVEDIR) {
        Ok(()) => dir::persist(&above).map(|()| true),
        Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST) => Ok(false),
        Err(Errno::NOTDIR) => Err(dir::in_the_way(path)),
        Err(errno) => Err(errno).not_done(&format!("remove {path}")),
    }
}

pub(crate) fn space(root: &OwnedFd) -> Result<Space, BackendError> {
    let StatVfs {
        f_frsize,
        f_blocks,
        f_bavail,
        ..
    } = fstatvfs(root).not_done("ask for the free space")?;
    Ok(Space {
        total: f_blocks.saturating_mul(f_frsize),
        free: f_bavail.saturating_mul(f_frsize),
    })
}

pub(crate) fn list(root: &OwnedFd) -> Result<Vec<Listed>, BackendError> {
    let mut listed = Vec::new();
    for entry in Dir::read_from(root).not_done("list the root")? {
        let entry = entry.not_done("list the root")?;
        let Some(path) = entry
            .file_name()
            .to_str()
            .ok()
            .and_then(|name| VolumePath::parse(name).ok())
        else {
            continue;
        };
        let stat = match statat(root, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => continue,
            Err(errno) => return Err(errno).not_done(&format!("look at {path}")),
        };
        if FileType::from_raw_mode(stat.st_mode) != FileType::Directory || path.as_str() == PRIVATE_DIR {
            continue;
        }
        listed.push(Listed {
            modified: time(stat.st_mtime, stat.st_mtime_nsec),
            path,
        });
    }
    Ok(listed)
}

/// A clock outside jiff's range is a broken clock; the epoch makes what it stamps look old. Only what nobody owns is judged by it.
pub(crate) fn time(seconds: i64, nanoseconds: impl TryInto<i32>) -> Timestamp {
    Timestamp::new(seconds, nanoseconds.try_into().unwrap_or(0)).unwrap_or(Timestamp::UNIX_EPOCH)
}
