//! What a filer asks of whatever exports its volumes.

use async_trait::async_trait;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;
use tombolo_backend_api::{Admission, BackendError, ExportKey, Exported, MountSource, VolumePath};

/// What was found different from what should be, and mended, when exports were compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reconciled {
    /// Exports that were missing, wrong or not to be, and are right now.
    pub mended: usize,
    /// Exports that are not right yet.
    pub failed: usize,
}

/// The exports of a server. All are idempotent, and what they made is there after a restart.
#[async_trait]
pub trait Exports: Send + Sync + 'static {
    /// Makes a tenant's export of a directory, if it is not there, and answers what nodes mount.
    async fn ensure(&self, key: &ExportKey, directory: &Path) -> Result<MountSource, BackendError>;

    /// Makes an export let through exactly this much.
    async fn admit(&self, key: &ExportKey, directory: &Path, admission: Admission) -> Result<(), BackendError>;

    /// Removes an export for ever.
    async fn release(&self, key: &ExportKey) -> Result<(), BackendError>;

    /// Removes all exports of a volume for ever.
    async fn release_volume(&self, path: &VolumePath) -> Result<(), BackendError>;

    /// All exports that there are to be, cut ones among them.
    async fn exports(&self) -> Result<Vec<Exported>, BackendError>;

    /// Makes the server export what it is to. The volumes are mounted.
    async fn reconcile(&self) -> Result<Reconciled, BackendError>;

    /// Whether [`Exports::admit_nodes`] does anything; constant.
    fn knows_nodes(&self) -> bool;

    /// Lets exactly these addresses reach the server.
    async fn admit_nodes(&self, addresses: &BTreeSet<IpAddr>) -> Result<(), BackendError>;
}
