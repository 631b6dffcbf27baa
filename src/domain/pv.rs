//! A PersistentVolume, reduced to what decisions look at; ours carry everything that deleting and rebuilding need.

use super::access::{Access, AccessModes, MountMode, OnDelete, OnOwnerDelete, OnRevoke};
use super::cut::Cut;
use super::ids::{
    BackendName, ClaimKey, ClaimUid, ClassName, Handle, Namespace, PvName, PvUid, ResourceVersion, VolumeId,
    is_dns_label, is_dns_subdomain,
};
use super::record::Terms;
use super::size;
use super::token::{Note, Token};
use crate::api::names;
use k8s_openapi::api::core::v1::{PersistentVolume, VolumeNodeAffinity};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tombolo_backend_api::{ExportKey, Tenant};

/// A PersistentVolume as decisions see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Pv {
    /// Its name.
    pub name: PvName,
    /// Which one of that name.
    pub uid: PvUid,
    /// The version that was read.
    pub version: ResourceVersion,
    /// When it was made, by the API server's clock; only the order of such times means anything.
    pub created: Option<jiff::Timestamp>,
    /// Whether it is going away.
    pub terminating: bool,
    /// `status.phase`.
    pub phase: PvPhase,
    /// The claim that `claimRef` names.
    pub claim: Option<BoundTo>,
    /// Its class.
    pub class: Option<ClassName>,
    /// Access modes it offers.
    pub modes: AccessModes,
    /// Its capacity in bytes.
    pub capacity: u64,
    /// Whether it is a block device.
    pub block: bool,
    /// Its reclaim policy.
    pub policy: ReclaimPolicy,
    /// Where it can be mounted.
    pub node_affinity: Option<VolumeNodeAffinity>,
    /// How it is mounted.
    pub mount_options: Vec<String>,
    /// Who mounts it on nodes.
    pub mount: MountMode,
    /// Tokens on it, with their notes where those can be read.
    pub tokens: BTreeMap<Token, Option<Note>>,
    /// Whether a populator has rebound it.
    pub populated: bool,
    /// Whether it carries our finalizer and no handle that can be read: ours, and somebody has taken away what says so.
    pub bare: bool,
    /// What makes it ours; `None` for everybody else's.
    pub ours: Option<Ours>,
}

/// What a PersistentVolume of ours carries from birth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ours {
    /// Where the data is. Its presence is what makes the object ours.
    pub handle: Handle,
    /// The volume's id; `None` if somebody stripped the label.
    pub volume: Option<VolumeId>,
    /// A member's if either its label or its annotations say so.
    pub role: Role,
    /// The backend's name; `None` if somebody stripped the label.
    pub backend: Option<BackendName>,
    /// What deleting does with the data.
    pub on_delete: OnDelete,
    /// Whether the owner's claim waits for members.
    pub on_owner_delete: OnOwnerDelete,
    /// What its claim may do.
    pub access: Access,
    /// The claim that owns it after a reclaim, by UID.
    pub owner_uid: Option<ClaimUid>,
    /// The namespace whose way to the data it mounts; `None`: that of its claim.
    pub tenant: Option<Namespace>,
    /// Of a member: what was taken from it, if anything was.
    pub cut: Option<Cut>,
    /// Of a volume that grows: bytes that its backend may have been told of.
    pub promised: Option<u64>,
    /// Whether finalizer, labels and `provisioned-by` are all there, and an owner's label names itself.
    pub intact: bool,
}

/// Owner or member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// The volume itself.
    Owner,
    /// A membership, with the consent as it was at the join.
    Member(Joined),
}

/// The consent by which a member came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// The reference and grant.
    pub via: String,
    /// UID of the owner's claim that consented.
    pub source_uid: ClaimUid,
    /// The owner's `onRevoke` then.
    pub on_revoke: OnRevoke,
}

/// What [`Joined::via`] has between the reference and the name of a grant.
pub const VIA_GRANT: &str = "; ReferenceGrant ";

impl Joined {
    /// The claim that was joined: `via` ends with its name.
    pub fn source(&self) -> Option<ClaimKey> {
        let (_, key) = self.via.rsplit_once(" of ")?;
        let (namespace, name) = key.split_once('/')?;
        (is_dns_label(namespace) && is_dns_subdomain(name)).then(|| ClaimKey::new(namespace, name))
    }

    /// Whether the owner consented by a ReferenceGrant: `via` says so.
    pub fn by_grant(&self) -> bool {
        self.via.contains(VIA_GRANT)
    }

    /// Whether the member came by the consent for `source`: `via` ends with its name.
    pub fn came_from(&self, source: &ClaimKey) -> bool {
        self.via.ends_with(&format!(" of {source}"))
    }
}

/// `spec.claimRef`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundTo {
    /// The claim's key.
    pub key: ClaimKey,
    /// Its UID; `None`: reserved by name for whoever comes.
    pub uid: Option<ClaimUid>,
}

