//! The number of the last flushed write, in a file beside the store.
//!
//! A damaged end of sled's log is cut off without a word: the store opens, whole, as it was some writes ago. Every write
//! therefore carries a number; a store whose number is behind this file's has lost what it had promised to keep.

use super::codec::{decode, encode};
use std::fs::{File, OpenOptions};
use std::io::{Error, Read, Result, Seek, Write};
use std::path::Path;

/// Room for any number, so that each is written over the one before in one go.
const WIDTH: usize = 32;

/// The file.
#[derive(Debug)]
pub(super) struct Serial(File);

impl Serial {
    /// Opens the file, and reads the number; `None` if there is none that can be read.
    pub fn open(path: &Path) -> Result<(Self, Option<u64>)> {
        let mut options = OpenOptions::new();
        let mut file = options.read(true).write(true).create(true).truncate(false).open(path)?;
        let mut bytes = Vec::new();
        let _ = Read::by_ref(&mut file).take(WIDTH as u64).read_to_end(&mut bytes)?;
        let number = decode(bytes.trim_ascii_end()).ok();
        Ok((Self(file), number))
    }

    /// Notes that write `number` is on the disk. Not synced: a number that is too small hides a loss, and does no harm.
    pub fn note(&mut self, number: u64) -> Result<()> {
        let mut bytes = encode(&number).map_err(Error::other)?;
        bytes.resize(WIDTH.max(bytes.len()), b' ');
        self.0.rewind()?;
        self.0.write_all(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_number_is_read_back_and_a_spoiled_one_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("serial");
        let (mut serial, none) = Serial::open(&path).unwrap();
        assert_eq!(none, None);
        for number in [u64::MAX, 7, 0] {
            serial.note(number).unwrap();
            assert_eq!(Serial::open(&path).unwrap().1, Some(number));
        }
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[2] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(Serial::open(&path).unwrap().1, None);
    }
}
