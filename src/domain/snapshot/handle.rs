//! The name of a snapshot on its backend, which is our record of whose it is.
//!
//! A VolumeSnapshotContent says which data is behind a VolumeSnapshot, and whoever can write one can say anything. So the snapshot's own
//! name on the backend says for which VolumeSnapshot, and in which namespace, it was taken: `snapshot-<UID>-<digest of the namespace>`. The
//! UID is the API server's, nobody can choose it; the name was chosen when the snapshot was taken, after looking at the live objects.
//! There is nothing to lose and nothing to rebuild: the record is where the data is.

use crate::api::names;
use crate::domain::ids::{ContentName, Namespace, SnapshotUid};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use tombolo_backend_api::{BackendId, SnapshotId};

/// Longest UID that is one.
const UID: usize = 64;
/// Snapshots that an annotation may import.
const IMPORTS: usize = 1000;
/// Length of the digest in a name.
const DIGEST: usize = 32;

/// Where a snapshot's data is: the marked root and its name there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SnapshotHandle {
    /// The root.
    pub backend: BackendId,
    /// Its name.
    pub id: SnapshotId,
}

impl SnapshotHandle {
    /// Reads `<backend id>:<snapshot id>`.
    pub fn parse(text: &str) -> Option<Self> {
        let (backend, id) = text.split_once(':')?;
        Some(Self {
            backend: BackendId::parse(backend)?,
            id: SnapshotId::parse(id).ok()?,
        })
    }
}

impl fmt::Display for SnapshotHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.backend, self.id)
    }
}

/// The name of the snapshot that is taken for a VolumeSnapshot. `None`: that is no UID.
pub fn id_for(uid: &SnapshotUid, namespace: &Namespace) -> Option<SnapshotId> {
    let text = uid.as_str();
    let plain = (1..=UID).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    plain.then(|| SnapshotId::parse(&format!("snapshot-{text}-{}", digest(namespace))).ok())?
}

/// The VolumeSnapshot that a content of this name is made for. `None`: a content of any other name.
pub fn snapshot_of(content: &ContentName) -> Option<SnapshotUid> {
    content
        .as_str()
        .strip_prefix(names::SNAPSHOT_CONTENT_PREFIX)
        .map(SnapshotUid::new)
}

/// The part of a snapshot's name that says for which namespace it was taken. `None`: the name is none of ours.
pub fn digest_of(id: &SnapshotId) -> Option<&str> {
    let (uid, digest) = id.as_str().strip_prefix("snapshot-")?.rsplit_once('-')?;
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    (!uid.is_empty() && digest.len() == DIGEST && digest.bytes().all(hex)).then_some(digest)
}

/// The UID of the VolumeSnapshot that a snapshot was taken for. `None`: the name is none of ours.
pub fn uid_of(id: &SnapshotId) -> Option<SnapshotUid> {
    let uid = id.as_str().strip_prefix("snapshot-")?.strip_suffix(digest_of(id)?)?;
    Some(SnapshotUid::new(uid.strip_suffix('-')?))
}

/// The name of the content that is made for a VolumeSnapshot, as the snapshot-controller looks for it.
pub fn content_name(uid: &SnapshotUid) -> ContentName {
    ContentName::new(format!("{}{uid}", names::SNAPSHOT_CONTENT_PREFIX))
}

/// The same part of the names of what is taken for this namespace.
pub fn digest(namespace: &Namespace) -> String {
    let digest = Sha256::digest(namespace.as_str().as_bytes());
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Snapshots that an admin gives to namespaces, for contents there to name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Imports(BTreeSet<(String, String)>);

impl Imports {
    /// Those of a StorageBackend.
    pub fn of(annotations: &BTreeMap<String, String>) -> Self {
        let text = annotations.get(names::ANNOTATION_IMPORT_SNAPSHOTS);
        text.map(|text| Self::parse(text)).unwrap_or_default()
    }

    /// Reads the annotation's value: `<namespace>/<snapshot id>`, separated by commas or blanks. What is neither imports nothing.
    pub fn parse(text: &str) -> Self {
        let items = text.split([',', ' ', '\n', '\t']).filter(|item| !item.is_empty());
        let pairs = items.take(IMPORTS).filter_map(|item| item.split_once('/'));
        Self(
            pairs
                .map(|(namespace, id)| (namespace.to_owned(), id.to_owned()))
                .collect(),
        )
    }

    /// Whether a snapshot is given to any namespace.
    pub fn name(&self, id: &SnapshotId) -> bool {
        self.0.iter().any(|(_, given)| given == id.as_str())
    }

    /// Whether a snapshot is given to a namespace.
    pub fn give(&self, id: &SnapshotId, to: &Namespace) -> bool {
        self.0.contains(&(to.as_str().to_owned(), id.as_str().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(uid: &str, namespace: &str) -> Option<SnapshotId> {
        id_for(&SnapshotUid::new(uid), &Namespace::new(namespace))
    }

    #[test]
    fn a_snapshot_s_name_is_that_of_one_uid_in_one_namespace() {
        let id = named("8f2e-1", "team").unwrap();
        assert_eq!(named("8f2e-1", "team"), Some(id.clone()));
        for other in [named("8f2e-2", "team"), named("8f2e-1", "other"), named("8f2e", "team")] {
            assert_ne!(other, Some(id.clone()));
        }
    }

    #[test]
    fn a_name_of_ours_says_for_whom_it_was_taken_and_no_other_does() {
        let id = named("8f2e-1", "team").unwrap();
        assert_eq!(uid_of(&id), Some(SnapshotUid::new("8f2e-1")));
        assert_eq!(digest_of(&id), Some(&*digest(&Namespace::new("team"))));
        for other in [
            "data",
            "snapshot-1",
            "snapshot-8f2e-0123",
            "snapshot--0123456789abcdef0123456789abcdef",
            "Snapshot-a-b",
        ] {
            let other = SnapshotId::parse(other).unwrap();
            assert_eq!((uid_of(&other), digest_of(&other)), (None, None), "{other}");
        }
    }

    #[test]
    fn what_is_no_uid_names_nothing() {
        for uid in ["", "../x", "a/b", "a.json", "a b", "é", &"a".repeat(65)] {
            assert_eq!(named(uid, "team"), None, "{uid:?}");
        }
    }

    #[test]
    fn handles_read_back_what_they_print() {
        let handle = SnapshotHandle::parse("6d1f:snapshot-1").unwrap();
        assert_eq!(SnapshotHandle::parse(&handle.to_string()), Some(handle));
        for bad in ["", "6d1f", ":x", "6d1f:", "6d1f:../x", "6d1f:a/b", "6 d:x"] {
            assert_eq!(SnapshotHandle::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn an_import_names_a_namespace_and_a_snapshot() {
        let imports = Imports::parse("team/a, other/b\n/c d nothing/ x/y/z");
        let gives = |id: &str, to: &str| imports.give(&SnapshotId::parse(id).unwrap(), &Namespace::new(to));
        assert!(gives("a", "team") && gives("b", "other"));
        assert!(!gives("a", "other") && !gives("c", "team") && !gives("d", "team") && !gives("z", "x"));
    }
}
