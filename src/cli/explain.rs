//! What `explain` takes.

use super::{Output, namespace, object_name};
use clap::{Args, Subcommand};

/// What can be explained.
#[derive(Debug, Subcommand)]
pub enum Explain {
    /// Why a claim has, or has not, got a volume
    Pvc(ExplainPvc),
    /// Whether a backend can be used, and whether cutting access on it waits for an admin
    #[command(visible_alias = "sb")]
    Storagebackend(ExplainBackend),
}

/// Flags of `explain storagebackend`.
#[derive(Debug, Args)]
pub struct ExplainBackend {
    /// The StorageBackend
    #[arg(value_parser = object_name)]
    pub name: String,
    /// Form of the answer
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

/// Flags of `explain pvc`.
#[derive(Debug, Args)]
pub struct ExplainPvc {
    /// The claim
    #[arg(value_parser = object_name)]
    pub name: String,
    /// Its namespace [default: that of the kubeconfig's context]
    #[arg(short, long, value_name = "NAME", value_parser = namespace)]
    pub namespace: Option<String>,
    /// Form of the answer
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}
