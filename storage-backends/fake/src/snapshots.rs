//! Snapshots: copies with a record beside them.

use crate::backend::full;
use crate::copies::{Copy, one_component};
use crate::fake::State;
use crate::{Call, Fake};
use async_trait::async_trait;
use tombolo_backend_api::{
    BackendError, Class, Copied, CopyProgress, CopyTerms, CreateVolume, PRIVATE_DIR, SNAPSHOTS_DIR, Snapshot,
    SnapshotId, Snapshots, VolumePath,
};

#[async_trait]
impl Snapshots for Fake {
    async fn take_snapshot(
        &self,
        id: &SnapshotId,
        of: &VolumePath,
        bytes: u64,
        terms: &CopyTerms,
        progress: &dyn CopyProgress,
    ) -> Result<Snapshot, BackendError> {
        let call = Call::TakeSnapshot {
            id: id.clone(),
            of: of.clone(),
            bytes,
            terms: *terms,
        };
        let copy = Copy {
            from: of.to_string(),
            name: snapshot_copy(id, of),
            bytes,
            terms: *terms,
        };
        let taken = move |found: Snapshot| {
            let message = || format!("snapshot {id} is of {}", found.of);
            match found.of == *of {
                true => Ok(found),
                false => Err(BackendError::not_done(Class::Invalid, message())),
            }
        };
        let first = |state: &mut State| {
            if let Some(found) = state.snapshot(id) {
                return taken(found).map(|found| Some((found, Copied::default())));
            }
            state.volume(of)?;
            state.begin_copy(&copy).map(|_| None)
        };
        let second = |state: &mut State| {
            let (unfinished, copied) = state.fill_copy(&copy)?;
            Ok((state.place_snapshot(&unfinished, id, of, bytes)?, copied))
        };
        let (snapshot, copied) = self.play_in_halves(call, first, second).await?;
        progress.copied(copied, Default::default());
        Ok(snapshot)
    }

    async fn find_snapshot(&self, id: &SnapshotId) -> Result<Option<Snapshot>, BackendError> {
        self.play(Call::FindSnapshot(id.clone()), |state| Ok(state.snapshot(id)))
            .await
    }

    async fn list_snapshots(&self) -> Result<Vec<Snapshot>, BackendError> {
        self.play(Call::ListSnapshots, |state| {
            let ids = state.tree.children(&snapshots()).into_iter();
            let ids = ids.filter_map(|name| SnapshotId::parse(name).ok());
            Ok(ids.filter_map(|id| state.snapshot(&id)).collect())
        })
        .await
    }

    async fn remove_snapshot(&self, id: &SnapshotId) -> Result<(), BackendError> {
        self.play(Call::RemoveSnapshot(id.clone()), |state| {
            state.abandon_all(&copies_of(id));
            state.tree.remove(&record(id));
            state.doom(&directory(id));
            Ok(())
        })
        .await
    }

    async fn restore_snapshot(
        &self,
        id: &SnapshotId,
        into: &CreateVolume,
        terms: &CopyTerms,
        progress: &dyn CopyProgress,
    ) -> Result<Copied, BackendError> {
        let call = Call::RestoreSnapshot {
            id: id.clone(),
            into: into.clone(),
            terms: *terms,
        };
        self.make_volume(call, directory(id), into, *terms, progress).await
    }
}

impl State {
    /// A snapshot that is complete: its record is written last.
    fn snapshot(&self, id: &SnapshotId) -> Option<Snapshot> {
        self.tree.dir(&directory(id))?;
        serde_json::from_slice(self.tree.read(&record(id))?).ok()
    }

    fn place_snapshot(
        &mut self,
        unfinished: &str,
        id: &SnapshotId,
        of: &VolumePath,
        bytes: u64,
    ) -> Result<Snapshot, BackendError> {
        if self.full {
            return Err(full());
        }
        let snapshot = Snapshot {
            id: id.clone(),
            of: of.clone(),
            taken: self.now,
            bytes,
        };
        let written = serde_json::to_vec(&snapshot)
            .map_err(|e| BackendError::maybe_done(Class::Bug, "a snapshot's record does not serialise").because(e))?;
        if self.tree.rename(unfinished, &directory(id), self.now).is_err() {
            self.doom(unfinished);
            let message = format!("the place of snapshot {id} is taken");
            return Err(BackendError::maybe_done(Class::Transient, message));
        }
        let volume = self.tree.dir(of.as_str()).map_or(0, |dir| dir.volume);
        if let Some(dir) = self.tree.dir_mut(&directory(id)) {
            dir.volume = volume;
        }
        self.tree.write(&record(id), written);
        Ok(snapshot)
    }
}

fn snapshots() -> String {
    format!("{PRIVATE_DIR}/{SNAPSHOTS_DIR}")
}

fn directory(id: &SnapshotId) -> String {
    format!("{}/{id}", snapshots())
}

fn record(id: &SnapshotId) -> String {
    format!("{}.json", directory(id))
}

/// What an unfinished snapshot is called: two volumes may be on their way to one name, of which one arrives.
fn snapshot_copy(id: &SnapshotId, of: &VolumePath) -> String {
    format!("{}{}", copies_of(id), one_component(of))
}

/// How the names of all copies begin that are to become that snapshot.
fn copies_of(id: &SnapshotId) -> String {
    format!("snapshot+{id}+")
}
