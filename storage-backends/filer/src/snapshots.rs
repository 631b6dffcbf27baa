//! Snapshots: a read-only subvolume `snapshots/<id>` and a record `<id>.json` that names it by its UUID.
//!
//! One is complete if both are there and belong together, so that whatever a crash leaves of one is none.

use crate::copies::{held, remove};
use crate::filer::Filer;
use crate::subvolumes::Volume;
use crate::walk::{Errand, Walked, walk};
use jiff::Timestamp;
use rustix::fs::{AtFlags, Dir, FlockOperation, flock, renameat, unlinkat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use tombolo_backend_api::{
    BackendError, Class, CopyTerms, SNAPSHOTS_DIR, Snapshot, SnapshotId, VolumePath, write_record,
};
use tombolo_backend_local::blocking::Work;
use tombolo_backend_local::dir;
use tombolo_backend_local::error::Certain;
use tombolo_backend_local::mark::{read_file, remove_beside, write_beside};
use tombolo_btrfs::subvolume::{self, Writable};
use uuid::Uuid;

/// What is known of a snapshot besides its contents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    of: VolumePath,
    taken: Timestamp,
    bytes: u64,
    /// Bytes that it has at most.
    held: u64,
    /// The subvolume that this is about.
    uuid: Uuid,
}

impl Record {
    fn snapshot(self, id: &SnapshotId) -> Snapshot {
        Snapshot {
            id: id.clone(),
            of: self.of,
            taken: self.taken,
            bytes: self.bytes,
        }
    }
}

fn record_name(id: &SnapshotId) -> String {
    format!("{id}.json")
}

/// The snapshot of a name with its record, if it is complete.
fn complete(snapshots: &OwnedFd, id: &SnapshotId) -> Result<Option<(Record, OwnedFd)>, BackendError> {
    let what = format!("look at snapshot {id}");
    let Some(bytes) = read_file(snapshots, &record_name(id))? else {
        return Ok(None);
    };
    let Ok(record) = serde_json::from_slice::<Record>(&bytes) else {
        return Ok(None);
    };
    let opened = match subvolume::open(snapshots, id.as_str()) {
        Ok(opened) => opened,
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
        Err(errno) => return Err(errno).not_done(&what),
    };
    let info = subvolume::info(&opened).not_done(&what)?;
    Ok((info.uuid == record.uuid && info.read_only).then_some((record, opened)))
}

/// The directory of snapshots, in which one call at a time changes something.
fn turn(root: &OwnedFd) -> Result<OwnedFd, BackendError> {
    let snapshots = dir::make_private(root, SNAPSHOTS_DIR)?;
    flock(&snapshots, FlockOperation::LockExclusive).not_done("wait for a turn")?;
    Ok(snapshots)
}

/// A snapshot to be copied, and the bytes that it has at most.
pub(crate) fn open(root: &OwnedFd, id: &SnapshotId) -> Result<(u64, Volume), BackendError> {
    let none = || BackendError::not_done(Class::Invalid, format!("there is no snapshot {id}"));
    let snapshots = dir::open_private(root, SNAPSHOTS_DIR)?.ok_or_else(none)?;
    let (record, fd) = complete(&snapshots, id)?.ok_or_else(none)?;
    let id = subvolume::info(&fd).not_done(&format!("look at snapshot {id}"))?.id;
    Ok((record.held, Volume { fd, id }))
}

pub(crate) fn find(root: &OwnedFd, id: &SnapshotId) -> Result<Option<Snapshot>, BackendError> {
    let Some(snapshots) = dir::open_private(root, SNAPSHOTS_DIR)? else {
        return Ok(None);
    };
    Ok(complete(&snapshots, id)?.map(|(record, _)| record.snapshot(id)))
}

pub(crate) fn list(root: &OwnedFd) -> Result<Vec<Snapshot>, BackendError> {
    let what = "list the snapshots";
    let Some(snapshots) = dir::open_private(root, SNAPSHOTS_DIR)? else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for entry in Dir::read_from(&snapshots).not_done(what)? {
        let entry = entry.not_done(what)?;
        let id = entry
            .file_name()
            .to_str()
            .ok()
            .and_then(|name| SnapshotId::parse(name).ok());
        if let Some(id) = id {
            found.extend(complete(&snapshots, &id)?.map(|(record, _)| record.snapshot(&id)));
        }
    }
    Ok(found)
}

