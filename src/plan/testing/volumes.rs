//! PersistentVolumes of owners and members, their tokens, and records.

use super::{GI, ROOT, claim_ref, id, key, pv_name, uid};
use crate::api::names;
use crate::domain::access::{Access, AccessModes, MountMode, OnDelete, OnOwnerDelete, OnRevoke};
use crate::domain::ids::{BackendName, ClassName, Handle, PvName, PvUid, ResourceVersion, VolumeId};
use crate::domain::pv::{BoundTo, Joined, Ours, Pv, PvPhase, ReclaimPolicy, Role};
use crate::domain::record::{Intent, Member, Record, State};
use crate::domain::token::{CopyNote, JoinNote, Note, Token};
use k8s_openapi::api::core::v1::{NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, VolumeNodeAffinity};
use std::collections::BTreeMap;

/// The PersistentVolume of the volume that was made for a claim: Bound, policy Delete, 10Gi, ReadWriteMany.
pub(crate) fn pv(owner: &str) -> Pv {
    let name = pv_name(owner);
    Pv {
        uid: PvUid::new(format!("uid-of-{name}")),
        version: ResourceVersion::new("7"),
        created: None,
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
        mount: MountMode::Kubelet,
        tokens: BTreeMap::new(),
        populated: false,
        bare: false,
        ours: Some(Ours {
            handle: handle(&name),
            volume: Some(VolumeId::from(&name)),
            role: Role::Owner,
            backend: Some(BackendName::new("nas1")),
            on_delete: OnDelete::Delete,
            on_owner_delete: OnOwnerDelete::Detach,
            access: Access::ReadWrite,
            owner_uid: None,
            tenant: None,
            cut: None,
            promised: None,
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
            .insert(Token::joining(uid(member)), Some(Note::Join(note(member, &self.name))));
        self
    }

    /// With the token of a copy for a claim.
    pub(crate) fn copying(mut self, target: &str) -> Self {
        let note = Note::Copy(copy_note(target, &self.name));
        let _ = self.tokens.insert(Token::copying(uid(target)), Some(note));
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

    /// It can be mounted on this node only.
    pub(crate) fn on_node(mut self, node: &str) -> Self {
        let requirement = NodeSelectorRequirement {
            key: names::LABEL_HOSTNAME.to_owned(),
            operator: "In".to_owned(),
            values: Some(vec![node.to_owned()]),
        };
        let term = NodeSelectorTerm {
            match_expressions: Some(vec![requirement]),
            match_fields: None,
        };
        let node_selector_terms = vec![term];
        self.node_affinity = Some(VolumeNodeAffinity {
            required: Some(NodeSelector { node_selector_terms }),
        });
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
        mount: MountMode::Kubelet,
        source_uid: owner.claim_uid().unwrap(),
    }
}

/// The same note, of a join that is to read only.
pub(crate) fn read_only_note(note: &Note) -> Note {
    let mut note = note.clone();
    if let Note::Join(join) = &mut note {
        join.access = Access::ReadOnly;
    }
    note
}

/// The note of a copy for a claim.
pub(crate) fn copy_note(target: &str, source: &PvName) -> CopyNote {
    CopyNote {
        claim: key(target),
        modes: AccessModes::parse(&["ReadWriteMany"]),
        class: ClassName::new("gold"),
        bytes: 10 * GI,
        policy: ReclaimPolicy::Delete,
        on_delete: OnDelete::Delete,
        on_owner_delete: OnOwnerDelete::Detach,
        mount_options: vec!["nfsvers=4.1".to_owned()],
        mount: MountMode::Kubelet,
        source_uid: source.claim_uid().unwrap().to_string(),
        consent: None,
    }
}

/// The record of a copy that has begun.
pub(crate) fn copied(target: &str, source: &str) -> Record {
    Record {
        mount_options: vec!["nfsvers=4.1".to_owned()],
        ..record(target)
    }
    .state(State::Creating)
    .intends(Intent::Copy { from: id(source) })
}

/// The record of a live volume without members.
pub(crate) fn record(owner: &str) -> Record {
    Record {
        volume: id(owner),
        backend: BackendName::new("nas1"),
        handle: handle(&pv_name(owner)),
        owner: claim_ref(owner),
        bytes: 10 * GI,
        terms: pv(owner).terms().unwrap(),
        mount_options: pv(owner).mount_options,
        members: BTreeMap::new(),
        state: State::Live,
        intent: None,
    }
}

impl Record {
    /// With this member too.
    pub(crate) fn member(mut self, member: &str) -> Self {
        let claim = claim_ref(member);
        let (access, mount) = (Access::ReadWrite, MountMode::Kubelet);
        let _ = self.members.insert(pv_name(member), Member { claim, access, mount });
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
