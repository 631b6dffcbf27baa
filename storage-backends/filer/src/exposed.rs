//! The mount of its own that each volume has while somebody may mount it: NFS-Ganesha serves a subvolume by no other path.
//!
//! The mount points lie on a file system of memory that holds nothing else. A volume that is not mounted is therefore an empty
//! directory there, or none, and an export of it never leads into the file system of `/`. After a boot there are none, and an
//! NFS server that starts too early finds no paths to export.

use crate::subvolumes::Volume;
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, ResolveFlags, flock, fstat, mkdirat, openat2, unlinkat};
use rustix::io::Errno;
use rustix::mount::MountFlags;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use tombolo_backend_api::{BackendError, Class, VolumePath};
use tombolo_backend_local::dir::DIRECTORY;
use tombolo_backend_local::error::Certain;
use tombolo_btrfs::mounts;

/// A path of mount points goes below none of them, and follows nothing.
const INSIDE: ResolveFlags = ResolveFlags::BENEATH
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::NO_XDEV);
/// More mounts than this at one place were not made here.
const MOST_MOUNTS: usize = 100;

/// A volume that is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) place: PathBuf,
    /// Whether it was not mounted before.
    pub(crate) newly: bool,
}

/// The directory below which volumes are mounted.
#[derive(Debug, Clone)]
pub(crate) struct Exposed(PathBuf);

impl Exposed {
    /// Makes the directory, not what is above it, and mounts a file system of its own there unless one is.
    pub(crate) fn prepare(directory: &Path) -> Result<Self, BackendError> {
        let what = format!("prepare {} for mounts", directory.display());
        match rustix::fs::mkdir(directory, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno).not_done(&what),
        }
        let real = directory.canonicalize().map_err(errno).not_done(&what)?;
        let own = mounts::at(&real).map_err(errno).not_done(&what)?;
        if !own.iter().any(|mount| mount.kind == "tmpfs") {
            let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
            // Directories take no blocks, so that the size only keeps others from filling the memory with files.
            rustix::mount::mount("tombolo", &real, "tmpfs", flags, c"mode=0700,size=64k,nr_inodes=0")
                .not_done(&what)?;
        }
        Ok(Self(real))
    }

    /// Takes the directory as it is, also if nothing was made there yet.
    pub(crate) fn as_it_is(directory: &Path) -> Self {
        Self(directory.canonicalize().unwrap_or_else(|_| directory.to_owned()))
    }

    /// Whether this volume, and no other, is mounted where it would be.
    pub(crate) fn shows(&self, volume: &Volume, path: &VolumePath) -> Result<bool, BackendError> {
        let what = format!("look where {path} is mounted");
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::open(self.place(path), flags, Mode::empty()) {
            Ok(there) => {
                let (there, wanted) = (fstat(&there).not_done(&what)?, fstat(&volume.fd).not_done(&what)?);
                Ok((there.st_dev, there.st_ino) == (wanted.st_dev, wanted.st_ino))
            }
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(false),
            Err(errno) => Err(errno).not_done(&what),
        }
    }

    /// Where a volume is, or would be, mounted.
    pub(crate) fn place(&self, path: &VolumePath) -> PathBuf {
        self.0.join(path.as_str())
    }

    /// Mounts a volume, unless it is, and answers where.
    pub(crate) fn show(&self, volume: &Volume, path: &VolumePath) -> Result<Shown, BackendError> {
        let what = format!("mount {path}");
        let _turn = self.turn(&what)?;
        let place = self.place(path);
        for _ in 0..MOST_MOUNTS {
            let (above, name) = self.make(path)?;
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let point = rustix::fs::openat(&above, name, flags, Mode::empty()).maybe_done(&what)?;
            let (there, wanted) = (fstat(&point).maybe_done(&what)?, fstat(&volume.fd).maybe_done(&what)?);
            if (there.st_dev, there.st_ino) == (wanted.st_dev, wanted.st_ino) {
                mounts::restrict(&point).maybe_done(&what)?;
                return Ok(Shown { place, newly: false });
            }
            if there.st_dev == fstat(&above).maybe_done(&what)?.st_dev {
                mounts::mount(&volume.fd, &point).maybe_done(&what)?;
                return Ok(Shown { place, newly: true });
            }
            // One that was made for a volume which had this path before.
            mounts::unmount_at(&place).maybe_done(&what)?;
        }
        Err(BackendError::maybe_done(
            Class::Bug,
            format!("{MOST_MOUNTS} mounts lie over {}", place.display()),
        ))
    }

    /// Unmounts what is mounted for a volume, and removes the mount point. Whoever has a file open there keeps that file.
    pub(crate) fn hide(&self, path: &VolumePath) -> Result<(), BackendError> {
        let what = format!("unmount {path}");
        let _turn = self.turn(&what)?;
        for _ in 0..MOST_MOUNTS {
            match mounts::unmount_at(&self.place(path)) {
                Ok(()) => {}
                Err(Errno::INVAL | Errno::NOENT) => {
                    self.remove(path);
                    return Ok(());
                }
                Err(errno) => return Err(errno).maybe_done(&what),
            }
        }
        Err(BackendError::maybe_done(
            Class::Bug,
            format!("{MOST_MOUNTS} mounts lie over {path}"),
        ))
    }

    /// The paths at which something is mounted. What is mounted below a volume's mount is none of them.
    pub(crate) fn shown(&self) -> Result<Vec<VolumePath>, BackendError> {
        let mounts = mounts::below(&self.0)
            .map_err(errno)
            .not_done("list the mounts of volumes")?;
        let paths = mounts
            .iter()
            .filter_map(|mount| mount.at.strip_prefix(&self.0).ok()?.to_str());
        let mut paths: Vec<_> = paths.filter_map(|path| VolumePath::parse(path).ok()).collect();
        paths.sort();
        paths.dedup();
        Ok(paths)
    }

    /// One mounts at a time, also of several processes: two mounts of one volume would lie over each other.
    fn turn(&self, what: &str) -> Result<OwnedFd, BackendError> {
        let dir = self.open().not_done(what)?;
        flock(&dir, FlockOperation::LockExclusive).not_done(what)?;
        Ok(dir)
    }

    fn open(&self) -> Result<OwnedFd, Errno> {
        rustix::fs::open(&self.0, DIRECTORY, Mode::empty())
    }

    /// Makes a mount point and the directories above it, none of which may lie in a volume.
    fn make<'a>(&self, path: &'a VolumePath) -> Result<(OwnedFd, &'a str), BackendError> {
        let what = format!("make a mount point for {path}");
        let mut dir = self.open().not_done(&what)?;
        let mut components = path.components().peekable();
        while let Some(component) = components.next() {
            match mkdirat(&dir, component, Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno).maybe_done(&what),
            }
            if components.peek().is_none() {
                return Ok((dir, component));
            }
            dir = openat2(&dir, component, DIRECTORY, Mode::empty(), INSIDE).maybe_done(&what)?;
        }
        Err(BackendError::not_done(Class::Bug, "a path without components"))
    }

    /// Removes a mount point and those above it that are empty. One that stays does no harm.
    fn remove(&self, path: &VolumePath) {
        let mut left: Vec<_> = path.components().collect();
        while !left.is_empty() {
            let gone = self
                .open()
                .and_then(|dir| unlinkat(&dir, left.join("/"), AtFlags::REMOVEDIR));
            if gone.is_err_and(|errno| errno != Errno::NOENT) {
                return;
            }
            left.pop();
        }
    }
}

fn errno(error: io::Error) -> Errno {
    Errno::from_io_error(&error).unwrap_or(Errno::IO)
}
