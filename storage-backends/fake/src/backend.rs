//! The trait, on the tree in memory.

use crate::fake::State;
use crate::tree::{Dir, Node, RenameRefused};
use crate::{Call, Fake};
use async_trait::async_trait;
use tombolo_backend_api::{
    ARCHIVE_DIR, Backend, BackendError, Capabilities, Class, Clones, CreateVolume, Disposal, ExportKey, Found, Listed,
    MARK_FILE, Mark, Measure, MountSource, NodeAccess, PRIVATE_DIR, PURGING_PREFIX, PurgeProgress, Purged, Quota,
    Remains, Resize, Revoke, RootLocation, Share, Snapshots, Space, TRASH_DIR, TrashEntry, TrashId, VolumePath,
    read_record, write_record,
};

#[async_trait]
impl Backend for Fake {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn root(&self) -> RootLocation {
        self.root.clone()
    }

    fn notice(&self) -> Option<String> {
        self.state().notice.clone()
    }

    async fn read_mark(&self) -> Result<Option<Mark>, BackendError> {
        self.play(Call::ReadMark, |state| state.mark()).await
    }

    async fn place_mark(&self, mark: &Mark) -> Result<Mark, BackendError> {
        self.play(Call::PlaceMark(mark.clone()), |state| state.place_mark(mark))
            .await
    }

    async fn inspect(&self, path: &VolumePath) -> Result<Option<Found>, BackendError> {
        let quota = self.capabilities.quota;
        self.play(Call::Inspect(path.clone()), |state| state.inspect(path, quota))
            .await
    }

    async fn create(&self, volume: &CreateVolume) -> Result<Found, BackendError> {
        let quota = self.capabilities.quota;
        self.play(Call::Create(volume.clone()), |state| state.create(volume, quota))
            .await
    }

    async fn mount(&self, export: &ExportKey) -> Result<MountSource, BackendError> {
        let call = Call::Mount(export.clone());
        let path = self.play(call, |state| state.mount(export)).await?;
        Ok(MountSource::Nfs {
            server: self.root.host.clone(),
            path: format!("{}/{path}", self.root.path),
            options: Vec::new(),
            version: "4.1",
        })
    }

    async fn discard(&self, path: &VolumePath, disposal: &Disposal) -> Result<(), BackendError> {
        let call = Call::Discard {
            path: path.clone(),
            disposal: disposal.clone(),
        };
        let part = |state: &mut State| {
            // What a real one does first; it fails in ways of its own only after this.
            let _ = state.prepare_discard(path, disposal);
        };
        self.play_in_parts(call, part, |state| state.discard(path, disposal))
            .await
    }

    async fn space(&self) -> Result<Space, BackendError> {
        self.play(Call::Space, |state| {
            Ok(Space {
                free: if state.full { 0 } else { state.space.free },
                ..state.space
            })
        })
        .await
    }

    async fn list(&self) -> Result<Vec<Listed>, BackendError> {
        self.play(Call::List, |state| Ok(state.list())).await
    }

    async fn remove_empty(&self, path: &VolumePath) -> Result<bool, BackendError> {
        self.play(Call::RemoveEmpty(path.clone()), |state| {
            let empty = state.volume(path)?.is_some() && state.tree.is_empty_dir(path.as_str());
            if empty {
                state.exports.forget_volume(path);
            }
            Ok(empty && state.tree.remove(path.as_str()).is_some())
        })
        .await
    }

    async fn trash(&self) -> Result<Vec<TrashEntry>, BackendError> {
        self.play(Call::Trash, |state| Ok(state.trash())).await
    }

    async fn restore(&self, id: &TrashId, path: &VolumePath) -> Result<(), BackendError> {
        let call = Call::Restore {
            id: id.clone(),
            path: path.clone(),
        };
        self.play(call, |state| state.restore(id, path)).await
    }

    async fn purge(&self, id: &TrashId, progress: &dyn PurgeProgress) -> Result<Purged, BackendError> {
        let part = |state: &mut State| {
            let doomed = state.begin_purge(id);
            let half = doomed.len() / 2;
            state.remove_all(doomed.into_iter().take(half));
        };
        let purged = self
            .play_in_parts(Call::Purge(id.clone()), part, |state| Ok(state.purge(id)))
            .await?;
        progress.purged(purged);
        Ok(purged)
    }

    async fn forget(&self, id: &TrashId) -> Result<(), BackendError> {
        self.play(Call::Forget(id.clone()), |state| {
            state.forget(id);
            Ok(())
        })
        .await
    }

    fn share(&self) -> Option<&dyn Share> {
        self.capabilities.share.then_some(self)
    }

