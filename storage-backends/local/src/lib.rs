//! A directory on one node as a storage backend: `hostPath` volumes for kind, minikube, single-node clusters and tests.
//!
//! It must never follow a symbolic link below its root, never cross into another file system, and never build a path by
//! joining text: everything goes through `*at()` calls on open directories (`dir`), off the async threads and with a
//! deadline (`blocking`). Removing trees is in `purge`, everything else about discarded volumes in `trash`; copying them is in
//! `copies` and `snapshots`, adding up what they use in `measure`.
//!
//! What is public besides [`Local`] is for backends on a directory of this machine that do more with it.

mod backend;
pub mod blocking;
mod config;
mod copies;
pub mod dir;
pub mod error;
pub mod mark;
mod measure;
mod purge;
mod snapshots;
pub mod trash;
mod volumes;

pub use backend::Local;
pub use config::{Config, InvalidConfig};

/// Name of this driver.
pub const NAME: &str = "local";
