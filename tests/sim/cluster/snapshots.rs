//! The part of the API server that has snapshots: what `execute::api_server::snapshots` sends, and what comes of it.

use super::{MemoryCluster, absent_is_done, add_finalizer, take_finalizer, this};
use crate::store::{Custom, Expect, Part};
use async_trait::async_trait;
use serde_json::{Value, json};
use tombolo::api::names;
use tombolo::domain::ids::{ClaimRef, ContentName, SnapshotClassName};
use tombolo::domain::snapshot::content::{Content, ExactContent};
use tombolo::domain::snapshot::{Snapshot, SnapshotKey};
use tombolo::domain::token::{Note, Token};
use tombolo::execute::cluster::ApiError;
use tombolo::execute::snapshots::{Mark, SnapshotObjects, Status};
use tombolo::plan::snapshot::prepare::NewContent;

fn exactly(content: &ExactContent) -> Expect<'_> {
    Expect {
        uid: Some(content.uid.as_str()),
        version: Some(content.version.as_str()),
    }
}

impl MemoryCluster {
    /// The list of finalizers as a whole, in the version in which it was read.
    fn put_finalizers(&self, of: &Snapshot, finalizers: Vec<String>) -> Result<(), ApiError> {
        let expect = Expect {
            uid: Some(of.uid.as_str()),
            version: Some(of.version.as_str()),
        };
        self.store().edit_snapshot(&of.key, expect, Part::Object, |snapshot| {
            snapshot.metadata.finalizers = Some(finalizers)
        })
    }

    fn edit_exactly(&self, content: &ExactContent, part: Part, edit: impl FnOnce(&mut Custom)) -> Result<(), ApiError> {
        self.store().edit_content(&content.name, exactly(content), part, edit)
    }
}

/// A merge patch of annotations: null takes one away.
fn annotate(object: &mut Custom, key: &str, value: Option<String>) {
    let annotations = &mut object.metadata.annotations;
    match (value, annotations) {
        (Some(value), annotations) => drop(annotations.get_or_insert_default().insert(key.to_owned(), value)),
        (None, Some(annotations)) => drop(annotations.remove(key)),
        (None, None) => {}
    }
}

/// A merge patch of a status: null takes a field away.
fn merge_status(object: &mut Custom, patch: &Value) {
    let mut status = object.data.get("status").cloned().unwrap_or_else(|| json!({}));
    for (field, value) in patch.as_object().unwrap() {
        match value {
            Value::Null => drop(status.as_object_mut().unwrap().remove(field)),
            value => status[field] = value.clone(),
        }
    }
    object.data["status"] = status;
}

fn without(finalizers: &[String], finalizer: &str) -> Vec<String> {
    finalizers.iter().filter(|f| *f != finalizer).cloned().collect()
}

#[async_trait]
impl SnapshotObjects for MemoryCluster {
    async fn snapshot(&self, key: &SnapshotKey) -> Result<Option<Snapshot>, ApiError> {
        Ok(self.store().shelf.snapshot(key).map(|s| (*s).clone()))
    }

    async fn content(&self, name: &ContentName) -> Result<Option<Content>, ApiError> {
        Ok(self.store().shelf.content(name).map(|c| (*c).clone()))
    }

    async fn contents(&self) -> Result<Vec<Content>, ApiError> {
        Ok(self
            .store()
            .shelf
            .all_contents()
            .iter()
            .map(|c| (**c).clone())
            .collect())
    }

    async fn choose_class(&self, snapshot: &Snapshot, class: &SnapshotClassName) -> Result<(), ApiError> {
        let expect = Expect {
            uid: Some(snapshot.uid.as_str()),
            version: Some(snapshot.version.as_str()),
        };
        self.store()
            .edit_snapshot(&snapshot.key, expect, Part::Object, |snapshot| {
                snapshot.data["spec"]["volumeSnapshotClassName"] = json!(class.as_str());
            })
    }

    async fn put_hold(&self, snapshot: &Snapshot) -> Result<(), ApiError> {
        let mut finalizers = snapshot.finalizers.clone();
        finalizers.push(names::FINALIZER_SOURCE.to_owned());
        self.put_finalizers(snapshot, finalizers)
    }

