//! A claim that lost its PersistentVolume, because somebody took the finalizer off by force: the object is made again under
//! its name, if the data is still there.
//!
//! Looks at the ledger, which is all that remembers. Without its word nothing is made: a claim that merely says it lost a
//! volume proves nothing.

use super::{Action, NewPv};
use crate::api::reasons::ClaimReason as R;
use crate::domain::access::{Access, OnDelete, OnOwnerDelete, OnRevoke};
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
    /// What the backend lets it hold, where it enforces that: a growth that was promised may not have been given.
    pub limit: Option<u64>,
}

/// Nothing is made again: says why, and what is left.
fn not_again(claim: &Claim, why: &str) -> Vec<Action> {
    let name = claim.volume_name.as_ref().map_or("", |name| name.as_str());
    let text = format!("PersistentVolume {name} of this claim was removed by force and is not made again: {why}");
    vec![Action::tell(&claim.reference(), R::VolumeLost, text)]
}

/// A claim of ours that the ledger knows nothing about.
pub fn forgotten(claim: &Claim) -> Vec<Action> {
    not_again(
        claim,
        "Tombolo remembers no volume of that name. If there is data, it was not touched",
    )
}

/// A claim whose PersistentVolume exists, and whose it no longer is. Nothing to be said where Kubernetes is about to bind the two.
pub fn taken(claim: &Claim, pv: &Pv) -> Vec<Action> {
    let uid = pv.claim.as_ref().and_then(|c| c.uid.as_ref());
    // A populator's helper claim ends so, and whoever made it waits for just that.
    if uid == Some(&claim.uid) || pv.populated {
        return Vec::new();
    }
    let text = format!("PersistentVolume {} of this claim is another claim's by now", pv.name);
    vec![Action::tell(&claim.reference(), R::VolumeLost, text)]
}

/// Plans to make an owner's PersistentVolume again, on the terms that the lost one had last.
pub fn owner(o: &LostOwner<'_>) -> Vec<Action> {
    if o.record.owner.uid != o.claim.uid {
        return not_again(o.claim, "its volume is another claim's by now");
    }
    match o.record.state {
        State::Live | State::SoftDeleted => {}
        State::Creating => return not_again(o.claim, "its volume was never finished"),
        State::Deleting => return not_again(o.claim, "its volume is being deleted"),
    }
    if !o.data {
        return not_again(o.claim, "its data is gone, too");
    }
    let Some(class) = o.claim.class.clone() else {
        return not_again(o.claim, "the claim has no class. Its data is there");
    };
    let terms = &o.record.terms;
    let pv = NewPv {
        name: o.record.volume.pv_name(),
        claim: o.claim.reference(),
        volume: o.record.volume.clone(),
        backend: o.record.backend.clone(),
        handle: o.record.handle.clone(),
        class,
        bytes: o.limit.map_or(o.record.bytes, |limit| limit.min(o.record.bytes)),
        modes: o.claim.modes,
        policy: terms.policy,
        mount_options: o.record.mount_options.clone(),
        // As it was, whatever a class of that name says by now.
        mount: terms.mount,
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
    /// The owner's PersistentVolume, if it is there.
    pub owner: Option<&'a Pv>,
    /// What the owner's claim says now of consent that ends: what it said at the join went with the object.
    pub on_revoke: OnRevoke,
}

/// Plans to make a member's PersistentVolume again.
pub fn member(o: &LostMember<'_>) -> Vec<Action> {
    let name = o.claim.uid.pv_name();
    let known: Option<&Member> = o.record.members.get(&name).filter(|m| m.claim.uid == o.claim.uid);
    let Some(member) = known else {
        return not_again(o.claim, "Tombolo does not remember that this claim joined that volume");
    };
    let Some(class) = o.claim.class.clone() else {
        return not_again(o.claim, "the claim has no class. The data is there");
    };
    let Some(owner) = o.owner else {
        let why =
            "the one of the volume's owner is gone, too, and has to be made again first. The data is where it was";
        return not_again(o.claim, why);
    };
    if owner.terminating || o.record.state == State::Deleting {
        return not_again(o.claim, "its volume is being deleted");
    }
    if o.record.intent.is_some() {
        // Another step of the volume is under way; when that has ended, this is looked at again.
        return Vec::new();
    }
    let (Some(ours), Some(source)) = (&owner.ours, &owner.claim) else {
        let why = "the one of the volume's owner was edited, and does not say whose it is. The data is where it was";
        return not_again(o.claim, why);
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
        bytes: owner.capacity,
        modes: o.claim.modes,
        policy: ReclaimPolicy::Delete,
        mount_options: owner.mount_options.clone(),
        mount: member.mount,
        access: member.access,
        on_delete: OnDelete::Retain,
        on_owner_delete: OnOwnerDelete::Detach,
        joined: Some(Joined {
            via,
            source_uid: o.record.owner.uid.clone(),
            on_revoke: o.on_revoke,
        }),
        node_affinity: owner.node_affinity.clone(),
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
