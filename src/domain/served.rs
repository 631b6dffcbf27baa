//! Whether the kinds of other projects can be read: their definitions are installed by whoever runs the cluster, before us, later, or never.

use strum::{IntoStaticStr, VariantArray};

/// Whether a kind can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Served {
    /// Not known yet.
    #[default]
    Unknown,
    /// It can.
    Yes,
    /// Its definition is not installed.
    NotInstalled,
    /// We may not read it.
    Forbidden,
}
