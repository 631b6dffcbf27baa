//! The three requests an election makes, and the API server as their receiver.
//!
//! Every write is a create or a replace with `resourceVersion`: of two writers one gets a conflict. Never a patch.

use crate::api::names;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::api::{Api, ObjectMeta, PostParams};
use std::error::Error;
use std::future::Future;
use std::time::Duration;

/// Where the Lease is.
pub trait LeaseStore: Send + Sync {
    /// Reads it, from the source and not from a cache; `None` if there is none.
    fn get(&self) -> impl Future<Output = Result<Option<Lease>, StoreError>> + Send;
    /// Makes it; [`StoreError::Conflict`] if it exists.
    fn create(&self, spec: LeaseSpec) -> impl Future<Output = Result<Lease, StoreError>> + Send;
    /// Replaces the version that `lease` carries.
    fn replace(&self, lease: &Lease) -> impl Future<Output = Result<Lease, StoreError>> + Send;
}

/// A request that failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else wrote first: read again.
    #[error("the Lease has changed")]
    Conflict,
    /// There is no such Lease to replace.
    #[error("the Lease is gone")]
    Gone,
    /// No answer in time; the write may have been done.
    #[error("no answer within {0:?}")]
    NoAnswer(Duration),
    /// Anything else, from a refused connection to missing permission; a write may have been done.
    #[error("the request for the Lease failed")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
}

/// The Lease of our name in one namespace.
#[derive(Clone)]
pub struct KubeLease {
    api: Api<Lease>,
}

impl KubeLease {
    /// Opens a connection of its own: renewals must not queue behind the controller's writes. The client's own retries
    /// are off, as they can keep one request for minutes; the election retries with a deadline in mind.
    ///
    /// # Errors
    /// If the configuration has no usable credentials or certificates.
    pub fn connect(config: &kube::Config, namespace: &str) -> Result<Self, kube::Error> {
        let mut config = config.clone();
        config.default_retry = false;
        Ok(Self {
            api: Api::namespaced(kube::Client::try_from(config)?, namespace),
        })
    }
}

impl LeaseStore for KubeLease {
    async fn get(&self) -> Result<Option<Lease>, StoreError> {
        self.api
            .get_opt(names::LEASE)
            .await
            .map_err(|e| StoreError::Failed(e.into()))
    }

    async fn create(&self, spec: LeaseSpec) -> Result<Lease, StoreError> {
        let lease = Lease {
            metadata: ObjectMeta {
                name: Some(names::LEASE.into()),
                ..ObjectMeta::default()
            },
            spec: Some(spec),
        };
        match self.api.create(&params(), &lease).await {
            Err(kube::Error::Api(status)) if status.is_already_exists() => Err(StoreError::Conflict),
            answer => answer.map_err(|e| StoreError::Failed(e.into())),
        }
    }

    async fn replace(&self, lease: &Lease) -> Result<Lease, StoreError> {
        match self.api.replace(names::LEASE, &params(), lease).await {
            Err(kube::Error::Api(status)) if status.is_conflict() => Err(StoreError::Conflict),
            Err(kube::Error::Api(status)) if status.is_not_found() => Err(StoreError::Gone),
            answer => answer.map_err(|e| StoreError::Failed(e.into())),
        }
    }
}

fn params() -> PostParams {
    PostParams {
        field_manager: Some(names::FIELD_MANAGER.into()),
        ..PostParams::default()
    }
}
