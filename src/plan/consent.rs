//! Consent after the join: is it still given, and may it be called withdrawn?
//!
//! Withdrawal needs positive evidence: the owner's live claim that no longer covers the namespace, also one that is being deleted, which
//! can take long and is up to the other side; or a reference gone from a namespace that is not being deleted while its kind is served.
//! Everything that merely looks like absence (the owner's claim deleted, a reference that goes with its namespace or its CRD, the
//! labels of a namespace that has gone, grants whose kind went, half a list) changes nothing for members: neither for those who have access, nor for those
//! from whom it was taken, which is why [`Cut`] is among what is looked at.

use crate::api::names::claim as keys;
use crate::domain::access::Access;
use crate::domain::claim::Claim;
use crate::domain::consent::{Grants, Labels};
use crate::domain::cut::{Cut, Left, Side};
use crate::domain::grant::Grant;
use crate::domain::ids::{ClaimKey, ClaimUid, Namespace};
use crate::domain::pv::Joined;
use crate::domain::reference::Reference;
use crate::plan::handshake::shared_by;

/// What the state of a member's consent is read from.
#[derive(Debug, Clone)]
pub struct Membership<'a> {
    /// The member's namespace.
    pub namespace: &'a Namespace,
    /// Its labels; `None`: it has gone, and nobody can tell which it had.
    pub labels: Option<&'a Labels>,
    /// Whether it is going away, or has gone.
    pub namespace_terminating: bool,
    /// All references in it; `None`: their kinds are not served now.
    pub references: Option<&'a [Reference]>,
    /// The claim whose owner consented, by UID at the join.
    pub source_uid: &'a ClaimUid,
    /// What that claim was called, as written down at the join; `None`: it cannot be read any more.
    pub source: Option<&'a ClaimKey>,
    /// The claim that the owner's PersistentVolume is bound to, by UID.
    pub owner_uid: Option<&'a ClaimUid>,
    /// The claim under that one's name now, if there is one. With another UID it says nothing.
    pub owner: Option<&'a Claim>,
    /// What ReferenceGrants of its namespace say.
    pub by_grant: ByGrant,
    /// What the member was given.
    pub access: Access,
    /// What was taken from it, if anything was.
    pub cut: Option<&'a Cut>,
}

/// Whether ReferenceGrants share the owner's claim with the member's namespace, which they do read-only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByGrant {
    /// One does.
    Permits,
    /// None does.
    No,
    /// It cannot be told: they may not be read, or go with their namespace, or their definition went and took one with it by which the
    /// member came.
    Unknown,
}

/// The ReferenceGrants of a namespace, as far as they are known.
#[derive(Debug, Clone, Copy)]
pub enum Known<'a> {
    /// All of them.
    All(&'a [Grant]),
    /// Their kind is not defined, so there are none.
    NotInstalled,
    /// They may be there, and cannot be read.
    Unreadable,
}

impl ByGrant {
    /// What is said of a member by the grants of the owner's namespace, which may be `going` away.
    pub fn of(grants: Known<'_>, going: bool, joined: &Joined, namespace: &Namespace, owner: &ClaimKey) -> Self {
        match grants {
            Known::All(grants) if shared_by(grants, namespace, owner).is_some() => Self::Permits,
            Known::All(_) if !going => Self::No,
            Known::NotInstalled if !joined.by_grant() => Self::No,
            Known::All(_) | Known::NotInstalled | Known::Unreadable => Self::Unknown,
        }
    }

    const fn access(self) -> Option<Access> {
        match self {
            Self::Permits => Some(Access::ReadOnly),
            Self::No | Self::Unknown => None,
        }
    }
}

/// The state of a member's consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// It stands, or the owner has gone and it stays as it was.
    Given,
    /// Reading is still allowed, writing no more, on the word of this side.
    ReadOnlyNow(Side),
    /// The owner's claim no longer covers the namespace.
    WithdrawnByOwner,
    /// No reference in the namespace names the source any more.
    WithdrawnByReference,
    /// It cannot be told now.
    Unknown,
}

