//! Changes of exports that are counted.

use strum::{IntoStaticStr, VariantArray};

/// What became of a way to a volume's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum ExportChange {
    /// It lets through nothing any more.
    Cut,
    /// It lets through reading and nothing else any more.
    ReadOnly,
    /// It lets through more again.
    Restored,
    /// It was missing.
    Made,
    /// Nobody needed it any more.
    Released,
}
