//! Copies of a volume: clones, snapshots, and volumes made from snapshots.

use crate::{BackendError, CreateVolume, VolumePath};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Name of a snapshot: one component of a [`VolumePath`], chosen by the caller.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$", "not" = serde_json::json!({ "pattern": r"\.json$" })))]
pub struct SnapshotId(VolumePath);

/// Why a text is no [`SnapshotId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a snapshot's name is one component of [A-Za-z0-9._-]{{1,128}} without a leading dot, and does not end with .json"
)]
pub struct InvalidSnapshotId;

impl SnapshotId {
    /// Parses `text`; nothing is normalised.
    pub fn parse(text: &str) -> Result<Self, InvalidSnapshotId> {
        let path = VolumePath::parse(text).map_err(|_| InvalidSnapshotId)?;
        if text.contains('/') || text.ends_with(".json") {
            return Err(InvalidSnapshotId);
        }
        Ok(Self(path))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<String> for SnapshotId {
    type Error = InvalidSnapshotId;
    fn try_from(text: String) -> Result<Self, InvalidSnapshotId> {
        Self::parse(&text)
    }
}

impl From<SnapshotId> for String {
    fn from(id: SnapshotId) -> Self {
        id.0.into()
    }
}

/// A snapshot that is complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// Its name.
    pub id: SnapshotId,
    /// The volume that it was taken of, which may be gone.
    pub of: VolumePath,
    /// When it was taken, by the server's clock.
    pub taken: jiff::Timestamp,
    /// Bytes that a volume restored from it needs.
    pub bytes: u64,
}

/// How a copy is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CopyTerms {
    /// The term of the leader that copies. An unfinished copy carries it in its name: a later leader takes the copy over by renaming
    /// it to its own term first, so that the last step of an earlier one fails.
    pub epoch: u64,
    /// Whether setuid and setgid bits of files are dropped, because the copy is another tenant's.
    pub drop_set_id: bool,
    /// Files, directories and links that a source may have at most, where they are copied one by one.
    pub max_entries: u64,
}

/// How far a copy has come, what an earlier attempt left included, and told apart. All zero where the file system copies a tree as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Copied {
    /// Bytes of files written. Holes count nothing.
    pub bytes: u64,
    /// Regular files, symbolic links and further names of hard links made.
    pub files: u64,
    /// Directories made, the copy's own among them.
    pub directories: u64,
    /// Devices, sockets and FIFOs left out.
    pub skipped: u64,
    /// Of the bytes, those that an earlier attempt had written.
    #[serde(default)]
    pub reused_bytes: u64,
    /// Of the files, those that an earlier attempt had made.
    #[serde(default)]
    pub reused_files: u64,
}

impl Copied {
    /// Bytes and files that this attempt has made.
    pub const fn anew(&self) -> (u64, u64) {
        (
            self.bytes.saturating_sub(self.reused_bytes),
            self.files.saturating_sub(self.reused_files),
        )
    }
}

/// What a copy has still found of its source; it grows until the whole source was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// Bytes of its files.
    pub bytes: u64,
    /// Its files, links and directories.
    pub entries: u64,
    /// Whether that is all of it.
    pub whole: bool,
}

/// Told now and then while a copy runs; must return at once.
pub trait CopyProgress: Send + Sync {
    /// So much has been written until now, of a source of which so much has been seen.
    fn copied(&self, done: Copied, of: Seen);
}

impl CopyProgress for () {
    fn copied(&self, _: Copied, _: Seen) {}
}

/// Volumes made as copies of volumes.
///
/// Regular files, directories, symbolic links as such, hard links within the tree and holes come across with mode, owner, times and,
/// where the protocol has them, extended attributes. Devices, sockets and FIFOs are left out and counted. A copy is on stable storage
/// before it is called done, and does not stand at its path before that. Its own directory has the mode that was asked for.
///
/// Where the file system copies a tree as a whole, everything in it comes across, nothing is counted, and entries have no limit;
/// bits that are to be dropped are dropped all the same.
///
/// Idempotent: a target that exists is success and is left alone, whatever has become of the source. What was interrupted goes on where it was, also under another
/// epoch; under an older one than that of what is there it is `Transient`, nothing done.
#[async_trait]
pub trait Clones: Send + Sync {
    /// Makes `into` as a copy of the volume at `from`, as it is while the copy runs.
    ///
    /// `TooLarge` if the source has more bytes than `into`, or more entries than the terms allow: what was written until then is in
    /// the trash, under purge. `Invalid` if there is no source.
    async fn clone_volume(
        &self,
        from: &VolumePath,
        into: &CreateVolume,
        terms: &CopyTerms,
        progress: &dyn CopyProgress,
    ) -> Result<Copied, BackendError>;

    /// Puts what unfinished copies into `into` have written into the trash, under purge. One that still runs, here or elsewhere,
    /// fails, as `Transient`. Absent is success; a finished copy is a volume, and stays.
    async fn abandon_copy(&self, into: &VolumePath) -> Result<(), BackendError>;
}

/// Volumes as they were. A snapshot outlives its volume. Whoever takes snapshots also makes [`Clones`].
#[async_trait]
pub trait Snapshots: Send + Sync {
    /// Takes a snapshot, under the rules of [`Clones`]. `bytes` is the size of the volume now. One of that name that exists is the
    /// answer if it is of the same volume, and otherwise `Invalid`.
    async fn take_snapshot(
        &self,
        id: &SnapshotId,
        of: &VolumePath,
        bytes: u64,
        terms: &CopyTerms,
        progress: &dyn CopyProgress,
    ) -> Result<Snapshot, BackendError>;

    /// The snapshot of a name, if it is complete.
    async fn find_snapshot(&self, id: &SnapshotId) -> Result<Option<Snapshot>, BackendError>;

    /// All that are complete.
    async fn list_snapshots(&self) -> Result<Vec<Snapshot>, BackendError>;

    /// Removes a snapshot, complete or not, in one step: what takes longer is in the trash, under purge. Absent is success.
    async fn remove_snapshot(&self, id: &SnapshotId) -> Result<(), BackendError>;

    /// Makes `into` from a snapshot, under the rules of [`Clones`]. `Invalid` if there is no such snapshot.
    async fn restore_snapshot(
        &self,
        id: &SnapshotId,
        into: &CreateVolume,
        terms: &CopyTerms,
        progress: &dyn CopyProgress,
    ) -> Result<Copied, BackendError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_has_a_name_that_cannot_be_taken_for_something_else() {
        for good in ["snapshot-1", "a.b_c"] {
            assert_eq!(SnapshotId::parse(good).map(String::from), Ok(good.to_owned()));
        }
        for bad in [
            "",
            "a/b",
            ".a",
            "..",
            "a.json",
            "a b",
            "a\0",
            "é",
            "a\"",
            &"a".repeat(129),
        ] {
            assert_eq!(SnapshotId::parse(bad), Err(InvalidSnapshotId), "{bad:?}");
        }
    }
}
