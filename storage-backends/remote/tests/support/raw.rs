//! Requests as bytes, for what no client would send.

use super::Far;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// An answer, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut lines = head.lines();
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers = headers
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        Some(Self {
            status,
            headers,
            body: body.to_owned(),
        })
    }
}

impl Far {
    /// A connection with TLS, nothing sent yet.
    pub async fn raw(&self) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(self.authority.pem().as_bytes()).unwrap())
            .unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap();
        let config = config.with_root_certificates(roots).with_no_client_auth();
        let stream = TcpStream::connect(self.address).await.unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
            .unwrap()
    }

    /// Sends bytes, and reads until the other side is done; `None` if it says nothing.
    pub async fn send(&self, bytes: &[u8]) -> Option<Answer> {
        let mut stream = self.raw().await;
        // The other side may have heard enough before all of it was said.
        let _ = stream.write_all(bytes).await;
        let _ = stream.flush().await;
        read(&mut stream).await
    }

    /// Asks in good form.
    pub async fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let length = body.len();
        let head =
            format!("{method} {path} HTTP/1.1\r\nhost: far\r\nconnection: close\r\ncontent-length: {length}\r\n");
        let answer = self.send(format!("{head}{headers}\r\n{body}").as_bytes()).await;
        answer.unwrap_or_else(|| panic!("no answer to {method} {path}"))
    }

    /// Makes a call in good form, with these headers besides.
    pub async fn post(&self, path: &str, token: &str, headers: &str, body: &str) -> Answer {
        let headers = format!("authorization: Bearer {token}\r\ncontent-type: application/json\r\n{headers}");
        self.ask("POST", path, &headers, body).await
    }
}

/// Reads an answer, until the connection ends or nothing comes for a while.
pub async fn read(stream: &mut TlsStream<TcpStream>) -> Option<Answer> {
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 16384];
    while let Ok(Ok(count @ 1..)) = tokio::time::timeout(Duration::from_secs(2), stream.read(&mut buffer)).await {
        bytes.extend_from_slice(&buffer[..count]);
    }
    Answer::parse(&bytes)
}
