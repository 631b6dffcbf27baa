//! A filer and its server as they are: for whoever lists and compares, beside the process that serves.

use super::ServedConfig;
use crate::filer::Filer;
use crate::recorded::RecordedExports;
use crate::unsettled::Unsettled;
use std::sync::Arc;
use tombolo_backend_api::BackendError;
use tombolo_ganesha::{Compared, ExporterConfig, compare};

/// A filer that is only looked at.
#[derive(Clone)]
pub struct Looked {
    filer: Filer,
    exporter: ExporterConfig,
}

impl Looked {
    /// Looks at the root. Nothing is changed: no quotas, no mounts, no files, no firewall.
    ///
    /// # Errors
    /// As those of [`Filer::look`].
    pub async fn at(config: &ServedConfig) -> Result<Self, BackendError> {
        let exporter = config.exporter().clone();
        let exports = RecordedExports::new(exporter.clone());
        let filer = Filer::look(config.storage().clone(), Arc::new(exports)).await?;
        Ok(Self { filer, exporter })
    }

    /// The backend, for calls that read, and for those that change nothing but the trash.
    pub fn filer(&self) -> &Filer {
        &self.filer
    }

    /// What settling would mend: of mounts, and of exports.
    ///
    /// # Errors
    /// If the root or the records cannot be read. A server that is away is an answer.
    pub async fn unsettled(&self) -> Result<(Vec<Unsettled>, Compared), BackendError> {
        Ok((self.filer.unsettled().await?, compare(&self.exporter).await?))
    }
}
