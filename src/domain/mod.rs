//! Values that cannot be wrong. Kubernetes objects are parsed into them once, at the edge.
//!
//! Synchronous and pure: no client, no clock, no log.

pub mod access;
pub mod ids;
pub mod record;
