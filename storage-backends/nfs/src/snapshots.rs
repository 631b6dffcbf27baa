//! Snapshots: copies below the private directory, each with a record beside it. One without the other is no snapshot.

use crate::{
    NfsBackend,
    call::Call,
    copies::{Goal, Origin, doom},
    errors::{Fault, Kind},
    node::{Handle, Node},
    trash::{put, record_in},
};
use async_trait::async_trait;
use nfs_rs::DirectoryCookie;
use tombolo_backend_api::{
    BackendError, Class, Copied, CopyProgress, CopyTerms, CreateVolume, SNAPSHOTS_DIR, Snapshot, SnapshotId, Snapshots,
    VolumePath,
};
use tombolo_backend_copy::{self as copying, key_of_snapshot};

fn record_name(id: &SnapshotId) -> String {
    format!("{id}.json")
}

/// The directory of a snapshot, if it is complete.
pub(crate) async fn directory(call: &Call<'_>, id: &SnapshotId) -> Result<Option<Node>, Fault> {
    let root = call.root().await?;
    let Some(place) = call.private(&root, SNAPSHOTS_DIR).await? else {
        return Ok(None);
    };
    match find_in(call, &place, id).await? {
        Some(_) => call.directory(&place, id.as_str()).await,
        None => Ok(None),
    }
}

pub(crate) async fn find(call: &Call<'_>, id: &SnapshotId) -> Result<Option<Snapshot>, Fault> {
    let root = call.root().await?;
    match call.private(&root, SNAPSHOTS_DIR).await? {
        Some(place) => find_in(call, &place, id).await,
        None => Ok(None),
    }
}

async fn find_in(call: &Call<'_>, place: &Handle, id: &SnapshotId) -> Result<Option<Snapshot>, Fault> {
    let there = call.lookup(place, id.as_str()).await?;
    if !there.is_some_and(|node| node.is_directory()) {
        return Ok(None);
    }
    let record = match call.lookup(place, &record_name(id)).await? {
        Some(file) => record_in(call, &file).await?,
        None => None,
    };
    let read = record.and_then(|record| serde_json::from_value::<Snapshot>(record).ok());
    Ok(read.filter(|snapshot| snapshot.id == *id))
}

/// Writes the record of a snapshot that is about to be put in its place.
pub(crate) async fn record(
    call: &Call<'_>,
    place: &Handle,
    id: &SnapshotId,
    of: &VolumePath,
    bytes: u64,
    began: copying::Node,
) -> Result<(), Fault> {
    let nanoseconds = i32::try_from(began.changed.nanoseconds).unwrap_or(0);
    let snapshot = Snapshot {
        id: id.clone(),
        of: of.clone(),
        taken: jiff::Timestamp::new(began.changed.seconds, nanoseconds).unwrap_or_default(),
        bytes,
    };
    let text = serde_json::to_vec(&snapshot).map_err(|e| Fault::found(Kind::Other, e.to_string()))?;
    put(call, place, &record_name(id), &text).await
}

async fn list(call: &Call<'_>) -> Result<Vec<Snapshot>, Fault> {
    let root = call.root().await?;
    let Some(place) = call.private(&root, SNAPSHOTS_DIR).await? else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    let mut next = Some(DirectoryCookie::default());
    while let Some(from) = next {
        let page = call.list(&place, from).await?;
        next = page.next;
        for id in page
            .entries
            .iter()
            .filter_map(|entry| SnapshotId::parse(&entry.name).ok())
        {
            found.extend(find_in(call, &place, &id).await?);
        }
    }
    Ok(found)
}

async fn remove(call: &Call<'_>, id: &SnapshotId) -> Result<(), Fault> {
    let root = call.root().await?;
    let Some(place) = call.private(&root, SNAPSHOTS_DIR).await? else {
        return Ok(());
    };
    doom(call, SNAPSHOTS_DIR, id.as_str()).await?;
    call.remove(&place, &record_name(id)).await.map(|_| ())
}

impl NfsBackend {
    async fn snapshot(&self, id: &SnapshotId) -> Result<Option<Snapshot>, BackendError> {
        let call = self.call();
        let found = find(&call, id).await;
        found.map_err(|fault| call.fail(&format!("looking for snapshot {id}"), fault))
    }
}

#[async_trait]
impl Snapshots for NfsBackend {
    async fn take_snapshot(
        &self,
        id: &SnapshotId,
        of: &VolumePath,
        bytes: u64,
        terms: &CopyTerms,
        progress: &dyn CopyProgress,
    ) -> Result<Snapshot, BackendError> {
        if self.snapshot(id).await?.is_none() {
            // What stands there without being a snapshot has lost its record.
            let call = self.call();
            let cleared = doom(&call, SNAPSHOTS_DIR, id.as_str()).await;
            cleared.map_err(|fault| call.fail(&format!("making room for snapshot {id}"), fault))?;
            let goal = Goal::Snapshot {
                id: id.clone(),
                of: of.clone(),
                bytes,
            };
            let copied = (Origin::Volume(of.clone()), goal);
            self.make_copy(copied, (key_of_snapshot(id), None), bytes, *terms, progress)
                .await?;
        }
        match self.snapshot(id).await? {
            Some(found) if found.of == *of => Ok(found),
            Some(found) => {
                let message = format!("snapshot {id} is of {}", found.of);
                Err(BackendError::not_done(Class::Invalid, message))
            }
            None => {
                let message = format!("snapshot {id} was removed meanwhile");
                Err(BackendError::maybe_done(Class::Transient, message))
            }
        }
    }

    async fn find_snapshot(&self, id: &SnapshotId) -> Result<Option<Snapshot>, BackendError> {
        self.snapshot(id).await
    }

    async fn list_snapshots(&self) -> Result<Vec<Snapshot>, BackendError> {
        let call = self.long_call();
        self.listing(&call, "listing snapshots", Box::pin(list(&call))).await
    }

    async fn remove_snapshot(&self, id: &SnapshotId) -> Result<(), BackendError> {
        self.abandon(&key_of_snapshot(id)).await?;
        let call = self.call();
        let removed = remove(&call, id).await;
        removed.map_err(|fault| call.fail(&format!("removing snapshot {id}"), fault))
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