    async fn take_hold(&self, snapshot: &Snapshot) -> Result<(), ApiError> {
        let left = without(&snapshot.finalizers, names::FINALIZER_SOURCE);
        absent_is_done(self.put_finalizers(snapshot, left))
    }

    async fn keep_source(&self, claim: &ClaimRef) -> Result<(), ApiError> {
        self.store().edit_claim(&claim.key, this(claim.uid.as_str()), |claim| {
            add_finalizer(&mut claim.metadata, names::FINALIZER_SNAPSHOT_SOURCE)
        })
    }

    async fn let_source_go(&self, claim: &ClaimRef) -> Result<(), ApiError> {
        let edit = self.store().edit_claim(&claim.key, this(claim.uid.as_str()), |claim| {
            take_finalizer(&mut claim.metadata, names::FINALIZER_SNAPSHOT_SOURCE)
        });
        absent_is_done(edit)
    }

    async fn create_content(&self, content: &NewContent) -> Result<(), ApiError> {
        let of = &content.of;
        let spec = json!({
            "driver": names::PROVISIONER,
            "deletionPolicy": content.policy.as_str(),
            "volumeSnapshotClassName": content.class.as_str(),
            "source": {"volumeHandle": content.volume.as_str()},
            "sourceVolumeMode": "Filesystem",
            "volumeSnapshotRef": {"namespace": of.key.namespace.as_str(), "name": of.key.name, "uid": of.uid.as_str()},
        });
        self.store().create_content(&content.name, spec)
    }

    async fn mark_content(&self, content: &ExactContent, mark: &Mark) -> Result<(), ApiError> {
        self.edit_exactly(content, Part::Object, |content| match mark {
            Mark::Begun(handle) => {
                annotate(content, names::ANNOTATION_BEING_CREATED, Some("yes".into()));
                annotate(content, names::ANNOTATION_TAKING, Some(handle.to_string()));
            }
            Mark::GivenUp => annotate(content, names::ANNOTATION_BEING_CREATED, None),
            Mark::Known => {
                annotate(content, names::ANNOTATION_BEING_CREATED, None);
                annotate(content, names::ANNOTATION_TAKING, None);
            }
        })
    }

    async fn content_status(&self, content: &ExactContent, status: &Status) -> Result<(), ApiError> {
        let patch = match status {
            Status::Ready { handle, taken, bytes } => json!({
                "snapshotHandle": handle.to_string(), "readyToUse": true, "restoreSize": bytes, "error": null,
                "creationTime": i64::try_from(taken.as_nanosecond()).unwrap(),
            }),
            Status::Failed { text, at } => {
                json!({"readyToUse": false, "error": {"message": text, "time": at.to_string()}})
            }
            Status::Empty => json!({
                "snapshotHandle": null, "readyToUse": null, "creationTime": null, "restoreSize": null, "error": null,
            }),
        };
        self.edit_exactly(content, Part::Status, |content| merge_status(content, &patch))
    }

    async fn release_content(&self, content: &ExactContent) -> Result<(), ApiError> {
        let left = without(&content.finalizers, names::FINALIZER_CONTENT);
        absent_is_done(self.edit_exactly(content, Part::Object, |content| {
            content.metadata.finalizers = Some(left)
        }))
    }

    async fn put_content_token(&self, content: &ExactContent, token: &Token, note: &Note) -> Result<(), ApiError> {
        let mut finalizers = content.finalizers.clone();
        finalizers.push(token.finalizer());
        self.edit_exactly(content, Part::Object, |content| {
            content.metadata.finalizers = Some(finalizers);
            annotate(content, &token.finalizer(), Some(note.to_text()));
        })
    }

    async fn take_content_token(&self, content: &ExactContent, token: &Token) -> Result<(), ApiError> {
        let left = without(&content.finalizers, &token.finalizer());
        absent_is_done(self.edit_exactly(content, Part::Object, |content| {
            content.metadata.finalizers = Some(left);
            annotate(content, &token.finalizer(), None);
        }))
    }
}
