//! What a person types.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Serves a storage backend of this host to controllers elsewhere, and looks after it
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    /// Configuration file
    #[arg(
        long,
        global = true,
        env = "TOMBOLO_FILER_CONFIG",
        value_name = "FILE",
        default_value = "/etc/tombolo/filer.yaml"
    )]
    pub config: PathBuf,
    /// What to log, e.g. info,audit=off [default: info for serve, otherwise warn]
    #[arg(long, global = true, env = "TOMBOLO_FILER_LOG", value_name = "FILTER")]
    pub log: Option<String>,
    /// How to log, on standard error
    #[arg(long, global = true, env = "TOMBOLO_FILER_LOG_FORMAT", value_enum, default_value_t = LogFormat::Human)]
    pub log_format: LogFormat,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For a person
    Human,
    /// One JSON object a line
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the backend until told to stop
    Serve(Serve),
    /// Look whether this host has what it needs, and say how to mend what it lacks
    Check(Check),
    /// List volumes, exports, trash and snapshots, with what they use
    List,
    /// Look for differences between what should be and what is
    Fsck(Fsck),
    /// Print the configuration that NFS-Ganesha needs for the driver filer
    #[cfg(feature = "filer")]
    GaneshaConf(GaneshaConf),
}

/// How to serve.
#[derive(Debug, Args)]
pub struct Serve {
    /// Serve without TLS, on a loopback address only
    #[arg(long)]
    pub plain: bool,
}

/// How to look at this host.
#[derive(Debug, Args)]
pub struct Check {
    /// NFS-Ganesha's own configuration, for the driver filer
    #[arg(long, value_name = "FILE", default_value = "/etc/ganesha/ganesha.conf")]
    pub ganesha_conf: PathBuf,
}

/// What NFS-Ganesha is to be told.
#[cfg(feature = "filer")]
#[derive(Debug, Args)]
pub struct GaneshaConf {
    /// Where it remembers its clients over a restart: a directory on a disk
    #[arg(long, value_name = "DIRECTORY", default_value = "/var/lib/nfs/ganesha")]
    pub recovery: PathBuf,
    /// The one address that it listens at [default: all]
    #[arg(long, value_name = "ADDRESS")]
    pub bind: Option<std::net::IpAddr>,
}

/// How to look for differences.
#[derive(Debug, Args)]
pub struct Fsck {
    /// Mend what can be mended without losing anything; otherwise nothing is changed
    #[arg(long)]
    pub repair: bool,
}

impl Cli {
    /// The filter of the log.
    pub fn log_filter(&self) -> &str {
        match (&self.log, &self.command) {
            (Some(filter), _) => filter,
            (None, Command::Serve(_)) => "info",
            (None, _) => "warn",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
