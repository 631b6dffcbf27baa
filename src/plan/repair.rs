//! A claim that lost its PersistentVolume, because somebody took the finalizer off by force: the object is made again under
//! its name, if the data is still there.
//!
//! Looks at the ledger, which is all that remembers. Without its word nothing is made: a claim that merely says it lost a
//! volume proves nothing.

use super::{Action, NewPv};
use crate::api::reasons::ClaimReason as R;
use crate::domain::access::{Access, OnDelete, OnOwnerDelete};
use crate::domain::change::Change;
use crate::domain::claim::Claim;
use crate::domain::pv::{Joined, Pv, ReclaimPolicy};
use crate::domain::record::{Intent, Member, Record, State};

/// What the repair of an owner's claim looks at.
#[derive(Debug, Clone)]
pub struct LostOwner<'a> {
    /// The claim.
    pub claim: &'a Claim,
    /// What the ledger knows of the volume.
    pub record: &'a Record,
    /// Whether the data is there.
    pub data: bool,
}

/// Plans to make an owner's PersistentVolume again, on the terms that the lost one had last.
pub fn owner(o: &LostOwner<'_>) -> Vec<Action> {
    let known = o.record.owner.uid == o.claim.uid && matches!(o.record.state, State::Live | State::SoftDeleted);
    let Some(class) = o.claim.class.clone().filter(|_| known && o.data) else {
        return Vec::new();
    };
    let terms = &o.record.terms;
    let pv = NewPv {
        name: o.record.volume.pv_name(),
        claim: o.claim.reference(),
        volume: o.record.volume.clone(),
        backend: o.record.backend.clone(),
        handle: o.record.handle.clone(),
        class,
        bytes: o.record.bytes,
        modes: o.claim.modes,
        policy: terms.policy,
        mount_options: o.record.mount_options.clone(),
        access: Access::ReadWrite,
        on_delete: terms.on_delete,
        on_owner_delete: terms.on_owner_delete,
        joined: None,
        node_affinity: None,
    };
    vec![
        Action::Record(vec![Change::Begin(o.record.clone())]),
        Action::CreatePv(Box::new(pv)),
        Action::tell(
            &o.claim.reference(),
            R::VolumeRecreated,
            "the PersistentVolume of this claim was gone and was made again; its data is there",
        ),
    ]
}

/// What the repair of a member's claim looks at.
#[derive(Debug, Clone)]
pub struct LostMember<'a> {
    /// The claim.
    pub claim: &'a Claim,
    /// What the ledger knows of the volume.
    pub record: &'a Record,
    /// The owner's PersistentVolume.
    pub owner: &'a Pv,
}

/// Plans to make a member's PersistentVolume again.
pub fn member(o: &LostMember<'_>) -> Vec<Action> {
    let name = o.claim.uid.pv_name();
    let known: Option<&Member> = o.record.members.get(&name).filter(|m| m.claim.uid == o.claim.uid);
    let (Some(member), Some(class), Some(ours)) = (known, o.claim.class.clone(), &o.owner.ours) else {
        return Vec::new();
    };
    let deleting = o.owner.terminating || o.record.state == State::Deleting || o.record.intent.is_some();
    let Some(source) = o.owner.claim.as_ref().filter(|_| !deleting) else {
        return Vec::new();
    };
    let via = format!(
        "the ledger, after its PersistentVolume was lost; annotation of {}",
        source.key
    );
    let intent = Intent::Join { pv: name.clone() };
    let volume = o.record.volume.clone();
    let pv = NewPv {
        name: name.clone(),
        claim: o.claim.reference(),
        volume: volume.clone(),
        backend: o.record.backend.clone(),
        handle: ours.handle.clone(),
        class,
        bytes: o.owner.capacity,
        modes: o.claim.modes,
        policy: ReclaimPolicy::Delete,
        mount_options: o.owner.mount_options.clone(),
        access: member.access,
        on_delete: OnDelete::Retain,
        on_owner_delete: OnOwnerDelete::Detach,
        joined: Some(Joined {
            via,
            source_uid: o.record.owner.uid.clone(),
            on_revoke: crate::domain::access::OnRevoke::Keep,
        }),
        node_affinity: o.owner.node_affinity.clone(),
    };
    vec![
        Action::Record(vec![Change::Intend {
            volume: volume.clone(),
            intent: intent.clone(),
        }]),
        Action::CreatePv(Box::new(pv)),
        Action::Note(vec![Change::Settle { volume, intent }]),
        Action::tell(
            &o.claim.reference(),
            R::VolumeRecreated,
            "the PersistentVolume of this claim was gone and was made again",
        ),
    ]
}

#[cfg(test)]
mod tests;
