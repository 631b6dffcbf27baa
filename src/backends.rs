//! The drivers that this build has: one line each, behind its feature. Adding a backend touches its own directory, this list
//! and `Cargo.toml`, and nothing in the plan.
//!
//! The list is written by hand: a reader sees what there is, and nothing depends on what a linker keeps.

use crate::api::storage_backend::StorageBackendSpec;
use std::sync::Arc;
use tombolo_backend_api::Backend;

/// A driver, opened; nothing has been asked of it yet.
pub struct Opened {
    /// What reaches it.
    pub driver: Arc<dyn Backend>,
    /// The node it lies on, if it is a directory of one.
    pub node: Option<String>,
}

/// Opens the driver that a StorageBackend names.
///
/// # Errors
/// What is wrong with its configuration, for the admin.
pub fn open(spec: &StorageBackendSpec) -> Result<Opened, String> {
    match (&spec.nfs, &spec.local) {
        #[cfg(feature = "backend-nfs")]
        (Some(nfs), None) => {
            let config = serde_json::to_value(nfs)
                .and_then(serde_json::from_value)
                .map_err(|e| e.to_string())?;
            Ok(Opened {
                driver: Arc::new(tombolo_backend_nfs::open(config)),
                node: None,
            })
        }
        #[cfg(feature = "backend-local")]
        (None, Some(local)) => {
            let config = tombolo_backend_local::Config::parse(&local.path, &local.node).map_err(|e| e.to_string())?;
            let node = Some(local.node.clone());
            Ok(Opened {
                driver: Arc::new(tombolo_backend_local::Local::open(&config)),
                node,
            })
        }
        (None, None) => Err("no driver is set, or none that this build knows".to_owned()),
        _ => Err("more than one driver is set, or one that this build does not have".to_owned()),
    }
}
