//! When a backend that somebody deletes may go: when nothing is left that needs it.
//!
//! Looks at what the ledger, the caches, the trash, its exports and the contents of snapshots say of it. Its finalizer is all that keeps the object, and with it the way to
//! the data: each of them is asked, because each may know of something that the others have missed.

use crate::domain::served::Served;
use tombolo_backend_api::Capabilities;

/// What is left of a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// Whether a volume is recorded on it, or about to be.
    pub recorded: bool,
    /// Whether a PersistentVolume of ours names it or lies on its root.
    pub objects: bool,
    /// Entries in its trash; `None`: its root cannot be looked at now.
    pub trash: Option<usize>,
    /// Whether there are ways to data left on its server.
    pub exports: bool,
    /// Whether the content of a snapshot lies on it, or may.
    pub snapshots: bool,
    /// Whether it ever had a root that was marked as its own.
    pub marked: bool,
}

/// Whether it may go.
pub fn may_go(left: &Left) -> bool {
    let trash = match left.trash {
        Some(entries) => entries > 0,
        // Never usable, never used.
        None => left.marked,
    };
    !left.recorded && !left.objects && !left.exports && !left.snapshots && !trash
}

/// Why nobody knows whether contents of snapshots lie on a backend that has no id, in words for admins. `None`: it is known, or it takes none.
pub fn contents_are_unknown(served: Served, capabilities: Option<Capabilities>) -> Option<&'static str> {
    if !capabilities.is_none_or(|can| can.snapshot) {
        return None;
    }
    match served {
        Served::Yes | Served::NotInstalled => None,
        Served::Unknown => Some("it is not known yet which VolumeSnapshotContents there are, and some may lie on it"),
        Served::Forbidden => Some(
            "VolumeSnapshotContents may not be read, and some may lie on it; apply the roles and bindings of deploy/kustomize again",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: Left = Left {
        recorded: false,
        objects: false,
        trash: Some(0),
        exports: false,
        snapshots: false,
        marked: true,
    };

    #[test]
    fn a_backend_goes_when_neither_ledger_nor_cluster_nor_trash_knows_of_anything_on_it() {
        assert!(may_go(&EMPTY));
    }

    #[test]
    fn each_of_them_alone_keeps_it() {
        for left in [
            Left {
                recorded: true,
                ..EMPTY
            },
            Left { objects: true, ..EMPTY },
            Left { exports: true, ..EMPTY },
            Left {
                snapshots: true,
                ..EMPTY
            },
            Left {
                trash: Some(1),
                ..EMPTY
            },
        ] {
            assert!(!may_go(&left), "{left:?}");
        }
    }

    #[test]
    fn what_cannot_be_looked_at_is_not_empty_unless_it_was_never_used() {
        let away = Left { trash: None, ..EMPTY };
        assert!(!may_go(&away));
        assert!(may_go(&Left { marked: false, ..away }));
        assert!(!may_go(&Left {
            marked: false,
            recorded: true,
            ..away
        }));
    }

    #[test]
    fn of_a_backend_without_an_id_nothing_is_known_unless_contents_are_read_or_it_takes_none() {
        let takes = |snapshot| Capabilities {
            snapshot,
            ..Capabilities::default()
        };
        for (served, known) in [
            (Served::Yes, true),
            (Served::NotInstalled, true),
            (Served::Unknown, false),
            (Served::Forbidden, false),
        ] {
            for can in [None, Some(takes(true))] {
                assert_eq!(contents_are_unknown(served, can).is_none(), known, "{served:?}");
            }
            assert_eq!(contents_are_unknown(served, Some(takes(false))), None);
        }
    }
}
