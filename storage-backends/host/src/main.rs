//! `tombolo-filer`: serves a storage backend of this host over HTTP, and looks after it.
//!
//! It knows nothing of Kubernetes, and decides nothing about volumes: controllers do, over the API of
//! `tombolo-backend-remote`. Start at [`cli`]; one file for each command. A driver is one line in [`driver`] and its checks.

mod check;
mod cli;
mod config;
mod driver;
mod fsck;
#[cfg(feature = "filer")]
mod ganesha_conf;
mod list;
mod log;
mod metrics;
mod serve;
#[cfg(feature = "filer")]
mod settling;

use clap::Parser;
use cli::{Cli, Command};
use config::Config;
use std::process::ExitCode;

fn main() -> ExitCode {
    match start(&Cli::parse()) {
        Ok(code) => code,
        #[expect(clippy::print_stderr, reason = "the log may not have started")]
        Err(error) => {
            eprintln!("tombolo-filer: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(cli: &Cli) -> anyhow::Result<ExitCode> {
    let config = Config::read(&cli.config)?;
    log::start(cli.log_filter(), cli.log_format)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match &cli.command {
            Command::Serve(how) => serve::serve(config, how).await.map(|()| ExitCode::SUCCESS),
            Command::Check(how) => check::check(&config, how).await,
            Command::List => list::list(&config).await.map(|()| ExitCode::SUCCESS),
            Command::Fsck(how) => fsck::fsck(&config, how).await,
            #[cfg(feature = "filer")]
            Command::GaneshaConf(how) => ganesha_conf::print(&config, how).map(|()| ExitCode::SUCCESS),
        }
    })
}
