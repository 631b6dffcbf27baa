//! What a volume uses: a walk that adds up blocks, in bounded steps and without recursion.
//!
//! Each step has a deadline, and the walk ends with whoever waits for it. Of a directory that is left for one inside it only
//! the place in its listing is kept; the way back goes through `..`. A file of several names counts at each of them with its
//! share, so that no list of such files is needed.

use crate::blocking::Work;
use crate::dir::{self, Standing};
use crate::error::Certain;
use crate::{Local, volumes};
use async_trait::async_trait;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, SeekFrom, Stat, fstat, openat, seek, statat};
use rustix::io::Errno;
use std::ffi::CString;
use std::os::fd::OwnedFd;
use tombolo_backend_api::{BackendError, Class, Measure, Usage, VolumePath};

/// Entries that one step looks at.
const STEP: usize = 20_000;
/// Bytes of a directory's listing that are read at once.
const PAGE: usize = 8 * 1024;
/// Levels of directories.
const DEEPEST: usize = 1 << 20;
/// Parts of a byte, for shares of files that have several names.
const PARTS: u128 = 1 << 32;

/// A walk on its way.
struct Walk {
    dir: OwnedFd,
    /// The directories above, each with the place at which its listing goes on.
    above: Vec<(Place, u64)>,
    here: Place,
    /// Where the listing goes on.
    next: u64,
    /// Parts of bytes.
    sum: u128,
}

/// Which directory it is.
type Place = (u64, u64);

fn place(stat: &Stat) -> Place {
    (stat.st_dev, stat.st_ino)
}

/// What a name adds to the sum: `st_blocks` is in units of 512 bytes (stat(2)).
fn share(stat: &Stat) -> u128 {
    let bytes = u128::try_from(stat.st_blocks).unwrap_or(0) * 512;
    let names = match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => 1,
        _ => u128::from(stat.st_nlink).max(1),
    };
    bytes * PARTS / names
}

fn total(sum: u128) -> u64 {
    u64::try_from((sum + PARTS / 2) / PARTS).unwrap_or(u64::MAX)
}

impl Walk {
    fn begin(root: &OwnedFd, path: &VolumePath) -> Result<Option<Self>, BackendError> {
        let Some((above, name)) = dir::locate(root, path)? else {
            return Ok(None);
        };
        match dir::standing(&above, name)? {
            Standing::Nothing => return Ok(None),
            Standing::Directory => {}
            Standing::SomethingElse => return Err(dir::in_the_way(path)),
        }
        let dir = match openat(&above, name, dir::DIRECTORY, Mode::empty()) {
            Ok(dir) => dir,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(errno).not_done(&format!("open {path}")),
        };
        let stat = fstat(&dir).not_done(&format!("look at {path}"))?;
        Ok(Some(Self {
            dir,
            above: Vec::new(),
            here: place(&stat),
            next: 0,
            sum: share(&stat),
        }))
    }

    /// Goes on for one step. `false`: there is nothing more.
    fn step(&mut self) -> Result<bool, BackendError> {
        let mut left = STEP;
        while left > 0 {
            match self.read(&mut left)? {
                Some(name) => self.descend(name)?,
                None if left == 0 => {}
                None if !self.ascend()? => return Ok(false),
                None => {}
            }
        }
        Ok(true)
    }

    /// Adds up entries until there is a directory, whose name it answers, or until the directory or the step ends.
    fn read(&mut self, left: &mut usize) -> Result<Option<CString>, BackendError> {
        let what = "list a directory";
        seek(&self.dir, SeekFrom::Start(self.next)).not_done(what)?;
        let mut buffer = Vec::with_capacity(PAGE);
        let mut raw = RawDir::new(&self.dir, buffer.spare_capacity_mut());
        while let Some(entry) = raw.next() {
            let entry = entry.not_done(what)?;
            let name = entry.file_name();
            self.next = entry.next_entry_cookie();
            *left = left.saturating_sub(1);
            if !matches!(name.to_bytes(), b"." | b"..") {
                match statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW) {
                    // Another file system's room is nobody's here.
                    Ok(stat) if stat.st_dev != self.here.0 => {}
                    Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Directory => {
                        return Ok(Some(name.to_owned()));
                    }
                    Ok(stat) => self.sum += share(&stat),
                    Err(Errno::NOENT) => {}
                    Err(errno) => return Err(errno).not_done("look at an entry"),
                }
            }
            if *left == 0 {
                break;
            }
        }
        Ok(None)
    }

    fn descend(&mut self, name: CString) -> Result<(), BackendError> {
        if self.above.len() >= DEEPEST {
            let message = format!("the volume has more than {DEEPEST} levels of directories");
            return Err(BackendError::not_done(Class::Invalid, message));
        }
        let below = match dir::open_here(&self.dir, name.as_c_str(), OFlags::DIRECTORY) {
            Ok(below) => below,
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::XDEV) => return Ok(()),
            Err(errno) => return Err(errno).not_done("open a directory"),
        };
        let stat = fstat(&below).not_done("look at a directory")?;
        if stat.st_dev != self.here.0 {
            return Ok(());
        }
        self.sum += share(&stat);
        self.above.push((self.here, self.next));
        (self.dir, self.here, self.next) = (below, place(&stat), 0);
        Ok(())
    }

    /// Goes back up. `false`: this is the top.
    fn ascend(&mut self) -> Result<bool, BackendError> {
        let Some((here, next)) = self.above.pop() else {
            return Ok(false);
        };
        let above = openat(&self.dir, "..", dir::DIRECTORY, Mode::empty()).not_done("open a directory above")?;
        if place(&fstat(&above).not_done("look at a directory above")?) != here {
            let message = "a directory was moved to another while the volume was measured";
            return Err(BackendError::not_done(Class::Transient, message));
        }
        (self.dir, self.here, self.next) = (above, here, next);
        Ok(true)
    }
}

#[async_trait]
impl Measure for Local {
    async fn measure_volume(&self, path: &VolumePath) -> Result<Option<Usage>, BackendError> {
        volumes::spared_by_others(path)?;
        let path = path.clone();
        let begun = self.on_root(Work::Reads, move |root| Walk::begin(root, &path)).await?;
        let Some(mut walk) = begun else { return Ok(None) };
        loop {
            let step = move || {
                let goes_on = walk.step()?;
                Ok((walk, goes_on))
            };
            let (walked, goes_on) = self.threads.run(Work::Reads, step).await?;
            if !goes_on {
                let bytes = total(walked.sum);
                return Ok(Some(Usage { bytes, files: None }));
            }
            walk = walked;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_any_number_of_names_add_up_to_the_whole() {
        for names in [1, 2, 3, 7, 65_000] {
            let sum = (0..names).map(|_| 4096 * PARTS / names).sum();
            assert_eq!(total(sum), 4096, "{names}");
        }
        assert_eq!(total(u128::MAX / 2), u64::MAX);
    }
}
