//! The files that NFS-Ganesha reads when it starts: one for each export that lets something through, derived from the records.
//!
//! `%dir` opens all files of a directory before it reads the first (`process_dir` in `conf_lex.l` of 4.3), and a file that it cannot
//! open makes the whole configuration invalid. So that the number of exports is not bounded by the number of files that a
//! process may open, they are spread over directories, which an index names one after the other.

use crate::export_block::Export;
use crate::files::Directory;
use crate::ids::ExportId;
use crate::syntax::{Directive, IncludePath};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tombolo_backend_api::{BackendError, Class};

/// The file to be included by the server's own configuration.
pub(crate) const INDEX: &str = "exports.conf";
const EXPORTS: &str = "exports";
const SUFFIX: &str = ".conf";
/// Directories that the exports are spread over; each then has 256 files at most.
const SPREAD: u16 = 256;

/// The directory of these files.
#[derive(Debug)]
pub(crate) struct ExportFiles {
    path: PathBuf,
    spread: Vec<Directory>,
}

impl ExportFiles {
    /// Opens the directory, and makes what is not there.
    pub(crate) fn open(path: &Path) -> Result<Self, BackendError> {
        let index = index(path)?;
        let directory = Directory::open(path)?;
        let exports = directory.below(EXPORTS)?;
        let spread = (0..SPREAD)
            .map(|number| exports.below(&spread_name(number)))
            .collect::<Result<_, _>>()?;
        put(&directory, INDEX, index.as_bytes())?;
        Ok(Self {
            path: path.to_owned(),
            spread,
        })
    }

    /// Where the file of an id lies.
    pub(crate) fn path(&self, id: ExportId) -> PathBuf {
        path_in(&self.path, id)
    }

    fn directory(&self, id: ExportId) -> Result<&Directory, BackendError> {
        let missing = || BackendError::not_done(Class::Bug, "a directory of export files was not opened");
        self.spread.get(usize::from(id.get() % SPREAD)).ok_or_else(missing)
    }

    /// Makes an export's file say what the export is to be; whether it did not before.
    pub(crate) fn put(&self, export: &Export) -> Result<bool, BackendError> {
        put(
            self.directory(export.id)?,
            &name_of(export.id),
            export.text().as_bytes(),
        )
    }

    /// Removes the file of an id; whether there was one.
    pub(crate) fn remove(&self, id: ExportId) -> Result<bool, BackendError> {
        let (directory, name) = (self.directory(id)?, name_of(id));
        let there = directory.read(&name)?.is_some();
        directory.remove(&name)?;
        Ok(there)
    }

    /// Removes every file but those of these exports.
    pub(crate) fn keep(&self, ids: &BTreeSet<ExportId>) -> Result<usize, BackendError> {
        let mut removed = 0;
        for (directory, number) in self.spread.iter().zip(0..) {
            for name in directory.names()? {
                let kept = id_of(&name).is_some_and(|id| ids.contains(&id) && id.get() % SPREAD == number);
                if !kept && name.ends_with(SUFFIX) {
                    directory.remove(&name)?;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }
}

/// Where the file of an id lies below the directory of these files.
pub(crate) fn path_in(directory: &Path, id: ExportId) -> PathBuf {
    directory
        .join(EXPORTS)
        .join(spread_name(id.get() % SPREAD))
        .join(name_of(id))
}

/// All files that the index lets the server read.
pub(crate) fn all_in(directory: &Path) -> impl Iterator<Item = PathBuf> {
    let spread = (0..SPREAD).map(|number| directory.join(EXPORTS).join(spread_name(number)));
    let entries = spread
        .filter_map(|directory| std::fs::read_dir(directory).ok())
        .flatten();
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths.filter(|path| path.to_string_lossy().ends_with(SUFFIX))
}

fn put(directory: &Directory, name: &str, bytes: &[u8]) -> Result<bool, BackendError> {
    let differs = directory.read(name)?.as_deref() != Some(bytes);
    if differs {
        directory.write(name, bytes)?;
    }
    Ok(differs)
}

/// The text of the index.
fn index(path: &Path) -> Result<String, BackendError> {
    let of = |number| {
        let directory = path.join(EXPORTS).join(spread_name(number));
        IncludePath::new(&directory.to_string_lossy()).map(|path| Directive::Directory(path).to_string())
    };
    (0..SPREAD).map(of).collect()
}

fn spread_name(number: u16) -> String {
    format!("{number:02x}")
}

fn name_of(id: ExportId) -> String {
    format!("{id}{SUFFIX}")
}

fn id_of(name: &str) -> Option<ExportId> {
    let id = name.strip_suffix(SUFFIX)?.parse().ok().and_then(ExportId::new)?;
    (name_of(id) == name).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_names_every_directory_and_no_other_file_stays() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("ganesha");
        let files = ExportFiles::open(&path).unwrap();
        let index = std::fs::read_to_string(path.join(INDEX)).unwrap();
        assert_eq!(index.lines().count(), 256);
        assert!(index.contains(&format!("%dir \"{}/exports/ff/*.conf\"\n", path.display())));
        let ids = [1, 256, 257, 65535].map(|id| ExportId::new(id).unwrap());
        for id in ids {
            std::fs::write(files.path(id), "x").unwrap();
        }
        std::fs::copy(files.path(ids[0]), path.join("exports/02/1.conf")).unwrap();
        std::fs::write(path.join("exports/00/stranger.conf"), "x").unwrap();
        assert_eq!(files.keep(&ids[..2].iter().copied().collect()).unwrap(), 4);
        assert_eq!(ids.map(|id| files.path(id).exists()), [true, true, false, false]);
        assert!(files.remove(ids[0]).unwrap());
        assert!(!files.remove(ids[0]).unwrap());
    }

    #[test]
    fn a_directory_that_cannot_be_included_is_refused() {
        let scratch = tempfile::tempdir().unwrap();
        let refused = ExportFiles::open(&scratch.path().join("a b")).unwrap_err();
        assert_eq!(refused.class, Class::Invalid);
        assert!(!scratch.path().join("a b").exists());
    }
}
