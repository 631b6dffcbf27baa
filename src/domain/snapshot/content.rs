//! A VolumeSnapshotContent: which data a VolumeSnapshot stands for, or so it says.

use super::SnapshotKey;
use crate::api::names;
use crate::domain::ids::{ContentName, ContentUid, PvName, ResourceVersion, SnapshotClassName, SnapshotUid};
use crate::domain::token::{Note, Token, TokenKind};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;
use std::collections::BTreeMap;

/// A VolumeSnapshotContent.
#[derive(Debug, Clone, PartialEq)]
pub struct Content {
    /// Its name.
    pub name: ContentName,
    /// Which one of that name.
    pub uid: ContentUid,
    /// The version that was read.
    pub version: ResourceVersion,
    /// Whether it is going away.
    pub terminating: bool,
    /// Whether its driver is ours.
    pub ours: bool,
    /// What becomes of the data when the snapshot is deleted.
    pub policy: DeletionPolicy,
    /// Its class.
    pub class: Option<SnapshotClassName>,
    /// What it was made of.
    pub source: ContentSource,
    /// The VolumeSnapshot that it is for.
    pub of: SnapshotKey,
    /// Which one of that name; `None`: none was bound to it yet.
    pub of_uid: Option<SnapshotUid>,
    /// Whether its volume was a block device; `None`: nothing is said.
    pub block: Option<bool>,
    /// Whether volumes of the other mode may be made of it.
    pub converts: bool,
    /// What was said of it.
    pub status: Option<ContentStatus>,
    /// Whether taking it has begun, with an outcome that is not known.
    pub being_created: bool,
    /// The handle under which taking it has begun, as written.
    pub taking: Option<String>,
    /// Whether its VolumeSnapshot is being deleted.
    pub being_deleted: bool,
    /// Whether it is taken as part of a group.
    pub in_group: bool,
    /// All finalizers: a custom resource takes no patch of single ones.
    pub finalizers: Vec<String>,
    /// Tokens of copies on it, with their notes where those can be read.
    pub tokens: BTreeMap<Token, Option<Note>>,
}

/// `spec.deletionPolicy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeletionPolicy {
    /// The data goes with the snapshot.
    Delete,
    /// It stays.
    Retain,
}

impl DeletionPolicy {
    /// Reads it; what is neither keeps the data.
    pub fn read(text: &str) -> Self {
        match text {
            "Delete" => Self::Delete,
            _ => Self::Retain,
        }
    }

    /// As on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delete => "Delete",
            Self::Retain => "Retain",
        }
    }
}

/// `spec.source`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContentSource {
    /// The volume behind this PersistentVolume is to be looked at now.
    Volume(PvName),
    /// A snapshot that is there already, by its handle, as written.
    Snapshot(String),
    /// Neither.
    Nothing,
}

impl ContentSource {
    /// The volume that is looked at.
    pub const fn volume(&self) -> Option<&PvName> {
        match self {
            Self::Volume(name) => Some(name),
            Self::Snapshot(_) | Self::Nothing => None,
        }
    }
}

/// `status`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContentStatus {
    /// The handle, as written.
    pub handle: Option<String>,
    /// Whether it can be restored from.
    pub ready: bool,
    /// Bytes that a volume restored from it needs.
    pub restore_size: Option<u64>,
    /// What went wrong last.
    pub error: Option<String>,
    /// Whether it belongs to a group.
    pub in_group: bool,
}

/// A content in the version that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExactContent {
    /// Its name.
    pub name: ContentName,
    /// Which one of that name.
    pub uid: ContentUid,
    /// In which version.
    pub version: ResourceVersion,
    /// Its finalizers then.
    pub finalizers: Vec<String>,
}

impl From<&Content> for ExactContent {
    fn from(content: &Content) -> Self {
        Self {
            name: content.name.clone(),
            uid: content.uid.clone(),
            version: content.version.clone(),
            finalizers: content.finalizers.clone(),
        }
    }
}

