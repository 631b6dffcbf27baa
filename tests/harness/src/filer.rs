//! A filer: a file system of its own, NFS-Ganesha before it, and `tombolo-filer`, which looks after both and is called by controllers.
//!
//! It needs root and a loop device. The file system is a btrfs in a file of the cluster's directory; the three processes are plain
//! processes on loopback and free ports, and can be ended and started again each by itself.

mod all;
mod disk;
mod server;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(crate) use all::end_all;

use crate::nfs_client::NfsClient;
use crate::ports::{self, Reserved};
use crate::process::{Launch, Lifetime, Processes};
use crate::wait::{Look, until};
use crate::{Cluster, NfsEndpoint, NfsServer, NfsVersion, certificates, programs};

/// What `tombolo-filer` is called in its records, and the name of its log.
const NAME: &str = "filer";

/// Long enough for two busy cores.
const PATIENCE: Duration = Duration::from_secs(120);

/// How to reach a filer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilerEndpoint {
    /// Its address, for NFS and for the API.
    pub server: String,
    /// The port of NFS, which is version 4 alone.
    pub port: u16,
    /// The port of the API.
    pub api_port: u16,
    /// The port of its metrics.
    pub metrics_port: u16,
}

/// A running filer of a cluster, with which it ends.
#[derive(Debug)]
pub struct Filer {
    processes: Processes,
    program: PathBuf,
    endpoint: FilerEndpoint,
    _ports: Option<Reserved>,
}

impl Filer {
    /// Why this machine cannot run one, if so: the reason for skipping a test.
    pub fn unavailable() -> Option<String> {
        static REASON: OnceLock<Option<String>> = OnceLock::new();
        let reason = || NfsServer::unavailable().or_else(disk::unavailable);
        REASON.get_or_init(reason).clone()
    }

    /// Starts one of this name.
    pub async fn start(cluster: &Cluster, name: &str) -> Result<Self> {
        Self::start_in(cluster.directory(), name, Lifetime::Owned).await
    }

    pub(crate) async fn start_in(cluster: &Path, name: &str, lifetime: Lifetime) -> Result<Self> {
        let ports = ports::reserve(3)?;
        let [port, api_port, metrics_port] = ports.array()?;
        let endpoint = FilerEndpoint {
            server: "127.0.0.1".into(),
            port,
            api_port,
            metrics_port,
        };
        let mut filer = Self::at(cluster, name, lifetime, endpoint).await?;
        filer._ports = Some(ports);
        filer.resume().await?;
        Ok(filer)
    }

    /// A filer that was started earlier, running or not.
    pub(crate) async fn at(cluster: &Path, name: &str, lifetime: Lifetime, endpoint: FilerEndpoint) -> Result<Self> {
        let processes = Processes::new(&all::directory(cluster).join(name), lifetime)?;
        Ok(Self {
            processes,
            program: tokio::task::spawn_blocking(programs::filer).await??,
            endpoint,
            _ports: None,
        })
    }

    /// Starts whatever of it does not run. Returns when all of it works.
    pub async fn resume(&self) -> Result<()> {
        let processes = self.processes.clone();
        tokio::task::spawn_blocking(move || disk::mount(processes.directory())).await??;
        self.write_configuration()?;
        self.bus().ensure().await?;
        self.start_program()?;
        // The server reads what the program wrote for it, so it is the second to start.
        self.written().await?;
        self.start_server().await?;
        self.serves().await
    }

    /// How to reach it.
    pub fn endpoint(&self) -> &FilerEndpoint {
        &self.endpoint
    }

    /// The driver block of a StorageBackend for it, with credentials from a Secret of that name.
    pub fn remote(&self, secret: &str) -> Result<Value> {
        let authority = std::fs::read(self.file("ca.crt")).context("reading the authority's certificate")?;
        let url = format!("https://{}:{}", self.endpoint.server, self.endpoint.api_port);
        Ok(json!({
            "url": url,
            "caBundle": serde_json::to_value(k8s_openapi::ByteString(authority))?,
            "secretRef": {"name": secret},
        }))
    }

    /// A token that it accepts.
    pub fn token(&self) -> Result<String> {
        let tokens = std::fs::read_to_string(self.file("tokens")).context("reading the tokens")?;
        Ok(tokens.lines().next().unwrap_or_default().to_owned())
    }

    /// Makes it accept these tokens and no others, as soon as it looks.
    pub fn set_tokens(&self, tokens: &[&str]) -> Result<()> {
        let draft = self.file("tokens.draft");
        certificates::write_secret(&draft, &(tokens.join("\n") + "\n"))?;
        std::fs::rename(&draft, self.file("tokens")).context("replacing the tokens")
    }

