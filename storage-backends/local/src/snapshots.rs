//! Snapshots: copies below the private directory, each with a record beside it. One without the other is no snapshot.

use crate::blocking::Work;
use crate::copies::{Goal, Origin, doom};
use crate::error::Certain;
use crate::mark::{read_file, write_beside};
use crate::volumes::time;
use crate::{Local, dir};
use async_trait::async_trait;
use rustix::fs::{AtFlags, Dir, renameat, unlinkat};
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use tombolo_backend_api::{
    BackendError, Class, Copied, CopyProgress, CopyTerms, CreateVolume, SNAPSHOTS_DIR, Snapshot, SnapshotId, Snapshots,
    VolumePath, write_record,
};
use tombolo_backend_copy::{Node, Order, Stop, abandon, copy, key_of_snapshot};

fn record_name(id: &SnapshotId) -> String {
    format!("{id}.json")
}

/// The directory that holds a snapshot, if it is complete.
pub(crate) fn locate(root: &OwnedFd, id: &SnapshotId) -> Result<Option<OwnedFd>, BackendError> {
    match find(root, id)? {
        Some(_) => dir::open_private(root, SNAPSHOTS_DIR),
        None => Ok(None),
    }
}

pub(crate) fn find(root: &OwnedFd, id: &SnapshotId) -> Result<Option<Snapshot>, BackendError> {
    match dir::open_private(root, SNAPSHOTS_DIR)? {
        Some(snapshots) => find_in(&snapshots, id),
        None => Ok(None),
    }
}

fn find_in(snapshots: &OwnedFd, id: &SnapshotId) -> Result<Option<Snapshot>, BackendError> {
    if dir::standing(snapshots, id.as_str())? != dir::Standing::Directory {
        return Ok(None);
    }
    let bytes = read_file(snapshots, &record_name(id))?;
    let read = bytes.and_then(|bytes| serde_json::from_slice::<Snapshot>(&bytes).ok());
    Ok(read.filter(|snapshot| snapshot.id == *id))
}

/// Writes the record of a snapshot that is about to be put in its place.
pub(crate) fn record(
    snapshots: &OwnedFd,
    id: &SnapshotId,
    of: &VolumePath,
    bytes: u64,
    began: Node,
) -> Result<(), BackendError> {
    let snapshot = Snapshot {
        id: id.clone(),
        of: of.clone(),
        taken: time(began.changed.seconds, began.changed.nanoseconds),
        bytes,
    };
    let bug = |e| BackendError::maybe_done(Class::Bug, "a snapshot's record does not serialise").because(e);
    let bytes = write_record(&serde_json::to_value(&snapshot).map_err(bug)?)?;
    let name = record_name(id);
    let written = write_beside(snapshots, &name, &bytes)?;
    renameat(snapshots, &written, snapshots, &name).maybe_done(&format!("write {name}"))?;
    dir::persist(snapshots)
}

fn list(root: &OwnedFd) -> Result<Vec<Snapshot>, BackendError> {
    let Some(snapshots) = dir::open_private(root, SNAPSHOTS_DIR)? else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for entry in Dir::read_from(&snapshots).not_done("list snapshots")? {
        let entry = entry.not_done("list snapshots")?;
        let id = entry
            .file_name()
            .to_str()
            .ok()
            .and_then(|name| SnapshotId::parse(name).ok());
        if let Some(id) = id {
            found.extend(find_in(&snapshots, &id)?);
        }
    }
    Ok(found)
}

/// What stands in the place of a snapshot without being one: a record was lost.
fn clear(root: &OwnedFd, id: &SnapshotId) -> Result<(), BackendError> {
    match dir::open_private(root, SNAPSHOTS_DIR)? {
        Some(snapshots) if find_in(&snapshots, id)?.is_none() => doom(root, &snapshots, id.as_str().as_ref()),
        Some(_) | None => Ok(()),
    }
}

fn remove(root: &OwnedFd, id: &SnapshotId) -> Result<(), BackendError> {
    let Some(snapshots) = dir::open_private(root, SNAPSHOTS_DIR)? else {
        return Ok(());
    };
    doom(root, &snapshots, id.as_str().as_ref())?;
    match unlinkat(&snapshots, record_name(id), AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => dir::persist(&snapshots),
        Err(errno) => Err(errno).maybe_done(&format!("remove the record of snapshot {id}")),
    }
}

impl Local {
    async fn snapshot(&self, id: &SnapshotId) -> Result<Option<Snapshot>, BackendError> {
        let id = id.clone();
        self.on_root(Work::Reads, move |root| find(root, &id)).await
    }
}

#[async_trait]
impl Snapshots for Local {
    async fn take_snapshot(
        &self,
        id: &SnapshotId,
        of: &VolumePath,
        bytes: u64,
        terms: &CopyTerms,
        progress: &dyn CopyProgress,
    ) -> Result<Snapshot, BackendError> {
        if self.snapshot(id).await?.is_none() {
            let unusable = id.clone();
            self.on_root(Work::Changes, move |root| clear(root, &unusable)).await?;
            let goal = Goal::Snapshot {
                id: id.clone(),
                of: of.clone(),
                bytes,
            };
            let shop = self.shop(Origin::Volume(of.clone()), goal).await?;
            let order = Order {
                root: self.root_name(),
                key: key_of_snapshot(id),
                bytes,
                mode: None,
                terms: *terms,
                progress,
                stop: Stop::default(),
            };
            copy(&shop, &order).await?;
        }
        let message = |text: &str| format!("snapshot {id} {text}");
        match self.snapshot(id).await? {
            Some(found) if found.of == *of => Ok(found),
            Some(found) => {
                let message = message(&format!("is of {}", found.of));
                Err(BackendError::not_done(Class::Invalid, message))
            }
            None => Err(BackendError::maybe_done(
                Class::Transient,
                message("was removed meanwhile"),
            )),
        }
    }

    async fn find_snapshot(&self, id: &SnapshotId) -> Result<Option<Snapshot>, BackendError> {
        self.snapshot(id).await
    }

    async fn list_snapshots(&self) -> Result<Vec<Snapshot>, BackendError> {
        self.on_root(Work::Reads, list).await
    }

    async fn remove_snapshot(&self, id: &SnapshotId) -> Result<(), BackendError> {
        let shop = self.shop(Origin::Nothing, Goal::Nothing).await?;
        abandon(&shop, &key_of_snapshot(id)).await?;
        let id = id.clone();
        self.on_root(Work::Changes, move |root| remove(root, &id)).await
    }

    async fn restore_snapshot(
        &self,
        id: &SnapshotId,
        into: &CreateVolume,
        terms: &CopyTerms,
        progress: &dyn CopyProgress,
    ) -> Result<Copied, BackendError> {
        self.make_volume(Origin::Snapshot(id.clone()), into, terms, progress)
            .await
    }
}
