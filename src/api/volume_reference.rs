//! VolumeReference: the admin's part of consent, in the consumer's namespace.

use super::tolerant;
use crate::domain::access::Access;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// Pattern of a namespace's name.
pub(super) const DNS_LABEL: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";
/// Pattern of a claim's name.
pub(super) const DNS_SUBDOMAIN: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";

/// Which claim may be named as a source by claims of the reference's namespace.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq, Eq)]
#[kube(
    group = "tombolo.dev",
    version = "v1alpha1",
    kind = "VolumeReference",
    namespaced,
    status = "ReferenceStatus",
    derive = "Default",
    derive = "PartialEq",
    shortname = "vref",
    category = "tombolo",
    doc = "Lets claims of this namespace ask for the volume of a claim in another one, if that claim's owner shares it. Who may create one is a matter of RBAC.",
    printcolumn = r#"{"name": "Source namespace", "type": "string", "jsonPath": ".spec.pvcNamespace"}"#,
    printcolumn = r#"{"name": "Source claim", "type": "string", "jsonPath": ".spec.pvcName"}"#,
    printcolumn = r#"{"name": "Access", "type": "string", "jsonPath": ".spec.access"}"#,
    printcolumn = r#"{"name": "Accepted", "type": "string", "jsonPath": ".status.conditions[?(@.type=='Accepted')].status"}"#,
    printcolumn = r#"{"name": "Reason", "type": "string", "jsonPath": ".status.conditions[?(@.type=='Accepted')].reason"}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}"#
)]
#[x_kube(
    validation = Rule::new("self == oldSelf")
        .message("the spec is immutable: delete this reference and make another one")
)]
#[serde(rename_all = "camelCase")]
pub struct VolumeReferenceSpec {
    /// Namespace of the claim that owns the volume.
    #[serde(default, deserialize_with = "tolerant::or_default")]
    #[schemars(!default, length(min = 1, max = 63), regex(pattern = DNS_LABEL))]
    pub pvc_namespace: String,
    /// Name of the claim that owns the volume.
    #[serde(default, deserialize_with = "tolerant::or_default")]
    #[schemars(!default, length(min = 1, max = 253), regex(pattern = DNS_SUBDOMAIN))]
    pub pvc_name: String,
    /// The most that claims of this namespace may get.
    #[serde(default, deserialize_with = "access")]
    pub access: Access,
}

/// An access that cannot be read is the narrower one.
fn access<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Access, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(deserializer)?).unwrap_or(Access::ReadOnly))
}

/// What the controller found, of either kind of reference.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ReferenceStatus {
    /// Accepted.
    #[serde(
        default,
        deserialize_with = "tolerant::or_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}
