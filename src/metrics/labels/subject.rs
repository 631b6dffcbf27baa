//! What is looked at.

use strum::{IntoStaticStr, VariantArray};

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Subject {
    /// A PersistentVolumeClaim.
    Claim,
    /// A PersistentVolume.
    Volume,
    /// A reference of any kind, a CrossNamespaceSource among them.
    Reference,
    /// A StorageBackend.
    Backend,
    /// A SharedVolume.
    SharedVolume,
    /// A VolumeSnapshot, or what stands behind one.
    Snapshot,
    /// The periodic sweep.
    Sweep,
}
