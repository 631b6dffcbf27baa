//! The log: on standard error, where systemd picks it up. Standard output belongs to what commands print.
//!
//! Changes that callers make are lines of the target `audit`.

use crate::cli::LogFormat;
use anyhow::Context;
use std::io::{IsTerminal, stderr};
use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// Starts the log of this process.
pub fn start(filter: &str, format: LogFormat) -> anyhow::Result<()> {
    let filter = EnvFilter::builder()
        .with_regex(false)
        .parse(filter)
        .context("the log filter cannot be read")?;
    let lines = tracing_subscriber::fmt::layer().with_writer(stderr);
    let lines = match format {
        LogFormat::Human => lines.with_ansi(stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(filter).with(lines).try_init()?;
    Ok(())
}
