//! Exports by a real NFS-Ganesha, which is started when the first is made: most promises need none.

use super::{BTreeSet, IpAddr, Path};
use async_trait::async_trait;
use std::sync::Arc;
use tokio::sync::OnceCell;
use tombolo_backend_api::*;
use tombolo_backend_filer::{Exports, GaneshaExports, Reconciled};
use tombolo_ganesha::testing::{Options, TestServer};

/// A server of a test's own. Clones are one.
#[derive(Clone, Default)]
pub struct Served(Arc<OnceCell<(GaneshaExports, TestServer)>>);

impl Served {
    async fn started(&self) -> &GaneshaExports {
        let start = || async {
            let server = tokio::task::spawn_blocking(|| TestServer::start(Options::default()))
                .await
                .unwrap();
            let exports = GaneshaExports::open(server.exporter()).await.unwrap();
            exports.reconcile().await.unwrap();
            (exports, server)
        };
        &self.0.get_or_init(start).await.0
    }

    fn if_started(&self) -> Option<&GaneshaExports> {
        self.0.get().map(|(exports, _)| exports)
    }
}

#[async_trait]
impl Exports for Served {
    async fn ensure(&self, key: &ExportKey, directory: &Path) -> Result<MountSource, BackendError> {
        self.started().await.ensure(key, directory).await
    }

    async fn admit(&self, key: &ExportKey, directory: &Path, admission: Admission) -> Result<(), BackendError> {
        self.started().await.admit(key, directory, admission).await
    }

    async fn release(&self, key: &ExportKey) -> Result<(), BackendError> {
        match self.if_started() {
            Some(exports) => exports.release(key).await,
            None => Ok(()),
        }
    }

    async fn release_volume(&self, path: &VolumePath) -> Result<(), BackendError> {
        match self.if_started() {
            Some(exports) => exports.release_volume(path).await,
            None => Ok(()),
        }
    }

    async fn exports(&self) -> Result<Vec<Exported>, BackendError> {
        match self.if_started() {
            Some(exports) => exports.exports().await,
            None => Ok(vec![]),
        }
    }

    async fn reconcile(&self) -> Result<Reconciled, BackendError> {
        match self.if_started() {
            Some(exports) => exports.reconcile().await,
            None => Ok(Reconciled::default()),
        }
    }

    fn knows_nodes(&self) -> bool {
        false
    }

    async fn admit_nodes(&self, _: &BTreeSet<IpAddr>) -> Result<(), BackendError> {
        panic!("it does not know nodes")
    }
}
