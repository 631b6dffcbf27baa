//! What `doctor` takes.

use super::{Output, namespace, object_name};
use clap::Args;

/// Flags of `doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// The controller's namespace [default: the pod's own, or tombolo-system]
    #[arg(short, long, env = "TOMBOLO_NAMESPACE", value_name = "NAME", value_parser = namespace)]
    pub namespace: Option<String>,
    /// The controller's ServiceAccount, whose rights are looked at
    #[arg(long, value_name = "NAME", value_parser = object_name, default_value = "tombolo-controller")]
    pub service_account: String,
    /// Form of the answer
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}
