//! The drivers that this build has: one line each, behind its feature. Adding a backend touches its own directory, this list
//! and `Cargo.toml`, and nothing in the plan.
//!
//! The list is written by hand: a reader sees what there is, and nothing depends on what a linker keeps.

#[cfg(feature = "backend-remote")]
mod elsewhere;
#[cfg(feature = "backend-filer")]
mod filer;
mod secrets;

pub use secrets::Secrets;

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
    /// What has to be done for it while it is open, if anything.
    pub tending: Option<Arc<dyn Tending>>,
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

/// Looks after a driver for as long as it is open.
#[async_trait]
pub trait Tending: Send + Sync + 'static {
    /// Does what is to be done at every look at the backend, such as reading credentials anew.
    ///
    /// # Errors
    /// `Invalid`, for the admin, if what it needs cannot be used.
    async fn tend(&self) -> Result<Still, BackendError>;
}

/// Whether a driver still is what it was when it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Still {
    /// It is.
    Open,
    /// It says that it can do something else by now: open it anew.
    Outdated,
}

/// All that this build has.
#[derive(Clone, Default)]
pub struct Registry {
    /// What reads the Secrets that drivers name. Without it, drivers that need one are not opened.
    pub secrets: Option<Secrets>,
}

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
                    tending: None,
                })
            }
            #[cfg(feature = "backend-local")]
            Driver::Local(local) => {
                let config = tombolo_backend_local::Config::parse(&local.path, &local.node).map_err(wrong)?;
                Ok(Opened {
                    driver: Arc::new(tombolo_backend_local::Local::open(&config)),
                    node: Some(local.node),
                    tending: None,
                })
            }
            #[cfg(feature = "backend-filer")]
            Driver::Filer(driver) => filer::open(&driver, spec.limits.as_ref()).await,
            #[cfg(feature = "backend-remote")]
            Driver::Remote(remote) => elsewhere::open(remote, self.secrets.clone()).await,
            #[allow(unreachable_patterns, reason = "a build with every driver has an arm for each")]
            _ => Err(wrong("this build does not have the driver that is set")),
        }
    }
}

fn wrong(why: impl std::fmt::Display) -> BackendError {
    BackendError::not_done(Class::Invalid, why.to_string())
}
