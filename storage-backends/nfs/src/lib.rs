//! Any existing NFS export as a storage backend, through a user-space client: no mount, no privilege, nothing on the
//! server.
//!
//! It must never follow a symbolic link, leave its root, or believe that something is gone because the server is
//! away. Start at [`open`]; the trait is implemented in `backend.rs` with what `directory.rs` (paths), `mark.rs`,
//! `trash.rs`, `purge.rs`, `copies.rs` and `snapshots.rs` make of the single NFS procedures in `call.rs` and `files.rs`, which
//! run over the connections of `pool.rs`.

mod backend;
mod call;
mod config;
mod connection;
mod copies;
mod directory;
mod errors;
mod files;
mod mark;
mod node;
mod pool;
mod purge;
mod snapshots;
mod trash;

pub use backend::NfsBackend;
pub use config::{ExportPath, InvalidLocation, NfsConfig, ServerName, SourcePort, Version};

/// Name of this driver.
pub const NAME: &str = "nfs";

/// The backend at an export. Connects when it is first used.
pub fn open(config: NfsConfig) -> NfsBackend {
    NfsBackend::new(config)
}