impl Consent {
    /// What is left of the access that the member joined with, and on whose word; `None`: all, or nobody can tell.
    pub const fn ended(self) -> Option<(Left, Side)> {
        match self {
            Self::WithdrawnByOwner => Some((Left::Nothing, Side::Owner)),
            Self::WithdrawnByReference => Some((Left::Nothing, Side::Reference)),
            Self::ReadOnlyNow(side) => Some((Left::ReadOnly, side)),
            Self::Given | Self::Unknown => None,
        }
    }

    /// The state in which access was taken.
    const fn of(cut: &Cut) -> Self {
        match (cut.left, cut.by) {
            (Left::Nothing, Side::Owner) => Self::WithdrawnByOwner,
            (Left::Nothing, Side::Reference) => Self::WithdrawnByReference,
            (Left::ReadOnly, side) => Self::ReadOnlyNow(side),
        }
    }
}

/// Reads the state of a member's consent.
pub fn state(m: &Membership<'_>) -> Consent {
    let taken_by = |side| m.cut.filter(|cut| cut.by == side);
    // The last word of an owner who cannot be asked any more: that of the join, unless it was taken back since.
    let last = taken_by(Side::Owner).map_or(Some(m.access), |cut| cut.left.access());
    let owner = m.owner.filter(|owner| Some(&owner.uid) == m.owner_uid);
    let granted = match owner {
        Some(owner) if !owner.terminating && speaks(owner, m.source_uid) => {
            let grants = Grants::of(&owner.annotations);
            let granted = match m.labels {
                Some(labels) => grants.to(m.namespace, labels),
                None => grants.to(m.namespace, &Labels::new()),
            };
            let granted = granted.max(m.by_grant.access());
            // Half a list is no evidence, neither of an end nor of less; what is good in it grants. Nor is half a namespace, nor grants
            // that cannot be read.
            let whole = grants.faults.is_empty() && (m.labels.is_some() || !grants.selects());
            if whole && m.by_grant != ByGrant::Unknown {
                granted
            } else {
                granted.max(last)
            }
        }
        // Soft-deleted, going away, or a new owner who has said nothing yet: the consent of that moment stays.
        Some(_) | None => last,
    };
    let Some(granted) = granted else {
        return Consent::WithdrawnByOwner;
    };
    // Where references say nothing, it changes nothing, also for those from whom more was taken than the owner now leaves.
    let narrows = || granted < m.access && m.cut.is_none_or(|cut| Some(granted) <= cut.left.access());
    let references = match m.references {
        Some(_) | None if m.namespace_terminating => {
            let as_it_was = m.cut.map_or(Consent::Given, Consent::of);
            return if narrows() {
                Consent::ReadOnlyNow(Side::Owner)
            } else {
                as_it_was
            };
        }
        None if narrows() => return Consent::ReadOnlyNow(Side::Owner),
        None => return Consent::Unknown,
        Some(references) => references,
    };
    let permits = |r: &&Reference| names(r, m.source);
    match references.iter().filter(permits).map(|r| r.access).max() {
        None => Consent::WithdrawnByReference,
        Some(_) if granted < m.access => Consent::ReadOnlyNow(Side::Owner),
        Some(access) if access < m.access => Consent::ReadOnlyNow(Side::Reference),
        Some(_) => Consent::Given,
    }
}

/// Whether a reference names the source of a member. Whoever owns the volume today, references name the claim that was joined; if
/// nothing says which, any may be the one.
pub fn names(reference: &Reference, source: Option<&ClaimKey>) -> bool {
    source.map_or(!reference.terminating, |source| reference.names(source))
}

/// Whether a claim's annotations are the owner's word on who may be in the volume. A reclaim gives it an owner who was never asked:
/// the consent that members came by stands until that one's claim carries share annotations of its own.
fn speaks(owner: &Claim, source_uid: &ClaimUid) -> bool {
    owner.uid == *source_uid || keys::SHARES.iter().any(|key| owner.annotations.has(key))
}

#[cfg(test)]
mod tests;
