//! Snapshots: a read-only subvolume `snapshots/<id>` and a record `<id>.json` that names it by its UUID.
//!
//! One is complete if both are there and belong together, so that whatever a crash leaves of one is none.

use crate::copies::{held, look_into, remove};
use crate::filer::Filer;
use crate::subvolumes::Volume;
use crate::walk::Errand;
use jiff::Timestamp;
use rustix::fs::{AtFlags, Dir, FlockOperation, flock, renameat, unlinkat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::os::fd::OwnedFd;
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

/// What a snapshot is to be.
#[derive(Debug, Clone)]
struct Wanted {
    id: SnapshotId,
    of: VolumePath,
    bytes: u64,
}

/// A snapshot without its record.
struct Begun {
    taken: OwnedFd,
    held: u64,
}

/// Takes a snapshot. As long as nothing has to be walked through this is a matter of milliseconds; while something is, all others have
/// their turns.
pub(crate) async fn take(
    filer: &Filer,
    id: &SnapshotId,
    of: &VolumePath,
    bytes: u64,
    terms: CopyTerms,
) -> Result<Snapshot, BackendError> {
    let wanted = Wanted {
        id: id.clone(),
        of: of.clone(),
        bytes,
    };
    if !terms.drop_set_id {
        let job = move |root: &OwnedFd| take_now(root, &wanted);
        return filer.on_root(Work::Changes, job).await;
    }
    let asked = wanted.clone();
    let job = move |root: &OwnedFd| {
        let snapshots = turn(root)?;
        match answer(find(root, &asked.id)?, &asked.of)? {
            Some(found) => Ok(Err(found)),
            None => begin(root, &snapshots, &asked, Writable::Yes).map(Ok),
        }
    };
    let begun = match filer.on_root(Work::Changes, job).await? {
        Ok(begun) => begun,
        Err(found) => return Ok(found),
    };
    let errand = Errand {
        disarm: true,
        most_bytes: u64::MAX,
        most_entries: terms.max_entries,
    };
    let looked_into = look_into(filer, &begun.taken, errand).await;
    let job = move |root: &OwnedFd| end(root, &wanted, &begun, looked_into);
    filer.on_root(Work::Changes, job).await
}

fn take_now(root: &OwnedFd, wanted: &Wanted) -> Result<Snapshot, BackendError> {
    let snapshots = turn(root)?;
    if let Some(found) = answer(find(root, &wanted.id)?, &wanted.of)? {
        return Ok(found);
    }
    let begun = begin(root, &snapshots, wanted, Writable::No)?;
    complete_by(&snapshots, wanted, &begun)
}

/// Makes the subvolume, in somebody's turn.
fn begin(root: &OwnedFd, snapshots: &OwnedFd, wanted: &Wanted, writable: Writable) -> Result<Begun, BackendError> {
    let Wanted { id, of, .. } = wanted;
    let what = format!("take snapshot {id} of {of}");
    let none = || BackendError::not_done(Class::Invalid, format!("there is no volume {of} to take a snapshot of"));
    let volume = Volume::find(root, of)?.ok_or_else(none)?;
    // What a crash left is of an earlier moment.
    clear(root, snapshots, id)?;
    subvolume::snapshot(&volume.fd, snapshots, id.as_str(), writable).not_done(&what)?;
    Ok(Begun {
        taken: subvolume::open(snapshots, id.as_str()).maybe_done(&what)?,
        // After the snapshot, which has written everything to disk.
        held: held(&volume)?,
    })
}

/// Ends what was begun in an earlier turn. Another controller may have taken its place since, with one of its own or with none.
fn end(
    root: &OwnedFd,
    wanted: &Wanted,
    begun: &Begun,
    looked_into: Result<(), BackendError>,
) -> Result<Snapshot, BackendError> {
    let what = format!("take snapshot {} of {}", wanted.id, wanted.of);
    let snapshots = turn(root)?;
    if let Some(found) = answer(find(root, &wanted.id)?, &wanted.of)? {
        return Ok(found);
    }
    let uuid = |fd: &OwnedFd| subvolume::info(fd).map(|info| info.uuid);
    let there = subvolume::open(&snapshots, wanted.id.as_str()).and_then(|there| uuid(&there));
    let ours = matches!((there, uuid(&begun.taken)), (Ok(there), Ok(ours)) if there == ours);
    match looked_into {
        Ok(()) if ours => {}
        Ok(()) => {
            return Err(BackendError::not_done(
                Class::Transient,
                format!("{what}: it was removed meanwhile"),
            ));
        }
        Err(error) => {
            if ours {
                let _ = clear(root, &snapshots, &wanted.id);
            }
            return Err(error);
        }
    }
    subvolume::set_writable(&begun.taken, Writable::No).maybe_done(&what)?;
    complete_by(&snapshots, wanted, begun)
}

/// Writes the record, from which on it is one.
fn complete_by(snapshots: &OwnedFd, wanted: &Wanted, begun: &Begun) -> Result<Snapshot, BackendError> {
    let what = format!("take snapshot {} of {}", wanted.id, wanted.of);
    let info = subvolume::info(&begun.taken).maybe_done(&what)?;
    let record = Record {
        of: wanted.of.clone(),
        taken: info.created,
        bytes: wanted.bytes,
        held: begun.held,
        uuid: info.uuid,
    };
    put(snapshots, &wanted.id, &record)?;
    Ok(record.snapshot(&wanted.id))
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