/// `status.phase` of a PersistentVolume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PvPhase {
    /// Just made.
    Pending,
    /// Free for any claim.
    Available,
    /// In use.
    Bound,
    /// Its claim is gone, as far as kube-controller-manager knows.
    Released,
    /// Released, and kube-controller-manager tried to reclaim it by itself.
    Failed,
}

/// `spec.persistentVolumeReclaimPolicy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReclaimPolicy {
    /// The provisioner deletes.
    Delete,
    /// Nobody deletes.
    Retain,
    /// kube-controller-manager scrubs the directory: never acceptable for a volume that others share.
    Recycle,
}

impl ReclaimPolicy {
    /// As on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delete => "Delete",
            Self::Retain => "Retain",
            Self::Recycle => "Recycle",
        }
    }
}

impl Pv {
    /// Reads a PersistentVolume. `None`: an object without identity, which the API server does not send.
    pub fn of(pv: &PersistentVolume) -> Option<Self> {
        let meta = &pv.metadata;
        let spec = pv.spec.clone().unwrap_or_default();
        let name = PvName::new(meta.name.clone()?);
        let tokens = meta
            .finalizers
            .iter()
            .flatten()
            .filter_map(|f| Token::of_finalizer(f))
            .map(|token| {
                let note = meta
                    .annotations
                    .as_ref()
                    .and_then(|a| a.get(&token.finalizer()))
                    .and_then(|text| Note::parse(token.kind, text));
                (token, note)
            });
        let ours = Ours::of(pv);
        Some(Self {
            bare: ours.is_none() && is_protected(pv),
            uid: PvUid::new(meta.uid.clone()?),
            version: ResourceVersion::new(meta.resource_version.clone().unwrap_or_default()),
            created: meta.creation_timestamp.as_ref().map(|time| time.0),
            terminating: meta.deletion_timestamp.is_some(),
            phase: match pv.status.as_ref().and_then(|s| s.phase.as_deref()) {
                Some("Available") => PvPhase::Available,
                Some("Bound") => PvPhase::Bound,
                Some("Released") => PvPhase::Released,
                Some("Failed") => PvPhase::Failed,
                _ => PvPhase::Pending,
            },
            claim: spec.claim_ref.and_then(|r| {
                Some(BoundTo {
                    key: ClaimKey::new(r.namespace?, r.name?),
                    uid: r.uid.filter(|u| !u.is_empty()).map(ClaimUid::new),
                })
            }),
            class: spec.storage_class_name.filter(|c| !c.is_empty()).map(ClassName::new),
            modes: AccessModes::parse(&spec.access_modes.unwrap_or_default()),
            capacity: spec
                .capacity
                .and_then(|c| size::parse(&c.get("storage")?.0))
                .unwrap_or_default(),
            block: spec.volume_mode.as_deref() == Some("Block"),
            policy: match spec.persistent_volume_reclaim_policy.as_deref() {
                Some("Delete") => ReclaimPolicy::Delete,
                Some("Recycle") => ReclaimPolicy::Recycle,
                _ => ReclaimPolicy::Retain,
            },
            node_affinity: spec.node_affinity,
            mount_options: spec.mount_options.unwrap_or_default(),
            mount: match spec.csi {
                Some(csi) if csi.driver == names::PROVISIONER => MountMode::Csi,
                Some(_) | None => MountMode::Kubelet,
            },
            tokens: tokens.collect(),
            populated: meta
                .annotations
                .iter()
                .flatten()
                .any(|(k, _)| k.ends_with(names::POPULATED_FROM_SUFFIX)),
            ours,
            name,
        })
    }

    /// The volume it belongs to, if that can be told from the object alone.
    pub fn volume(&self) -> Option<VolumeId> {
        let ours = self.ours.as_ref()?;
        match ours.role {
            Role::Owner => Some(VolumeId::from(&self.name)),
            Role::Member(_) => ours.volume.clone(),
        }
    }

    /// Whether it is an owner's PersistentVolume of ours.
    pub fn is_owner(&self) -> bool {
        self.ours.as_ref().is_some_and(|o| o.role == Role::Owner)
    }

    /// Whether it is a member's PersistentVolume of ours.
    pub fn is_member(&self) -> bool {
        self.ours.as_ref().is_some_and(|o| o.role != Role::Owner)
    }

    /// UIDs of claims that use this volume unless they are gone or bound elsewhere: the one in `claimRef`, the one in the
    /// name, the one recorded by a reclaim. A claim that merely names the volume is not among them.
    pub fn claim_uids(&self) -> Vec<ClaimUid> {
        let mut uids: Vec<ClaimUid> = self.claim.iter().filter_map(|c| c.uid.clone()).collect();
        uids.extend(self.name.claim_uid());
        uids.extend(self.ours.iter().filter_map(|o| o.owner_uid.clone()));
        uids.sort();
        uids.dedup();
        uids
    }

    /// Of a member: the consent it came by.
    pub fn joined(&self) -> Option<&Joined> {
        match &self.ours.as_ref()?.role {
            Role::Owner => None,
            Role::Member(joined) => Some(joined),
        }
    }

