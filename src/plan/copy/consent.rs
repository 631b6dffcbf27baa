//! May this namespace have a copy of that source? Asked before anything of the source is looked at, so the answer is the same whether it
//! exists, is ready, or neither.
//!
//! Within a namespace nobody is asked. Across, whoever may write in the source's namespace consents by a ReferenceGrant from claims of the
//! other (KEP-3294); to the annotations of Trident, the owner consents by `cloneToNamespace`, and the admin by a reference in the
//! consumer's namespace. Whoever names a member of its own namespace means the volume that this is in, whose owner consents likewise. That a
//! volume may be shared says nothing of copies, nor the other way round.

use crate::api::names::{PREFIX, TRIDENT_PREFIX, claim as keys};
use crate::api::reasons::ClaimReason as R;
use crate::domain::claim::Claim;
use crate::domain::consent::Grants;
use crate::domain::cut::Left;
use crate::domain::grant::{Grant, Referent, Referrer, permitted};
use crate::domain::ids::{ClaimKey, Namespace, PvName};
use crate::domain::pv::{Ours, Pv, Role};
use crate::domain::reference::Reference;
use crate::domain::served::Served;
use crate::domain::source::Source;
use crate::domain::token::AskedBy;
use crate::plan::Refusal;

/// All that consent rests on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Agreeing<'a> {
    /// The grants of the source's namespace.
    pub grants: &'a [Grant],
    /// Whether grants can be read.
    pub served: Served,
    /// The references in the claim's namespace.
    pub references: &'a [Reference],
    /// The claim whose owner has to consent to the annotations, if there is one.
    pub owner: Option<&'a Claim>,
    /// Of a snapshot that is asked for by annotations: the claim that it has to be of, as the claim that asks has written itself.
    pub of: Option<&'a ClaimKey>,
    /// The volume that it was taken of, as what stands behind it says.
    pub volume: Option<&'a PvName>,
}

/// Whether the claim may have a copy.
///
/// # Errors
/// Why not, in words that tell nothing of the source but its name, which the claim has written itself.
pub fn given(claim: &ClaimKey, source: &Source, by: AskedBy, a: &Agreeing<'_>) -> Result<(), Refusal> {
    if source.namespace == claim.namespace {
        return Ok(());
    }
    match by {
        AskedBy::DataSource => granted(claim, source, a),
        AskedBy::Annotation => annotated(claim, source, a),
        AskedBy::Member => match a.owner.filter(|owner| source.as_claim().as_ref() == Some(&owner.key)) {
            Some(owner) if lets(owner, &claim.namespace) => Ok(()),
            Some(_) | None => Err(Refusal::new(R::NotShared, "its owner does not allow copies of it")),
        },
    }
}

/// Whether the owner of a volume lets the members in a namespace have copies of it; nobody else is asked, since they mount it.
fn lets(owner: &Claim, namespace: &Namespace) -> bool {
    !owner.terminating && Grants::of(&owner.annotations).copies_to(namespace)
}

fn granted(claim: &ClaimKey, source: &Source, a: &Agreeing<'_>) -> Result<(), Refusal> {
    let from = Referrer::claims_of(&claim.namespace);
    if a.served == Served::Yes && permitted(a.grants, from, Referent::source(source)).is_some() {
        return Ok(());
    }
    let (kind, of) = (source.kind.as_str(), &source.namespace);
    let why = match a.served {
        Served::Yes => format!(
            "no ReferenceGrant in namespace {of} gives it to claims of namespace {}; whoever owns it has to make one",
            claim.namespace
        ),
        Served::NotInstalled => {
            "this cluster has no ReferenceGrants, by which its owner would consent; ask your admin to install \
                                       their definition, which is part of the Gateway API"
                .to_owned()
        }
        Served::Forbidden => {
            "Tombolo may not read ReferenceGrants, by which its owner would consent; ask your admin to give it \
                                    the right to"
                .to_owned()
        }
        Served::Unknown => {
            "whether its owner consents is not known yet; this claim goes on when ReferenceGrants can be read"
                .to_owned()
        }
    };
    let text = format!("{kind} {of}/{} may not be copied by claim {claim}: {why}", source.name);
    let reason = match a.served {
        Served::Yes => R::NotGranted,
        Served::NotInstalled | Served::Forbidden | Served::Unknown => R::GrantsUnavailable,
    };
    Err(Refusal::new(reason, text))
}

/// The volume that a member is in, with the claim that owns it.
#[derive(Debug, Clone, Copy)]
pub struct Owned<'a> {
    /// The claim.
    pub owner: &'a Claim,
    /// The volume's PersistentVolume.
    pub pv: &'a Pv,
    /// What makes that ours.
    pub ours: &'a Ours,
}

