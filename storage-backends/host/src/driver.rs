//! The drivers that this build has, one line each.

use crate::check::{Check, local};
use serde::Deserialize;
use std::sync::Arc;
use tombolo_backend_api::Backend;
use tombolo_backend_local::Local;

/// Which backend, with its configuration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Driver {
    /// A directory of this host.
    Local(tombolo_backend_local::Config),
    /// A backend in memory, for tests.
    #[cfg(feature = "fake")]
    Fake {},
}

impl Driver {
    /// Opens it. Nothing has been asked of it yet.
    pub fn open(&self) -> Arc<dyn Backend> {
        match self {
            Self::Local(config) => Arc::new(Local::open(config)),
            #[cfg(feature = "fake")]
            Self::Fake {} => Arc::new(tombolo_backend_fake::Fake::default()),
        }
    }

    /// What it needs of this host.
    pub fn checks(&self) -> Vec<Check> {
        match self {
            Self::Local(config) => local::checks(config),
            #[cfg(feature = "fake")]
            Self::Fake {} => Vec::new(),
        }
    }
}
