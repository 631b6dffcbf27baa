//! A filer and its NFS-Ganesha from one configuration: opened together, and kept as they should be.
//!
//! `tombolo-filer` and a controller in the same process begin here. It must not wait for the server: a host boots with the filer
//! first, so that volumes are mounted before anything exports them. Start at [`Served::open`]; the configuration is in `config.rs`.

mod config;
mod keep;
mod look;

pub use config::{InvalidServed, ServedConfig};
pub use keep::Settling;
pub use look::Looked;

use crate::filer::Filer;
use crate::ganesha::GaneshaExports;
use crate::settle::Settled;
use std::sync::Arc;
use std::time::Duration;
use tombolo_backend_api::BackendError;

/// A filer whose exports are those of an NFS-Ganesha on this host.
#[derive(Clone)]
pub struct Served {
    filer: Filer,
    exports: GaneshaExports,
}

impl Served {
    /// Reads the records of exports, looks at the root, and settles once: afterwards volumes are mounted and exported, if the server is
    /// there. How that went is the second value. An error of it is nothing to give up for: the root may carry no mark
    /// yet, and the server may start later; whoever [keeps it settled](Self::keep_settled) mends that.
    ///
    /// # Errors
    /// `Invalid` if the configuration cannot be served on this host, `Denied` if it lacks a right or a program, `Waiting` if the
    /// root is not there, or if another process has the records of the exports.
    pub async fn open(config: &ServedConfig) -> Result<(Self, Result<Settled, BackendError>), BackendError> {
        let exports = GaneshaExports::open(config.exporter().clone()).await?;
        let filer = Filer::open(config.storage().clone(), Arc::new(exports.clone())).await?;
        let served = Self { filer, exports };
        let first = served.filer.settle().await;
        Ok((served, first))
    }

    /// The backend. Clones are one.
    pub fn filer(&self) -> &Filer {
        &self.filer
    }

    /// The exports. Clones are one.
    pub fn exports(&self) -> &GaneshaExports {
        &self.exports
    }

    /// Settles again after `every`, sooner where it failed, and so on until the value is dropped. `tell` is told how each time went, and
    /// must return at once. Dropping it midway is safe: whatever is left is done by the next.
    ///
    /// A server that was started anew is not waited for here: its exports are mended as soon as it is on the bus.
    pub fn keep_settled(
        &self,
        every: Duration,
        tell: impl Fn(&Result<Settled, BackendError>) + Send + 'static,
    ) -> Settling {
        keep::keep_settled(self.filer.clone(), every, tell)
    }
}
