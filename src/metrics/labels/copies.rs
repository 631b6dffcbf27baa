//! How copies end.

use super::Label;
use prometheus_client::encoding::EncodeLabelSet;
use strum::{IntoStaticStr, VariantArray};

/// How an attempt to copy ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum CopyEnd {
    /// Done.
    Succeeded,
    /// It is tried again.
    Failed,
    /// The source does not fit.
    TooLarge,
    /// Nobody wants it any more, or somebody else makes it.
    Stopped,
    /// It was given up half-way, as the process is ending.
    Cancelled,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(in crate::metrics) struct CopyLabels {
    pub(in crate::metrics) outcome: Label<CopyEnd>,
}
