//! `serve`: the backend over HTTP, until somebody says stop.

use crate::cli::Serve;
use crate::config::Config;
use crate::driver::{Driver, Opened};
use crate::metrics;
#[cfg(feature = "filer")]
use crate::settling;
use anyhow::{Context, bail};
use prometheus_client::registry::Registry;
use sd_notify::NotifyState;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tombolo_backend_api::Class;
use tombolo_backend_remote::server::{Counts, Credentials, Limits, Room, Shared, listen};

/// How often the files with credentials are looked at.
const LOOK: Duration = Duration::from_secs(10);
/// Waits between attempts to open a backend that is away.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// Serves until SIGTERM or SIGINT.
pub async fn serve(config: Config, how: &Serve) -> anyhow::Result<()> {
    match (&config.tls, how.plain) {
        (Some(_), false) | (None, true) => {}
        (None, false) => bail!("there is no tls in the configuration; --plain serves without it, on loopback only"),
        (Some(_), true) => bail!("--plain, but there is tls in the configuration: one of them is not meant"),
    }
    // Before anything listens, so that a stop that comes at once is not lost.
    let (mut end, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    // Before the credentials are read: a token file that cannot be used keeps controllers away, and must not leave an NFS server
    // that runs without the firewall set which opening puts in place.
    let opened = tokio::select! {
        opened = open(&config.backend) => opened?,
        _ = end.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    let credentials = Credentials::read(config.files()).context("the credentials cannot be used")?;
    let backend = opened.backend;
    if let Some(notice) = backend.notice() {
        tracing::warn!("{notice}");
    }
    let mut registry = Registry::with_prefix("tombolo");
    let counts = Counts::register(&mut registry);
    #[cfg(feature = "filer")]
    let settling = opened
        .served
        .map(|served| served.keep(settling::Counts::register(&mut registry)));
    let (callers, security) = (credentials.callers.clone(), credentials.security.clone());
    let capabilities = backend.capabilities().names().join(" ");
    let shared = Shared::new(backend, callers, config.bounds(), Room::default(), counts.clone());
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("listening on {}", config.listen))?;
    let listening = listen(listener, security, Arc::new(shared), Limits::default())?;
    let files = tokio::spawn(credentials.keep(LOOK, counts));
    let metrics = match config.metrics {
        None => None,
        Some(address) => {
            let listener = TcpListener::bind(address)
                .await
                .with_context(|| format!("listening on {address}"))?;
            tracing::info!(address = %listener.local_addr()?, "metrics");
            Some(tokio::spawn(metrics::show(listener, Arc::new(registry))))
        }
    };
    tracing::info!(address = %listening.address(), capabilities, "serving");
    told(&[NotifyState::Ready, NotifyState::Status("serving")]);
    tokio::select! {
        _ = end.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping: what is under way may end, operations go on after the next start");
    told(&[NotifyState::Stopping]);
    listening.stop().await;
    files.abort();
    #[cfg(feature = "filer")]
    drop(settling);
    if let Some(metrics) = metrics {
        metrics.abort();
    }
    Ok(())
}

/// Opens the backend; while what it needs is away, again and again.
async fn open(driver: &Driver) -> anyhow::Result<Opened> {
    let mut wait = FIRST_WAIT;
    loop {
        let error = match driver.open().await {
            Ok(opened) => return Ok(opened),
            Err(error) => error,
        };
        match error.class {
            Class::Waiting | Class::Transient => {
                tracing::warn!(retry = ?wait, "the backend cannot be opened yet: {error}");
                told(&[NotifyState::Status(&format!("waiting: {error}"))]);
            }
            Class::Invalid | Class::Denied | Class::Full | Class::TooLarge | Class::Bug => {
                // Its own words have the cause.
                bail!("the backend cannot be opened: {error}");
            }
        }
        tokio::time::sleep(wait).await;
        wait = LONGEST_WAIT.min(wait * 2);
    }
}

/// Tells systemd, if it waits to be told (sd_notify(3)).
fn told(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!("systemd was not told: {error}");
    }
}
