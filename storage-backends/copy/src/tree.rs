//! What a backend does for a copy: small steps, each with a deadline of its own.

use crate::node::{Id, Name, Node};
use async_trait::async_trait;
use std::ops::Range;
use tombolo_backend_api::BackendError;

/// A name found in a directory.
#[derive(Debug)]
pub struct Entry {
    /// The name.
    pub name: Name,
    /// What stands there, if that was told along.
    pub node: Option<Node>,
}

/// A part of a directory.
#[derive(Debug)]
pub enum Listing<P> {
    /// Some entries, without `.` and `..`.
    Page {
        /// The entries; a bounded number.
        entries: Vec<Entry>,
        /// Where the next part begins; `None` at the end.
        next: Option<P>,
    },
    /// The directory has changed so much that its listing begins anew.
    Unsettled,
}

impl<P> Listing<P> {
    /// Of a directory that has nothing in it.
    pub fn empty() -> Self {
        Self::Page {
            entries: Vec::new(),
            next: None,
        }
    }
}

/// How far one transfer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// Bytes of the source that are done with; 0 at its end.
    pub read: u64,
    /// Bytes of those that were written, and are no hole.
    pub written: u64,
}

/// What became of a further name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Linked {
    /// It was made.
    Made,
    /// The name is taken.
    Taken,
    /// What was to get a further name is not there.
    Gone,
    /// The file has as many names as it can have, or can have only one.
    Unable,
}

/// What became of a finished copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placed {
    /// It stands in its place.
    Done,
    /// Its unfinished name is gone: somebody took it over, or abandoned it.
    Gone,
    /// Something stands in its place already.
    Taken,
}

/// What can be done below a directory. Nothing here follows a symbolic link or enters another file system: that is `Denied`.
///
/// What is called gone is an answer, not an error: a tenant changes the source at every moment. Repeating any of these is
/// harmless.
#[async_trait]
pub trait Tree: Send + Sync {
    /// A directory that names are looked up in.
    type Dir: Send + Sync;
    /// A regular file that is read or written.
    type File: Send + Sync;
    /// A place in a directory's listing.
    type Place: Clone + Default + Send + Sync;

    /// Levels of directories that may be kept open at once.
    const OPEN_LEVELS: usize;
    /// Whether holes in a file can be skipped without reading them.
    const SKIPS_HOLES: bool;

    /// Lists a directory from a place on. The default place is its beginning.
    async fn list(&self, dir: &Self::Dir, from: &Self::Place) -> Result<Listing<Self::Place>, BackendError>;

    /// Looks at a name.
    async fn look(&self, dir: &Self::Dir, name: &Name) -> Result<Option<Node>, BackendError>;

    /// Opens a directory; `None` if there is none of that name.
    async fn enter(&self, dir: &Self::Dir, name: &Name) -> Result<Option<(Self::Dir, Node)>, BackendError>;

    /// Opens the directory above; `None` if it is another than `id`.
    async fn climb(&self, dir: &Self::Dir, id: Id) -> Result<Option<Self::Dir>, BackendError>;

    /// Makes a directory that only we enter, or opens the one that is there. The last value: whether it was made now.
    async fn make_dir(&self, dir: &Self::Dir, name: &Name) -> Result<(Self::Dir, Node, bool), BackendError>;

    /// Opens a regular file; `None` if there is none of that name.
    async fn open(&self, dir: &Self::Dir, name: &Name) -> Result<Option<(Self::File, Node)>, BackendError>;

    /// Makes an empty file that only we may read; `None` if the name is taken.
    async fn create(&self, dir: &Self::Dir, name: &Name) -> Result<Option<Self::File>, BackendError>;

    /// Makes an empty file share the whole contents of another; `false` if that cannot be done here.
    async fn reflink(&self, _from: &Self::File, _to: &Self::File) -> Result<bool, BackendError> {
        Ok(false)
    }

    /// The next part of a file, within `range`, that is no hole; `None` if all the rest is one.
    async fn next_data(&self, file: &Self::File, range: Range<u64>) -> Result<Option<Range<u64>>, BackendError>;

    /// Copies from the beginning of `range` as much as one step takes, to the same place of `to`.
    async fn transfer(&self, from: &Self::File, to: &Self::File, range: Range<u64>) -> Result<Moved, BackendError>;

    /// Gives a file its final size, then its owner, extended attributes and mode, and its times last of all.
    async fn finish(&self, from: &Self::File, to: Self::File, size: u64, like: &Node) -> Result<(), BackendError>;

    /// Makes the same symbolic link, with owner and times; `false` if there is none to copy or the name is taken.
    async fn symlink(&self, from: &Self::Dir, to: &Self::Dir, name: &Name, like: &Node) -> Result<bool, BackendError>;

    /// Gives a file a further name.
    async fn link(&self, file: (&Self::Dir, &Name), new: (&Self::Dir, &Name)) -> Result<Linked, BackendError>;

    /// Moves to a name that nothing has; `false` if there is nothing to move, or something has it.
    async fn rename(&self, old: (&Self::Dir, &Name), new: (&Self::Dir, &Name)) -> Result<bool, BackendError>;

    /// Removes what is no directory. Gone is success.
    async fn remove(&self, dir: &Self::Dir, name: &Name) -> Result<(), BackendError>;

    /// Removes an empty directory; `false` if it is not empty. Gone is success.
    async fn remove_dir(&self, dir: &Self::Dir, name: &Name) -> Result<bool, BackendError>;

    /// Gives a directory, whose entries are all made, owner, extended attributes and mode, and its times last of all.
    async fn finish_dir(&self, from: &Self::Dir, to: &Self::Dir, like: &Node) -> Result<(), BackendError>;
}

/// Where one copy comes from, is built, and goes.
#[async_trait]
pub trait Workshop: Tree {
    /// The directory to be copied, if it is there.
    async fn source(&self) -> Result<Option<(Self::Dir, Node)>, BackendError>;

    /// Whether what the copy is to become is there.
    async fn is_placed(&self) -> Result<bool, BackendError>;

    /// The directory that holds unfinished copies, if there is one.
    async fn find_copies(&self) -> Result<Option<Self::Dir>, BackendError>;

    /// The directory that holds unfinished copies, made if need be.
    async fn make_copies(&self) -> Result<Self::Dir, BackendError>;

    /// Puts a directory out of `copies` into the trash, under purge, in one step. Gone is success.
    async fn doom(&self, name: &Name) -> Result<(), BackendError>;

    /// Returns when everything that was made below a directory is on stable storage.
    async fn persist(&self, copies: &Self::Dir) -> Result<(), BackendError>;

    /// Puts a finished tree out of `copies` into its place in one step, found by its name there; on stable storage.
    async fn place(&self, name: &Name, began: Node) -> Result<Placed, BackendError>;

    /// What must be the same for files of an earlier attempt to be trusted: data of before a power failure may be lost where
    /// nobody waits for each file to be on stable storage.
    fn trusts(&self) -> String;
}
