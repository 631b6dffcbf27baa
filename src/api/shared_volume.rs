//! SharedVolume: who uses a volume, for people to read. The controller writes it and never decides by it.

use super::tolerant;
use crate::domain::access::Access;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many members a status lists: an object with thousands of them does not fit etcd.
pub const MEMBERS_LISTED: usize = 100;

/// Which volume this is about.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq, Eq)]
#[kube(
    group = "tombolo.dev",
    version = "v1alpha1",
    kind = "SharedVolume",
    status = "SharedVolumeStatus",
    derive = "Default",
    derive = "PartialEq",
    shortname = "shv",
    category = "tombolo",
    doc = "A volume that has members besides its owner, or has lost its owner. Written by the controller; named after the volume's id.",
    printcolumn = r#"{"name": "Phase", "type": "string", "jsonPath": ".status.phase"}"#,
    printcolumn = r#"{"name": "Owner namespace", "type": "string", "jsonPath": ".status.owner.namespace"}"#,
    printcolumn = r#"{"name": "Owner", "type": "string", "jsonPath": ".status.owner.name"}"#,
    printcolumn = r#"{"name": "Members", "type": "integer", "jsonPath": ".status.memberCount"}"#,
    printcolumn = r#"{"name": "Read-only", "type": "integer", "jsonPath": ".status.readOnlyMemberCount", "priority": 1}"#,
    printcolumn = r#"{"name": "Backend", "type": "string", "jsonPath": ".spec.backend", "priority": 1}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}"#
)]
#[x_kube(validation = Rule::new("self == oldSelf").message("the spec is immutable"))]
#[serde(rename_all = "camelCase")]
pub struct SharedVolumeSpec {
    /// Id of the volume: the name of its owner's PersistentVolume.
    #[serde(default, rename = "volumeID", deserialize_with = "tolerant::or_default")]
    #[schemars(!default, length(min = 1, max = 63))]
    pub volume_id: String,
    /// Name of the StorageBackend it is on.
    #[serde(default, deserialize_with = "tolerant::or_default")]
    #[schemars(!default, length(min = 1, max = 63))]
    pub backend: String,
}

/// Who uses the volume now.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct SharedVolumeStatus {
    /// Shared: it has an owner. SoftDeleted: it has only members. Deleting: it has nobody.
    #[serde(
        default,
        deserialize_with = "tolerant::or_default",
        skip_serializing_if = "Option::is_none"
    )]
    pub phase: Option<SharedVolumePhase>,
    /// The claim that owns it, or owned it last.
    #[serde(
        default,
        deserialize_with = "tolerant::or_default",
        skip_serializing_if = "Option::is_none"
    )]
    pub owner: Option<SharedVolumeOwner>,
    /// Name of the StorageBackend it is on.
    #[serde(
        default,
        deserialize_with = "tolerant::or_default",
        skip_serializing_if = "Option::is_none"
    )]
    pub backend: Option<String>,
    /// How many claims use it besides the owner.
    #[serde(
        default,
        deserialize_with = "tolerant::or_default",
        skip_serializing_if = "Option::is_none"
    )]
    pub member_count: Option<i64>,
    /// How many of these may only read.
    #[serde(
        default,
        deserialize_with = "tolerant::or_default",
        skip_serializing_if = "Option::is_none"
    )]
    pub read_only_member_count: Option<i64>,
    /// The newest of them, at most 100; all of them: kubectl get pv -l tombolo.dev/volume=<id>,tombolo.dev/role=member
    #[serde(
        default,
        deserialize_with = "tolerant::or_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(length(max = 100))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub members: Vec<SharedVolumeMember>,
    /// Whether there are more members than are listed.
    #[serde(
        default,
        deserialize_with = "tolerant::or_default",
        skip_serializing_if = "Option::is_none"
    )]
    pub truncated: Option<bool>,
    /// What an admin should know of it.
    #[serde(
        default,
        deserialize_with = "tolerant::or_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}

/// How far the life of a shared volume has come.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub enum SharedVolumePhase {
    /// It has an owner.
    Shared,
    /// Its owner has gone, its members keep it.
    SoftDeleted,
    /// Nobody is left, its data is being removed.
    Deleting,
}

/// The claim that owns a volume.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct SharedVolumeOwner {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
}

/// A claim that joined a volume.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct SharedVolumeMember {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its PersistentVolume.
    pub pv: String,
    /// What it may do.
    pub access: Access,
}
