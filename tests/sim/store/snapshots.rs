//! VolumeSnapshots and VolumeSnapshotContents: custom resources whose status is a part of its own.

use super::{Event, Expect, Object, Store, deleted, edited, refuse};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use tombolo::domain::ids::ContentName;
use tombolo::domain::snapshot::content::Content;
use tombolo::domain::snapshot::{Snapshot, SnapshotClass, SnapshotKey};
use tombolo::execute::cluster::{ApiError, Fault};

/// An object of a kind that Kubernetes itself does not know.
#[derive(Debug, Clone, PartialEq)]
pub struct Custom {
    pub metadata: ObjectMeta,
    pub data: Value,
}

impl Object for Custom {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// What a request is sent to: either changes nothing of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Object,
    Status,
}

impl Part {
    /// As much of an edit as a request to this part changes.
    fn of(self, old: &Custom, mut new: Custom) -> Custom {
        let status = |object: &Custom| object.data.get("status").cloned().unwrap_or_default();
        match self {
            Self::Object => put_status(&mut new, status(old)),
            Self::Status => {
                let status = status(&new);
                new = old.clone();
                put_status(&mut new, status);
            }
        }
        new
    }
}

fn put_status(object: &mut Custom, status: Value) {
    let fields = object.data.as_object_mut().unwrap();
    match status {
        Value::Null => drop(fields.remove("status")),
        status => drop(fields.insert("status".to_owned(), status)),
    }
}

/// All of them.
#[derive(Default)]
pub struct Shelf {
    pub classes: Vec<SnapshotClass>,
    pub snapshots: BTreeMap<SnapshotKey, Custom>,
    pub contents: BTreeMap<ContentName, Custom>,
    seen_snapshots: BTreeMap<SnapshotKey, Arc<Snapshot>>,
    seen_contents: BTreeMap<ContentName, Arc<Content>>,
    pub snapshot_log: Vec<Event<SnapshotKey, Arc<Snapshot>>>,
    pub content_log: Vec<Event<ContentName, Arc<Content>>>,
    snapshot_uids: u64,
    content_uids: u64,
}

impl Shelf {
    pub fn snapshot(&self, key: &SnapshotKey) -> Option<Arc<Snapshot>> {
        self.seen_snapshots.get(key).cloned()
    }

    pub fn content(&self, name: &ContentName) -> Option<Arc<Content>> {
        self.seen_contents.get(name).cloned()
    }

    pub fn all_snapshots(&self) -> Vec<Arc<Snapshot>> {
        self.seen_snapshots.values().cloned().collect()
    }

    pub fn all_contents(&self) -> Vec<Arc<Content>> {
        self.seen_contents.values().cloned().collect()
    }
}

impl Store {
    fn commit_snapshot(&mut self, key: &SnapshotKey, next: Option<Custom>) {
        let seen = next.map(|mut snapshot| {
            self.stamp(&mut snapshot.metadata);
            let seen = Snapshot::read(&snapshot.metadata, &snapshot.data)
                .map(Arc::new)
                .unwrap();
            self.shelf.snapshots.insert(key.clone(), snapshot);
            self.shelf.seen_snapshots.insert(key.clone(), seen.clone());
            seen
        });
        if seen.is_none() {
            self.version += 1;
            self.shelf.snapshots.remove(key);
            self.shelf.seen_snapshots.remove(key);
        }
        self.shelf.snapshot_log.push((key.clone(), seen));
    }

    fn commit_content(&mut self, name: &ContentName, next: Option<Custom>) {
        let seen = next.map(|mut content| {
            self.stamp(&mut content.metadata);
            let seen = Content::read(&content.metadata, &content.data).map(Arc::new).unwrap();
            self.shelf.contents.insert(name.clone(), content);
            self.shelf.seen_contents.insert(name.clone(), seen.clone());
            seen
        });
        if seen.is_none() {
            self.version += 1;
            self.shelf.contents.remove(name);
            self.shelf.seen_contents.remove(name);
        }
        self.shelf.content_log.push((name.clone(), seen));
    }

    /// Makes a VolumeSnapshot; its UID follows from the order in which they are made.
    pub fn create_snapshot(&mut self, key: &SnapshotKey, spec: Value) -> Result<(), ApiError> {
        let namespace = self.namespaces.get(&key.namespace);
        if self.shelf.snapshots.contains_key(key) || namespace.is_none_or(|n| n.terminating) {
            return refuse(Fault::Exists, key.to_string());
        }
        self.shelf.snapshot_uids += 1;
        let metadata = ObjectMeta {
            namespace: Some(key.namespace.to_string()),
            name: Some(key.name.clone()),
            uid: Some(format!("s{}", self.shelf.snapshot_uids)),
            ..ObjectMeta::default()
        };
        let data = serde_json::json!({ "spec": spec });
        self.commit_snapshot(key, Some(Custom { metadata, data }));
        Ok(())
    }

    pub fn create_content(&mut self, name: &ContentName, spec: Value) -> Result<(), ApiError> {
        if self.shelf.contents.contains_key(name) {
            return refuse(Fault::Exists, name.to_string());
        }
        self.shelf.content_uids += 1;
        let metadata = ObjectMeta {
            name: Some(name.to_string()),
            uid: Some(format!("sc-{}", self.shelf.content_uids)),
            ..ObjectMeta::default()
        };
        let data = serde_json::json!({ "spec": spec });
        self.commit_content(name, Some(Custom { metadata, data }));
        Ok(())
    }

    pub fn edit_snapshot(
        &mut self,
        key: &SnapshotKey,
        expect: Expect<'_>,
        part: Part,
        edit: impl FnOnce(&mut Custom),
    ) -> Result<(), ApiError> {
        let Some(old) = self.shelf.snapshots.get(key) else {
            return refuse(Fault::NotFound, key.to_string());
        };
        if let Some(next) = edited(old, expect, self.careless, within(part, old, edit))? {
            self.commit_snapshot(key, next);
        }
        Ok(())
    }

    pub fn edit_content(
        &mut self,
        name: &ContentName,
        expect: Expect<'_>,
        part: Part,
        edit: impl FnOnce(&mut Custom),
    ) -> Result<(), ApiError> {
        let Some(old) = self.shelf.contents.get(name) else {
            return refuse(Fault::NotFound, name.to_string());
        };
        if let Some(next) = edited(old, expect, self.careless, within(part, old, edit))? {
            self.commit_content(name, next);
        }
        Ok(())
    }

    pub fn delete_snapshot(&mut self, key: &SnapshotKey) -> Result<(), ApiError> {
        let Some(old) = self.shelf.snapshots.get(key) else {
            return refuse(Fault::NotFound, key.to_string());
        };
        if let Some(next) = deleted(old, Expect::default(), self.careless)? {
            self.commit_snapshot(key, next);
        }
        Ok(())
    }

    pub fn delete_content(&mut self, name: &ContentName) -> Result<(), ApiError> {
        let Some(old) = self.shelf.contents.get(name) else {
            return refuse(Fault::NotFound, name.to_string());
        };
        if let Some(next) = deleted(old, Expect::default(), self.careless)? {
            self.commit_content(name, next);
        }
        Ok(())
    }
}

fn within<'a>(part: Part, old: &'a Custom, edit: impl FnOnce(&mut Custom) + 'a) -> impl FnOnce(&mut Custom) + 'a {
    move |object| {
        edit(object);
        *object = part.of(old, object.clone());
    }
}
