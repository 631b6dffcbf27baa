//! What the suite needs of a backend under test: the backend, twice, and a way past it to its files.

use crate::hands::{Hands, OnDirectory};
use async_trait::async_trait;
use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use tombolo_backend_api::{Backend, MountSource};

/// Why a case, or a whole subject, cannot run here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skip {
    pub(crate) why: String,
    pub(crate) reason: Reason,
}

/// Whose fault a [`Skip`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The subject cannot show it on any machine.
    Subject,
    /// This machine lacks something that a build machine has.
    Machine,
    /// The backend does not declare it.
    Undeclared,
}

impl Skip {
    /// Says why the subject cannot show it, on whatever machine.
    pub fn because(why: impl Into<String>) -> Self {
        let why = why.into();
        let reason = Reason::Subject;
        Self { why, reason }
    }

    /// Says what this machine lacks that a build machine has.
    pub fn for_want_of(what: impl Into<String>) -> Self {
        let why = what.into();
        let reason = Reason::Machine;
        Self { why, reason }
    }

    pub(crate) fn undeclared() -> Self {
        let why = "the backend does not declare it".to_owned();
        let reason = Reason::Undeclared;
        Self { why, reason }
    }
}

/// What makes a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copying {
    /// [`Clones::clone_volume`](tombolo_backend_api::Clones::clone_volume).
    Clone,
    /// [`Snapshots::take_snapshot`](tombolo_backend_api::Snapshots::take_snapshot).
    Snapshot,
    /// [`Snapshots::restore_snapshot`](tombolo_backend_api::Snapshots::restore_snapshot).
    Restore,
}

/// A case passes, or says why it cannot run; it fails by panicking.
pub type Outcome = Result<(), Skip>;

/// A root that exists and is empty, with a backend for it; what is left of it goes when the subject is dropped.
///
/// Paths below the root are relative and written with `/`. The provided methods serve every subject whose root is a directory
/// of this machine, be it behind an NFS server.
#[async_trait]
pub trait Subject: Send + Sync {
    /// Another backend on the same root, as a second controller would have it.
    async fn backend(&self) -> Arc<dyn Backend>;

    /// The root as a directory of this machine. Without one, the cases about modes, links and special files are skipped.
    fn directory(&self) -> Option<PathBuf>;

    /// Takes the root out of reach: the server is gone, the disk is not mounted.
    fn put_away(&self) -> Result<(), Skip> {
        Err(Skip::because("this subject cannot take its root away"))
    }

    /// Why the backend cannot remove a file whose name is not UTF-8, if so. Such names are then the backend's own tests' business.
    fn speaks_utf8_only(&self) -> Option<Skip> {
        None
    }

    /// Whether what is behind the backend may fail for good of a directory whose names were exchanged past it while it was read: a
    /// server that remembers listings may, until it forgets them. What is done elsewhere must be nothing all the same.
    fn loses_track(&self) -> bool {
        false
    }

    /// What a tenant can do with what it has mounted. Where the backend has exports, this is to be a client that shares no code with
    /// it.
    async fn hands(&self, _: &MountSource) -> Result<Box<dyn Hands>, Skip> {
        Err(Skip::because("it has no client that mounts as a tenant does"))
    }

    /// Somebody who can write much into the volume at `at`, within its limits: a tenant, or, if its client cannot, somebody on the
    /// server itself.
    async fn writer(&self, at: &str) -> Result<Box<dyn Hands>, Skip> {
        Ok(Box::new(OnDirectory(directory_of(self)?.join(at))))
    }

    /// Makes the next copy of that kind fail halfway, and answers whether it will. Where it cannot, the suite drops copies until it
    /// catches one in the midst.
    fn interrupt_next(&self, _: Copying) -> bool {
        false
    }

    /// Writes a file past the backend, with the directories above it.
    fn write(&self, file: &str, bytes: &[u8]) {
        let file = here(self).join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }

    /// Reads a file past the backend.
    fn read(&self, file: &str) -> Option<Vec<u8>> {
        fs::read(here(self).join(file)).ok()
    }

    /// Removes a file past the backend.
    fn remove(&self, file: &str) {
        fs::remove_file(here(self).join(file)).unwrap();
    }

    /// Permission bits of what is at `path` (`""` is the root), set-id and sticky bits included.
    fn mode(&self, path: &str) -> u32 {
        fs::symlink_metadata(here(self).join(path))
            .unwrap()
            .permissions()
            .mode()
            & 0o7777
    }

    /// Removes everything below the root, past the backend: what an unmounted disk looks like.
    fn wipe(&self) {
        for entry in fs::read_dir(here(self)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                fs::remove_dir_all(path).unwrap()
            } else {
                fs::remove_file(path).unwrap()
            }
        }
    }

    /// The path of everything below the root.
    fn everything(&self) -> BTreeSet<String> {
        let root = here(self);
        let mut found = BTreeSet::new();
        let mut todo = vec![root.clone()];
        while let Some(directory) = todo.pop() {
            let entries = match fs::read_dir(directory) {
                Ok(entries) => entries,
                // Another attempt has removed it since its name was read.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => panic!("{error}"),
            };
            for entry in entries {
                let entry = entry.unwrap();
                found.insert(entry.path().strip_prefix(&root).unwrap().to_string_lossy().into_owned());
                if entry.file_type().unwrap().is_dir() {
                    todo.push(entry.path());
                }
            }
        }
        found
    }
}

fn here<S: Subject + ?Sized>(subject: &S) -> PathBuf {
    subject
        .directory()
        .expect("a subject without a directory provides these methods itself")
}

/// The root as a directory, or the reason to skip.
pub(crate) fn directory(subject: &dyn Subject) -> Result<PathBuf, Skip> {
    directory_of(subject)
}

fn directory_of<S: Subject + ?Sized>(subject: &S) -> Result<PathBuf, Skip> {
    let reason = "its root is no directory of this machine";
    subject.directory().ok_or_else(|| Skip::because(reason))
}
