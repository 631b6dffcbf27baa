//! The drivers that this build has: one line each, behind its feature. Adding a backend touches its own directory, this list
//! and `Cargo.toml`, and nothing in the plan.
//!
//! The list is written by hand: a reader sees what there is, and nothing depends on what a linker keeps.

use crate::api::storage_backend::{Driver, StorageBackendSpec};
use async_trait::async_trait;
use std::sync::Arc;
use tombolo_backend_api::{Backend, BackendError, Class};

/// A driver, opened.
pub struct Opened {
    /// What reaches it.
    pub driver: Arc<dyn Backend>,
    /// The node it lies on, if it is a directory of one.
    pub node: Option<String>,
}

/// Opens drivers.
#[async_trait]
pub trait Drivers: Send + Sync + 'static {
    /// Opens the driver that a StorageBackend names. What a driver can do must be known before anything is planned on it, so one
    /// that is elsewhere has to be asked first.
    ///
    /// # Errors
    /// `Invalid`, for the admin, if its configuration is wrong; otherwise what a driver answers that is away.
    async fn open(&self, spec: &StorageBackendSpec) -> Result<Opened, BackendError>;
}

/// All that this build has.
pub struct Registry;

#[async_trait]
impl Drivers for Registry {
    async fn open(&self, spec: &StorageBackendSpec) -> Result<Opened, BackendError> {
        match spec.driver().map_err(wrong)? {
            #[cfg(feature = "backend-nfs")]
            Driver::Nfs(nfs) => {
                let config = serde_json::to_value(nfs).and_then(serde_json::from_value);
                let driver = tombolo_backend_nfs::open(config.map_err(wrong)?);
                Ok(Opened {
                    driver: Arc::new(driver),
                    node: None,
                })
            }
            #[cfg(feature = "backend-local")]
            Driver::Local(local) => {
                let config = tombolo_backend_local::Config::parse(&local.path, &local.node).map_err(wrong)?;
                Ok(Opened {
                    driver: Arc::new(tombolo_backend_local::Local::open(&config)),
                    node: Some(local.node),
                })
            }
            #[allow(unreachable_patterns, reason = "a build with every driver has an arm for each")]
            _ => Err(wrong("this build does not have the driver that is set")),
        }
    }
}

fn wrong(why: impl std::fmt::Display) -> BackendError {
    BackendError::not_done(Class::Invalid, why.to_string())
}
