//! A far side for tests: any backend behind a real listener with TLS, and clients of it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    dead_code,
    reason = "a test fails by panicking, and no test needs all of it"
)]

pub mod certificates;
pub mod raw;

use certificates::{Authority, Identity};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tombolo_backend_api::{Backend, BackendError};
use tombolo_backend_remote::Remote;
use tombolo_backend_remote::client::{Config, Credentials as Shown, Token};
use tombolo_backend_remote::server::{Bounds, Counts, Credentials, Files, Limits, Listening, Room, Shared, listen};

pub const TOKEN: &str = "the-first-token-0123456789abcdef";
pub const NEXT_TOKEN: &str = "the-second-token-0123456789abcdef";
/// How often the far sides of tests look at their files.
pub const LOOK: Duration = Duration::from_millis(50);

/// How a far side is set up.
#[derive(Debug, Clone, Copy, Default)]
pub struct Setup {
    pub bounds: Bounds,
    pub room: Room,
    pub limits: Limits,
}

/// A far side that runs.
pub struct Far {
    pub directory: tempfile::TempDir,
    pub authority: Authority,
    pub address: SocketAddr,
    setup: Setup,
    running: Option<(Listening, JoinHandle<()>)>,
}

/// Writes a file that only its owner reads, as a rotation does: all at once.
pub fn write(path: &Path, text: &str) {
    let beside = path.with_extension("new");
    std::fs::write(&beside, text).unwrap();
    std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::rename(beside, path).unwrap();
}

impl Far {
    /// Starts one, with tokens and with an authority for clients.
    pub async fn start(backend: Arc<dyn Backend>) -> Self {
        Self::with(backend, Setup::default()).await
    }

    pub async fn with(backend: Arc<dyn Backend>, setup: Setup) -> Self {
        let mut far = Self {
            directory: tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap(),
            authority: Authority::new("far side"),
            address: ([127, 0, 0, 1], 0).into(),
            setup,
            running: None,
        };
        far.install(&far.authority.server());
        write(&far.file("tokens"), TOKEN);
        write(&far.file("client-ca.crt"), &far.authority.pem());
        far.run(backend).await;
        far
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Gives the server a certificate.
    pub fn install(&self, identity: &Identity) {
        write(&self.file("tls.key"), &identity.key);
        write(&self.file("tls.crt"), &identity.certificate);
    }

    pub fn files(&self) -> Files {
        Files {
            certificate: Some((self.file("tls.crt"), self.file("tls.key"))),
            client_authority: Some(self.file("client-ca.crt")),
            tokens: Some(self.file("tokens")),
        }
    }

    /// Starts it on `backend`, where it ran before if it did.
    pub async fn run(&mut self, backend: Arc<dyn Backend>) {
        let credentials = Credentials::read(self.files()).unwrap();
        let counts = Counts::default();
        let (callers, security) = (credentials.callers.clone(), credentials.security.clone());
        let shared = Shared::new(backend, callers, self.setup.bounds, self.setup.room, counts.clone());
        let listener = loop {
            match TcpListener::bind(self.address).await {
                Ok(listener) => break listener,
                // What is left of the connections of the one before.
                Err(_) => tokio::time::sleep(LOOK).await,
            }
        };
        let listening = listen(listener, security, Arc::new(shared), self.setup.limits).unwrap();
        self.address = listening.address();
        self.running = Some((listening, tokio::spawn(credentials.keep(LOOK, counts))));
    }

    /// Ends it as a crash does.
    pub fn crash(&mut self) {
        if let Some((listening, files)) = self.running.take() {
            files.abort();
            drop(listening);
        }
    }

    /// Ends it in order.
    pub async fn stop(&mut self) {
        if let Some((listening, files)) = self.running.take() {
            files.abort();
            listening.stop().await;
        }
    }

    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    pub fn config(&self, shown: Shown) -> Config {
        Config::parse(&self.url(), Some(self.authority.pem().into_bytes()), shown).unwrap()
    }

    /// A client with a token.
    pub async fn client(&self) -> Remote {
        Remote::connect(self.config(token(TOKEN))).await.unwrap()
    }

    pub async fn connect(&self, shown: Shown) -> Result<Remote, BackendError> {
        Remote::connect(self.config(shown)).await
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        self.crash();
    }
}

pub fn token(text: &str) -> Shown {
    Shown::Token(Token::parse(text).unwrap())
}

pub fn certificate(identity: &Identity) -> Shown {
    Shown::Certificate {
        certificate: identity.certificate.clone().into_bytes(),
        key: identity.key.clone().into_bytes(),
    }
}
