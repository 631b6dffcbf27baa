//! The decisions about one entry, as functions of what was seen.

use crate::node::{Kind, Node};

/// What an entry of the source needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// A directory, to be gone into.
    Directory,
    /// A file of one name.
    File,
    /// A file of several names, each of which is to lead to one and the same copy.
    SharedFile,
    /// The same symbolic link.
    Symlink,
    /// Nothing: it is left out and counted.
    Nothing,
}

/// What an entry needs.
pub(crate) fn need(node: &Node) -> Need {
    match node.kind {
        Kind::Directory => Need::Directory,
        Kind::File if node.links > 1 => Need::SharedFile,
        Kind::File => Need::File,
        Kind::Symlink => Need::Symlink,
        Kind::Special => Need::Nothing,
    }
}

/// Whether a file that an earlier attempt has left is whole, and what the source has now.
///
/// A copy gets its modification time last, when its data is safe; one that is cut off has another. A source that was changed
/// after it was copied and says otherwise, by size and modification time, is betrayed by its change time, which nobody can
/// set: it is not before that of the copy. Both come from the same clock.
pub(crate) fn is_complete(left: &Node, source: &Node) -> bool {
    left.kind == Kind::File
        && source.kind == Kind::File
        && left.size == source.size
        && left.modified == source.modified
        && source.changed < left.changed
}

/// What a copy is to be like.
pub(crate) fn likeness(source: &Node, drop_set_id: bool) -> Node {
    let drops = drop_set_id && source.kind == Kind::File;
    Node {
        mode: if drops { source.mode & !0o6000 } else { source.mode },
        ..*source
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::node::{Id, Time};

    pub(crate) fn at(seconds: i64) -> Time {
        Time {
            seconds,
            nanoseconds: 7,
        }
    }

    pub(crate) fn node(kind: Kind) -> Node {
        Node {
            id: Id { device: 1, inode: 2 },
            kind,
            mode: 0o6755,
            links: 1,
            uid: 10,
            gid: 20,
            size: 100,
            allocated: 4096,
            accessed: at(1),
            modified: at(2),
            changed: at(3),
        }
    }

    #[test]
    fn each_kind_needs_its_own() {
        let linked = Node {
            links: 2,
            ..node(Kind::File)
        };
        assert_eq!(need(&node(Kind::File)), Need::File);
        assert_eq!(need(&linked), Need::SharedFile);
        // A link of several names is a link each time; a directory has several by nature.
        for (kind, wanted) in [
            (Kind::Directory, Need::Directory),
            (Kind::Symlink, Need::Symlink),
            (Kind::Special, Need::Nothing),
        ] {
            assert_eq!(need(&Node { links: 3, ..node(kind) }), wanted);
        }
    }

    #[test]
    fn a_file_is_complete_if_it_is_as_the_source_was_when_it_was_last_changed() {
        let source = node(Kind::File);
        let left = Node {
            changed: at(9),
            ..source
        };
        assert!(is_complete(&left, &source));
        for (left, source) in [
            (Node { size: 99, ..left }, source),
            (
                Node {
                    modified: at(8),
                    ..left
                },
                source,
            ),
            (
                Node {
                    kind: Kind::Symlink,
                    ..left
                },
                source,
            ),
            (
                left,
                Node {
                    kind: Kind::Special,
                    ..source
                },
            ),
            // The source was changed later, or at the same moment for all that can be told.
            (
                left,
                Node {
                    changed: at(10),
                    ..source
                },
            ),
            (
                left,
                Node {
                    changed: at(9),
                    ..source
                },
            ),
        ] {
            assert!(!is_complete(&left, &source), "{left:?} {source:?}");
        }
    }

    #[test]
    fn set_id_bits_of_files_go_if_they_have_to() {
        assert_eq!(likeness(&node(Kind::File), true).mode, 0o755);
        assert_eq!(likeness(&node(Kind::File), false).mode, 0o6755);
        // There it only says which group new files get.
        assert_eq!(likeness(&node(Kind::Directory), true).mode, 0o6755);
    }
}
