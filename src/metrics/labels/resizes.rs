//! How resizes end.

use super::Label;
use prometheus_client::encoding::EncodeLabelSet;
use strum::{IntoStaticStr, VariantArray};

/// How a claim that asks for another size fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Resized {
    /// It has it.
    Succeeded,
    /// It does not, and was told why.
    Refused,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(in crate::metrics) struct ResizeLabels {
    pub(in crate::metrics) outcome: Label<Resized>,
}
