//! What a StorageBackend's status says of access that was cut lately: so many at once may be a mistake, and then cutting waits.
//!
//! Kept here, and not in memory, so that a restart forgets nothing. What follows from it is `plan::revocation`'s.

use super::tolerant;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Cuts of the last minutes, and whether further ones wait for an admin.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct RevocationStatus {
    /// Cuts of the last five minutes, in batches.
    #[serde(
        default,
        deserialize_with = "tolerant::or_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub recent: Vec<CutBatch>,
    /// Why nothing is cut at present.
    #[serde(
        default,
        deserialize_with = "tolerant::or_default",
        skip_serializing_if = "Option::is_none"
    )]
    pub paused: Option<Pause>,
    /// The last confirmation that was followed.
    #[serde(
        default,
        deserialize_with = "tolerant::or_default",
        skip_serializing_if = "Option::is_none"
    )]
    pub confirmed: Option<Confirmation>,
}

/// Cuts that were made close together.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct CutBatch {
    /// When the first of them was made.
    pub at: Time,
    /// Ways to data, each of one namespace to one volume, that were cut.
    pub exports: u64,
    /// Members who lost access by that.
    pub members: u64,
}

/// Cutting waits for an admin.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Pause {
    /// What the admin puts into the annotation that confirms.
    pub id: String,
    /// Since when.
    pub since: Time,
    /// Ways to data that were cut lately or were to be cut then.
    pub exports: u64,
    /// Members who lose access by that.
    pub members: u64,
    /// Members of the backend then.
    pub of: u64,
}

/// A confirmation that was followed.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Confirmation {
    /// The id of the pause.
    pub id: String,
    /// When.
    pub at: Time,
}
