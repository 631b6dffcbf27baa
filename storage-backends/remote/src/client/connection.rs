//! One connection to the far side: TLS, credentials, and how an answer is read or why there is none.

use super::config::{Config, Credentials};
use super::verdict::{Reply, Silence};
use http::{HeaderValue, header};
use std::time::Duration;
use tombolo_backend_api::{BackendError, Class};

/// For a connection and its TLS.
const CONNECT: Duration = Duration::from_secs(5);
/// Shorter than the far side keeps a connection that nobody uses, so that it is we who close it.
const IDLE: Duration = Duration::from_secs(15);
/// Longest answer: a listing of some hundred thousand volumes.
const LONGEST_ANSWER: usize = 128 << 20;

/// What requests are made with.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    pub client: reqwest::Client,
    pub bearer: Option<HeaderValue>,
}

/// Reads an answer.
pub(super) async fn receive(mut response: reqwest::Response) -> Result<Reply, Silence> {
    let status = response.status().as_u16();
    let kind = response
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let kind = kind
        .and_then(|kind| kind.split(';').next())
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| silence(&e).after_sending())? {
        if body.len() + chunk.len() > LONGEST_ANSWER {
            return Err(Silence::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Reply { status, kind, body })
}

impl Silence {
    /// Once an answer has begun, the request has arrived.
    fn after_sending(self) -> Self {
        match self {
            Self::NotSent => Self::Lost,
            other => other,
        }
    }
}

/// Why there is no answer.
pub(super) fn silence(error: &reqwest::Error) -> Silence {
    tracing::debug!("no answer: {error:?}");
    if is_refusal(error) {
        Silence::Refused
    } else if error.is_connect() || error.is_builder() {
        Silence::NotSent
    } else if error.is_timeout() {
        Silence::Late
    } else {
        Silence::Lost
    }
}

/// Whether the far side ended the handshake because of our certificate. With TLS 1.3 a client learns that only when it has begun
/// to send (RFC 8446, section 4.4.2.4).
fn is_refusal(error: &reqwest::Error) -> bool {
    use rustls::AlertDescription::*;
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(found) = cause {
        let within = found.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let tls = within.and_then(|inner| inner.downcast_ref::<rustls::Error>());
        if let Some(rustls::Error::AlertReceived(alert)) = tls {
            return matches!(
                alert,
                BadCertificate
                    | UnsupportedCertificate
                    | CertificateRevoked
                    | CertificateExpired
                    | CertificateUnknown
                    | UnknownCA
                    | AccessDenied
                    | DecryptError
                    | CertificateRequired
            );
        }
        cause = found.source();
    }
    false
}

/// Makes one; nothing is sent.
pub(super) fn connection(config: &Config, credentials: &Credentials) -> Result<Connection, BackendError> {
    let unfit = |what: &str| {
        let message = format!("{what} of the far side cannot be used");
        move |e: reqwest::Error| BackendError::not_done(Class::Invalid, message).because(e)
    };
    let mut builder = reqwest::Client::builder()
        .connect_timeout(CONNECT)
        .pool_idle_timeout(IDLE)
        .http1_only()
        // A token is for the far side alone: not for a proxy of the environment, nor for where somebody redirects to.
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .https_only(config.url.scheme() == "https");
    if let Some(pem) = &config.authority {
        let authority = reqwest::Certificate::from_pem_bundle(pem).map_err(unfit("the authority"))?;
        builder = builder.tls_certs_only(authority);
    }
    let bearer = match credentials {
        Credentials::Token(token) => Some(token.header()),
        Credentials::Certificate { certificate, key } => {
            let both = [certificate.as_slice(), b"\n", key.as_slice()].concat();
            let identity = reqwest::Identity::from_pem(&both).map_err(unfit("certificate and key for the client"))?;
            builder = builder.identity(identity);
            None
        }
    };
    let client = builder.build().map_err(unfit("TLS"))?;
    Ok(Connection { client, bearer })
}
