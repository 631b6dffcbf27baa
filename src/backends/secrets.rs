//! Secrets that drivers name: only in the controller's own namespace, so that who may write a StorageBackend reads no other's.

use super::wrong;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use std::collections::BTreeMap;
use tombolo_backend_api::{BackendError, Class};

/// Reads Secrets.
#[derive(Clone)]
pub struct Secrets {
    client: Client,
    namespace: String,
}

impl Secrets {
    /// Of this namespace.
    pub fn of(client: Client, namespace: impl Into<String>) -> Self {
        Self {
            client,
            namespace: namespace.into(),
        }
    }

    /// What a Secret holds.
    ///
    /// # Errors
    /// `Invalid` if there is none, or it may not be read; `Transient` if the API server does not say.
    #[cfg_attr(
        not(feature = "backend-remote"),
        expect(dead_code, reason = "no other driver has credentials")
    )]
    pub(super) async fn read(&self, name: &str) -> Result<BTreeMap<String, ByteString>, BackendError> {
        let all: Api<Secret> = Api::namespaced(self.client.clone(), &self.namespace);
        let at = format!("Secret {}/{name}", self.namespace);
        match all.get_opt(name).await {
            Ok(Some(secret)) => Ok(secret.data.unwrap_or_default()),
            Ok(None) => Err(wrong(format!("{at} does not exist"))),
            Err(kube::Error::Api(status)) if status.code == 403 => Err(wrong(format!(
                "{at}: the controller may not read it; install the component remote"
            ))),
            Err(error) => Err(BackendError::not_done(Class::Transient, at).because(error)),
        }
    }
}
