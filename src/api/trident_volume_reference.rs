//! TridentVolumeReference: the reference of people who know NetApp Trident, so that their manifests work unchanged.
//!
//! Trident's own definition may be installed instead of ours. It has no status, asks for no spec and checks no name, so every
//! object whatever must be readable here: one that names nothing has an empty name, which no claim has.

use super::tolerant;
use super::volume_reference::{DNS_LABEL, DNS_SUBDOMAIN, ReferenceStatus};
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// Which claim may be named as a source by claims of the reference's namespace.
#[derive(CustomResource, KubeSchema, Serialize, Debug, Clone, Default, PartialEq, Eq)]
#[kube(
    group = "trident.netapp.io",
    version = "v1",
    kind = "TridentVolumeReference",
    namespaced,
    status = "ReferenceStatus",
    derive = "Default",
    derive = "PartialEq",
    shortname = "tvr",
    shortname = "tvref",
    category = "tombolo",
    doc = "Lets claims of this namespace ask for the volume of a claim in another one, if that claim's owner shares it. Compatible with NetApp Trident's kind; VolumeReference can also limit access.",
    printcolumn = r#"{"name": "Source namespace", "type": "string", "jsonPath": ".spec.pvcNamespace"}"#,
    printcolumn = r#"{"name": "Source claim", "type": "string", "jsonPath": ".spec.pvcName"}"#,
    printcolumn = r#"{"name": "Accepted", "type": "string", "jsonPath": ".status.conditions[?(@.type=='Accepted')].status"}"#,
    printcolumn = r#"{"name": "Reason", "type": "string", "jsonPath": ".status.conditions[?(@.type=='Accepted')].reason"}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct TridentVolumeReferenceSpec {
    /// Namespace of the claim that owns the volume.
    #[schemars(length(min = 1, max = 63), regex(pattern = DNS_LABEL))]
    pub pvc_namespace: String,
    /// Name of the claim that owns the volume.
    #[schemars(length(min = 1, max = 253), regex(pattern = DNS_SUBDOMAIN))]
    pub pvc_name: String,
}

impl<'de> Deserialize<'de> for TridentVolumeReferenceSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // An optional value is also what serde hands to the field of an object that has no spec.
        let spec = Option::<Value>::deserialize(deserializer)?;
        Ok(Self {
            pvc_namespace: tolerant::text(spec.as_ref(), "pvcNamespace"),
            pvc_name: tolerant::text(spec.as_ref(), "pvcName"),
        })
    }
}
