//! Names and UIDs of Kubernetes objects, and the names we derive from them.
//!
//! A value of one of these types was checked where it was read. Nothing here reads or decides.

use serde::{Deserialize, Serialize};
use std::fmt;
use tombolo_backend_api::{BackendId, VolumePath};

macro_rules! text_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes a name that the API server has already checked.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_newtype!(
    /// Name of a namespace.
    Namespace
);
text_newtype!(
    /// UID of a PersistentVolumeClaim.
    ClaimUid
);
text_newtype!(
    /// Name of a PersistentVolume.
    PvName
);
text_newtype!(
    /// UID of a PersistentVolume.
    PvUid
);
text_newtype!(
    /// An object's resourceVersion: handed back to the API server, and compared only with another one of the same object.
    ResourceVersion
);

impl ResourceVersion {
    /// Whether it is newer than another version of the same object: they are numbers that grow (KEP-5504). Of what is no number,
    /// nothing is newer.
    pub fn is_newer_than(&self, other: &Self) -> bool {
        let numbers = (self.0.parse::<u128>(), other.0.parse::<u128>());
        matches!(numbers, (Ok(this), Ok(other)) if this > other)
    }
}

text_newtype!(
    /// Name of a StorageBackend; at most 63 characters, so that it is a label value.
    BackendName
);
text_newtype!(
    /// Name of a StorageClass.
    ClassName
);
text_newtype!(
    /// Identity of a volume: the owner's PersistentVolume's name.
    VolumeId
);

text_newtype!(
    /// UID of a VolumeSnapshot.
    SnapshotUid
);
text_newtype!(
    /// Name of a VolumeSnapshotClass.
    SnapshotClassName
);
text_newtype!(
    /// Name of a VolumeSnapshotContent.
    ContentName
);
text_newtype!(
    /// UID of a VolumeSnapshotContent.
    ContentUid
);

impl ClaimUid {
    /// The name of the PersistentVolume made for this claim: a function of the UID, so that a second attempt after a crash
    /// finds the first one's volume (as sig-storage-lib-external-provisioner names them).
    pub fn pv_name(&self) -> PvName {
        PvName(format!("pvc-{}", self.0))
    }
}

impl PvName {
    /// The claim UID in a name of the form `pvc-<uid>`.
    pub fn claim_uid(&self) -> Option<ClaimUid> {
        self.0
            .strip_prefix("pvc-")
            .filter(|uid| !uid.is_empty())
            .map(ClaimUid::new)
    }
}

impl From<&PvName> for VolumeId {
    fn from(name: &PvName) -> Self {
        Self(name.0.clone())
    }
}

impl VolumeId {
    /// Name of the owner's PersistentVolume.
    pub fn pv_name(&self) -> PvName {
        PvName(self.0.clone())
    }
}

/// Namespace and name of a claim.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ClaimKey {
    /// The namespace.
    pub namespace: Namespace,
    /// The name.
    pub name: String,
}

impl ClaimKey {
    /// Puts the two together.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            namespace: Namespace::new(namespace),
            name: name.into(),
        }
    }
}

impl fmt::Display for ClaimKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// One particular claim: its key and its UID. A claim deleted and made again under its name is another one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ClaimRef {
    /// Where it is.
    #[serde(flatten)]
    pub key: ClaimKey,
    /// Which one it is.
    pub uid: ClaimUid,
}

/// Where a volume's data is: the marked root and the path below it. Written on its PersistentVolume at birth.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Handle {
    /// The root.
    pub backend: BackendId,
    /// The path below it.
    pub path: VolumePath,
}

impl Handle {
    /// Reads `<backend id>:<path>`.
    pub fn parse(text: &str) -> Option<Self> {
        let (backend, path) = text.split_once(':')?;
        Some(Self {
            backend: BackendId::parse(backend)?,
            path: VolumePath::parse(path).ok()?,
        })
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.backend, self.path)
    }
}

/// Whether `text` is a DNS-1123 label: what a namespace's name is.
pub fn is_dns_label(text: &str) -> bool {
    let edge = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (1..=63).contains(&text.len())
        && text.bytes().all(|b| edge(b) || b == b'-')
        && text.bytes().next().is_some_and(edge)
        && text.bytes().next_back().is_some_and(edge)
}

/// Whether `text` is a DNS-1123 subdomain: what a claim's name is.
pub fn is_dns_subdomain(text: &str) -> bool {
    let edge = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let label = |l: &str| {
        l.bytes().all(|b| edge(b) || b == b'-')
            && l.bytes().next().is_some_and(edge)
            && l.bytes().next_back().is_some_and(edge)
    };
    (1..=253).contains(&text.len()) && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pv_name_is_a_function_of_the_claim_uid_and_back() {
        let uid = ClaimUid::new("0b5c");
        assert_eq!(uid.pv_name().as_str(), "pvc-0b5c");
        assert_eq!(uid.pv_name().claim_uid(), Some(uid));
        assert_eq!(PvName::new("other").claim_uid(), None);
        assert_eq!(PvName::new("pvc-").claim_uid(), None);
    }

    #[test]
    fn handles_read_back_what_they_print() {
        let handle = Handle::parse("6d1f:pvc-1").unwrap();
        assert_eq!(Handle::parse(&handle.to_string()), Some(handle));
        for bad in ["", "6d1f", ":x", "6d1f:", "6d1f:../x", "6 d:x"] {
            assert_eq!(Handle::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn dns_names() {
        for good in ["a", "a-b", "0a", &"a".repeat(63)] {
            assert!(is_dns_label(good), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a.b", "a_b", " a", &"a".repeat(64)] {
            assert!(!is_dns_label(bad), "{bad}");
        }
        assert!(is_dns_subdomain("a.b-c.d"));
        for bad in ["", ".", "a.", ".a", "a..b", "A.b", "a/b"] {
            assert!(!is_dns_subdomain(bad), "{bad}");
        }
    }
}
