//! Discarded volumes: a rename into the trash, a record beside it, and a purge later.

use crate::{BackendError, VolumePath};
use serde::{Deserialize, Serialize};

/// Name of a trash entry: its directory in the trash, and with `.json` its record.
///
/// The caller chooses it, so that a repeated discard finds its own entry.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$", "not" = serde_json::json!({ "pattern": r"^purging-|\.json$" })))]
pub struct TrashId(VolumePath);

/// Why a text is no [`TrashId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a trash entry's name is one component of [A-Za-z0-9._-]{{1,128}} without a leading dot; it does not begin with \
     purging-, and does not end with .json"
)]
pub struct InvalidTrashId;

impl TrashId {
    /// Takes a name of one component that does not begin with the prefix of entries under purge.
    pub fn parse(text: &str) -> Option<Self> {
        let path = VolumePath::parse(text).ok()?;
        (!text.contains('/') && !text.starts_with(crate::PURGING_PREFIX) && !text.ends_with(".json"))
            .then_some(Self(path))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl TryFrom<String> for TrashId {
    type Error = InvalidTrashId;
    fn try_from(text: String) -> Result<Self, InvalidTrashId> {
        Self::parse(&text).ok_or(InvalidTrashId)
    }
}

impl From<TrashId> for String {
    fn from(id: TrashId) -> Self {
        id.0.into()
    }
}

impl std::fmt::Display for TrashId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What becomes of a volume's data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Disposal {
    /// Into the trash, with a record by which it can be restored.
    Trash {
        /// The entry's name.
        id: TrashId,
        /// The record, opaque to the backend; written before the rename.
        record: serde_json::Value,
    },
    /// Into the archive, for ever.
    Archive {
        /// The name there.
        id: TrashId,
    },
}

/// An entry found in the trash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrashEntry {
    /// The entry's name.
    pub id: TrashId,
    /// Its record; `None` if it is missing or unreadable.
    pub record: Option<serde_json::Value>,
    /// What there is of it.
    pub remains: Remains,
    /// When its directory was last changed as such (`st_ctime`, which a rename sets), by the server's clock; where there is no
    /// directory, its record. Only what has no readable record is judged by it: whoever still has the volume mounted can put
    /// it off.
    pub since: jiff::Timestamp,
}

/// What there is of a trash entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum Remains {
    /// The volume, whole: it can be restored.
    Whole,
    /// What a purge that has begun has left: it can only be finished.
    Purging,
    /// A record and nothing else: the discard that wrote it was cut off before its rename, or was the slower of two.
    RecordOnly,
}

/// How far a purge has come. A tree that the file system removes as a whole is one directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Purged {
    /// Files, symlinks and special files removed.
    pub files: u64,
    /// Directories removed, the entry's own among them.
    pub directories: u64,
}

/// Told now and then while a purge runs; must return at once.
pub trait PurgeProgress: Send + Sync {
    /// So much has been removed until now.
    fn purged(&self, so_far: Purged);
}

impl PurgeProgress for () {
    fn purged(&self, _: Purged) {}
}

/// Reads a record's bytes; unreadable ones are `None`, because a purge must not depend on them.
pub fn read_record(bytes: &[u8]) -> Option<serde_json::Value> {
    serde_json::from_slice(bytes).ok()
}

/// Writes a record's bytes.
pub fn write_record(record: &serde_json::Value) -> Result<Vec<u8>, BackendError> {
    serde_json::to_vec(record)
        .map_err(|e| BackendError::not_done(crate::Class::Bug, "a trash record does not serialise").because(e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_one_component_that_cannot_be_taken_for_something_else() {
        for good in ["pvc-1", "pvc-1.2024-01-01", "json", "my-purging-entry"] {
            assert_eq!(TrashId::parse(good).map(|id| id.to_string()).as_deref(), Some(good));
        }
        for bad in ["", "a/b", ".a", "..", "purging-a", "purging-", "a.json", "é"] {
            assert_eq!(TrashId::parse(bad), None, "{bad:?}");
            assert!(serde_json::from_value::<TrashId>(bad.into()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_record_survives_its_own_bytes_and_garbage_is_none() {
        let record = serde_json::json!({ "volume": "pvc-1" });
        let bytes = write_record(&record).unwrap();
        assert_eq!(read_record(&bytes), Some(record));
        assert_eq!(read_record(bytes.get(..bytes.len() - 1).unwrap()), None);
        assert_eq!(read_record(b""), None);
    }
}