/// Takes a snapshot.
pub(crate) async fn take(
    filer: &Filer,
    id: &SnapshotId,
    of: &VolumePath,
    bytes: u64,
    terms: CopyTerms,
) -> Result<Snapshot, BackendError> {
    let (id, of) = (id.clone(), of.clone());
    let job = move |walked: &Walked, root: &OwnedFd| take_now(root, &id, &of, bytes, terms, walked);
    // As long as nothing has to be walked through this is a matter of milliseconds.
    if !terms.drop_set_id {
        return filer
            .on_root(Work::Changes, move |root| job(&Walked::default(), root))
            .await;
    }
    let watched = filer.clone();
    let job = move |walked: &Walked| job(walked, &watched.open_root()?);
    filer
        .threads()
        .watch("a snapshot", Arc::new(Walked::default()), |_| {}, job)
        .await
}

fn take_now(
    root: &OwnedFd,
    id: &SnapshotId,
    of: &VolumePath,
    bytes: u64,
    terms: CopyTerms,
    walked: &Walked,
) -> Result<Snapshot, BackendError> {
    let what = format!("take snapshot {id} of {of}");
    if let Some(found) = answer(find(root, id)?, of)? {
        return Ok(found);
    }
    let none = || BackendError::not_done(Class::Invalid, format!("there is no volume {of} to take a snapshot of"));
    let volume = Volume::find(root, of)?.ok_or_else(none)?;
    let snapshots = turn(root)?;
    if let Some(found) = answer(find(root, id)?, of)? {
        return Ok(found);
    }
    // What a crash left is of an earlier moment.
    clear(root, &snapshots, id)?;
    let writable = if terms.drop_set_id { Writable::Yes } else { Writable::No };
    subvolume::snapshot(&volume.fd, &snapshots, id.as_str(), writable).not_done(&what)?;
    let taken = subvolume::open(&snapshots, id.as_str()).maybe_done(&what)?;
    if terms.drop_set_id {
        let errand = Errand {
            disarm: true,
            most_bytes: u64::MAX,
            most_entries: terms.max_entries,
        };
        if let Err(error) = walk(&taken, errand, walked) {
            let _ = clear(root, &snapshots, id);
            return Err(error);
        }
        subvolume::set_writable(&taken, Writable::No).maybe_done(&what)?;
    }
    let info = subvolume::info(&taken).maybe_done(&what)?;
    let record = Record {
        of: of.clone(),
        taken: info.created,
        bytes,
        // After the snapshot, which has written everything to disk.
        held: held(&volume)?,
        uuid: info.uuid,
    };
    put(&snapshots, id, &record)?;
    Ok(record.snapshot(id))
}

/// What a snapshot that is there means for whoever wants one of that name.
fn answer(found: Option<Snapshot>, of: &VolumePath) -> Result<Option<Snapshot>, BackendError> {
    match found {
        Some(found) if found.of != *of => {
            let message = format!("snapshot {} is one of another volume than {of}", found.id);
            Err(BackendError::not_done(Class::Invalid, message))
        }
        found => Ok(found),
    }
}

fn put(snapshots: &OwnedFd, id: &SnapshotId, record: &Record) -> Result<(), BackendError> {
    let bytes = serde_json::to_value(record)
        .map_err(|e| BackendError::maybe_done(Class::Bug, "a snapshot's record does not serialise").because(e))
        .and_then(|value| write_record(&value))?;
    let name = record_name(id);
    let written = write_beside(snapshots, &name, &bytes)?;
    renameat(snapshots, &written, snapshots, &name).maybe_done(&format!("write {name}"))?;
    dir::persist(snapshots)
}

/// Removes a snapshot, whatever there is of it.
pub(crate) fn remove_snapshot(root: &OwnedFd, id: &SnapshotId) -> Result<(), BackendError> {
    if dir::open_private(root, SNAPSHOTS_DIR)?.is_none() {
        return Ok(());
    }
    let snapshots = turn(root)?;
    clear(root, &snapshots, id)
}

/// The subvolume first: without it the record is of nothing.
fn clear(root: &OwnedFd, snapshots: &OwnedFd, id: &SnapshotId) -> Result<(), BackendError> {
    remove(root, snapshots, id.as_str())?;
    remove_beside(snapshots, &record_name(id))?;
    match unlinkat(snapshots, record_name(id), AtFlags::empty()) {
        Ok(()) => dir::persist(snapshots),
        Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(errno).maybe_done(&format!("remove the record of snapshot {id}")),
    }
}