    /// An independent client, for assertions. Paths are those of exports.
    pub fn client(&self) -> NfsClient {
        let endpoint = NfsEndpoint {
            server: self.endpoint.server.clone(),
            port: self.endpoint.port,
            mount_port: 0,
            export: String::new(),
            export_dir: self.file("exports"),
        };
        NfsClient::new(endpoint, NfsVersion::V4)
    }

    /// Runs another command of `tombolo-filer`, on the same configuration.
    pub async fn command(&self, arguments: &[&str]) -> Result<std::process::Output> {
        let mut command = tokio::process::Command::new(&self.program);
        command
            .args(arguments)
            .arg("--config")
            .arg(self.file("filer.yaml"))
            .env("NO_COLOR", "1")
            .stdin(std::process::Stdio::null())
            .kill_on_drop(true);
        let output = command.output().await;
        output.with_context(|| format!("running {}", self.program.display()))
    }

    /// The directory of the file system, on which the volumes are.
    pub fn pool(&self) -> PathBuf {
        disk::pool(self.processes.directory())
    }

    /// Ends `tombolo-filer` as a crash would.
    pub async fn kill_program(&self) -> Result<()> {
        self.end(NAME, Duration::ZERO).await
    }

    /// Ends NFS-Ganesha as a crash would.
    pub async fn kill_server(&self) -> Result<()> {
        self.end(server::NAME, Duration::ZERO).await
    }

    /// What the two last logged.
    pub fn last_words(&self) -> String {
        [NAME, server::NAME]
            .map(|name| self.processes.last_words(name))
            .join("\n")
    }

    async fn end(&self, name: &'static str, grace: Duration) -> Result<()> {
        let processes = self.processes.clone();
        tokio::task::spawn_blocking(move || processes.end(name, grace)).await?
    }

    fn start_program(&self) -> Result<()> {
        if self.processes.is_alive(NAME) {
            return Ok(());
        }
        let launch = Launch::new(NAME, &self.program)
            .argument("serve")
            .argument("--config")
            .argument(self.file("filer.yaml"))
            .environment("NO_COLOR", "1");
        self.processes.spawn(launch).map(|_| ())
    }

    /// Waits until the program serves, which it does when it has mounted volumes.
    async fn written(&self) -> Result<()> {
        let address = (self.endpoint.server.as_str(), self.endpoint.api_port);
        let look = async || {
            if let Err(ended) = self.processes.still_runs(NAME) {
                return Ok(Look::Done(Err(ended)));
            }
            let connected = tokio::net::TcpStream::connect(address).await;
            Ok(Look::found(connected.is_ok().then_some(Ok(())), "its port is closed"))
        };
        until("tombolo-filer to serve", PATIENCE, look)
            .await
            .with_context(|| self.last_words())?
    }

    fn write_configuration(&self) -> Result<()> {
        let identity = certificates::of_server(self.processes.directory())?;
        if !self.file("tokens").exists() {
            // Not a credential of anything: it lives as long as the cluster, on loopback.
            let token = format!("development-only-{:016x}-{:016x}", std::process::id(), self.endpoint.api_port);
            self.set_tokens(&[&token])?;
        }
        for directory in ["exports.d", "recovery"] {
            std::fs::create_dir_all(self.file(directory)).with_context(|| format!("creating {directory}"))?;
        }
        let config = json!({
            "listen": format!("{}:{}", self.endpoint.server, self.endpoint.api_port),
            "metrics": format!("127.0.0.1:{}", self.endpoint.metrics_port),
            "tls": {"certificate": identity.certificate, "key": identity.key},
            "clients": {"tokens": self.file("tokens")},
            "backend": {"filer": self.driver()},
        });
        // YAML reads JSON.
        std::fs::write(self.file("filer.yaml"), serde_json::to_vec_pretty(&config)?).context("writing filer.yaml")
    }

    /// The configuration of the driver, which a StorageBackend's `spec.filer` has as well.
    pub fn driver(&self) -> Value {
        json!({
            "root": self.pool(),
            "exportsDir": self.file("exports"),
            "stateDir": self.file("state"),
            "configDir": self.file("exports.d"),
            "networks": ["127.0.0.0/8"],
            "advertise": {"host": self.endpoint.server, "port": self.endpoint.port},
            "bus": {"address": self.bus().address()},
        })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.processes.directory().join(name)
    }
}
