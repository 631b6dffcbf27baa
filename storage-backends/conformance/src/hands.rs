//! A tenant's hands on a mount: what the server lets through, seen with nothing of the backend's own.
//!
//! A subject says what hands it has ([`Subject::hands`](crate::Subject::hands)); [`Libnfs`] serves every NFS server, and
//! [`OnDirectory`] every directory of this machine.

mod directory;
mod libnfs;

pub use directory::OnDirectory;
pub use libnfs::Libnfs;

use async_trait::async_trait;
use std::collections::BTreeSet;

/// Bytes that every kind of hands can write into a file; some cannot write more.
pub const SMALL: usize = 1000;

/// How a server refuses a tenant something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// `EROFS`.
    ReadOnly,
    /// `ESTALE`, or there is nothing to be mounted any more.
    Gone,
    /// `ENOSPC` or `EDQUOT`.
    NoSpace,
    /// Anything else, in the client's words.
    Other(String),
}

/// A volume as one tenant has it mounted. Names are those of files directly in it, of `[a-z0-9-]`.
#[async_trait]
pub trait Hands: Send + Sync {
    /// The bytes of a file.
    async fn read(&self, file: &str) -> Result<Vec<u8>, Refused>;

    /// Writes a new file; done when the server has it on its disk.
    async fn write(&self, file: &str, bytes: &[u8]) -> Result<(), Refused>;

    /// The names in the volume.
    async fn list(&self) -> Result<BTreeSet<String>, Refused>;

    /// Opens a file, reads its beginning, and holds it open.
    async fn hold(&self, file: &str) -> Result<Box<dyn Held>, Refused>;
}

/// A file that is open.
#[async_trait]
pub trait Held: Send {
    /// Reads on to the end, through the file handle that it has.
    async fn rest(self: Box<Self>) -> Result<Vec<u8>, Refused>;
}
