//! What is known of an object on the server.

use bytes::Bytes;
use nfs_rs::{Attr, DirectoryCookie};

/// An object's handle: what NFS acts on. It stays good over reconnections and server restarts (RFC 1813 §2.3.3, RFC
/// 8881 §4.2.2).
pub(crate) type Handle = Bytes;

/// What an object is (`ftype3` of RFC 1813 and `nfs_ftype4` of RFC 8881 agree on these numbers).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileKind {
    Regular,
    Directory,
    /// Symbolic link, device, socket, pipe.
    Other,
}

/// An object and what is known of it.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) handle: Handle,
    pub(crate) kind: FileKind,
    /// Permission bits.
    pub(crate) mode: u32,
    pub(crate) size: u64,
    pub(crate) links: u32,
    pub(crate) file_system: u64,
    pub(crate) file_id: u64,
    pub(crate) modified: jiff::Timestamp,
    /// When it was last changed as an object: renamed, among others.
    pub(crate) changed: jiff::Timestamp,
}

impl Node {
    pub(crate) fn new(handle: Handle, attr: &Attr) -> Self {
        let kind = match attr.type_ {
            1 => FileKind::Regular,
            2 => FileKind::Directory,
            _ => FileKind::Other,
        };
        Self {
            handle,
            kind,
            mode: attr.file_mode & 0o7777,
            size: attr.filesize,
            links: attr.nlink,
            file_system: attr.fsid,
            file_id: attr.fileid,
            modified: time(&attr.mtime),
            changed: time(&attr.ctime),
        }
    }

    pub(crate) fn is_directory(&self) -> bool {
        self.kind == FileKind::Directory
    }
}

fn time(time: &nfs_rs::Time) -> jiff::Timestamp {
    let nanoseconds = i32::try_from(time.nseconds).unwrap_or(0);
    jiff::Timestamp::new(i64::from(time.seconds), nanoseconds).unwrap_or_default()
}

/// A part of a directory.
pub(crate) struct Page {
    pub(crate) entries: Vec<Entry>,
    /// Where the next part begins; `None` at the end.
    pub(crate) next: Option<DirectoryCookie>,
}

/// A name in a directory.
pub(crate) struct Entry {
    pub(crate) name: String,
    /// Absent if the server did not send it along.
    pub(crate) node: Option<Node>,
}
