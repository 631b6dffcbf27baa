//! Exports as their records say, for whoever only looks: beside the process that has the records, and without changing anything.

use crate::exports::{Exports, Reconciled};
use async_trait::async_trait;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;
use tombolo_backend_api::{Admission, BackendError, Class, ExportKey, Exported, MountSource, VolumePath};
use tombolo_ganesha::{ExporterConfig, NodeAccessMode, recorded};

/// The exports that there are to be. Whatever would change one is `Denied`.
#[derive(Debug, Clone)]
pub struct RecordedExports(ExporterConfig);

impl RecordedExports {
    /// Reads nothing yet.
    pub fn new(config: ExporterConfig) -> Self {
        Self(config)
    }
}

fn looks_only<T>() -> Result<T, BackendError> {
    Err(BackendError::not_done(
        Class::Denied,
        "exports are only looked at: the process that has their records can change them",
    ))
}

#[async_trait]
impl Exports for RecordedExports {
    async fn ensure(&self, _: &ExportKey, _: &Path) -> Result<MountSource, BackendError> {
        looks_only()
    }

    async fn admit(&self, _: &ExportKey, _: &Path, _: Admission) -> Result<(), BackendError> {
        looks_only()
    }

    async fn release(&self, _: &ExportKey) -> Result<(), BackendError> {
        looks_only()
    }

    async fn release_volume(&self, _: &VolumePath) -> Result<(), BackendError> {
        looks_only()
    }

    async fn exports(&self) -> Result<Vec<Exported>, BackendError> {
        recorded(&self.0).await
    }

    async fn reconcile(&self) -> Result<Reconciled, BackendError> {
        looks_only()
    }

    fn knows_nodes(&self) -> bool {
        self.0.node_access == NodeAccessMode::Nodes
    }

    async fn admit_nodes(&self, _: &BTreeSet<IpAddr>) -> Result<(), BackendError> {
        looks_only()
    }
}
