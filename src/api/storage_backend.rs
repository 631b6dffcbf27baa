//! StorageBackend: a place where volumes are made.
//!
//! The types read whatever is stored (see `tolerant`); the schema is what refuses mistakes, at the moment they are made.

use super::revocation::RevocationStatus;
use super::tolerant;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::time::Duration;

mod drivers;

pub use drivers::{
    Driver, FilerDriver, LocalDriver, NfsDriver, NfsVersion, NodeAccess, QuotaMode, RemoteDriver, SecretRef, SourcePort,
};

/// Retention of the trash where nothing is said.
const TRASH_RETENTION: Duration = Duration::from_secs(24 * 60 * 60);

/// Where volumes are made, and how many. Exactly one driver is set.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[kube(
    group = "tombolo.dev",
    version = "v1alpha1",
    kind = "StorageBackend",
    status = "StorageBackendStatus",
    derive = "Default",
    derive = "PartialEq",
    shortname = "sb",
    category = "tombolo",
    doc = "A place where volumes are made: an NFS export, a directory on a node, a filer, or a backend on another machine.",
    // A backend's name is the value of a label on every PersistentVolume made on it.
    validation = Rule::new("self.metadata.name.size() <= 63")
        .message("the name may have at most 63 characters: it is the value of a label"),
    printcolumn = r#"{"name": "Server", "type": "string", "jsonPath": ".spec.nfs.server"}"#,
    printcolumn = r#"{"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type=='Ready')].status"}"#,
    printcolumn = r#"{"name": "Reason", "type": "string", "jsonPath": ".status.conditions[?(@.type=='Ready')].reason"}"#,
    printcolumn = r#"{"name": "Volumes", "type": "integer", "jsonPath": ".status.volumes"}"#,
    printcolumn = r#"{"name": "Provisioned", "type": "integer", "jsonPath": ".status.provisionedBytes", "priority": 1}"#,
    printcolumn = r#"{"name": "Free", "type": "integer", "jsonPath": ".status.freeBytes"}"#,
    printcolumn = r#"{"name": "Export", "type": "string", "jsonPath": ".spec.nfs.export", "priority": 1}"#,
    printcolumn = r#"{"name": "Subdirectory", "type": "string", "jsonPath": ".spec.nfs.subdirectory", "priority": 1}"#,
    printcolumn = r#"{"name": "Root", "type": "string", "jsonPath": ".spec.filer.root", "priority": 1}"#,
    printcolumn = r#"{"name": "URL", "type": "string", "jsonPath": ".spec.remote.url", "priority": 1}"#,
    printcolumn = r#"{"name": "Node", "type": "string", "jsonPath": ".spec.local.node", "priority": 1}"#,
    printcolumn = r#"{"name": "Path", "type": "string", "jsonPath": ".spec.local.path", "priority": 1}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}"#
)]
#[x_kube(
    validation = Rule::new("[has(self.nfs), has(self.local), has(self.filer), has(self.remote)].filter(d, d).size() == 1")
        .message("exactly one driver must be set: nfs, local, filer or remote"),
    validation = Rule::new("has(self.nfs) == has(oldSelf.nfs) && has(self.local) == has(oldSelf.local) \
                            && has(self.filer) == has(oldSelf.filer) && has(self.remote) == has(oldSelf.remote)")
        .message("the driver is immutable: volumes stay where they were made; make another StorageBackend")
)]
#[serde(rename_all = "camelCase")]
pub struct StorageBackendSpec {
    /// Driver: an export of any NFS server.
    #[serde(
        default,
        deserialize_with = "tolerant::or_default",
        skip_serializing_if = "Option::is_none"
    )]
    pub nfs: Option<NfsDriver>,
    /// Driver: a directory on one node, for development clusters and tests.
    #[serde(
        default,
        deserialize_with = "tolerant::or_default",
        skip_serializing_if = "Option::is_none"
    )]
    pub local: Option<LocalDriver>,
    /// Driver: the controller's own host, as a filer.
    #[serde(
        default,
        deserialize_with = "tolerant::or_default",
        skip_serializing_if = "Option::is_none"
    )]
    pub filer: Option<FilerDriver>,
    /// Driver: a backend on another machine, such as a filer, over HTTPS.
    #[serde(
        default,
        deserialize_with = "tolerant::or_default",
        skip_serializing_if = "Option::is_none"
    )]
    pub remote: Option<RemoteDriver>,
    /// Groups that volumes of classes with `permissions: Gid` get one of each, as `<first>-<last>`: 200000-299999.
    #[serde(
        default,
        deserialize_with = "tolerant::or_default",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(length(max = 21), regex(pattern = r"^[1-9][0-9]{0,9}-[1-9][0-9]{0,9}$"))]
    #[x_kube(
        validation = Rule::new("int(self.split('-')[0]) <= int(self.split('-')[1]) && int(self.split('-')[1]) <= 4294967294")
            .message("must not end before it begins, nor beyond the largest group, 4294967294")
    )]
    pub gid_range: Option<String>,
    /// How long deleted data is kept in the trash: 24h, 90m, 1h30m; 0s purges at once. Default 24h.
    #[serde(
        default,
        deserialize_with = "tolerant::or_default",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(length(min = 1), regex(pattern = r"^([0-9]{1,6}h)?([0-9]{1,8}m)?([0-9]{1,9}s)?$"))]
    pub trash_retention: Option<String>,
    /// Limits beyond which nothing new is made; what is absent is unlimited. Trash counts; of bytes, snapshots do, too.
    #[serde(default, deserialize_with = "limits", skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
}

