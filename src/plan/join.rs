//! Joining a volume: first a token on the owner's PersistentVolume, then the member's, then the token comes off.
//!
//! The token is the join. Before it, everything of the handshake can still say no; after it, nothing does, and finishing looks
//! at the owner's PersistentVolume and nothing else, whoever finds it. The API server refuses a new finalizer on an object
//! under deletion, so no token can appear once a delete has begun, and a delete waits for every token it finds: that is why
//! two controllers that both believe they lead cannot delete data that has a member.

use super::handshake::Admission;
use super::{Action, NewPv};
use crate::api::reasons::ClaimReason as R;
use crate::domain::access::{OnDelete, OnOwnerDelete};
use crate::domain::backend::Backend;
use crate::domain::change::Change;
use crate::domain::claim::Claim;
use crate::domain::hold::Hold;
use crate::domain::ids::{BackendName, ClaimRef, VolumeId};
use crate::domain::pv::{Joined, Ours, Pv, ReclaimPolicy};
use crate::domain::record::{Intent, Member};
use crate::domain::token::{JoinNote, Note, Token};

/// Plans the first half: the hold where the class wants one, and the token. The next look finds the token and finishes.
pub fn begin(claim: &Claim, admission: &Admission<'_>, hold: bool) -> Vec<Action> {
    let note = JoinNote {
        claim: claim.key.clone(),
        access: admission.access,
        via: admission.via.clone(),
        on_revoke: admission.on_revoke,
        modes: claim.modes,
        class: claim
            .class
            .clone()
            .unwrap_or_else(|| crate::domain::ids::ClassName::new("")),
        mount: admission.mount,
        source_uid: admission.source.uid.clone(),
    };
    let put = Action::PutToken {
        pv: admission.pv.into(),
        token: Token::joining(claim.uid.clone()),
        note: Box::new(Note::Join(note)),
    };
    let mut actions = vec![Action::tell(
        &claim.reference(),
        R::Provisioning,
        format!("Joining the volume of {}", admission.source.key),
    )];
    if hold {
        actions.push(Action::PutHold(Hold::Members, admission.source.reference()));
    }
    actions.push(put);
    actions
}

/// Whether the owner's claim must carry the hold before a member joins.
pub fn needs_hold(owner: &Pv, source: &Claim) -> bool {
    owner
        .ours
        .as_ref()
        .is_some_and(|o| o.on_owner_delete == OnOwnerDelete::Hold)
        && !source.holds.contains(&Hold::Members)
}

/// Plans the second half from the owner's PersistentVolume alone.
pub fn finish(owner: &Pv, ours: &Ours, token: &Token, note: &JoinNote, backend: Option<&Backend>) -> Vec<Action> {
    let volume = VolumeId::from(&owner.name);
    let claim = ClaimRef {
        key: note.claim.clone(),
        uid: token.claim.clone(),
    };
    let name = token.claim.pv_name();
    let backend_name = backend
        .map(|b| b.name.clone())
        .or_else(|| ours.backend.clone())
        .unwrap_or_else(|| BackendName::new(ours.handle.backend.as_str()));
    let member = Member {
        claim: claim.clone(),
        access: note.access,
        mount: note.mount,
    };
    let pv = NewPv {
        name: name.clone(),
        claim: claim.clone(),
        volume: volume.clone(),
        backend: backend_name,
        handle: ours.handle.clone(),
        class: note.class.clone(),
        bytes: owner.capacity,
        modes: note.modes,
        // It holds no data, so there is nothing for a class's Retain to keep.
        policy: ReclaimPolicy::Delete,
        mount_options: owner.mount_options.clone(),
        mount: note.mount,
        access: note.access,
        on_delete: OnDelete::Retain,
        on_owner_delete: OnOwnerDelete::Detach,
        joined: Some(Joined {
            via: note.via.clone(),
            source_uid: note.source_uid.clone(),
            on_revoke: note.on_revoke,
        }),
        node_affinity: owner.node_affinity.clone(),
    };
    let intent = Intent::Join { pv: name.clone() };
    let mut actions = vec![
        Action::Record(vec![Change::Intend {
            volume: volume.clone(),
            intent: intent.clone(),
        }]),
        Action::CreatePv(Box::new(pv)),
        Action::Record(vec![
            Change::Join {
                volume: volume.clone(),
                pv: name.clone(),
                member,
            },
            Change::Settle { volume, intent },
        ]),
        Action::TakeToken {
            pv: owner.name.clone(),
            uid: owner.uid.clone(),
            token: token.clone(),
        },
        Action::tell(
            &claim,
            R::ProvisioningSucceeded,
            format!("Successfully joined as volume {name}, {}", note.access),
        ),
    ];
    let enforced = backend.is_some_and(|b| b.capabilities.read_only_enforced);
    if note.access == crate::domain::access::Access::ReadOnly && !enforced {
        let text = "the volume is mounted read-only, but its server does not refuse writes by other means";
        actions.push(Action::tell(&claim, R::ReadOnlyNotEnforced, text));
    }
    if let Some(bound) = &owner.claim
        && let Some(uid) = &bound.uid
    {
        let owner_claim = ClaimRef {
            key: bound.key.clone(),
            uid: uid.clone(),
        };
        let text = format!(
            "namespace {} has joined this volume, {}",
            note.claim.namespace, note.access
        );
        actions.push(Action::tell(&owner_claim, R::MemberJoined, text));
    }
    actions
}

#[cfg(test)]
mod tests;
