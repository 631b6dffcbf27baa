//! One table of nftables before the server's ports: nodes and the machine itself pass, everybody else is dropped.
//!
//! It is replaced as a whole in one transaction, so that there is no moment without it, and so that it does not matter
//! what somebody did to it. No other table is touched: what those refuse stays refused. It belongs to the network
//! namespace that this process runs in.

mod found;
mod ruleset;

use crate::book::off_thread;
use crate::config::ExporterConfig;
use crate::files::Directory;
use nftables::helper::{self, DEFAULT_ARGS, DEFAULT_NFT, NftablesError};
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::Mutex;
use tombolo_backend_api::{BackendError, Class};

pub use found::{Found, found};
pub use ruleset::TABLE;

/// Where the nodes that were told last are remembered, in the state's directory: a host that starts anew knows them before
/// anybody tells it again.
const NODES: &str = "nodes.json";
/// How long nftables may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// The table, and who passes.
#[derive(Debug)]
pub(crate) struct Firewall {
    state: PathBuf,
    ports: BTreeSet<u16>,
    /// Held while the table is changed, so that the last who was told is the last in the table.
    nodes: Mutex<BTreeSet<IpAddr>>,
}

impl Firewall {
    /// Puts the table in place with the nodes that were told last; with none, if none ever were.
    pub(crate) async fn open(config: &ExporterConfig) -> Result<Self, BackendError> {
        let state = config.state.clone();
        let at = state.clone();
        let nodes = off_thread(move || remembered(&at)).await?;
        let firewall = Self {
            state,
            ports: ports(config),
            nodes: Mutex::new(nodes),
        };
        firewall.restore().await?;
        Ok(firewall)
    }

    /// Puts the table in place again, as it was last.
    pub(crate) async fn restore(&self) -> Result<(), BackendError> {
        let nodes = self.nodes.lock().await;
        self.apply(&nodes).await
    }

    /// From now on exactly these pass.
    pub(crate) async fn admit(&self, addresses: &BTreeSet<IpAddr>) -> Result<(), BackendError> {
        let mut nodes = self.nodes.lock().await;
        let (state, told) = (self.state.clone(), addresses.clone());
        off_thread(move || remember(&state, &told)).await?;
        nodes.clone_from(addresses);
        self.apply(&nodes).await.map_err(crate::settle::unsure)
    }

    async fn apply(&self, nodes: &BTreeSet<IpAddr>) -> Result<(), BackendError> {
        let ruleset = ruleset::ruleset(&self.ports, nodes);
        let applied = helper::apply_ruleset_with_args_async(&ruleset, DEFAULT_NFT, DEFAULT_ARGS);
        match tokio::time::timeout(PATIENCE, applied).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(told(error)),
            Err(_) => Err(BackendError::maybe_done(
                Class::Waiting,
                format!("nft did not answer within {PATIENCE:?}"),
            )),
        }
    }
}

/// The ports that are kept.
fn ports(config: &ExporterConfig) -> BTreeSet<u16> {
    let advertise = &config.advertise;
    let ports = [Some(advertise.port), advertise.mount_port];
    ports.into_iter().flatten().map(Into::into).collect()
}

fn told(error: NftablesError) -> BackendError {
    match error {
        NftablesError::NftExecution { inner, .. } if inner.kind() == ErrorKind::NotFound => BackendError::not_done(
            Class::Denied,
            "nodeAccess: Nodes needs the program nft (package nftables)",
        )
        .because(inner),
        // A transaction: all of it or nothing.
        NftablesError::NftFailed { stderr, .. } => BackendError::not_done(
            Class::Denied,
            format!("nft refuses the firewall set: {}", stderr.trim()),
        ),
        other => BackendError::maybe_done(Class::Transient, "nft").because(other),
    }
}

fn remembered(state: &Path) -> Result<BTreeSet<IpAddr>, BackendError> {
    let bytes = Directory::open(state)?.read(NODES)?;
    let read = bytes.map(|bytes| serde_json::from_slice(&bytes));
    Ok(read
        .and_then(|nodes| {
            nodes
                .inspect_err(
                    |error| tracing::warn!(%error, "the nodes that were told last cannot be read; none passes"),
                )
                .ok()
        })
        .unwrap_or_default())
}

fn remember(state: &Path, nodes: &BTreeSet<IpAddr>) -> Result<(), BackendError> {
    let bytes = serde_json::to_vec(nodes)
        .map_err(|e| BackendError::not_done(Class::Bug, "addresses do not serialise").because(e))?;
    Directory::open(state)?.write(NODES, &bytes)
}
