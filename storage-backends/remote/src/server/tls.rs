//! TLS: the server's certificate, and the authority of those clients that show one.
//!
//! A client need not show a certificate, because liveness is for everybody and a token will do; one that is shown has to be good.

use crate::wire::headers::digits;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ServerConfig, WebPkiClientVerifier};
use std::sync::{Arc, PoisonError, RwLock};

/// Why texts are no credentials of a server. Tells which text, never what is in it.
#[derive(Debug, thiserror::Error)]
pub enum UnfitTls {
    /// No certificates in PEM.
    #[error("{0}: no certificate in it, or not PEM")]
    Certificates(&'static str),
    /// No private key in PEM.
    #[error("the key: none in it, or not PEM")]
    Key,
    /// They do not go together, or are not understood.
    #[error("certificate and key: {0}")]
    Pair(rustls::Error),
    /// An authority that cannot be one.
    #[error("the clients' authority: {0}")]
    Authority(String),
}

/// Makes the configuration for new connections from PEM texts.
pub(super) fn config(
    certificates: &[u8],
    key: &[u8],
    client_authority: Option<&[u8]>,
) -> Result<Arc<ServerConfig>, UnfitTls> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let chain = parse(certificates, "the certificate")?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| UnfitTls::Key)?;
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(UnfitTls::Pair)?;
    let builder = match client_authority {
        None => builder.with_no_client_auth(),
        Some(pem) => {
            let mut roots = RootCertStore::empty();
            for authority in parse(pem, "the clients' authority")? {
                roots.add(authority).map_err(|e| UnfitTls::Authority(e.to_string()))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .allow_unauthenticated()
                .build();
            builder.with_client_cert_verifier(verifier.map_err(|e| UnfitTls::Authority(e.to_string()))?)
        }
    };
    let mut config = builder.with_single_cert(chain, key).map_err(UnfitTls::Pair)?;
    // HTTP/1.1 alone: no streams to multiply what one connection may ask.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // A resumed session would go on under an authority that has been replaced since.
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

fn parse(pem: &[u8], what: &'static str) -> Result<Vec<CertificateDer<'static>>, UnfitTls> {
    let parsed = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    parsed
        .ok()
        .filter(|all| !all.is_empty())
        .ok_or(UnfitTls::Certificates(what))
}

/// How the log names a certificate.
pub(super) fn digest(certificate: &CertificateDer<'_>) -> String {
    digits(certificate).chars().take(12).collect()
}

/// What connections are accepted with. Can be replaced while the server runs; connections that are open stay as they are
/// until they are as old as one may become.
#[derive(Debug, Clone)]
pub enum Security {
    /// TLS.
    Tls(Arc<RwLock<Arc<ServerConfig>>>),
    /// None: on loopback only, for whoever puts something in front.
    Plain,
}

impl Security {
    pub(super) fn tls(config: Arc<ServerConfig>) -> Self {
        Self::Tls(Arc::new(RwLock::new(config)))
    }

    pub(super) fn replace(&self, config: Arc<ServerConfig>) {
        if let Self::Tls(current) = self {
            *current.write().unwrap_or_else(PoisonError::into_inner) = config;
        }
    }

    pub(super) fn current(&self) -> Option<Arc<ServerConfig>> {
        match self {
            Self::Tls(current) => Some(current.read().unwrap_or_else(PoisonError::into_inner).clone()),
            Self::Plain => None,
        }
    }
}
