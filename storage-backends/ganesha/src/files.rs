//! Small files that are there whole or not at all, also after a power cut: written beside their place, brought to the disk,
//! renamed, and the directory brought to the disk as well.
//!
//! For directories of our own alone: nobody else writes there, so that one temporary name is enough.

use rustix::fs::{AtFlags, CWD, Mode, OFlags, fsync, mkdirat, open, openat, renameat, unlinkat};
use rustix::io::Errno;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use tombolo_backend_api::{BackendError, Class};

/// Far above any record; what is longer was not written here.
const LONGEST: u64 = 1 << 20;
/// Ends the names of files that are being written. Nothing that reads a directory by suffix reads them.
const UNFINISHED: &str = ".tmp";

/// A directory of our own, held open.
#[derive(Debug)]
pub(crate) struct Directory(OwnedFd);

fn class_of(errno: Errno) -> Class {
    match errno {
        Errno::NOSPC | Errno::DQUOT => Class::Full,
        Errno::ACCESS | Errno::PERM | Errno::ROFS => Class::Denied,
        Errno::NOTDIR | Errno::LOOP | Errno::NAMETOOLONG => Class::Invalid,
        _ => Class::Waiting,
    }
}

fn not_done(what: &str) -> impl FnOnce(Errno) -> BackendError {
    move |errno| BackendError::not_done(class_of(errno), what).because(errno)
}

fn maybe_done(what: &str) -> impl FnOnce(Errno) -> BackendError {
    move |errno| BackendError::maybe_done(class_of(errno), what).because(errno)
}

fn errno_of(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

impl Directory {
    /// Opens a directory, and makes it (mode 0700) if it is not there; what is above it has to be.
    pub(crate) fn open(path: &Path) -> Result<Self, BackendError> {
        let what = format!("make the directory {}", path.display());
        match mkdirat(CWD, path, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(not_done(&what)(errno)),
        }
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        open(path, flags, Mode::empty()).map(Self).map_err(not_done(&what))
    }

    /// Opens a directory that is there; `None` if it is not.
    pub(crate) fn there(path: &Path) -> Result<Option<Self>, BackendError> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        match open(path, flags, Mode::empty()) {
            Ok(directory) => Ok(Some(Self(directory))),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(not_done(&format!("open the directory {}", path.display()))(errno)),
        }
    }

    /// The same below this one.
    pub(crate) fn below(&self, name: &str) -> Result<Self, BackendError> {
        let what = format!("make the directory {name}");
        match mkdirat(&self.0, name, Mode::RWXU) {
            Ok(()) => fsync(&self.0).map_err(not_done(&what))?,
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(not_done(&what)(errno)),
        }
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
        openat(&self.0, name, flags, Mode::empty())
            .map(Self)
            .map_err(not_done(&what))
    }

    /// Keeps other processes of ours out until this value is dropped.
    pub(crate) fn lock(&self) -> Result<(), BackendError> {
        let lock = rustix::fs::flock(&self.0, rustix::fs::FlockOperation::NonBlockingLockExclusive);
        lock.map_err(|errno| {
            BackendError::not_done(Class::Waiting, "another process uses the directory of records").because(errno)
        })
    }

    /// Puts a file in its place, whatever was there; on disk when this returns.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), BackendError> {
        let what = format!("write {name}");
        let new = format!("{name}{UNFINISHED}");
        let flags = OFlags::CREATE | OFlags::TRUNC | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&self.0, &new, flags, Mode::RUSR | Mode::WUSR).map_err(not_done(&what))?;
        let mut file = File::from(file);
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        if let Err(error) = written {
            let _ = unlinkat(&self.0, &new, AtFlags::empty());
            return Err(not_done(&what)(errno_of(&error)));
        }
        renameat(&self.0, &new, &self.0, name).map_err(not_done(&what))?;
        fsync(&self.0).map_err(maybe_done(&what))
    }

    /// Removes a file; absent is success.
    pub(crate) fn remove(&self, name: &str) -> Result<(), BackendError> {
        let what = format!("remove {name}");
        match unlinkat(&self.0, name, AtFlags::empty()) {
            Ok(()) => fsync(&self.0).map_err(maybe_done(&what)),
            Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(not_done(&what)(errno)),
        }
    }

    /// Gives a file another name.
    pub(crate) fn rename(&self, name: &str, to: &str) -> Result<(), BackendError> {
        let what = format!("rename {name}");
        renameat(&self.0, name, &self.0, to).map_err(not_done(&what))?;
        fsync(&self.0).map_err(maybe_done(&what))
    }

    /// Reads a file; `None` if it is not there.
    pub(crate) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, BackendError> {
        let what = format!("read {name}");
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::RDONLY | OFlags::CLOEXEC;
        let file = match openat(&self.0, name, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(not_done(&what)(errno)),
        };
        let mut bytes = Vec::new();
        let read = file.take(LONGEST).read_to_end(&mut bytes);
        read.map_err(|error| not_done(&what)(errno_of(&error)))?;
        Ok(Some(bytes))
    }

    /// Names of all that is there, but for what is being written, which no longer is: it is removed.
    pub(crate) fn names(&self) -> Result<Vec<String>, BackendError> {
        let (unfinished, names): (Vec<_>, Vec<_>) = self
            .all_names()?
            .into_iter()
            .partition(|name| name.ends_with(UNFINISHED));
        for name in unfinished {
            self.remove(&name)?;
        }
        Ok(names)
    }

    /// Names of all that is there.
    pub(crate) fn all_names(&self) -> Result<Vec<String>, BackendError> {
        let what = "list a directory";
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.0).map_err(not_done(what))? {
            let entry = entry.map_err(not_done(what))?;
            // Names of ours are ASCII; nothing is done with others.
            match entry.file_name().to_str() {
                Ok("." | "..") | Err(_) => {}
                Ok(name) => names.push(name.to_owned()),
            }
        }
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_leftovers_are_swept() {
        let scratch = tempfile::tempdir().unwrap();
        let directory = Directory::open(&scratch.path().join("d")).unwrap();
        assert_eq!(directory.read("a").unwrap(), None);
        directory.write("a", b"one").unwrap();
        directory.write("a", b"two").unwrap();
        std::fs::write(scratch.path().join("d/b.tmp"), "half").unwrap();
        assert_eq!(directory.names().unwrap(), ["a"]);
        assert_eq!(directory.read("a").unwrap().as_deref(), Some(&b"two"[..]));
        assert!(!scratch.path().join("d/b.tmp").exists());
        directory.remove("a").unwrap();
        directory.remove("a").unwrap();
        assert!(directory.names().unwrap().is_empty());
    }

    #[test]
    fn what_is_above_is_not_made_and_a_link_is_not_followed() {
        let scratch = tempfile::tempdir().unwrap();
        assert!(Directory::open(&scratch.path().join("a/b")).is_err());
        let directory = Directory::open(scratch.path()).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", scratch.path().join("link")).unwrap();
        assert!(directory.read("link").is_err());
        assert!(directory.below("link").is_err());
    }

    #[test]
    fn two_processes_do_not_share_a_directory() {
        let scratch = tempfile::tempdir().unwrap();
        let (one, other) = (Directory::open(scratch.path()), Directory::open(scratch.path()));
        let (one, other) = (one.unwrap(), other.unwrap());
        one.lock().unwrap();
        assert_eq!(other.lock().unwrap_err().class, Class::Waiting);
        drop(one);
        other.lock().unwrap();
    }
}
