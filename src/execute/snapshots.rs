//! VolumeSnapshots and their contents as a port: live reads, and each write, one request each. The kinds are another project's: where they
//! are not served, nothing is there.

use super::cluster::{ApiError, Fault};
use crate::domain::ids::{ClaimRef, ContentName, SnapshotClassName};
use crate::domain::snapshot::content::{Content, ExactContent};
use crate::domain::snapshot::handle::SnapshotHandle;
use crate::domain::snapshot::{Snapshot, SnapshotKey};
use crate::domain::token::{Note, Token};
use crate::plan::snapshot::prepare::NewContent;
use async_trait::async_trait;

/// What is written of the taking of a content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// It begins, under this handle.
    Begun(SnapshotHandle),
    /// It is over and came to nothing, and something of it may lie there.
    GivenUp,
    /// It is over, and its status says what came of it; or nothing of it lies anywhere.
    Known,
}

/// What is written into the status of a content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// It can be restored from.
    Ready {
        /// Where its data is.
        handle: SnapshotHandle,
        /// When it was taken.
        taken: jiff::Timestamp,
        /// Bytes that a volume made from it needs.
        bytes: u64,
    },
    /// It cannot, and this is why.
    Failed {
        /// In words for its owner.
        text: String,
        /// When that was found.
        at: jiff::Timestamp,
    },
    /// It has no data any more.
    Empty,
}

/// The part of the API server that has snapshots. Reads are consistent (never from a cache).
#[async_trait]
pub trait SnapshotObjects: Send + Sync + 'static {
    /// A VolumeSnapshot.
    async fn snapshot(&self, key: &SnapshotKey) -> Result<Option<Snapshot>, ApiError>;
    /// A VolumeSnapshotContent.
    async fn content(&self, name: &ContentName) -> Result<Option<Content>, ApiError>;

    /// All VolumeSnapshotContents: asked for only where data is about to go.
    async fn contents(&self) -> Result<Vec<Content>, ApiError>;

    /// Writes the class into a VolumeSnapshot, if it is exactly this one.
    async fn choose_class(&self, snapshot: &Snapshot, class: &SnapshotClassName) -> Result<(), ApiError>;
    /// Keeps a claim while a snapshot is taken of it. The snapshot-controller lets it go.
    async fn keep_source(&self, claim: &ClaimRef) -> Result<(), ApiError>;
    /// Lets a claim go that was kept for a snapshot, where the snapshot-controller will not.
    async fn let_source_go(&self, claim: &ClaimRef) -> Result<(), ApiError>;
    /// Puts our finalizer on a VolumeSnapshot, if it is exactly this one.
    async fn put_hold(&self, snapshot: &Snapshot) -> Result<(), ApiError>;
    /// Takes our finalizer off a VolumeSnapshot, if it is exactly this one.
    async fn take_hold(&self, snapshot: &Snapshot) -> Result<(), ApiError>;
    /// Makes a content.
    async fn create_content(&self, content: &NewContent) -> Result<(), ApiError>;
    /// Writes down that a content is being taken, or is not any more.
    async fn mark_content(&self, content: &ExactContent, mark: &Mark) -> Result<(), ApiError>;
    /// Writes the status of a content.
    async fn content_status(&self, content: &ExactContent, status: &Status) -> Result<(), ApiError>;
    /// Lets a content go, as far as that is ours to do.
    async fn release_content(&self, content: &ExactContent) -> Result<(), ApiError>;
    /// Puts a token on a content, if it is exactly this one.
    async fn put_content_token(&self, content: &ExactContent, token: &Token, note: &Note) -> Result<(), ApiError>;
    /// Takes a token off a content, if it is exactly this one.
    async fn take_content_token(&self, content: &ExactContent, token: &Token) -> Result<(), ApiError>;
}

/// Where none of the kinds is installed: nothing is there, and nothing can be written.
pub struct NotInstalled;

fn absent<T>() -> Result<T, ApiError> {
    Err(ApiError::new(Fault::NotFound, "the kind is not installed"))
}

#[async_trait]
impl SnapshotObjects for NotInstalled {
    async fn snapshot(&self, _: &SnapshotKey) -> Result<Option<Snapshot>, ApiError> {
        Ok(None)
    }

    async fn content(&self, _: &ContentName) -> Result<Option<Content>, ApiError> {
        Ok(None)
    }

    async fn contents(&self) -> Result<Vec<Content>, ApiError> {
        Ok(Vec::new())
    }

    async fn choose_class(&self, _: &Snapshot, _: &SnapshotClassName) -> Result<(), ApiError> {
        absent()
    }

    async fn keep_source(&self, _: &ClaimRef) -> Result<(), ApiError> {
        absent()
    }

    async fn let_source_go(&self, _: &ClaimRef) -> Result<(), ApiError> {
        absent()
    }

    async fn put_hold(&self, _: &Snapshot) -> Result<(), ApiError> {
        absent()
    }

    async fn take_hold(&self, _: &Snapshot) -> Result<(), ApiError> {
        absent()
    }

    async fn create_content(&self, _: &NewContent) -> Result<(), ApiError> {
        absent()
    }

    async fn mark_content(&self, _: &ExactContent, _: &Mark) -> Result<(), ApiError> {
        absent()
    }

    async fn content_status(&self, _: &ExactContent, _: &Status) -> Result<(), ApiError> {
        absent()
    }

    async fn release_content(&self, _: &ExactContent) -> Result<(), ApiError> {
        absent()
    }

    async fn put_content_token(&self, _: &ExactContent, _: &Token, _: &Note) -> Result<(), ApiError> {
        absent()
    }

    async fn take_content_token(&self, _: &ExactContent, _: &Token) -> Result<(), ApiError> {
        absent()
    }
}
