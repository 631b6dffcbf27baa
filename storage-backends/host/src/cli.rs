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
    Check,
    /// List volumes, exports, trash and snapshots, with what they use
    List,
    /// Look for differences between what should be and what is
    Fsck(Fsck),
}

/// How to serve.
#[derive(Debug, Args)]
pub struct Serve {
    /// Serve without TLS, on a loopback address only
    #[arg(long)]
    pub plain: bool,
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
            (None, Command::Check | Command::List | Command::Fsck(_)) => "warn",
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
