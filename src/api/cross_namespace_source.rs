//! CrossNamespaceSource: a data source in another namespace, for clusters whose API server takes none in `dataSourceRef.namespace`.
//!
//! That field needs an alpha feature gate (KEP-3294); a reference to an object of one's own namespace needs none (KEP-1495). Consent is
//! the same for both: a ReferenceGrant in the source's namespace. This object gives nothing by itself.

use super::tolerant;
use super::volume_reference::{DNS_LABEL, DNS_SUBDOMAIN, ReferenceStatus};
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

/// What a claim of this namespace copies that names the object as its `dataSourceRef`.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq, Eq)]
#[kube(
    group = "tombolo.dev",
    version = "v1alpha1",
    kind = "CrossNamespaceSource",
    namespaced,
    status = "ReferenceStatus",
    derive = "Default",
    derive = "PartialEq",
    shortname = "xns",
    category = "tombolo",
    doc = "Names a data source in another namespace, for claims of this one to use as dataSourceRef. Whether they get a copy is decided by a ReferenceGrant in the source's namespace.",
    printcolumn = r#"{"name": "Source namespace", "type": "string", "jsonPath": ".spec.source.namespace"}"#,
    printcolumn = r#"{"name": "Kind", "type": "string", "jsonPath": ".spec.source.kind"}"#,
    printcolumn = r#"{"name": "Source", "type": "string", "jsonPath": ".spec.source.name"}"#,
    printcolumn = r#"{"name": "Accepted", "type": "string", "jsonPath": ".status.conditions[?(@.type=='Accepted')].status"}"#,
    printcolumn = r#"{"name": "Reason", "type": "string", "jsonPath": ".status.conditions[?(@.type=='Accepted')].reason"}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}"#
)]
#[x_kube(
    validation = Rule::new("self == oldSelf")
        .message("the spec is immutable: delete this object and make another one")
)]
#[serde(rename_all = "camelCase")]
pub struct CrossNamespaceSourceSpec {
    /// What is copied.
    #[serde(default, deserialize_with = "tolerant::or_default")]
    #[schemars(!default)]
    pub source: SourceReference,
}

/// A claim or a snapshot of any namespace.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq, Eq)]
#[x_kube(
    validation = Rule::new(
        "self.kind == 'PersistentVolumeClaim' && (!has(self.apiGroup) || self.apiGroup == '') \
         || self.kind == 'VolumeSnapshot' && has(self.apiGroup) && self.apiGroup == 'snapshot.storage.k8s.io'"
    )
    .message("the source is a PersistentVolumeClaim, or a VolumeSnapshot of snapshot.storage.k8s.io")
)]
#[serde(rename_all = "camelCase")]
pub struct SourceReference {
    /// API group of its kind: none for a PersistentVolumeClaim, `snapshot.storage.k8s.io` for a VolumeSnapshot.
    #[serde(
        default,
        deserialize_with = "tolerant::or_default",
        skip_serializing_if = "Option::is_none"
    )]
    pub api_group: Option<String>,
    /// Its kind: PersistentVolumeClaim or VolumeSnapshot.
    #[serde(default, deserialize_with = "tolerant::or_default")]
    #[schemars(!default, length(min = 1, max = 63))]
    pub kind: String,
    /// Its name.
    #[serde(default, deserialize_with = "tolerant::or_default")]
    #[schemars(!default, length(min = 1, max = 253), regex(pattern = DNS_SUBDOMAIN))]
    pub name: String,
    /// Its namespace.
    #[serde(default, deserialize_with = "tolerant::or_default")]
    #[schemars(!default, length(min = 1, max = 63), regex(pattern = DNS_LABEL))]
    pub namespace: String,
}
