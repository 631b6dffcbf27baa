//! An API server of one VolumeSnapshot and its content.

use crate::api::names;
use crate::domain::ids::{ClaimKey, ClaimRef, ContentName, ResourceVersion, SnapshotClassName};
use crate::domain::snapshot::content::{Content, ContentStatus, ExactContent};
use crate::domain::snapshot::{Snapshot, SnapshotKey};
use crate::domain::token::{Note, Token};
use crate::execute::cluster::{ApiError, Fault};
use crate::execute::snapshots::{Mark, SnapshotObjects, Status};
use crate::plan::snapshot::prepare::NewContent;
use async_trait::async_trait;
use std::collections::BTreeSet;
use std::sync::Mutex;

#[derive(Default)]
pub(crate) struct Snapshots(Mutex<State>);

#[derive(Default)]
struct State {
    snapshot: Option<Snapshot>,
    content: Option<Content>,
    writes: usize,
    lists: usize,
    /// Claims that are kept for a snapshot.
    kept: BTreeSet<ClaimKey>,
    /// Whether the VolumeSnapshot goes when its claim is kept for it.
    vanishes: bool,
    /// The write that is the last of whoever makes it, and whether it comes to pass.
    last: Option<(usize, bool)>,
}

impl Snapshots {
    pub(crate) fn put(&self, snapshot: Snapshot, content: Content) {
        let mut state = self.0.lock().unwrap();
        (state.snapshot, state.content) = (Some(snapshot), Some(content));
    }

    /// The content as it is.
    pub(crate) fn now(&self) -> Content {
        self.0.lock().unwrap().content.clone().unwrap()
    }

    /// Both are gone, whatever was to keep them.
    pub(crate) fn vanished(&self) {
        let mut state = self.0.lock().unwrap();
        (state.snapshot, state.content) = (None, None);
    }

    /// The VolumeSnapshot names a claim that does not exist.
    pub(crate) fn unsourced(&self) {
        let mut state = self.0.lock().unwrap();
        state.snapshot.as_mut().unwrap().of = Some(crate::plan::testing::key("team/gone"));
    }

    /// Somebody deletes the VolumeSnapshot.
    pub(crate) fn deleted(&self) {
        let mut state = self.0.lock().unwrap();
        let content = state.content.as_mut().unwrap();
        (content.terminating, content.being_deleted) = (true, true);
    }

    /// Whoever makes this write, of all that there have been, crashes: after it, or before.
    pub(crate) fn crash_at(&self, write: usize, after: bool) {
        self.0.lock().unwrap().last = Some((write, after));
    }

    /// How many writes there have been.
    pub(crate) fn writes(&self) -> usize {
        self.0.lock().unwrap().writes
    }

    /// A VolumeSnapshot without a content, which goes when its claim is kept for it if it `vanishes`.
    pub(crate) fn put_alone(&self, snapshot: Snapshot, vanishes: bool) {
        let mut state = self.0.lock().unwrap();
        (state.snapshot, state.content, state.vanishes) = (Some(snapshot), None, vanishes);
    }

    /// Whether a claim is kept for a snapshot.
    pub(crate) fn keeps(&self, claim: &ClaimKey) -> bool {
        self.0.lock().unwrap().kept.contains(claim)
    }

    /// How often all contents were asked for.
    pub(crate) fn lists(&self) -> usize {
        self.0.lock().unwrap().lists
    }

    /// Edits the content, as somebody else would.
    pub(crate) fn edit(&self, edit: impl FnOnce(&mut Content)) {
        edit(self.0.lock().unwrap().content.as_mut().unwrap());
    }

