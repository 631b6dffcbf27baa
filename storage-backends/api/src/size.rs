//! How much a volume may hold, and how much it does.

use crate::{BackendError, Found, VolumePath};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// What a volume uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// Bytes on disk that are charged to it, those of its snapshots included where they are charged to it.
    pub bytes: u64,
    /// Its files, where that is known without counting them.
    pub files: Option<u64>,
}

/// Changing the size of a volume where the size is a limit.
#[async_trait]
pub trait Resize: Send + Sync {
    /// Makes the volume's limit `bytes`, at once. `TooLarge` if it uses more than that already, `Invalid` if it is not there.
    async fn resize_volume(&self, path: &VolumePath, bytes: u64) -> Result<Found, BackendError>;
}

/// Sizes that are limits. A volume has its limit before anybody can write to it; writers beyond it, and nobody else, get errors.
#[async_trait]
pub trait Quota: Send + Sync {
    /// Bytes of volumes which are gone that others (snapshots, clones) still hold: charged to nobody who could free them.
    async fn pinned(&self) -> Result<u64, BackendError>;
}

/// Asking what a volume uses.
#[async_trait]
pub trait Measure: Send + Sync {
    /// What the volume uses now; `None` if it is not there.
    async fn measure_volume(&self, path: &VolumePath) -> Result<Option<Usage>, BackendError>;
}
