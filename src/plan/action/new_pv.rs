//! A PersistentVolume to be made.

use crate::domain::access::{Access, AccessModes, MountMode, OnDelete, OnOwnerDelete};
use crate::domain::ids::{BackendName, ClaimRef, ClassName, Handle, PvName, VolumeId};
use crate::domain::pv::{Joined, ReclaimPolicy};
use k8s_openapi::api::core::v1::VolumeNodeAffinity;
use tombolo_backend_api::{ExportKey, InvalidTenant, Tenant};

/// A PersistentVolume to be made, but for its source, which the backend names.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPv {
    /// Its name: a function of the claim's UID.
    pub name: PvName,
    /// The claim it is for.
    pub claim: ClaimRef,
    /// The volume it belongs to.
    pub volume: VolumeId,
    /// The backend's name.
    pub backend: BackendName,
    /// Where the data is.
    pub handle: Handle,
    /// Its class.
    pub class: ClassName,
    /// Capacity in bytes.
    pub bytes: u64,
    /// Exactly the claim's access modes.
    pub modes: AccessModes,
    /// Its reclaim policy.
    pub policy: ReclaimPolicy,
    /// Mount options of the class; the backend's and `ro` are appended.
    pub mount_options: Vec<String>,
    /// Who mounts it on nodes.
    pub mount: MountMode,
    /// What its claim may do.
    pub access: Access,
    /// What deleting does with the data.
    pub on_delete: OnDelete,
    /// Whether the owner's claim waits for members.
    pub on_owner_delete: OnOwnerDelete,
    /// Of a member: the consent it came by.
    pub joined: Option<Joined>,
    /// Of a member: where the owner's can be mounted.
    pub node_affinity: Option<VolumeNodeAffinity>,
}

impl NewPv {
    /// What its claim mounts.
    ///
    /// # Errors
    /// A namespace that is no label; the API server lets none in.
    pub fn export(&self) -> Result<ExportKey, InvalidTenant> {
        Ok(ExportKey {
            path: self.handle.path.clone(),
            tenant: Tenant::parse(self.claim.key.namespace.as_str())?,
            access: self.access,
        })
    }
}
