//! What a StorageBackend can be: one block of its spec for each driver.
//!
//! The schema refuses mistakes when they are made; the drivers parse what they get once more.

use super::StorageBackendSpec;
use crate::api::volume_reference::DNS_SUBDOMAIN;
use k8s_openapi::ByteString;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod filer;

pub use filer::{FilerDriver, NodeAccess, QuotaMode};

/// What a component of a path may not be; the rest of a path is checked by pattern.
const NO_DOTS: &str = "!self.split('/').exists(c, c == '.' || c == '..')";

/// The one driver that is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Driver {
    /// An export of any NFS server.
    Nfs(NfsDriver),
    /// A directory on one node.
    Local(LocalDriver),
    /// The host of the controller itself, as a filer.
    Filer(FilerDriver),
    /// Any of them on another machine.
    Remote(RemoteDriver),
}

impl StorageBackendSpec {
    /// The driver that is set.
    ///
    /// # Errors
    /// What is wrong with a stored object whose schema an older or newer version wrote.
    pub fn driver(&self) -> Result<Driver, &'static str> {
        let nfs = self.nfs.clone().map(Driver::Nfs);
        let local = self.local.clone().map(Driver::Local);
        let filer = self.filer.clone().map(Driver::Filer);
        let remote = self.remote.clone().map(Driver::Remote);
        let mut set = [nfs, local, filer, remote].into_iter().flatten();
        match (set.next(), set.next()) {
            (Some(driver), None) => Ok(driver),
            (None, _) => Err("no driver is set, or none that this version knows"),
            (Some(_), Some(_)) => Err("more than one driver is set"),
        }
    }
}

/// An export of an NFS server.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[x_kube(
    validation = Rule::new("self.server == oldSelf.server && self.export == oldSelf.export")
        .message("server and export are immutable: volumes stay where they were made; make another StorageBackend"),
    validation = Rule::new("has(self.subdirectory) == has(oldSelf.subdirectory) \
                            && (!has(self.subdirectory) || self.subdirectory == oldSelf.subdirectory)")
        .message("subdirectory is immutable: volumes stay where they were made; make another StorageBackend")
)]
#[serde(rename_all = "camelCase")]
pub struct NfsDriver {
    /// Name or address of the server, as nodes and the controller reach it. Immutable.
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$|^::[0-9A-Fa-f.:]*$")
    )]
    pub server: String,
    /// Path of the export on the server. Immutable.
    #[schemars(
        length(min = 1, max = 1024),
        regex(pattern = r"^/([^/\x00-\x1f]+(/[^/\x00-\x1f]+)*)?$")
    )]
    #[x_kube(validation = Rule::new(NO_DOTS).message("must have no component . or .."))]
    pub export: String,
    /// Directory below the export that is used instead of all of it; several clusters share an export by it. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 512),
        regex(pattern = r"^[^/.\x00-\x1f][^/\x00-\x1f]*(/[^/.\x00-\x1f][^/\x00-\x1f]*)*$")
    )]
    pub subdirectory: Option<String>,
    /// Version of the protocol, in quotes: "4.1" or "3".
    #[serde(default)]
    pub version: NfsVersion,
    /// Port of the NFS service.
    #[serde(default = "nfs_port")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: u16,
    /// Port of the MOUNT service, for version 3. Default: what the server's portmapper says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub mount_port: Option<u16>,
    /// The uid that the controller sends.
    #[serde(default)]
    #[schemars(range(min = 0, max = 4294967294_u32))]
    pub uid: u32,
    /// The gid that the controller sends.
    #[serde(default)]
    #[schemars(range(min = 0, max = 4294967294_u32))]
    pub gid: u32,
    /// The port the controller connects from: Reserved (below 1024, as servers ask unless they export `insecure`) or Any.
    #[serde(default)]
    pub source_port: SourcePort,
}

fn nfs_port() -> u16 {
    2049
}

/// Versions of the NFS protocol that the driver speaks.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NfsVersion {
    /// NFSv3 (RFC 1813).
    #[serde(rename = "3")]
    V3,
    /// NFSv4.1 (RFC 8881).
    #[default]
    #[serde(rename = "4.1")]
    V4_1,
}

/// The port the controller connects from.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SourcePort {
    /// Below 1024.
    #[default]
    Reserved,
    /// Whatever the kernel gives.
    Any,
}

/// A directory on one node.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[x_kube(
    validation = Rule::new("self.path == oldSelf.path && self.node == oldSelf.node")
        .message("path and node are immutable: volumes stay where they were made; make another StorageBackend")
)]
#[serde(rename_all = "camelCase")]
pub struct LocalDriver {
    /// The directory, an absolute path. Immutable.
    #[schemars(length(min = 2, max = 1024), regex(pattern = r"^(/[^/\x00-\x1f]+)+$"))]
    #[x_kube(
        validation = Rule::new(NO_DOTS).message("must have no component . or .."),
        // A hostPath below /tmp is the one kind of volume that kube-controller-manager's own deleter removes
        // (pkg/volume/hostpath, deleter) when a PersistentVolume has lost its `provisioned-by`.
        validation = Rule::new("self != '/tmp' && !self.startsWith('/tmp/')")
            .message("must not be below /tmp, where kube-controller-manager deletes hostPath volumes itself")
    )]
    pub path: String,
    /// Name of the node that has the directory; pods that use its volumes run there. Immutable.
    #[schemars(length(min = 1, max = 253), regex(pattern = DNS_SUBDOMAIN))]
    pub node: String,
}

/// A backend on another machine, behind HTTPS.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[x_kube(
    validation = Rule::new("self.url == oldSelf.url")
        .message("url is immutable: volumes stay where they were made; make another StorageBackend")
)]
#[serde(rename_all = "camelCase")]
pub struct RemoteDriver {
    /// Where it is: https, a host, perhaps a port. Without TLS on loopback only. Immutable.
    #[schemars(
        length(min = 1, max = 512),
        regex(pattern = r"^(https://[A-Za-z0-9.\[\]:-]+|http://(127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?)/?$")
    )]
    pub url: String,
    /// Certificates in PEM of whoever may have signed the server's; default: those that the controller's system believes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "bytes_schema")]
    pub ca_bundle: Option<ByteString>,
    /// The Secret with what the controller shows: `token`, or `tls.crt` and `tls.key`. It is read again while in use.
    pub secret_ref: SecretRef,
}

/// A Secret in the controller's own namespace.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct SecretRef {
    /// Its name.
    #[schemars(length(min = 1, max = 253), regex(pattern = DNS_SUBDOMAIN))]
    pub name: String,
}

/// Bytes in base64, as everywhere in Kubernetes.
fn bytes_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "string", "format": "byte", "maxLength": 262_144 })
}