    fn change(&self, exactly: &ExactContent, edit: impl FnOnce(&mut Content)) -> Result<(), ApiError> {
        let mut state = self.0.lock().unwrap();
        let crash = state.last.filter(|(at, _)| *at == state.writes);
        state.writes += 1;
        let crashed = || Err(ApiError::new(Fault::Unknown, "the controller has crashed"));
        if crash.is_some_and(|(_, after)| !after) {
            return crashed();
        }
        let version = ResourceVersion::new((100 + state.writes).to_string());
        match &mut state.content {
            Some(content) if content.uid == exactly.uid && content.version == exactly.version => {
                edit(content);
                content.version = version;
            }
            Some(_) => return Err(ApiError::new(Fault::Conflict, "it has changed")),
            None => return Err(ApiError::new(Fault::NotFound, "it is gone")),
        }
        if crash.is_some() { crashed() } else { Ok(()) }
    }
}

#[async_trait]
impl SnapshotObjects for Snapshots {
    async fn snapshot(&self, key: &SnapshotKey) -> Result<Option<Snapshot>, ApiError> {
        let state = self.0.lock().unwrap();
        Ok(state.snapshot.clone().filter(|snapshot| snapshot.key == *key))
    }

    async fn content(&self, name: &ContentName) -> Result<Option<Content>, ApiError> {
        let state = self.0.lock().unwrap();
        Ok(state.content.clone().filter(|content| content.name == *name))
    }

    async fn contents(&self) -> Result<Vec<Content>, ApiError> {
        let mut state = self.0.lock().unwrap();
        state.lists += 1;
        Ok(state.content.clone().into_iter().collect())
    }

    async fn choose_class(&self, _: &Snapshot, _: &SnapshotClassName) -> Result<(), ApiError> {
        Ok(())
    }

    async fn keep_source(&self, claim: &ClaimRef) -> Result<(), ApiError> {
        let mut state = self.0.lock().unwrap();
        state.kept.insert(claim.key.clone());
        if state.vanishes {
            state.snapshot = None;
        }
        Ok(())
    }

    async fn let_source_go(&self, claim: &ClaimRef) -> Result<(), ApiError> {
        self.0.lock().unwrap().kept.remove(&claim.key);
        Ok(())
    }

    async fn put_hold(&self, _: &Snapshot) -> Result<(), ApiError> {
        Ok(())
    }

    async fn take_hold(&self, _: &Snapshot) -> Result<(), ApiError> {
        Ok(())
    }

    async fn create_content(&self, _: &NewContent) -> Result<(), ApiError> {
        Err(ApiError::new(Fault::Exists, "it is there"))
    }

    async fn mark_content(&self, content: &ExactContent, mark: &Mark) -> Result<(), ApiError> {
        self.change(content, |content| match mark {
            Mark::Begun(handle) => (content.being_created, content.taking) = (true, Some(handle.to_string())),
            Mark::GivenUp => content.being_created = false,
            Mark::Known => (content.being_created, content.taking) = (false, None),
        })
    }

    async fn content_status(&self, content: &ExactContent, status: &Status) -> Result<(), ApiError> {
        self.change(content, |content| {
            let known = content.status.take().unwrap_or_default();
            content.status = Some(match status {
                Status::Ready { handle, bytes, .. } => ContentStatus {
                    handle: Some(handle.to_string()),
                    ready: true,
                    restore_size: Some(*bytes),
                    ..ContentStatus::default()
                },
                Status::Failed { text, .. } => ContentStatus {
                    ready: false,
                    error: Some(text.clone()),
                    ..known
                },
                Status::Empty => ContentStatus::default(),
            });
        })
    }

    async fn release_content(&self, content: &ExactContent) -> Result<(), ApiError> {
        self.change(content, |content| {
            content.finalizers.retain(|f| f != names::FINALIZER_CONTENT)
        })
    }

    async fn put_content_token(&self, content: &ExactContent, token: &Token, note: &Note) -> Result<(), ApiError> {
        self.change(content, |content| {
            content.finalizers.push(token.finalizer());
            content.tokens.insert(token.clone(), Some(note.clone()));
        })
    }

    async fn take_content_token(&self, content: &ExactContent, token: &Token) -> Result<(), ApiError> {
        self.change(content, |content| {
            content.finalizers.retain(|f| *f != token.finalizer());
            content.tokens.remove(token);
        })
    }
}
