//! What a StorageBackend's status says of cuts that wait: so many at once may be a mistake.
//!
//! Kept here, and not in memory, so that a restart forgets nothing; which members were cut, and since when, is written of each of them.
//! What follows from both is `plan::revocation`'s.

use super::tolerant;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether cuts wait for an admin.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct RevocationStatus {
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
