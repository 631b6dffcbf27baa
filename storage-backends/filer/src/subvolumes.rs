//! Volumes as subvolumes: made with a limit, found, and removed if empty.

use crate::filer::Filer;
use crate::room::{Room, charged};
use rustix::fs::{Mode, fchmod};
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use tombolo_backend_api::{BackendError, Class, CreateVolume, Found, VolumePath};
use tombolo_backend_local::dir::{self, Standing};
use tombolo_backend_local::error::Certain;
use tombolo_btrfs::{SubvolumeId, subvolume};

/// A volume that exists.
pub(crate) struct Volume {
    pub(crate) fd: OwnedFd,
    pub(crate) id: SubvolumeId,
}

impl Volume {
    /// The subvolume at a name, if there is one.
    pub(crate) fn at(dir: &OwnedFd, name: &str, path: &VolumePath) -> Result<Option<Self>, BackendError> {
        let fd = match subvolume::open(dir, name) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::NOTDIR) if dir::standing(dir, name)? == Standing::Directory => return Err(no_volume(path)),
            Err(Errno::NOTDIR) => return Err(dir::in_the_way(path)),
            Err(errno) => return Err(errno).not_done(&format!("open {path}")),
        };
        let id = subvolume::info(&fd).not_done(&format!("look at {path}"))?.id;
        Ok(Some(Self { fd, id }))
    }

    /// The volume at a path, if there is one.
    pub(crate) fn find(root: &OwnedFd, path: &VolumePath) -> Result<Option<Self>, BackendError> {
        match dir::locate(root, path) {
            Ok(Some((above, name))) => Self::at(&above, name, path),
            Ok(None) => Ok(None),
            Err(error) => Err(unless_in_a_volume(root, path, error)),
        }
    }

    /// Its limit, where that holds.
    pub(crate) fn found(&self) -> Result<Found, BackendError> {
        Ok(Found {
            enforced_bytes: charged(&self.fd, self.id)?.limit,
        })
    }
}

/// A directory stands where a volume would, and is none.
fn no_volume(path: &VolumePath) -> BackendError {
    BackendError::not_done(Class::Invalid, format!("{path} is a directory and no subvolume"))
}

/// The error for a path that leads to nowhere. One that leads into a volume is told from one that leads into something mounted.
fn unless_in_a_volume(root: &OwnedFd, path: &VolumePath, error: BackendError) -> BackendError {
    let ends = path.as_str().match_indices('/').map(|(end, _)| end);
    let mut above = ends.filter_map(|end| VolumePath::parse(path.as_str().get(..end)?).ok());
    let is_volume = |above: VolumePath| {
        let found = dir::locate(root, &above).ok().flatten();
        found.is_some_and(|(above, name)| subvolume::open(&above, name).is_ok())
    };
    if error.class == Class::Denied && above.any(is_volume) {
        return BackendError::not_done(
            Class::Invalid,
            format!("{path} lies in a volume, where no other can be"),
        );
    }
    error
}

/// Like [`dir::locate_or_make`]; `Invalid` if the path lies in a volume.
pub(crate) fn locate_or_make<'a>(root: &OwnedFd, path: &'a VolumePath) -> Result<(OwnedFd, &'a str), BackendError> {
    dir::locate_or_make(root, path).map_err(|error| unless_in_a_volume(root, path, error))
}

/// Whether a volume is there. A directory above volumes, or one that somebody made by hand, is none.
pub(crate) fn inspect(root: &OwnedFd, path: &VolumePath) -> Result<Option<Found>, BackendError> {
    Volume::find(root, path)?.map(|volume| volume.found()).transpose()
}

/// Makes a volume. Between the subvolume and its limit there may be a crash; the next call then sets it, and until then nobody gets
/// an export. A limit that is there is only ever raised: lowering one is for a resize, and this may be an old call that comes late.
pub(crate) fn create(filer: &Filer, root: &OwnedFd, volume: &CreateVolume) -> Result<Found, BackendError> {
    let path = &volume.path;
    let (above, name) = locate_or_make(root, path)?;
    let room = Room::of(filer, root)?;
    let (found, checked) = match Volume::at(&above, name, path)? {
        Some(found) => (found, false),
        None => {
            room.check(volume.bytes, None)?;
            match subvolume::create(&above, name) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno).not_done(&format!("make {path}")),
            }
            let gone = || BackendError::maybe_done(Class::Transient, format!("{path} went while it was made"));
            (Volume::at(&above, name, path)?.ok_or_else(gone)?, true)
        }
    };
    let limit = charged(&found.fd, found.id)?.limit;
    if limit.is_none_or(|limit| limit < volume.bytes) {
        // Adding everything up takes a while where there are many.
        match checked {
            true => room.keep(&found.fd, found.id, volume.bytes)?,
            false => room.promise(&found.fd, found.id, volume.bytes)?,
        }
    }
    drop(room);
    fchmod(&found.fd, Mode::from_raw_mode(volume.mode)).maybe_done(&format!("set the mode of {path}"))?;
    dir::persist(&found.fd)?;
    dir::persist(&above)?;
    found.found()
}
