//! The record beside a discarded volume: when it was discarded, and all that making it again needs.

use super::ids::{BackendName, ClaimRef, ClassName, Handle, VolumeId};
use serde::{Deserialize, Serialize};

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
    /// When it was discarded.
    pub at: jiff::Timestamp,
}
