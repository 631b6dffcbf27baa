//! A filer: a file system of its own, NFS-Ganesha before it, and `tombolo-filer`, which looks after both and is called by controllers.
//!
//! It needs root and a loop device. The file system is a btrfs in a file of the cluster's directory, mounted for these processes alone; they
//! are plain processes on loopback and free ports, and can be ended and started again each by itself.

mod all;
mod cable;
mod configuration;
mod endpoint;
mod host;
mod server;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

pub(crate) use all::end_all;
use cable::Cable;
pub use endpoint::{FilerEndpoint, ReachedBy};
use host::Host;

use crate::nfs_client::NfsClient;
use crate::ports::{self, Reserved};
use crate::process::{Lifetime, Processes};
use crate::wait::{Look, until};
use crate::{Cluster, ControllerOptions, NfsEndpoint, NfsServer, NfsVersion, certificates, programs};

/// What `tombolo-filer` is called in its records, and the name of its log.
const NAME: &str = "filer";

/// Long enough for two busy cores.
const PATIENCE: Duration = Duration::from_secs(120);

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
        let reason = || NfsServer::unavailable().or_else(host::unavailable);
        REASON.get_or_init(reason).clone()
    }

    /// Starts one of this name.
    pub async fn start(cluster: &Cluster, name: &str) -> Result<Self> {
        let filer = Self::prepare(cluster, name).await?;
        filer.resume().await?;
        Ok(filer)
    }

    /// Starts one that only nodes reach.
    pub async fn start_for_nodes(cluster: &Cluster, name: &str) -> Result<Self> {
        let filer = Self::prepare_in(cluster.directory(), name, Lifetime::Owned, ReachedBy::Nodes).await?;
        filer.resume().await?;
        Ok(filer)
    }

    /// Makes its host and the configuration of its servers, and starts none of them.
    pub async fn prepare(cluster: &Cluster, name: &str) -> Result<Self> {
        Self::prepare_in(cluster.directory(), name, Lifetime::Owned, ReachedBy::Loopback).await
    }

    pub(crate) async fn prepare_in(
        cluster: &Path,
        name: &str,
        lifetime: Lifetime,
        reached_by: ReachedBy,
    ) -> Result<Self> {
        let ports = ports::reserve(4)?;
        let [port, mount_port, api_port, metrics_port] = ports.array()?;
        let endpoint = FilerEndpoint {
            server: match reached_by {
                ReachedBy::Loopback => "127.0.0.1".into(),
                ReachedBy::Nodes => Cable::of(port).there(),
            },
            port,
            mount_port,
            api_port,
            metrics_port,
            reached_by,
        };
        let mut filer = Self::attach(cluster, name, lifetime, endpoint).await?;
        filer._ports = Some(ports);
        filer.host().await?;
        filer.write_configuration()?;
        Ok(filer)
    }

    /// A filer that was prepared earlier.
    pub(crate) async fn attach(
        cluster: &Path,
        name: &str,
        lifetime: Lifetime,
        endpoint: FilerEndpoint,
    ) -> Result<Self> {
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
        let host = self.host().await?;
        self.start_program(&host)?;
        // The server reads what the program wrote for it, so it is the second to start.
        self.program_serves().await?;
        self.resume_server().await
    }

    /// Whether all of it runs.
    pub(crate) fn is_whole(&self) -> bool {
        [NAME, server::NAME, host::NAME]
            .iter()
            .all(|name| self.processes.is_alive(name))
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
    pub fn client(&self, version: NfsVersion) -> NfsClient {
        let endpoint = NfsEndpoint {
            server: self.endpoint.server.clone(),
            port: self.endpoint.port,
            mount_port: self.endpoint.mount_port,
            export: String::new(),
            export_dir: self.file("exports"),
        };
        NfsClient::new(endpoint, version)
    }

    /// Runs another command of `tombolo-filer`, on the same host and configuration.
    pub async fn command(&self, arguments: &[&str]) -> Result<std::process::Output> {
        let program = self.program.to_str().context("the path of the program is not UTF-8")?;
        let mut command = tokio::process::Command::from(self.host().await?.inside(program));
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

    /// The directory of the file system that the volumes are on, as this process can look at it.
    pub async fn pool(&self) -> Result<PathBuf> {
        Ok(self.host().await?.seen(&host::pool(self.processes.directory())))
    }

    /// The address that this machine has for a filer with a network of its own.
    pub fn neighbour(&self) -> Option<String> {
        self.cable().map(|cable| cable.here())
    }

    fn cable(&self) -> Option<Cable> {
        match self.endpoint.reached_by {
            ReachedBy::Loopback => None,
            ReachedBy::Nodes => Some(Cable::of(self.endpoint.port)),
        }
    }

    async fn host(&self) -> Result<Host> {
        let processes = self.processes.clone();
        let cable = self.cable();
        tokio::task::spawn_blocking(move || Host::ensure(&processes, cable.as_ref())).await?
    }

    /// Ends `tombolo-filer` as a crash would.
    pub async fn kill_program(&self) -> Result<()> {
        self.end(NAME, Duration::ZERO).await
    }

    /// Ends NFS-Ganesha as a crash would.
    pub async fn kill_server(&self) -> Result<()> {
        self.end(server::NAME, Duration::ZERO).await
    }

    /// Ends everything, as a host that loses power: nothing is mounted any more.
    pub async fn kill_host(&self) -> Result<()> {
        for name in [NAME, server::NAME, host::NAME] {
            self.end(name, Duration::ZERO).await?;
        }
        Ok(())
    }

    /// A controller that runs on the host.
    pub async fn beside(&self, options: ControllerOptions) -> Result<ControllerOptions> {
        let host = self.host().await?;
        Ok(ControllerOptions {
            wrapper: host.wrapper(),
            ..options
        })
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

    fn start_program(&self, host: &Host) -> Result<()> {
        if self.processes.is_alive(NAME) {
            return Ok(());
        }
        let launch = host
            .launch(NAME, &self.program)
            .argument("serve")
            .argument("--config")
            .argument(self.file("filer.yaml"))
            .environment("NO_COLOR", "1");
        self.processes.spawn(launch).map(|_| ())
    }

    /// Waits until the program serves, which it does when it has mounted volumes.
    async fn program_serves(&self) -> Result<()> {
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

    fn file(&self, name: &str) -> PathBuf {
        self.processes.directory().join(name)
    }
}
