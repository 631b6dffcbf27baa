//! The program: parse, start the log, do what was asked, say how it ended.

use clap::Parser;
use std::process::ExitCode;
use tombolo::cli::{Cli, Command, Explain};
use tombolo::telemetry::{self, LogLevel};
use tombolo::{crd, doctor, explain, reclaim, run, trash};

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
    let log = telemetry::start(cli.log_filter(), cli.common.log_format)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(dispatch(cli, log))
}

/// One line per command.
async fn dispatch(cli: &Cli, log: LogLevel) -> anyhow::Result<()> {
    match &cli.command {
        Command::Run(args) => run::run(&cli.common, args, log).await,
        Command::Crd(args) => crd::write(args),
        Command::Explain(Explain::Pvc(args)) => explain::pvc(&cli.common, args).await,
        Command::Explain(Explain::Storagebackend(args)) => explain::storage_backend(&cli.common, args).await,
        Command::Doctor(args) => doctor::doctor(&cli.common, args).await,
        Command::Reclaim(args) => reclaim::reclaim(&cli.common, args).await,
        Command::Trash(what) => trash::trash(&cli.common, what).await,
    }
}
