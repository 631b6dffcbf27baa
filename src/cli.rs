//! What a person types. Values are checked here, once; nothing behind this reads flags or the environment.
//!
//! Every flag of `run` can also come from the environment, as `TOMBOLO_` and its name.

mod doctor;
mod explain;
mod trash;

pub use doctor::Doctor;
pub use explain::{Explain, ExplainBackend, ExplainPvc};
pub use trash::{Trash, TrashOf};

use crate::controllers::copies::Settings;
use crate::domain::ids::{BackendName, ClaimKey, VolumeId, is_dns_label, is_dns_subdomain};
use crate::leader::{Identity, Leadership};
use crate::plan::copy::schedule::Bounds;
use crate::telemetry::LogFormat;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum, builder::NonEmptyStringValueParser};
use kube::config::{KubeConfigOptions, Kubeconfig};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tombolo_backend_api::TrashId;

/// Where a pod finds the name of its namespace.
const POD_NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
/// The namespace of our manifests.
const DEFAULT_NAMESPACE: &str = "tombolo-system";

/// A shared-volume orchestrator for Kubernetes: one volume, many namespaces, by consent
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    /// Flags of every command.
    #[command(flatten)]
    pub common: Common,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags of every command.
#[derive(Debug, Args)]
pub struct Common {
    /// Kubeconfig file [default: as kubectl finds it, or the pod's service account]
    #[arg(long, global = true, env = "TOMBOLO_KUBECONFIG", value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// What to log, e.g. info,tombolo::plan=debug [default: info for run, otherwise warn]
    #[arg(long, global = true, env = "TOMBOLO_LOG", value_name = "FILTER")]
    pub log: Option<String>,
    /// How to log, on standard error
    #[arg(long, global = true, env = "TOMBOLO_LOG_FORMAT", value_enum, default_value_t = LogFormat::Human)]
    pub log_format: LogFormat,
}

impl Common {
    /// How to reach the cluster.
    ///
    /// # Errors
    /// If there is no usable configuration.
    pub async fn kube_config(&self) -> anyhow::Result<kube::Config> {
        let Some(file) = &self.kubeconfig else {
            return Ok(kube::Config::infer().await?);
        };
        let kubeconfig = Kubeconfig::read_from(file)?;
        Ok(kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?)
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the controller
    Run(RunArgs),
    /// Print the custom resource definitions
    Crd(CrdArgs),
    /// Say why something is as it is: every check, and how it came out
    #[command(subcommand)]
    Explain(Explain),
    /// Examine the cluster: what Tombolo needs, and what is not served there
    Doctor(Doctor),
    /// Give a volume whose owner has gone a new owner
    Reclaim(ReclaimArgs),
    /// Look into the trash of the backends; run it where their servers can be reached
    #[command(subcommand)]
    Trash(Trash),
}

impl Cli {
    /// The log filter asked for. A person who runs a command wants its answer; of a controller they want to see what it does.
    pub fn log_filter(&self) -> &str {
        let default = match &self.command {
            // The client library tells of every connection it makes.
            Command::Run(_) => "info,nfs_rs=error",
            Command::Crd(_) | Command::Explain(_) | Command::Doctor(_) | Command::Reclaim(_) | Command::Trash(_) => {
                "warn"
            }
        };
        self.common.log.as_deref().unwrap_or(default)
    }
}

/// Flags of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Directory of the ledger; deleting it while the controller is stopped is always safe
    #[arg(
        long,
        env = "TOMBOLO_DATA_DIR",
        value_name = "DIR",
        default_value = "/var/lib/tombolo"
    )]
    pub data_dir: PathBuf,
    /// Address of /livez, /readyz and /metrics
    #[arg(long, env = "TOMBOLO_LISTEN", value_name = "ADDRESS", default_value = "0.0.0.0:8080")]
    pub listen: SocketAddr,
    /// Namespace of the Lease, and of Secrets that StorageBackends name [default: the pod's own, or tombolo-system]
    #[arg(long, env = "TOMBOLO_NAMESPACE", value_name = "NAME", value_parser = namespace)]
    pub namespace: Option<String>,
    /// Whether to act only while holding the Lease; false promises that no other controller runs
    #[arg(long, env = "TOMBOLO_LEADER_ELECTION", default_value_t = true, action = ArgAction::Set,
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub leader_election: bool,
    /// How many objects are worked on at once
    #[arg(long, env = "TOMBOLO_WORKERS", value_name = "N", default_value_t = 32,
          value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub workers: u16,
    /// Whether TridentVolumeReference objects count as references
    #[arg(long, env = "TOMBOLO_TRIDENT_REFERENCES", default_value_t = false, action = ArgAction::Set,
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub trident_references: bool,
    /// Whether claims, of any class, are told that no populator has registered the kind of their data source; false where kubernetes-csi's
    /// volume-data-source-validator runs, which tells the same
    #[arg(long, env = "TOMBOLO_VALIDATOR", default_value_t = true, action = ArgAction::Set,
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub validator: bool,
    /// Time between looks for what was left behind, e.g. 10m
    #[arg(long, env = "TOMBOLO_SWEEP_INTERVAL", value_name = "DURATION", default_value = "10m", value_parser = interval)]
    pub sweep_interval: Duration,
    /// How many copies for claims of one namespace are made, and snapshots of it taken, at once
    #[arg(long, env = "TOMBOLO_COPIES_PER_NAMESPACE", value_name = "N", default_value_t = 2,
          value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub copies_per_namespace: u16,
    /// How many copies are made, and snapshots taken, at once
    #[arg(long, env = "TOMBOLO_COPIES", value_name = "N", default_value_t = 8,
          value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub copies: u16,
    /// Files, directories and links that the source of a copy may have
    #[arg(long, env = "TOMBOLO_COPY_ENTRIES", value_name = "N", default_value_t = 5_000_000,
          value_parser = clap::value_parser!(u64).range(1..))]
    pub copy_entries: u64,
    /// How long consent must have been seen to have ended, without a break, before access is cut, e.g. 30s
    #[arg(long, env = "TOMBOLO_REVOKE_GRACE", value_name = "DURATION", default_value = "30s", value_parser = interval)]
    pub revoke_grace: Duration,
    /// Name of this process in the Lease and in events [default: $POD_NAME, or the host's name]
    #[arg(long, env = "TOMBOLO_IDENTITY", value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub identity: Option<String>,
}

