//! How copies end.

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
