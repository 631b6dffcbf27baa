//! What the tests of decisions look at, in few words: claims, volumes, members, references, backends, records.
//!
//! A thing is named by its claim, `<namespace>/<name>`; its UID is `<namespace>-<name>`, and so its PersistentVolume is
//! `pvc-<namespace>-<name>`. Everything begins healthy and is edited from there.

use crate::api::names;
use crate::domain::access::{Access, AccessModes, MountMode, OnDelete, OnOwnerDelete};
use crate::domain::annotations::Annotations;
use crate::domain::backend::{Backend, Health, Limits};
use crate::domain::claim::{Claim, ClaimPhase};
use crate::domain::class::{BackendChoice, Class, Parameters};
use crate::domain::consent::Labels;
use crate::domain::grant::Grant;
use crate::domain::growth::Growth;
use crate::domain::ids::{
    BackendName, ClaimKey, ClaimRef, ClaimUid, ClassName, Namespace, PvName, ResourceVersion, VolumeId,
};
use crate::domain::pv::ReclaimPolicy;
use crate::domain::record::Usage;
use crate::domain::reference::{Reference, ReferenceKey, ReferenceKind};
use crate::domain::source::{DataSource, Source, SourceKind};
use std::collections::BTreeMap;
use tombolo_backend_api::{BackendId, Capabilities};

pub(crate) mod snapshots;
mod volumes;

pub(crate) use volumes::{copied, copy_note, handle, member_pv, note, pv, read_only_note, record};

/// One gibibyte.
pub(crate) const GI: u64 = 1 << 30;
/// The id of every backend's root here.
pub(crate) const ROOT: &str = "6d1f";

/// `<namespace>/<name>`.
pub(crate) fn key(text: &str) -> ClaimKey {
    let (namespace, name) = text.split_once('/').unwrap();
    ClaimKey::new(namespace, name)
}

/// The UID of a claim here.
pub(crate) fn uid(claim: &str) -> ClaimUid {
    ClaimUid::new(claim.replace('/', "-"))
}

/// The PersistentVolume made for a claim here.
pub(crate) fn pv_name(claim: &str) -> PvName {
    uid(claim).pv_name()
}

/// The volume of a claim here.
pub(crate) fn id(claim: &str) -> VolumeId {
    VolumeId::from(&pv_name(claim))
}

/// Key and UID.
pub(crate) fn claim_ref(claim: &str) -> ClaimRef {
    ClaimRef {
        key: key(claim),
        uid: uid(claim),
    }
}

/// Labels as pairs.
pub(crate) fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

/// A new claim of class `gold` that asks for 10Gi, ReadWriteMany.
pub(crate) fn claim(name: &str) -> Claim {
    Claim {
        key: key(name),
        uid: uid(name),
        version: ResourceVersion::new("1"),
        terminating: false,
        phase: ClaimPhase::Pending,
        volume_name: None,
        class: Some(ClassName::new("gold")),
        modes: AccessModes::parse(&["ReadWriteMany"]),
        block: false,
        request: Some(10 * GI),
        growth: Growth::default(),
        selector: false,
        attributes_class: None,
        source: DataSource::None,
        asked: Some(names::PROVISIONER.to_owned()),
        selected_node: None,
        holds: Default::default(),
        kept_for_snapshot: false,
        annotations: Annotations::default(),
    }
}

impl Claim {
    /// It carries these annotations, keys in full, and no others.
    pub(crate) fn annotated(mut self, pairs: &[(&str, &str)]) -> Self {
        self.annotations = Annotations::of(Some(&labels(pairs)));
        self
    }

    /// It asks to join `source`, and says nothing else.
    pub(crate) fn asks(self, source: &str) -> Self {
        self.annotated(&[("tombolo.dev/shareFromPVC", source)])
    }

    /// Its owner shares it with `list`, and says nothing else.
    pub(crate) fn shares(self, list: &str) -> Self {
        self.annotated(&[("tombolo.dev/shareToNamespace", list)])
    }

    /// It asks for these access modes: `RWX`, `ROX`, `RWO`, `RWOP`.
    pub(crate) fn modes(mut self, modes: &[&str]) -> Self {
        self.modes = AccessModes {
            rwo: modes.contains(&"RWO"),
            rox: modes.contains(&"ROX"),
            rwx: modes.contains(&"RWX"),
            rwop: modes.contains(&"RWOP"),
        };
        self
    }

    /// It is bound to the PersistentVolume made for it.
    pub(crate) fn bound(self) -> Self {
        let own = self.uid.pv_name();
        self.bound_to(own.as_str())
    }

    /// It is bound to this PersistentVolume.
    pub(crate) fn bound_to(mut self, pv: &str) -> Self {
        self.phase = ClaimPhase::Bound;
        self.volume_name = Some(PvName::new(pv));
        self
    }

