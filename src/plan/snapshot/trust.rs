//! Which handle of a VolumeSnapshotContent counts: one that our own record ties to its snapshot, or that an admin has imported.
//!
//! The record is the snapshot's name on the backend ([`crate::domain::snapshot::handle`]). Of a content that was made for a VolumeSnapshot,
//! only the snapshot taken for that UID in that namespace counts, and only under the one name that such a content has, so that there are
//! never two of them. For one that names a snapshot itself an admin has to say so on the StorageBackend, which nobody else may write, also in
//! the namespace that it was taken in: another one of that name may be another tenant's by now.

use crate::api::names;
use crate::domain::snapshot::content::{Content, ContentSource};
use crate::domain::snapshot::handle::{Imports, SnapshotHandle, content_name, id_for};
use std::fmt;

/// Why a handle does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Untied {
    /// It has none.
    Missing,
    /// It is none of ours.
    Unreadable,
    /// The content is not the one that is made for a VolumeSnapshot, or the handle not that of what was taken for it.
    AnotherSnapshot,
    /// Source and status have different ones.
    Ambiguous,
    /// It names a snapshot that nobody has imported.
    NotImported,
}

impl fmt::Display for Untied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("it has no handle"),
            Self::Unreadable => f.write_str("its handle is none of Tombolo's"),
            Self::AnotherSnapshot => {
                f.write_str("its handle is not that of a snapshot that was taken for its VolumeSnapshot")
            }
            Self::Ambiguous => f.write_str("its source and its status have different handles"),
            Self::NotImported => write!(
                f,
                "no admin has imported its snapshot into the namespace of its VolumeSnapshot; ask yours for the annotation \
                 {}: <namespace>/<snapshot id> on the StorageBackend",
                names::ANNOTATION_IMPORT_SNAPSHOTS
            ),
        }
    }
}

/// Where taking a content has begun, as was written down before: of its own snapshot only, like a handle.
pub fn begun(content: &Content) -> Option<SnapshotHandle> {
    let handle = SnapshotHandle::parse(content.taking.as_ref()?)?;
    let uid = content.of_uid.as_ref()?;
    let own = content.name == content_name(uid) && id_for(uid, &content.of.namespace).as_ref() == Some(&handle.id);
    own.then_some(handle)
}

/// The handle of a content's data.
///
/// # Errors
/// Why it does not count.
pub fn tied(content: &Content, imports: &Imports) -> Result<SnapshotHandle, Untied> {
    let text = content.handle().ok_or(Untied::Missing)?;
    let handle = SnapshotHandle::parse(text).ok_or(Untied::Unreadable)?;
    match &content.source {
        ContentSource::Volume(_) => {
            let uid = content.of_uid.as_ref().ok_or(Untied::AnotherSnapshot)?;
            let own = id_for(uid, &content.of.namespace);
            if content.name != content_name(uid) || own.as_ref() != Some(&handle.id) {
                return Err(Untied::AnotherSnapshot);
            }
        }
        ContentSource::Snapshot(named) => {
            if named != text {
                return Err(Untied::Ambiguous);
            }
            if !imports.give(&handle.id, &content.of.namespace) {
                return Err(Untied::NotImported);
            }
        }
        ContentSource::Nothing => return Err(Untied::Missing),
    }
    Ok(handle)
}