impl StorageBackendSpec {
    /// Whether a driver that was opened for one is what the other asks for.
    pub fn opens_like(&self, other: &Self) -> bool {
        // A filer keeps to the limits itself.
        let kept = |spec: &Self| spec.filer.as_ref().and(spec.limits.as_ref()).map(Limits::in_all);
        self.driver() == other.driver() && kept(self) == kept(other)
    }

    /// How long deleted data is kept.
    ///
    /// # Errors
    /// The text that is no duration, which an object stored under an older schema may have.
    pub fn trash_retention(&self) -> Result<Duration, &str> {
        let Some(text) = &self.trash_retention else {
            return Ok(TRASH_RETENTION);
        };
        let parsed = text.parse::<jiff::SignedDuration>().ok();
        parsed.and_then(|d| Duration::try_from(d).ok()).ok_or(text)
    }
}

/// Limits of a backend.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Volumes in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volumes: Option<u64>,
    /// Bytes promised to volumes in all, as a quantity: 10Ti. Where sizes are enforced, default nine tenths of the file system, and
    /// no more than that without `overcommit`.
    #[serde(default, deserialize_with = "quantity", skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "quantity_schema")]
    pub bytes: Option<String>,
    /// Promise more bytes than nine tenths of the file system also where sizes are enforced, so that one volume's writers can meet a
    /// full file system although they are within their limit. Elsewhere sizes are bookkeeping, and this means nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overcommit: Option<bool>,
    /// Limits of each namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_namespace: Option<NamespaceLimits>,
}

impl Limits {
    /// The bytes of all volumes together, and whether they may be more than there are.
    pub fn in_all(&self) -> (Option<String>, bool) {
        (self.bytes.clone(), self.overcommit.unwrap_or_default())
    }
}

/// Limits of each namespace on a backend.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceLimits {
    /// Volumes that it owns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volumes: Option<u64>,
    /// Volumes of others that it has joined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<u64>,
    /// Bytes promised to the volumes it owns, as a quantity: 1Ti.
    #[serde(default, deserialize_with = "quantity", skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "quantity_schema")]
    pub bytes: Option<String>,
}

/// Limits that cannot be read admit nothing new, rather than everything.
fn limits<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Limits>, D::Error> {
    let nothing = || Limits {
        volumes: Some(0),
        bytes: Some("0".to_owned()),
        overcommit: None,
        per_namespace: Some(NamespaceLimits {
            volumes: Some(0),
            members: Some(0),
            bytes: Some("0".to_owned()),
        }),
    };
    let value = Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).unwrap_or_else(|_| Some(nothing())))
}

/// A quantity as text; like Kubernetes' own, it may be written as a number.
fn quantity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        Value::Number(number) => Ok(Some(number.to_string())),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => Err(serde::de::Error::custom("not a quantity")),
    }
}

fn quantity_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "x-kubernetes-int-or-string": true,
        "minimum": 0,
        "maxLength": 32,
        "pattern": r"^[0-9]{1,19}(\.[0-9]{1,9})?([kMGTPE]|[KMGTPE]i)?$",
    })
}

