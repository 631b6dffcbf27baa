//! What users see on the wire: names, kinds, reasons. No logic.
//!
//! A kind's file has its types, schema, rules and columns; [`crds`] makes them into what `crds/` holds. A kind is read tolerantly
//! (`tolerant`): no stored object, however odd, ends a watch.

pub mod access;
pub mod conditions;
mod crds;
pub mod cross_namespace_source;
pub mod names;
pub mod reasons;
pub mod revocation;
pub mod shared_volume;
pub mod storage_backend;
mod tolerant;
pub mod trident_volume_reference;
pub mod volume_reference;

pub use crds::{all_crds, crd_files};
