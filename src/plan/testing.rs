//! What the tests of decisions look at, in few words: claims, volumes, members, references, backends, records.
//!
//! A thing is named by its claim, `<namespace>/<name>`; its UID is `<namespace>-<name>`, and so its PersistentVolume is
//! `pvc-<namespace>-<name>`. Everything begins healthy and is edited from there.

use crate::api::names;
use crate::domain::access::{Access, AccessModes, OnDelete, OnOwnerDelete, OnRevoke};
use crate::domain::annotations::Annotations;
use crate::domain::backend::{Backend, Health, Limits};
use crate::domain::claim::{Claim, ClaimPhase};
use crate::domain::class::{BackendChoice, Class, Parameters};
use crate::domain::consent::Labels;
use crate::domain::ids::{
    BackendName, ClaimKey, ClaimRef, ClaimUid, ClassName, Handle, Namespace, PvName, PvUid, ResourceVersion, VolumeId,
};
use crate::domain::pv::{BoundTo, Joined, Ours, Pv, PvPhase, ReclaimPolicy, Role};
use crate::domain::record::{Intent, Member, Record, State, Usage};
use crate::domain::reference::{Reference, ReferenceKey, ReferenceKind};
use crate::domain::source::DataSource;
use crate::domain::token::{JoinNote, Token};
use std::collections::BTreeMap;
use tombolo_backend_api::{BackendId, Capabilities};

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
        selector: false,
        attributes_class: None,
        source: DataSource::None,
        asked: Some(names::PROVISIONER.to_owned()),
        selected_node: None,
        held: false,
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

/// The PersistentVolume of the volume that was made for a claim: Bound, policy Delete, 10Gi, ReadWriteMany.
pub(crate) fn pv(owner: &str) -> Pv {
    let name = pv_name(owner);
    Pv {
        uid: PvUid::new(format!("uid-of-{name}")),
        version: ResourceVersion::new("7"),
        terminating: false,
        phase: PvPhase::Bound,
        claim: Some(BoundTo {
            key: key(owner),
            uid: Some(uid(owner)),
        }),
        class: Some(ClassName::new("gold")),
        modes: AccessModes::parse(&["ReadWriteMany"]),
        capacity: 10 * GI,
        block: false,
        policy: ReclaimPolicy::Delete,
        node_affinity: None,
        mount_options: vec!["nfsvers=4.1".to_owned(), "hard".to_owned()],
        tokens: BTreeMap::new(),
        populated: false,
        ours: Some(Ours {
            handle: handle(&name),
            volume: Some(VolumeId::from(&name)),
            role: Role::Owner,
            backend: Some(BackendName::new("nas1")),
            on_delete: OnDelete::Delete,
            on_owner_delete: OnOwnerDelete::Detach,
            access: Access::ReadWrite,
            owner_uid: None,
            intact: true,
        }),
        name,
    }
}

/// Where a volume's data is.
pub(crate) fn handle(volume: &PvName) -> Handle {
    Handle::parse(&format!("{ROOT}:{volume}")).unwrap()
}

/// The PersistentVolume of a member of the volume of `owner`.
pub(crate) fn member_pv(member: &str, owner: &str) -> Pv {
    let mut pv = pv(member);
    let ours = pv.ours.as_mut().unwrap();
    ours.handle = handle(&pv_name(owner));
    ours.volume = Some(id(owner));
    ours.on_delete = OnDelete::Retain;
    ours.role = Role::Member(Joined {
        via: format!("VolumeReference {}/ref; annotation of {owner}", key(member).namespace),
        source_uid: uid(owner),
        on_revoke: OnRevoke::Keep,
    });
    pv
}

impl Pv {
    /// In this phase.
    pub(crate) fn phase(mut self, phase: PvPhase) -> Self {
        self.phase = phase;
        self
    }

    /// Its claim has gone.
    pub(crate) fn released(self) -> Self {
        self.phase(PvPhase::Released)
    }

    /// Somebody deletes it, and our finalizer holds it.
    pub(crate) fn terminating(mut self) -> Self {
        self.terminating = true;
        self
    }

    /// With this reclaim policy.
    pub(crate) fn policy(mut self, policy: ReclaimPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// With the token of a claim that joins read-write.
    pub(crate) fn token(mut self, member: &str) -> Self {
        let _ = self
            .tokens
            .insert(Token::joining(uid(member)), Some(note(member, &self.name)));
        self
    }

    /// Bound to this claim.
    pub(crate) fn bound_to(mut self, claim: &str) -> Self {
        self.claim = Some(BoundTo {
            key: key(claim),
            uid: Some(uid(claim)),
        });
        self
    }

    /// What makes it ours, edited.
    pub(crate) fn ours(mut self, edit: impl FnOnce(&mut Ours)) -> Self {
        edit(self.ours.as_mut().unwrap());
        self
    }

    /// Edited.
    pub(crate) fn with(mut self, edit: impl FnOnce(&mut Self)) -> Self {
        edit(&mut self);
        self
    }
}

/// The note of a claim that joins read-write.
pub(crate) fn note(member: &str, owner: &PvName) -> JoinNote {
    JoinNote {
        claim: key(member),
        access: Access::ReadWrite,
        via: "VolumeReference team/ref; annotation of prod/data".to_owned(),
        on_revoke: OnRevoke::Keep,
        modes: AccessModes::parse(&["ReadWriteMany"]),
        class: ClassName::new("gold"),
        source_uid: owner.claim_uid().unwrap(),
    }
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
        capabilities: Capabilities {
            share: true,
            ..Capabilities::default()
        },
        limits: Limits::default(),
        free: Some(1000 * GI),
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

/// The record of a live volume without members.
pub(crate) fn record(owner: &str) -> Record {
    Record {
        volume: id(owner),
        backend: BackendName::new("nas1"),
        handle: handle(&pv_name(owner)),
        owner: claim_ref(owner),
        bytes: 10 * GI,
        members: BTreeMap::new(),
        state: State::Live,
        intent: None,
    }
}

impl Record {
    /// With this member too.
    pub(crate) fn member(mut self, member: &str) -> Self {
        let claim = claim_ref(member);
        let access = Access::ReadWrite;
        let _ = self.members.insert(pv_name(member), Member { claim, access });
        self
    }

    /// In this state.
    pub(crate) fn state(mut self, state: State) -> Self {
        self.state = state;
        self
    }

    /// With this step open.
    pub(crate) fn intends(mut self, intent: Intent) -> Self {
        self.intent = Some(intent);
        self
    }
}

/// A namespace.
pub(crate) fn namespace(name: &str) -> Namespace {
    Namespace::new(name)
}
