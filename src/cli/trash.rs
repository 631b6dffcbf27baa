//! What a person types to look into the trash.

use super::{backend, claim, namespace, trash_id};
use crate::domain::ids::{BackendName, ClaimKey};
use clap::{Args, Subcommand};
use tombolo_backend_api::TrashId;

/// Commands of `trash`.
#[derive(Debug, Subcommand)]
pub enum Trash {
    /// What is in the trash
    List {
        /// Which entries.
        #[command(flatten)]
        of: TrashOf,
    },
    /// Take an entry out and give it to a claim
    Restore {
        /// The entry, as `trash list` prints it
        #[arg(value_parser = trash_id)]
        id: TrashId,
        /// The claim to own it, as <namespace>/<claim>: Pending, of the same class, no larger, with spec.volumeName set to the entry
        #[arg(long, value_name = "NS/CLAIM", value_parser = claim)]
        to: ClaimKey,
        /// Where it is.
        #[command(flatten)]
        of: TrashOf,
    },
    /// Remove an entry for ever
    Purge {
        /// The entry, as `trash list` prints it
        #[arg(value_parser = trash_id)]
        id: TrashId,
        /// Where it is.
        #[command(flatten)]
        of: TrashOf,
    },
}

/// Which backend's trash is meant.
#[derive(Debug, Args)]
pub struct TrashOf {
    /// The StorageBackend [default: all]
    #[arg(long, value_name = "NAME", value_parser = backend)]
    pub backend: Option<BackendName>,
    /// Namespace of the Secrets that StorageBackends name: the controller's [default: the pod's own, or tombolo-system]
    #[arg(long, env = "TOMBOLO_NAMESPACE", value_name = "NAME", value_parser = namespace)]
    pub namespace: Option<String>,
}
