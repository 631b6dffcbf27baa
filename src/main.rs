//! The program: parse, start the log, do what was asked, say how it ended.

use clap::Parser;
use std::process::ExitCode;
use tombolo::cli::{Cli, Command};
use tombolo::telemetry;

fn main() -> ExitCode {
    match start(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tombolo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(cli: &Cli) -> anyhow::Result<()> {
    let _log = telemetry::start(cli.log_filter(), cli.common.log_format)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(dispatch(cli))
}

/// One line per command.
async fn dispatch(cli: &Cli) -> anyhow::Result<()> {
    match &cli.command {
        Command::Run(_) | Command::Crd(_) | Command::Explain(_) | Command::Reclaim(_) | Command::Trash(_) => {
            anyhow::bail!("this command is not part of this build")
        }
    }
}