/// Whether a namespace may have copies of the volume that a member of its own is in.
#[derive(Debug, Clone, Copy)]
pub enum OfMember<'a> {
    /// The volume's owner allows it.
    Allowed(Owned<'a>),
    /// Its owner does, but the member's access was taken away.
    CutOff,
    /// Its owner does not, or has gone: which is nothing to tell.
    NotAllowed,
}

/// Looks at a member, and at what was found of the volume that it is in.
pub fn of_member<'a>(
    member: &Ours,
    owner_pv: Option<&'a Pv>,
    owner: Option<&'a Claim>,
    namespace: &Namespace,
) -> OfMember<'a> {
    let allowed = owner_pv.zip(owner).and_then(|(pv, owner)| {
        let of = pv.claim.as_ref()?;
        let whose = of.key == owner.key && of.uid.as_ref() == Some(&owner.uid);
        let ours = pv.ours.as_ref();
        let ours = ours.filter(|ours| ours.role == Role::Owner && ours.handle == member.handle)?;
        (whose && lets(owner, namespace)).then_some(Owned { owner, pv, ours })
    });
    let cut_off = member.cut.as_ref().is_some_and(|cut| cut.left == Left::Nothing);
    match allowed {
        Some(_) if cut_off => OfMember::CutOff,
        Some(owned) => OfMember::Allowed(owned),
        None => OfMember::NotAllowed,
    }
}

fn annotated(claim: &ClaimKey, source: &Source, a: &Agreeing<'_>) -> Result<(), Refusal> {
    let (told, to) = (format!("{}/{}", source.namespace, source.name), &claim.namespace);
    let referenced = |key: &ClaimKey| a.references.iter().any(|reference| reference.names(key));
    let agrees = |owner: &&Claim| Grants::of(&owner.annotations).copies_to(to);
    // A reference names a claim. Which one a snapshot is of is nothing to tell, nor whether there is one: whoever may create references
    // would find it out by trying names. So they are compared with what the claim has written itself, and without that there is one answer.
    let Some(named) = source.as_claim().or_else(|| a.of.cloned()) else {
        let its = |owner: &&Claim| has(owner, a.volume);
        return match a
            .owner
            .filter(its)
            .filter(|owner| referenced(&owner.key))
            .filter(agrees)
        {
            Some(_) => Ok(()),
            None => {
                let text = format!(
                    "{told} is not given to namespace {to} for copies; a reference there has to name the claim that it was taken of, whose \
                     owner has to annotate it with {PREFIX}{}; with {TRIDENT_PREFIX}{} here it is said which of both is missing",
                    keys::CLONE_TO,
                    keys::CLONE_FROM_PVC
                );
                Err(Refusal::new(R::NotShared, text))
            }
        };
    };
    if !referenced(&named) {
        let text =
            format!("no reference in namespace {to} names {named}; whoever may create a VolumeReference there has to");
        return Err(Refusal::new(R::ReferenceMissing, text));
    }
    match a.owner.filter(|owner| owner.key == named).filter(agrees) {
        Some(_) => Ok(()),
        None => {
            let text = format!(
                "{named} is not given to namespace {to} for copies; its owner has to annotate it with {PREFIX}{}",
                keys::CLONE_TO
            );
            Err(Refusal::new(R::NotShared, text))
        }
    }
}

/// Whether a claim has that volume. One that was made later under the name of the one that a snapshot was taken of has another, and says
/// nothing of it.
pub fn has(owner: &Claim, volume: Option<&PvName>) -> bool {
    volume.is_some() && owner.volume_name.as_ref() == volume
}

/// What is known of the consent to a copy that has begun, before an attempt goes on with it.
#[derive(Debug, Clone, Copy)]
pub struct StillAgreeing<'a> {
    /// The namespace of the source; `None`: it is gone.
    pub namespace: Option<bool>,
    /// What the consent rests on, read live.
    pub agreeing: Agreeing<'a>,
}

/// Whether consent to a copy has ended since. That needs somebody who took it back: a source that goes with its namespace or its claim,
/// or a kind that is not served any more, has been consented to, and the copy goes on.
pub fn is_withdrawn(claim: &ClaimKey, source: &Source, by: AskedBy, s: &StillAgreeing<'_>) -> bool {
    let stays = s.namespace == Some(false);
    let said = match by {
        AskedBy::DataSource => s.agreeing.served == Served::Yes,
        // Half a list is no evidence.
        AskedBy::Annotation | AskedBy::Member => s
            .agreeing
            .owner
            .is_some_and(|owner| !owner.terminating && Grants::of(&owner.annotations).faults.is_empty()),
    };
    stays && said && given(claim, source, by, &s.agreeing).is_err()
}
