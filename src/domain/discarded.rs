//! The record beside a discarded volume: when it was discarded, and all that making it again needs.

use super::access::MountMode;
use super::ids::{BackendName, ClaimRef, ClassName, Handle, VolumeId};
use serde::{Deserialize, Serialize};
use tombolo_backend_api::TrashEntry;

/// Contents of a trash entry's record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Discarded {
    /// The volume.
    pub volume: VolumeId,
    /// The StorageBackend.
    pub backend: BackendName,
    /// Where it was.
    pub handle: Handle,
    /// Whose it was.
    pub owner: ClaimRef,
    /// Its class.
    pub class: Option<ClassName>,
    /// Its size in bytes.
    pub bytes: u64,
    /// Who mounted it on nodes.
    #[serde(default, skip_serializing_if = "MountMode::goes_unsaid")]
    pub mount: MountMode,
    /// When it was discarded.
    pub at: jiff::Timestamp,
}

impl Discarded {
    /// What an entry's record says; `None` if it has none that can be read.
    pub fn of(entry: &TrashEntry) -> Option<Self> {
        entry.record.as_ref().and_then(|record| Self::deserialize(record).ok())
    }
}