impl Content {
    /// Reads one. `None`: an object without identity, which the API server does not send.
    pub fn read(meta: &ObjectMeta, object: &Value) -> Option<Self> {
        let text = |at: &str| {
            object
                .pointer(at)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
        };
        let annotation = |key: &str| meta.annotations.as_ref().and_then(|a| a.get(key));
        let finalizers = meta.finalizers.clone().unwrap_or_default();
        let copying = finalizers.iter().filter_map(|f| Token::of_finalizer(f));
        let tokens = copying.filter(|token| token.kind == TokenKind::Copying).map(|token| {
            let note = annotation(&token.finalizer()).and_then(|text| Note::parse(token.kind, text));
            (token, note)
        });
        Some(Self {
            name: ContentName::new(meta.name.clone()?),
            uid: ContentUid::new(meta.uid.clone()?),
            version: ResourceVersion::new(meta.resource_version.clone().unwrap_or_default()),
            terminating: meta.deletion_timestamp.is_some(),
            ours: text("/spec/driver") == Some(names::PROVISIONER),
            policy: DeletionPolicy::read(text("/spec/deletionPolicy").unwrap_or_default()),
            class: text("/spec/volumeSnapshotClassName").map(SnapshotClassName::new),
            source: match (text("/spec/source/volumeHandle"), text("/spec/source/snapshotHandle")) {
                (Some(volume), _) => ContentSource::Volume(PvName::new(volume)),
                (None, Some(handle)) => ContentSource::Snapshot(handle.to_owned()),
                (None, None) => ContentSource::Nothing,
            },
            of: SnapshotKey::new(
                text("/spec/volumeSnapshotRef/namespace").unwrap_or_default(),
                text("/spec/volumeSnapshotRef/name").unwrap_or_default(),
            ),
            of_uid: text("/spec/volumeSnapshotRef/uid").map(SnapshotUid::new),
            block: text("/spec/sourceVolumeMode").map(|mode| mode == "Block"),
            // As Go's strconv.ParseBool reads it, which external-provisioner uses.
            converts: annotation(names::ANNOTATION_MODE_CHANGE)
                .is_some_and(|text| ["1", "t", "T", "TRUE", "true", "True"].contains(&text.as_str())),
            status: object.get("status").filter(|s| s.is_object()).map(ContentStatus::read),
            being_created: annotation(names::ANNOTATION_BEING_CREATED).is_some(),
            taking: annotation(names::ANNOTATION_TAKING).cloned(),
            being_deleted: annotation(names::ANNOTATION_BEING_DELETED).is_some(),
            in_group: annotation(names::ANNOTATION_GROUP_HANDLE).is_some(),
            tokens: tokens.collect(),
            finalizers,
        })
    }

    /// The handle that its status or its source says, as written.
    pub fn handle(&self) -> Option<&str> {
        let said = self.status.as_ref().and_then(|status| status.handle.as_deref());
        match (&self.source, said) {
            (_, Some(said)) => Some(said),
            (ContentSource::Snapshot(handle), None) => Some(handle),
            (ContentSource::Volume(_) | ContentSource::Nothing, None) => None,
        }
    }

    /// Whether it can be restored from, as its status says.
    pub fn is_ready(&self) -> bool {
        self.status.as_ref().is_some_and(|status| status.ready)
    }
}

impl ContentStatus {
    fn read(status: &Value) -> Self {
        let text = |at: &str| {
            status
                .pointer(at)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
        };
        Self {
            handle: text("/snapshotHandle").map(str::to_owned),
            ready: status.get("readyToUse").and_then(Value::as_bool).unwrap_or_default(),
            restore_size: status.get("restoreSize").and_then(Value::as_u64),
            error: text("/error/message").map(str::to_owned),
            in_group: text("/volumeGroupSnapshotHandle").is_some(),
        }
    }
}
