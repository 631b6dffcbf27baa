//! The drivers that this build has, one line each.

use crate::check::{Check, local};
use serde::Deserialize;
use std::sync::Arc;
use tombolo_backend_api::{Backend, BackendError};
use tombolo_backend_local::Local;

/// Which backend, with its configuration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Driver {
    /// A directory of this host.
    Local(tombolo_backend_local::Config),
    /// A file system of this host, exported by an NFS-Ganesha on it.
    #[cfg(feature = "filer")]
    Filer(Box<tombolo_backend_filer::ServedConfig>),
    /// A backend in memory, for tests.
    #[cfg(feature = "fake")]
    Fake {},
}

/// A backend to be served.
pub struct Opened {
    /// The backend.
    pub backend: Arc<dyn Backend>,
    /// What has to be kept as it should be, while it is served.
    #[cfg(feature = "filer")]
    pub served: Option<crate::settling::Served>,
}

/// A backend to be looked at. Nothing was changed to make it.
pub struct Looked {
    /// The backend, for calls that read.
    pub backend: Arc<dyn Backend>,
    /// What else can be looked at.
    #[cfg(feature = "filer")]
    pub filer: Option<tombolo_backend_filer::Looked>,
}

impl Opened {
    fn plain(backend: impl Backend) -> Self {
        Self {
            backend: Arc::new(backend),
            #[cfg(feature = "filer")]
            served: None,
        }
    }
}

impl Driver {
    /// Opens it, to be served.
    pub async fn open(&self) -> Result<Opened, BackendError> {
        match self {
            Self::Local(config) => Ok(Opened::plain(Local::open(config))),
            #[cfg(feature = "filer")]
            Self::Filer(config) => {
                let served = crate::settling::Served::open(config).await?;
                let backend = Arc::new(served.filer().clone());
                let served = Some(served);
                Ok(Opened { backend, served })
            }
            #[cfg(feature = "fake")]
            Self::Fake {} => Ok(Opened::plain(tombolo_backend_fake::Fake::default())),
        }
    }

    /// Looks at it, beside whoever serves it.
    pub async fn look(&self) -> Result<Looked, BackendError> {
        #[cfg(feature = "filer")]
        if let Self::Filer(config) = self {
            let filer = tombolo_backend_filer::Looked::at(config).await?;
            return Ok(Looked {
                backend: Arc::new(filer.filer().clone()),
                filer: Some(filer),
            });
        }
        Ok(Looked {
            backend: self.open().await?.backend,
            #[cfg(feature = "filer")]
            filer: None,
        })
    }

    /// What it needs of this host.
    pub async fn checks(&self, how: &crate::cli::Check) -> Vec<Check> {
        match self {
            Self::Local(config) => local::checks(config),
            #[cfg(feature = "filer")]
            Self::Filer(config) => crate::check::filer::checks(config, &how.ganesha_conf).await,
            #[cfg(feature = "fake")]
            Self::Fake {} => Vec::new(),
        }
    }
}