    fn revoke(&self) -> Option<&dyn Revoke> {
        self.capabilities.revoke.then_some(self)
    }

    fn snapshots(&self) -> Option<&dyn Snapshots> {
        self.capabilities.snapshot.then_some(self)
    }

    fn clones(&self) -> Option<&dyn Clones> {
        self.capabilities.clone.then_some(self)
    }

    fn resize(&self) -> Option<&dyn Resize> {
        self.capabilities.resize.then_some(self)
    }

    fn quota(&self) -> Option<&dyn Quota> {
        self.capabilities.quota.then_some(self)
    }

    fn measure(&self) -> Option<&dyn Measure> {
        self.capabilities.usage.then_some(self)
    }

    fn node_access(&self) -> Option<&dyn NodeAccess> {
        self.capabilities.node_access.then_some(self)
    }
}

impl State {
    fn mark(&self) -> Result<Option<Mark>, BackendError> {
        let Some(bytes) = self.tree.read(&mark_path()) else {
            return Ok(None);
        };
        let unreadable = |e| BackendError::not_done(Class::Waiting, "the root's mark is unreadable").because(e);
        serde_json::from_slice(bytes).map(Some).map_err(unreadable)
    }

    fn place_mark(&mut self, mark: &Mark) -> Result<Mark, BackendError> {
        if let Some(found) = self.mark()? {
            return Ok(found);
        }
        if self.full {
            return Err(full());
        }
        self.make_private_dir();
        let bytes = serde_json::to_vec(mark)
            .map_err(|e| BackendError::not_done(Class::Bug, "the mark does not serialise").because(e))?;
        self.tree.write(&mark_path(), bytes);
        Ok(mark.clone())
    }

    pub(crate) fn make_private_dir(&mut self) {
        if self.tree.dir(PRIVATE_DIR).is_none() {
            self.tree.make_dir(PRIVATE_DIR, Dir::new(0o700, self.now));
        }
    }

    pub(crate) fn volume(&self, path: &VolumePath) -> Result<Option<&Dir>, BackendError> {
        let text = path.as_str();
        let above = text.match_indices('/').filter_map(|(at, _)| text.get(..at));
        if above
            .chain([text])
            .any(|at| matches!(self.tree.node(at), Some(Node::File(_))))
        {
            return Err(BackendError::not_done(
                Class::Invalid,
                format!("{path} is not a directory, or is below a file"),
            ));
        }
        Ok(self.tree.dir(text))
    }

    pub(crate) fn inspect(&self, path: &VolumePath, quota: bool) -> Result<Option<Found>, BackendError> {
        Ok(self.volume(path)?.map(|dir| Found {
            enforced_bytes: quota.then_some(dir.bytes),
        }))
    }

    fn create(&mut self, volume: &CreateVolume, quota: bool) -> Result<Found, BackendError> {
        let path = volume.path.as_str();
        if self.volume(&volume.path)?.is_none() {
            if self.full {
                return Err(full());
            }
            let number = self.number();
            let dir = Dir::new(volume.mode, self.now);
            self.tree.make_dir(path, Dir { volume: number, ..dir });
        }
        let given = self.given(volume.bytes);
        let mut limit = given;
        if let Some(dir) = self.tree.dir_mut(path) {
            dir.mode = volume.mode;
            // Lowering is for a resize: this may be an old call that comes late.
            dir.bytes = dir.bytes.max(given);
            limit = dir.bytes;
        }
        Ok(Found {
            enforced_bytes: quota.then_some(limit),
        })
    }

    /// Whether there is something to discard; if so, its record is written.
    fn prepare_discard(&mut self, path: &VolumePath, disposal: &Disposal) -> Result<bool, BackendError> {
        if self.volume(path)?.is_none() {
            return Ok(false);
        }
        let refused = |class, why: &str| BackendError::not_done(class, format!("the place for {path} is {why}"));
        let to = match disposal {
            Disposal::Trash { id, .. } if self.tree.node(&purging_path(id)).is_some() => {
                return Err(refused(Class::Transient, "still under purge"));
            }
            Disposal::Trash { id, .. } => entry_path(id),
            Disposal::Archive { id } => archive_path(id),
        };
        if self.tree.node(&to).is_some() {
            return Err(refused(Class::Invalid, "taken"));
        }
        self.make_private_dir();
        if let Disposal::Trash { id, record } = disposal
            && !self.full
        {
            self.tree.write(&record_path(id), write_record(record)?);
        }
        Ok(true)
    }

