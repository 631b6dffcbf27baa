//! Values that cannot be wrong. Kubernetes objects are parsed into them once, at the edge.
//!
//! Synchronous and pure: no client, no clock, no log.

pub mod growth;
pub mod ids;

pub mod access;
pub mod annotations;
pub mod backend;
pub mod change;
pub mod claim;
pub mod class;
pub mod consent;
pub mod cross_source;
pub mod cut;
pub mod discarded;
pub mod grant;
pub mod hold;
pub mod node;
pub mod populator;
pub mod pv;
pub mod record;
pub mod reference;
pub mod served;
pub mod size;
pub mod snapshot;
pub mod source;
pub mod token;

#[cfg(test)]
mod properties;
