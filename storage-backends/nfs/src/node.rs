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
    Symlink,
    /// Device, socket, pipe.
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
    /// Whose it is; `None` if the server has a name for the owner that says no number.
    pub(crate) owner: Option<u32>,
    /// And whose group's.
    pub(crate) group: Option<u32>,
    /// Bytes on disk, as the server counts them.
    pub(crate) used: u64,
    /// When it was last read, its contents changed, and it was changed as an object.
    pub(crate) times: [nfs_rs::Time; 3],
}

impl Node {
    pub(crate) fn new(handle: Handle, attr: &Attr) -> Self {
        let kind = match attr.type_ {
            1 => FileKind::Regular,
            2 => FileKind::Directory,
            5 => FileKind::Symlink,
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
            owner: number(&attr.owner, attr.uid),
            group: number(&attr.owner_group, attr.gid),
            used: attr.used,
            times: [attr.atime, attr.mtime, attr.ctime],
        }
    }

    pub(crate) fn is_directory(&self) -> bool {
        self.kind == FileKind::Directory
    }
}

/// The number of an owner. Version 3 has nothing else; version 4 has a text, which is a number, or a name at a domain (RFC 8881
/// §5.9). Of names the client library knows one, and takes all others for nobody's.
fn number(text: &str, read: u32) -> Option<u32> {
    let name = text.split('@').next().unwrap_or_default();
    let known = text.is_empty() || name.parse::<u32>().is_ok() || matches!(name, "root" | "nobody" | "nogroup");
    known.then_some(read)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_that_is_only_a_name_is_not_taken_for_nobody() {
        for (text, read) in [
            ("", 7),
            ("7", 7),
            ("7@example.com", 7),
            ("root@example.com", 0),
            ("nobody", 65534),
        ] {
            assert_eq!(number(text, read), Some(read), "{text}");
        }
        for text in ["alice@example.com", "alice", "@example.com"] {
            assert_eq!(number(text, 65534), None, "{text}");
        }
    }
}
