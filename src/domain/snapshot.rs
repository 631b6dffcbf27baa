//! VolumeSnapshots and what stands behind them, reduced to what decisions look at (`snapshot.storage.k8s.io/v1`).
//!
//! A VolumeSnapshot was written by a tenant, and so was whatever the API server copied from it into a VolumeSnapshotContent. Nothing here
//! is believed of a snapshot's data; which handle may be honoured is [`handle`] and `plan::snapshot`.

pub mod content;
pub mod handle;

use super::hold::Hold;
use super::ids::{ClaimKey, ContentName, Namespace, ResourceVersion, SnapshotClassName, SnapshotUid, is_dns_subdomain};
use crate::api::names;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// Namespace and name of a VolumeSnapshot.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SnapshotKey {
    /// The namespace.
    pub namespace: Namespace,
    /// The name.
    pub name: String,
}

impl SnapshotKey {
    /// Puts the two together.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            namespace: Namespace::new(namespace),
            name: name.into(),
        }
    }
}

impl fmt::Display for SnapshotKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// The kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// VolumeSnapshot.
    Snapshot,
    /// VolumeSnapshotContent.
    Content,
    /// VolumeSnapshotClass.
    Class,
}

/// A VolumeSnapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Namespace and name.
    pub key: SnapshotKey,
    /// Which one of that name.
    pub uid: SnapshotUid,
    /// The version that was read.
    pub version: ResourceVersion,
    /// Whether it is going away.
    pub terminating: bool,
    /// The claim that it is to be taken of; `None`: it was made elsewhere, and only names its content.
    pub of: Option<ClaimKey>,
    /// The class that it names.
    pub class: Option<SnapshotClassName>,
    /// The content that it is bound to.
    pub content: Option<ContentName>,
    /// Whether it can be restored from; `None`: nothing is said.
    pub ready: Option<bool>,
    /// All finalizers: a custom resource takes no patch of single ones.
    pub finalizers: Vec<String>,
}

impl Snapshot {
    /// Reads one. `None`: an object without identity, which the API server does not send.
    pub fn read(meta: &ObjectMeta, object: &Value) -> Option<Self> {
        let key = SnapshotKey::new(meta.namespace.clone()?, meta.name.clone()?);
        let text = |at: &str| {
            object
                .pointer(at)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
        };
        let of = text("/spec/source/persistentVolumeClaimName").filter(|name| is_dns_subdomain(name));
        Some(Self {
            of: of.map(|name| ClaimKey::new(key.namespace.as_str(), name)),
            uid: SnapshotUid::new(meta.uid.clone()?),
            version: ResourceVersion::new(meta.resource_version.clone().unwrap_or_default()),
            terminating: meta.deletion_timestamp.is_some(),
            class: text("/spec/volumeSnapshotClassName").map(SnapshotClassName::new),
            content: text("/status/boundVolumeSnapshotContentName").map(ContentName::new),
            ready: object.pointer("/status/readyToUse").and_then(Value::as_bool),
            finalizers: meta.finalizers.clone().unwrap_or_default(),
            key,
        })
    }
}

impl Snapshot {
    /// Whether it carries our finalizer.
    pub fn is_held(&self) -> bool {
        Hold::among(&self.finalizers).contains(&Hold::Copies)
    }
}

/// A VolumeSnapshotClass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotClass {
    /// Its name.
    pub name: SnapshotClassName,
    /// Whether its snapshots are ours.
    pub ours: bool,
    /// What becomes of the data when a snapshot is deleted.
    pub policy: content::DeletionPolicy,
    /// Whether it is for snapshots that name none.
    pub is_default: bool,
}

impl SnapshotClass {
    /// Reads one.
    pub fn read(meta: &ObjectMeta, object: &Value) -> Option<Self> {
        let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default();
        let annotated = |key: &str| meta.annotations.as_ref().and_then(|a| a.get(key)).map(String::as_str);
        Some(Self {
            name: SnapshotClassName::new(meta.name.clone()?),
            ours: text("driver") == names::PROVISIONER,
            policy: content::DeletionPolicy::read(text("deletionPolicy")),
            is_default: annotated(names::ANNOTATION_DEFAULT_SNAPSHOT_CLASS) == Some("true"),
        })
    }
}

#[cfg(test)]
mod tests;