    fn discard(&mut self, path: &VolumePath, disposal: &Disposal) -> Result<(), BackendError> {
        if !self.prepare_discard(path, disposal)? {
            return Ok(());
        }
        let to = match disposal {
            Disposal::Trash { id, .. } => entry_path(id),
            Disposal::Archive { id } => archive_path(id),
        };
        self.exports.forget_volume(path);
        self.tree.rename(path.as_str(), &to, self.now).map_err(|_| {
            BackendError::not_done(Class::Bug, "what was seen under this lock is gone under the same lock")
        })
    }

    fn list(&self) -> Vec<Listed> {
        let names = self.tree.children("").into_iter().filter(|name| *name != PRIVATE_DIR);
        names
            .filter_map(|name| {
                let modified = self.tree.dir(name)?.modified;
                Some(Listed {
                    path: VolumePath::parse(name).ok()?,
                    modified,
                })
            })
            .collect()
    }

    fn trash(&self) -> Vec<TrashEntry> {
        let dir = format!("{PRIVATE_DIR}/{TRASH_DIR}");
        let entry = |id: TrashId, remains, since| TrashEntry {
            record: self.tree.read(&record_path(&id)).and_then(read_record),
            id,
            remains,
            since,
        };
        let names = self.tree.children(&dir).into_iter();
        names
            .filter_map(|name| match self.tree.node(&format!("{dir}/{name}"))? {
                Node::Dir(found) => {
                    let (id, remains) = match name.strip_prefix(PURGING_PREFIX) {
                        Some(id) => (id, Remains::Purging),
                        None => (name, Remains::Whole),
                    };
                    Some(entry(TrashId::parse(id)?, remains, found.changed))
                }
                Node::File(_) => {
                    let id = TrashId::parse(name.strip_suffix(".json")?)?;
                    (!self.is_there(&id)).then(|| entry(id, Remains::RecordOnly, self.now))
                }
            })
            .collect()
    }

    fn restore(&mut self, id: &TrashId, path: &VolumePath) -> Result<(), BackendError> {
        let refused = |why: &str| BackendError::not_done(Class::Invalid, format!("trash entry {id} {why}"));
        if self.tree.dir(&purging_path(id)).is_some() {
            return Err(refused("is under purge"));
        }
        self.volume(path)?;
        self.tree
            .rename(&entry_path(id), path.as_str(), self.now)
            .map_err(|e| match e {
                RenameRefused::Missing => refused("is gone"),
                RenameRefused::Taken => refused("cannot go where something else is"),
            })?;
        self.tree.remove(&record_path(id));
        Ok(())
    }

    fn is_there(&self, id: &TrashId) -> bool {
        self.tree.node(&entry_path(id)).is_some() || self.tree.node(&purging_path(id)).is_some()
    }

    fn forget(&mut self, id: &TrashId) {
        if !self.is_there(id) {
            self.tree.remove(&record_path(id));
        }
    }

    /// Renames the entry, and answers what is to be removed, children first.
    fn begin_purge(&mut self, id: &TrashId) -> Vec<String> {
        let purging = purging_path(id);
        // Missing: there is nothing, or an earlier purge has renamed it. Taken: finish the earlier purge first.
        let _ = self.tree.rename(&entry_path(id), &purging, self.now);
        self.tree.contents_first(&purging)
    }

    fn remove_all(&mut self, paths: impl Iterator<Item = String>) -> Purged {
        paths.fold(Purged::default(), |mut purged, path| {
            match self.tree.remove(&path) {
                Some(Node::Dir(_)) => purged.directories += 1,
                Some(Node::File(_)) => purged.files += 1,
                None => {}
            }
            purged
        })
    }

    fn purge(&mut self, id: &TrashId) -> Purged {
        let mut doomed = self.begin_purge(id);
        doomed.push(purging_path(id));
        let purged = self.remove_all(doomed.into_iter());
        self.tree.remove(&record_path(id));
        purged
    }
}

pub(crate) fn full() -> BackendError {
    BackendError::not_done(Class::Full, "the fake is full")
}

fn mark_path() -> String {
    format!("{PRIVATE_DIR}/{MARK_FILE}")
}

fn entry_path(id: &TrashId) -> String {
    format!("{PRIVATE_DIR}/{TRASH_DIR}/{id}")
}

pub(crate) fn purging_path(id: &TrashId) -> String {
    format!("{PRIVATE_DIR}/{TRASH_DIR}/{PURGING_PREFIX}{id}")
}

fn record_path(id: &TrashId) -> String {
    format!("{PRIVATE_DIR}/{TRASH_DIR}/{id}.json")
}

fn archive_path(id: &TrashId) -> String {
    format!("{PRIVATE_DIR}/{ARCHIVE_DIR}/{id}")
}