impl RunArgs {
    /// The controller's own namespace: of its Lease, and of the Secrets that StorageBackends name.
    pub fn own_namespace(&self) -> String {
        own_namespace(self.namespace.as_deref())
    }

    /// What to call this process. Another one every time: see [`Identity`].
    pub fn process_name(&self) -> String {
        let of_pod = || std::env::var("POD_NAME").ok().filter(|name| !name.is_empty());
        let of_host = || rustix::system::uname().nodename().to_string_lossy().into_owned();
        self.identity.clone().or_else(of_pod).unwrap_or_else(of_host)
    }

    /// How copies are made in a term.
    pub fn copies(&self, leadership: &Leadership) -> Settings {
        let (per_namespace, in_all) = (self.copies_per_namespace.into(), self.copies.into());
        Settings {
            bounds: Bounds { per_namespace, in_all },
            max_entries: self.copy_entries,
            epoch: leadership.count(),
        }
    }

    /// An identity of this start of the process, for the Lease.
    pub fn new_identity(&self) -> Identity {
        Identity::new(&self.process_name())
    }
}

/// Flags of `crd`.
#[derive(Debug, Args)]
pub struct CrdArgs {
    /// Write one file per kind into this directory, instead of all to standard output
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For a person.
    Text,
    /// For a program.
    Json,
}

/// Flags of `reclaim`.
#[derive(Debug, Args)]
pub struct ReclaimArgs {
    /// The volume's id, as `kubectl get sharedvolumes` prints it
    #[arg(value_parser = volume)]
    pub volume: VolumeId,
    /// The claim to own it, as <namespace>/<claim>: Pending, with volumeName set to the volume's PersistentVolume
    #[arg(long, value_name = "NS/CLAIM", value_parser = claim)]
    pub to: ClaimKey,
}

/// The controller's namespace as given, as a pod finds it, or as in our manifests.
pub fn own_namespace(given: Option<&str>) -> String {
    let of_pod = || {
        let text = std::fs::read_to_string(POD_NAMESPACE).ok()?;
        namespace(text.trim()).ok()
    };
    let found = given.map(str::to_owned).or_else(of_pod);
    found.unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned())
}

fn namespace(text: &str) -> Result<String, String> {
    let refusal = || format!("`{text}` is no name of a namespace");
    is_dns_label(text).then(|| text.to_owned()).ok_or_else(refusal)
}

fn object_name(text: &str) -> Result<String, String> {
    let refusal = || format!("`{text}` is no name of an object");
    is_dns_subdomain(text).then(|| text.to_owned()).ok_or_else(refusal)
}

fn volume(text: &str) -> Result<VolumeId, String> {
    object_name(text).map(VolumeId::new)
}

fn backend(text: &str) -> Result<BackendName, String> {
    object_name(text).map(BackendName::new)
}

fn claim(text: &str) -> Result<ClaimKey, String> {
    let (of, name) = text.split_once('/').ok_or("write <namespace>/<claim>")?;
    Ok(ClaimKey::new(namespace(of)?, object_name(name)?))
}

fn trash_id(text: &str) -> Result<TrashId, String> {
    TrashId::parse(text).ok_or_else(|| format!("`{text}` is no name of an entry"))
}

fn interval(text: &str) -> Result<Duration, String> {
    let signed: jiff::SignedDuration = text.parse().map_err(|e: jiff::Error| e.to_string())?;
    match Duration::try_from(signed) {
        Ok(duration) if duration >= Duration::from_secs(1) => Ok(duration),
        Ok(_) | Err(_) => Err("at least 1s".to_owned()),
    }
}

#[cfg(test)]
mod tests;