    /// The namespace whose way to the data it mounts; `None`: it is not ours, or nobody's.
    pub fn tenant(&self) -> Option<&Namespace> {
        let of_claim = || self.claim.as_ref().map(|c| &c.key.namespace);
        self.ours.as_ref()?.tenant.as_ref().or_else(of_claim)
    }

    /// The way to the data that it mounts, where a backend has such; `None`: it is not ours, or nobody's.
    pub fn export(&self) -> Option<ExportKey> {
        let (ours, tenant) = (self.ours.as_ref()?, self.tenant()?);
        Some(ExportKey {
            path: ours.handle.path.clone(),
            tenant: Tenant::parse(tenant.as_str()).ok()?,
            access: ours.access,
        })
    }

    /// Bytes that are promised to its claim: its capacity, or what a growth that is under way has promised already.
    pub fn promised(&self) -> u64 {
        let growing = self.ours.as_ref().and_then(|ours| ours.promised);
        growing.unwrap_or_default().max(self.capacity)
    }

    /// What it says of deleting and mounting; `None`: it is not ours.
    pub fn terms(&self) -> Option<Terms> {
        let ours = self.ours.as_ref()?;
        Some(Terms {
            policy: self.policy,
            on_delete: ours.on_delete,
            on_owner_delete: ours.on_owner_delete,
            mount: self.mount,
        })
    }

    /// Whether kube-controller-manager has let it go, or somebody deletes it. Not the same as unused.
    pub fn is_let_go(&self) -> bool {
        self.terminating || matches!(self.phase, PvPhase::Released | PvPhase::Failed)
    }
}

fn is_protected(pv: &PersistentVolume) -> bool {
    pv.metadata
        .finalizers
        .iter()
        .flatten()
        .any(|f| f == names::FINALIZER_VOLUME)
}

/// Value of the role label of a member's PersistentVolume.
const ROLE_MEMBER: &str = "member";

impl Ours {
    fn of(pv: &PersistentVolume) -> Option<Self> {
        let meta = &pv.metadata;
        let annotation = |key: &str| meta.annotations.as_ref().and_then(|a| a.get(key)).map(String::as_str);
        let label = |key: &str| meta.labels.as_ref().and_then(|l| l.get(key)).map(String::as_str);
        let handle = Handle::parse(annotation(names::ANNOTATION_HANDLE)?)?;
        // Either says that it is a member's: an object that lost one of the two must not pass for the volume itself.
        let labelled_member = label(names::LABEL_ROLE) == Some(ROLE_MEMBER);
        let source_uid = annotation(names::ANNOTATION_SOURCE_UID).or(labelled_member.then_some(""));
        let joined = source_uid.map(|uid| Joined {
            via: annotation(names::ANNOTATION_VIA).unwrap_or_default().to_owned(),
            source_uid: ClaimUid::new(uid),
            on_revoke: annotation(names::ANNOTATION_ON_REVOKE)
                .and_then(OnRevoke::parse)
                .unwrap_or_default(),
        });
        let volume = label(names::LABEL_VOLUME).map(VolumeId::new);
        let backend = label(names::LABEL_BACKEND).map(BackendName::new);
        let protected = is_protected(pv);
        let provisioned = annotation(names::ANNOTATION_PROVISIONED_BY) == Some(names::PROVISIONER);
        let role = joined.map_or(Role::Owner, Role::Member);
        let labelled = match (&role, &volume) {
            (Role::Owner, Some(volume)) => Some(volume.as_str()) == meta.name.as_deref(),
            (Role::Member(_), volume) => volume.is_some(),
            (Role::Owner, None) => false,
        };
        let role_label = match role {
            Role::Owner => "owner",
            Role::Member(_) => ROLE_MEMBER,
        };
        Some(Self {
            intact: protected
                && provisioned
                && labelled
                && backend.is_some()
                && label(names::LABEL_ROLE) == Some(role_label),
            handle,
            volume,
            role,
            backend,
            // An unreadable value must not delete anything that a readable one would have kept.
            on_delete: annotation(names::ANNOTATION_ON_DELETE)
                .and_then(OnDelete::parse)
                .unwrap_or(OnDelete::Retain),
            on_owner_delete: annotation(names::ANNOTATION_ON_OWNER_DELETE)
                .and_then(OnOwnerDelete::parse)
                .unwrap_or_default(),
            access: annotation(names::ANNOTATION_ACCESS)
                .and_then(Access::parse)
                .unwrap_or(Access::ReadOnly),
            owner_uid: annotation(names::ANNOTATION_OWNER_UID)
                .filter(|u| !u.is_empty())
                .map(ClaimUid::new),
            tenant: annotation(names::ANNOTATION_TENANT)
                .filter(|text| is_dns_label(text))
                .map(Namespace::new),
            cut: annotation(names::ANNOTATION_CUT).and_then(Cut::parse),
            promised: annotation(names::ANNOTATION_PROMISED).and_then(size::parse),
        })
    }
}
