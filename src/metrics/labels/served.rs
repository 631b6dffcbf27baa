//! Whether kinds of other projects can be read.

use super::Label;
use crate::domain::served::Served;
use prometheus_client::encoding::EncodeLabelSet;
use strum::{IntoStaticStr, VariantArray};

/// A kind of another project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr, VariantArray)]
pub enum ForeignKind {
    /// Of the Gateway API.
    ReferenceGrant,
    /// Of the external-snapshotter.
    VolumeSnapshot,
    /// What stands behind one.
    VolumeSnapshotContent,
    /// How they are taken.
    VolumeSnapshotClass,
    /// Of the volume-data-source-validator.
    VolumePopulator,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(in crate::metrics) struct ServedLabels {
    pub(in crate::metrics) kind: Label<ForeignKind>,
    pub(in crate::metrics) state: Label<Served>,
}