    /// The PersistentVolume made for it has gone.
    pub(crate) fn lost(mut self) -> Self {
        self = self.bound();
        self.phase = ClaimPhase::Lost;
        self
    }

    /// Somebody deletes it, and something holds it.
    pub(crate) fn terminating(mut self) -> Self {
        self.terminating = true;
        self
    }

    /// Edited.
    pub(crate) fn with(mut self, edit: impl FnOnce(&mut Self)) -> Self {
        edit(&mut self);
        self
    }
}

/// A ReferenceGrant of namespace `of` that shares all its claims with `to`, read-only.
pub(crate) fn share_grant(of: &str, to: &str) -> Grant {
    let spec = serde_json::json!({
        "from": [{"group": names::GROUP, "kind": "VolumeReference", "namespace": to}],
        "to": [{"group": "", "kind": "PersistentVolumeClaim"}],
    });
    Grant::read(namespace(of), "share".into(), false, Some(&spec))
}

/// The volume of a claim as a data source.
pub(crate) fn volume_of(claim: &str) -> DataSource {
    DataSource::Object(Source::claim(key(claim)))
}

/// A snapshot as a data source.
pub(crate) fn snapshot(name: &str) -> DataSource {
    let key = key(name);
    DataSource::Object(Source {
        namespace: key.namespace,
        kind: SourceKind::Snapshot,
        name: key.name,
    })
}

/// What a claim names to be copied.
pub(crate) fn asked_source(claim: &Claim) -> Option<&Source> {
    match &claim.source {
        DataSource::Object(source) => Some(source),
        _ => None,
    }
}

/// A ReferenceGrant of namespace `of` for all its claims and snapshots, to claims of `to`.
pub(crate) fn grant(of: &str, to: &str) -> Grant {
    let spec = serde_json::json!({
        "from": [{"group": "", "kind": "PersistentVolumeClaim", "namespace": to}],
        "to": [{"group": "", "kind": "PersistentVolumeClaim"}, {"group": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot"}],
    });
    Grant::read(namespace(of), "grant".into(), false, Some(&spec))
}

/// A VolumeReference, read-write.
pub(crate) fn reference(name: &str, source: &str) -> Reference {
    let (name, source) = (key(name), key(source));
    let key = ReferenceKey {
        kind: ReferenceKind::Volume,
        namespace: name.namespace,
        name: name.name,
    };
    Reference::new(
        key,
        false,
        Some(source.namespace.as_str()),
        Some(&source.name),
        Access::ReadWrite,
    )
}

/// The same, read-only.
pub(crate) fn read_only(mut reference: Reference) -> Reference {
    reference.access = Access::ReadOnly;
    reference
}

/// The same, being deleted.
pub(crate) fn going(mut reference: Reference) -> Reference {
    reference.terminating = true;
    reference
}

/// A backend that is ready, can do everything, and has no limits.
pub(crate) fn backend(name: &str) -> Backend {
    Backend {
        name: BackendName::new(name),
        labels: BTreeMap::new(),
        health: Health::Ready(BackendId::parse(ROOT).unwrap()),
        asked: true,
        capabilities: Capabilities {
            share: true,
            ..Capabilities::default()
        },
        limits: Limits::default(),
        free: Some(1000 * GI),
        imports: Default::default(),
        node: None,
        used: Usage::default(),
        used_by_namespace: Usage::default(),
    }
}

impl Backend {
    /// Edited.
    pub(crate) fn with(mut self, edit: impl FnOnce(&mut Self)) -> Self {
        edit(&mut self);
        self
    }
}

/// The same, which can make copies.
pub(crate) fn copier(name: &str) -> Backend {
    backend(name).with(|b| b.capabilities.clone = true)
}

/// A class of ours on backend `nas1`.
pub(crate) fn class(name: &str) -> Class {
    Class {
        name: ClassName::new(name),
        waits_for_consumer: false,
        policy: ReclaimPolicy::Delete,
        mount_options: Vec::new(),
        parameters: Ok(Parameters {
            backend: BackendChoice::Named(BackendName::new("nas1")),
            on_delete: OnDelete::Delete,
            on_owner_delete: OnOwnerDelete::Detach,
            mount: MountMode::Kubelet,
        }),
    }
}

impl Class {
    /// Edited.
    pub(crate) fn with(mut self, edit: impl FnOnce(&mut Self)) -> Self {
        edit(&mut self);
        self
    }
}

/// The same class, whose volumes are mounted by the node plugin.
pub(crate) fn csi_class(name: &str) -> Class {
    class(name).with(|c| c.parameters.as_mut().unwrap().mount = MountMode::Csi)
}

/// A namespace.
pub(crate) fn namespace(name: &str) -> Namespace {
    Namespace::new(name)
}
