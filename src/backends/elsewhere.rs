//! A backend on another machine: its credentials come from a Secret, which may change while it is in use.

use super::{Opened, Secrets, Still, Tending, wrong};
use crate::api::storage_backend::RemoteDriver;
use async_trait::async_trait;
use k8s_openapi::ByteString;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tombolo_backend_api::{BackendError, Class};
use tombolo_backend_remote::Remote;
use tombolo_backend_remote::client::{Config, Credentials, Token};

/// Keys of a Secret, as Kubernetes has them in Secrets of type `kubernetes.io/tls`.
const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";
/// Key of a bearer token.
const TOKEN: &str = "token";

type Data = BTreeMap<String, ByteString>;

pub(super) async fn open(driver: RemoteDriver, secrets: Option<Secrets>) -> Result<Opened, BackendError> {
    let secrets = secrets.ok_or_else(|| wrong("no Secret can be read here"))?;
    let data = secrets.read(&driver.secret_ref.name).await?;
    let authority = driver.ca_bundle.map(|ByteString(bytes)| bytes);
    let credentials = credentials(&data).map_err(|why| wrong(format!("Secret {}: {why}", driver.secret_ref.name)))?;
    let config = Config::parse(&driver.url, authority, credentials).map_err(wrong)?;
    let remote = Arc::new(Remote::connect(config).await?);
    Ok(Opened {
        driver: remote.clone(),
        // A volume on one node's disk is that node's wherever the controller is told of it from; no far side has one to tell.
        node: None,
        tending: Some(Arc::new(Credited {
            remote,
            secrets,
            name: driver.secret_ref.name,
            shown: Mutex::new(data),
        })),
    })
}

/// What a Secret says is to be shown: a token, else a certificate.
fn credentials(data: &Data) -> Result<Credentials, String> {
    let bytes = |key: &str| data.get(key).map(|ByteString(bytes)| bytes.clone());
    match (bytes(TOKEN), bytes(CERTIFICATE), bytes(KEY)) {
        (Some(token), _, _) => {
            let text = String::from_utf8(token).map_err(|_| format!("`{TOKEN}` is no text"))?;
            Token::parse(&text).map(Credentials::Token).map_err(|e| e.to_string())
        }
        (None, Some(certificate), Some(key)) => Ok(Credentials::Certificate { certificate, key }),
        (None, _, _) => Err(format!("it needs `{TOKEN}`, or `{CERTIFICATE}` and `{KEY}`")),
    }
}

/// A remote backend and the Secret that it is reached by.
struct Credited {
    remote: Arc<Remote>,
    secrets: Secrets,
    name: String,
    shown: Mutex<Data>,
}

#[async_trait]
impl Tending for Credited {
    async fn tend(&self) -> Result<Still, BackendError> {
        match self.secrets.read(&self.name).await {
            Ok(data) if data != *self.shown.lock().unwrap_or_else(PoisonError::into_inner) => {
                let renewed = credentials(&data).map_err(|why| wrong(format!("Secret {}: {why}", self.name)))?;
                self.remote.renew(renewed)?;
                *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = data;
            }
            Ok(_) => {}
            // What is shown may well be right still.
            Err(error) if error.class == Class::Transient => {}
            Err(error) => return Err(error),
        }
        Ok(if self.remote.is_outdated() {
            Still::Outdated
        } else {
            Still::Open
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(entries: &[(&str, &str)]) -> Data {
        let entries = entries
            .iter()
            .map(|(key, text)| ((*key).to_owned(), ByteString(text.as_bytes().to_vec())));
        entries.collect()
    }

    #[test]
    fn a_secret_holds_a_token_or_a_certificate_and_says_what_it_lacks() {
        let token = "a-token-of-more-than-thirty-two-characters";
        for good in [
            secret(&[(TOKEN, token)]),
            secret(&[(TOKEN, &format!("{token}\n"))]),
            secret(&[(TOKEN, token), (CERTIFICATE, "x"), (KEY, "y")]),
        ] {
            assert!(matches!(credentials(&good), Ok(Credentials::Token(_))));
        }
        let certificate = credentials(&secret(&[(CERTIFICATE, "x"), (KEY, "y")]));
        assert!(matches!(certificate, Ok(Credentials::Certificate { .. })));
        for bad in [
            secret(&[]),
            secret(&[(KEY, "y")]),
            secret(&[(CERTIFICATE, "x")]),
            secret(&[(TOKEN, "short")]),
            secret(&[(TOKEN, "")]),
        ] {
            let why = credentials(&bad).err().unwrap();
            assert!(why.contains("token"), "{why}");
        }
    }
}
