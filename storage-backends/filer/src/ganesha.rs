//! Exports by an NFS-Ganesha on this host.

use crate::exports::{Exports, Reconciled};
use async_trait::async_trait;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;
use tombolo_backend_api::{Admission, BackendError, ExportKey, Exported, MountSource, VolumePath};
use tombolo_ganesha::{Exporter, ExporterConfig, NodeAccessMode};

/// The exports of an NFS-Ganesha. Clones are one.
#[derive(Debug, Clone)]
pub struct GaneshaExports {
    exporter: Exporter,
    knows_nodes: bool,
}

impl GaneshaExports {
    /// Reads what exports there are to be. Does not call the server: that is [`Filer::settle`](crate::Filer::settle), when volumes are
    /// mounted.
    ///
    /// # Errors
    /// As those of [`Exporter::open`].
    pub async fn open(config: ExporterConfig) -> Result<Self, BackendError> {
        let knows_nodes = match config.node_access {
            NodeAccessMode::Nodes => true,
            NodeAccessMode::Networks => false,
        };
        Ok(Self {
            exporter: Exporter::open(config).await?,
            knows_nodes,
        })
    }
}

#[async_trait]
impl Exports for GaneshaExports {
    async fn ensure(&self, key: &ExportKey, directory: &Path) -> Result<MountSource, BackendError> {
        self.exporter.ensure(key, directory).await
    }

    async fn admit(&self, key: &ExportKey, directory: &Path, admission: Admission) -> Result<(), BackendError> {
        self.exporter.admit(key, directory, admission).await
    }

    async fn release(&self, key: &ExportKey) -> Result<(), BackendError> {
        self.exporter.release(key).await
    }

    async fn release_volume(&self, path: &VolumePath) -> Result<(), BackendError> {
        self.exporter.release_volume(path).await
    }

    async fn exports(&self) -> Result<Vec<Exported>, BackendError> {
        self.exporter.exports().await
    }

    async fn reconcile(&self) -> Result<Reconciled, BackendError> {
        let found = self.exporter.reconcile().await?;
        for (key, why) in &found.failed {
            tracing::warn!(%key, why, "an export is not as it is to be");
        }
        if found.damaged > 0 {
            tracing::error!(
                damaged = found.damaged,
                "records of exports cannot be read; they have to be made again"
            );
        }
        Ok(Reconciled {
            mended: found.added + found.updated + found.removed,
            failed: found.failed.len(),
        })
    }

    fn knows_nodes(&self) -> bool {
        self.knows_nodes
    }

    async fn admit_nodes(&self, addresses: &BTreeSet<IpAddr>) -> Result<(), BackendError> {
        self.exporter.admit_nodes(addresses).await
    }
}
