//! What a copy is made of.

use crate::domain::ids::Handle;
use crate::domain::snapshot::handle::SnapshotHandle;
use std::fmt;
use tombolo_backend_api::BackendId;

/// Data that is read to make a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// A volume's.
    Volume(Handle),
    /// A snapshot's.
    Snapshot(SnapshotHandle),
}

impl Data {
    /// Where it lies.
    pub const fn backend(&self) -> &BackendId {
        match self {
            Self::Volume(handle) => &handle.backend,
            Self::Snapshot(handle) => &handle.backend,
        }
    }
}

impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Volume(handle) => write!(f, "{}", handle.path),
            Self::Snapshot(handle) => write!(f, "snapshot {}", handle.id),
        }
    }
}