/// What the controller found.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct StorageBackendStatus {
    /// Id of the mark in the backend's root; nothing is deleted in a root without it.
    #[serde(
        default,
        rename = "backendID",
        deserialize_with = "tolerant::or_default",
        skip_serializing_if = "Option::is_none"
    )]
    pub backend_id: Option<String>,
    /// Ready, Degraded, MassRevocation.
    #[serde(
        default,
        deserialize_with = "tolerant::or_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// What the driver can do beyond making and deleting volumes.
    #[serde(
        default,
        deserialize_with = "tolerant::or_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub capabilities: Vec<String>,
    /// Volumes on it, soft-deleted ones included.
    #[serde(
        default,
        deserialize_with = "tolerant::or_default",
        skip_serializing_if = "Option::is_none"
    )]
    pub volumes: Option<i64>,
    /// Bytes promised to its volumes.
    #[serde(
        default,
        deserialize_with = "tolerant::or_default",
        skip_serializing_if = "Option::is_none"
    )]
    pub provisioned_bytes: Option<i64>,
    /// Bytes of deleted volumes that snapshots and clones of them still hold; they count for the limit.
    #[serde(
        default,
        deserialize_with = "tolerant::or_default",
        skip_serializing_if = "Option::is_none"
    )]
    pub pinned_bytes: Option<i64>,
    /// Size of the file system behind it, in bytes.
    #[serde(
        default,
        deserialize_with = "tolerant::or_default",
        skip_serializing_if = "Option::is_none"
    )]
    pub total_bytes: Option<i64>,
    /// Bytes free on the file system behind it.
    #[serde(
        default,
        deserialize_with = "tolerant::or_default",
        skip_serializing_if = "Option::is_none"
    )]
    pub free_bytes: Option<i64>,
    /// Access that was cut lately, and whether cutting waits for an admin.
    #[serde(
        default,
        deserialize_with = "tolerant::or_default",
        skip_serializing_if = "Option::is_none"
    )]
    pub revocation: Option<RevocationStatus>,
    /// Something that works, but not as configured.
    #[serde(
        default,
        deserialize_with = "tolerant::or_default",
        skip_serializing_if = "Option::is_none"
    )]
    pub notice: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::conditions::{self, Statement};
    use serde_json::json;

    #[test]
    fn a_backend_is_read_as_written() {
        let spec = json!({
            "nfs": { "server": "nas1", "export": "/k8s", "version": "3", "mountPort": 20048, "sourcePort": "Any" },
            "trashRetention": "1h30m",
            "limits": { "bytes": 1024, "perNamespace": { "bytes": "1Ti" } },
        });
        let spec: StorageBackendSpec = serde_json::from_value(spec).unwrap();
        assert_eq!(spec.trash_retention(), Ok(Duration::from_secs(5400)));
        let limits = spec.limits.unwrap();
        assert_eq!(limits.bytes.as_deref(), Some("1024"));
        assert_eq!(limits.per_namespace.unwrap().bytes.as_deref(), Some("1Ti"));
        let nfs = spec.nfs.unwrap();
        assert_eq!((nfs.port, nfs.mount_port, nfs.uid), (2049, Some(20048), 0));
    }

    #[test]
    fn retention_is_a_duration_as_go_writes_it() {
        for (text, seconds) in [
            (None, 86400),
            (Some("24h0m0s"), 86400),
            (Some("0s"), 0),
            (Some("90m"), 5400),
        ] {
            let trash_retention = text.map(str::to_owned);
            let spec = StorageBackendSpec {
                trash_retention,
                ..Default::default()
            };
            assert_eq!(spec.trash_retention(), Ok(Duration::from_secs(seconds)), "{text:?}");
        }
        for bad in ["", "24", "-1h", "a day", "99999999999999999999h"] {
            let spec = StorageBackendSpec {
                trash_retention: Some(bad.to_owned()),
                ..Default::default()
            };
            assert_eq!(spec.trash_retention(), Err(bad));
        }
    }

    #[test]
    fn a_status_reads_back_what_was_written() {
        let mut backend = StorageBackend::default();
        let mut status = StorageBackendStatus {
            backend_id: Some("b".to_owned()),
            ..Default::default()
        };
        let statement = Statement {
            condition: conditions::READY,
            status: conditions::Status::True,
            reason: "Ready",
            message: String::new(),
            observed_generation: None,
        };
        conditions::upsert(&mut status.conditions, statement, jiff::Timestamp::UNIX_EPOCH);
        backend.status = Some(status);
        let wire = serde_json::to_value(&backend).unwrap();
        assert_eq!(wire["status"]["backendID"], "b");
        assert_eq!(serde_json::from_value::<StorageBackend>(wire).unwrap(), backend);
    }
}
