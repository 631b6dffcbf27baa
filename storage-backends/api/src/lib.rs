//! What a storage backend is: one trait, the values it speaks in, and errors that say whether the work may have happened.
//!
//! A backend makes, inspects and discards directories ("volumes") below one *marked root*. It must never know about
//! Kubernetes, claims or consent, and never decide whether something may be deleted: that is the controller's business.
//! Every operation is idempotent and keyed by a path that the *caller* chooses, so a call whose answer was lost is repeated.
//!
//! What not every backend can do is a small trait of its own, which [`Backend`] gives out if [`Capabilities`] declares it.
//!
//! Read [`Backend`] first, then [`BackendError`]; [`Guarded`] is what the controller holds.

mod backend;
mod capabilities;
mod copy;
mod error;
mod export;
mod guard;
mod mark;
mod path;
mod size;
mod trash;
mod volume;

pub use backend::Backend;
pub use capabilities::Capabilities;
pub use copy::{Clones, Copied, CopyProgress, CopyTerms, InvalidSnapshotId, Seen, Snapshot, SnapshotId, Snapshots};
pub use error::{BackendError, Certainty, Class};
pub use export::{Access, Admission, ExportKey, Exported, InvalidTenant, NodeAccess, Revoke, Share, Tenant};
pub use guard::Guarded;
pub use mark::{BackendId, ClusterId, InvalidBackendId, Mark};
pub use path::{InvalidPath, VolumePath};
pub use size::{Measure, Quota, Resize, Usage};
pub use trash::{
    Disposal, InvalidTrashId, PurgeProgress, Purged, Remains, TrashEntry, TrashId, read_record, write_record,
};
pub use volume::{CreateVolume, Found, Listed, MountSource, RootLocation, Space};

/// Directory below the root in which a backend keeps its mark, trash and archive; mode 0700, never a volume.
pub const PRIVATE_DIR: &str = ".tombolo";
/// The mark's file below [`PRIVATE_DIR`].
pub const MARK_FILE: &str = "backend.json";
/// Directory below [`PRIVATE_DIR`] that holds discarded volumes until their retention ends.
pub const TRASH_DIR: &str = "trash";
/// Directory below [`PRIVATE_DIR`] that holds copies which are not finished.
pub const COPIES_DIR: &str = "copies";
/// Directory below [`PRIVATE_DIR`] that holds snapshots, each with a record beside it.
pub const SNAPSHOTS_DIR: &str = "snapshots";
/// Directory below [`PRIVATE_DIR`] that holds volumes of classes with `onDelete: archive`.
pub const ARCHIVE_DIR: &str = "archive";
/// Prefix that a trash entry gets before its tree is removed: from then on it cannot be restored.
pub const PURGING_PREFIX: &str = "purging-";
