//! A directory on one node as a storage backend: `hostPath` volumes for kind, minikube, single-node clusters and tests.
//!
//! It must never follow a symbolic link below its root, never cross into another file system, and never build a path by
//! joining text: everything goes through `*at()` calls on open directories (`dir`), off the async threads and with a
//! deadline (`blocking`). Removing trees is in `purge`, everything else about discarded volumes in `trash`; copying them is in
//! `copies` and `snapshots`, adding up what they use in `measure`.

mod backend;
mod blocking;
mod config;
mod copies;
mod dir;
mod error;
mod mark;
mod measure;
mod purge;
mod snapshots;
mod trash;
mod volumes;

pub use backend::Local;
pub use config::{Config, InvalidConfig};

/// Name of this driver.
pub const NAME: &str = "local";
