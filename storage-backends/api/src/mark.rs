//! The mark of a root: who owns the directory tree below it.
//!
//! An unmounted disk, a re-created `StorageBackend` or a volume restored from another cluster's backup all look like "the
//! data is not there". The mark tells them apart from a deletion that has already happened.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Identity of one marked root, random, in its mark, in the `StorageBackend`'s status and in every volume's handle.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^[A-Za-z0-9-]{1,63}$"))]
pub struct BackendId(String);

/// Why a text is no [`BackendId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a backend's id is 1 to 63 of [A-Za-z0-9-]")]
pub struct InvalidBackendId;

impl BackendId {
    /// Takes an id: 1 to 63 of `[A-Za-z0-9-]`.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=63).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        fits.then(|| Self(text.to_owned()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for BackendId {
    type Error = InvalidBackendId;
    fn try_from(text: String) -> Result<Self, InvalidBackendId> {
        Self::parse(&text).ok_or(InvalidBackendId)
    }
}

impl From<BackendId> for String {
    fn from(id: BackendId) -> Self {
        id.0
    }
}

impl fmt::Display for BackendId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Identity of a cluster: the UID of its namespace `kube-system`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ClusterId(pub String);

/// Contents of `.tombolo/backend.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Mark {
    /// Which root this is.
    #[serde(rename = "backendID")]
    pub backend_id: BackendId,
    /// Whose it is.
    #[serde(rename = "clusterID")]
    pub cluster_id: ClusterId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_fits_a_label_and_a_handle() {
        let longest = "a".repeat(63);
        for good in ["a", "A-1", "0b1e6d7c-1f5a-4c39-8a43-6f2f5b1f7d10", &longest] {
            assert_eq!(BackendId::parse(good).map(|id| id.to_string()).as_deref(), Some(good));
        }
        for bad in ["", "a/b", "a b", "a.b", "é", "a\n", &"a".repeat(64)] {
            assert_eq!(BackendId::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_mark_with_an_id_that_is_none_is_no_mark() {
        let text = r#"{"backendID":"a/b","clusterID":"c-1"}"#;
        assert!(serde_json::from_str::<Mark>(text).is_err());
    }

    #[test]
    fn a_mark_reads_as_it_is_documented() {
        let text = r#"{"backendID":"b-1","clusterID":"c-1"}"#;
        let mark: Mark = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&mark).unwrap(), text);
    }
}
