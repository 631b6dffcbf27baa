//! The checks of a claim's volume that is to be copied.

use super::{Examined, ForCopy, From, backend, fits, going, refuse, room_for_a_token};
use crate::api::names::{PREFIX, claim as keys};
use crate::api::reasons::ClaimReason as R;
use crate::domain::backend::Backend;
use crate::domain::claim::{Claim, ClaimPhase};
use crate::domain::class::Parameters;
use crate::domain::pv::{Ours, Pv, PvPhase, Role};
use crate::plan::Plan;
use crate::plan::copy::consent::{self, OfMember, Owned};

/// The checks of a claim's volume.
pub(super) fn of_claim<'a>(
    e: &Examined<'a>,
    seen: &ForCopy<'a>,
    parameters: &Parameters,
    told: &str,
    bytes: u64,
) -> Result<(From<'a>, &'a Backend), Plan> {
    let source = source_claim(told, seen.source)?;
    fits(told, source.request, bytes)?;
    let (pv, ours) = source_volume(source, told, seen.source_pv)?;
    let (source, pv, ours) = match &ours.role {
        Role::Owner => (source, pv, ours),
        Role::Member(_) => owner(e, seen, ours, told)?,
    };
    if source.block || pv.block {
        return refuse(
            R::AccessModeMismatch,
            format!("{told} is a block device, and this one a file system"),
        );
    }
    fits(told, Some(pv.capacity), bytes)?;
    room_for_a_token(e, &pv.tokens, told)?;
    // One that cannot be used now has no id, and is known by its name.
    let (id, name) = (&ours.handle.backend, ours.backend.as_ref());
    let same = |b: &&Backend| b.id() == Some(id) || (b.id().is_none() && name == Some(&b.name));
    let backend = backend(e, parameters, e.backends.iter().find(same), told)?;
    Ok((From::Claim { source, pv }, backend))
}

fn source_claim<'a>(told: &str, source: Option<&'a Claim>) -> Result<&'a Claim, Plan> {
    let Some(source) = source else {
        return not_ready(told, "does not exist");
    };
    match source.phase {
        ClaimPhase::Bound => {}
        ClaimPhase::Pending => return not_ready(told, "has no volume yet"),
        ClaimPhase::Lost => return not_ready(told, "has lost its volume"),
    }
    if source.terminating {
        return going(told);
    }
    if source.class.is_none() {
        let text = format!("{told} has no StorageClass, and only a volume of Tombolo's is copied");
        return refuse(R::ClassMismatch, text);
    }
    Ok(source)
}

fn source_volume<'a>(source: &Claim, told: &str, pv: Option<&'a Pv>) -> Result<(&'a Pv, &'a Ours), Plan> {
    let Some(pv) = pv.filter(|pv| source.volume_name.as_ref() == Some(&pv.name)) else {
        return not_ready(told, "is bound to a PersistentVolume that is not there");
    };
    let Some(ours) = &pv.ours else {
        let text = format!("{told} has a volume of another provisioner, which only that one can copy");
        return refuse(R::ClassMismatch, text);
    };
    let bound = pv
        .claim
        .as_ref()
        .is_some_and(|c| c.key == source.key && c.uid.as_ref() == Some(&source.uid));
    if !bound {
        return not_ready(told, "is bound to a PersistentVolume that is another claim's");
    }
    if pv.terminating {
        return going(told);
    }
    if pv.phase != PvPhase::Bound {
        return not_ready(told, "is bound to a PersistentVolume that is not");
    }
    Ok((pv, ours))
}

/// The volume that a member is in, if the member is of the namespace of the claim that asks, and the volume's owner lets that one have
/// copies. Nothing else is told of the owner, and there is one answer whether it is asked for nothing, refuses, or has gone.
fn owner<'a>(
    e: &Examined<'a>,
    seen: &ForCopy<'a>,
    member: &Ours,
    told: &str,
) -> Result<(&'a Claim, &'a Pv, &'a Ours), Plan> {
    let namespace = &e.claim.key.namespace;
    let here = seen.source.is_some_and(|source| source.key.namespace == *namespace);
    let (pv, owner) = (seen.owner_pv.filter(|_| here), seen.owner);
    match consent::of_member(member, pv, owner, namespace) {
        OfMember::CutOff => {
            let text = format!(
                "{told} is itself shared from elsewhere, and its access was taken away; it has to be given back first"
            );
            refuse(R::SourceIsMember, text)
        }
        OfMember::Allowed(Owned { pv, .. }) if pv.terminating => going(&format!("the volume of {told}")),
        OfMember::Allowed(Owned { pv, .. }) if pv.phase != PvPhase::Bound => {
            not_ready(told, "is in a volume that is not bound")
        }
        OfMember::Allowed(Owned { owner, pv, ours }) => Ok((owner, pv, ours)),
        OfMember::NotAllowed if !here => {
            let text = format!("{told} is itself shared from elsewhere; only the claim that owns a volume is copied");
            refuse(R::SourceIsMember, text)
        }
        OfMember::NotAllowed => refuse(
            R::SourceIsMember,
            format!(
                "{told} is itself shared from elsewhere, and only the claim that owns a volume is copied, unless that is annotated with \
                 {PREFIX}{} for namespace {namespace}",
                keys::CLONE_TO
            ),
        ),
    }
}

fn not_ready<T>(told: &str, why: &str) -> Result<T, Plan> {
    refuse(
        R::SourceNotReady,
        format!("{told}, which is to be copied, {why}; this claim goes on when it has a volume"),
    )
}
