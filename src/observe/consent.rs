//! What the state of a member's consent is read from.

use super::gather::{Caches, with};
use super::index::{Index, NamespaceView};
use crate::domain::access::Access;
use crate::domain::claim::Claim;
use crate::domain::cut::Cut;
use crate::domain::grant::Grant;
use crate::domain::ids::{ClaimKey, ClaimUid, Namespace};
use crate::domain::pv::{BoundTo, Joined, Pv, Role};
use crate::domain::reference::{Reference, ReferenceKind};
use crate::domain::served::Served;
use crate::execute::cluster::{ApiError, Cluster, Fault};
use crate::plan::consent::{ByGrant, Consent, Known, Membership, names, state};
use std::sync::Arc;

/// The state of a member's consent, read live: withdrawal needs positive evidence, and a cache may merely have missed
/// something. The caches still say which claim owns the volume.
///
/// # Errors
/// What the API server answers.
pub async fn live_consent_of(
    caches: &Caches,
    cluster: &dyn Cluster,
    claim: &Claim,
    pv: &Pv,
) -> Result<Option<Consent>, ApiError> {
    let Some(Role::Member(joined)) = pv.ours.as_ref().map(|ours| &ours.role) else {
        return Ok(None);
    };
    let bound = with(caches, |index| owner_of(index, pv).cloned());
    let owner = match &bound {
        Some(bound) => cluster.claim(&bound.key).await?,
        None => None,
    };
    let mut references = cluster.references(came_by(joined), &claim.key.namespace).await?;
    for other in [ReferenceKind::Volume, ReferenceKind::Trident]
        .into_iter()
        .filter(|kind| *kind != came_by(joined))
    {
        let honoured = with(caches, |index| index.serves(other));
        if let (Some(all), true) = (&mut references, honoured) {
            all.extend(
                cluster
                    .references(other, &claim.key.namespace)
                    .await?
                    .unwrap_or_default(),
            );
        }
    }
    let by_grant = match &bound {
        Some(bound) => live_grant(caches, cluster, joined, &claim.key.namespace, &bound.key).await?,
        None => ByGrant::No,
    };
    // Last: whatever was missing above may be missing because the namespace is going away, or has gone.
    let namespace = cluster.namespace(&claim.key.namespace).await?;
    Ok(Some(state(&Membership {
        namespace: &claim.key.namespace,
        labels: namespace.as_ref().map(|view| &view.labels),
        namespace_terminating: namespace.as_ref().is_none_or(|view| view.terminating),
        references: references.as_deref(),
        source_uid: &joined.source_uid,
        source: joined.source().as_ref(),
        owner_uid: bound.as_ref().and_then(|bound| bound.uid.as_ref()),
        owner: owner.as_ref(),
        by_grant,
        access: pv.ours.as_ref().map_or(Access::ReadOnly, |ours| ours.access),
        cut: pv.ours.as_ref().and_then(|ours| ours.cut.as_ref()),
    })))
}

/// The ReferenceGrants of a namespace, read live, and whether they can be read at all.
pub(super) async fn live_grants(
    cluster: &dyn Cluster,
    namespace: &Namespace,
) -> Result<(Vec<Grant>, Served), ApiError> {
    match cluster.grants(namespace).await {
        Ok(Some(grants)) => Ok((grants, Served::Yes)),
        Ok(None) => Ok((Vec::new(), Served::NotInstalled)),
        Err(error) if error.fault == Fault::Forbidden => Ok((Vec::new(), Served::Forbidden)),
        Err(error) => Err(error),
    }
}

/// What ReferenceGrants say of a member, by a live look where they may matter.
async fn live_grant(
    caches: &Caches,
    cluster: &dyn Cluster,
    joined: &Joined,
    namespace: &Namespace,
    owner: &ClaimKey,
) -> Result<ByGrant, ApiError> {
    let (served, some) = with(caches, |index| {
        (
            index.grants_served(),
            index.grants_in(&owner.namespace).next().is_some(),
        )
    });
    // Where there is none there is none to be missed.
    if !joined.by_grant() && !some && matches!(served, Served::Yes | Served::NotInstalled) {
        return Ok(ByGrant::No);
    }
    let (grants, now) = live_grants(cluster, &owner.namespace).await?;
    let grants = match now {
        Served::Yes => Known::All(&grants),
        Served::NotInstalled if served == Served::NotInstalled => Known::NotInstalled,
        // Known a moment ago, and going; or closed to us.
        Served::NotInstalled | Served::Forbidden | Served::Unknown => Known::Unreadable,
    };
    // After them, as they may be missing because it goes.
    let going = cluster
        .namespace(&owner.namespace)
        .await?
        .is_none_or(|view| view.terminating);
    Ok(ByGrant::of(grants, going, joined, namespace, owner))
}

/// The claim that the volume of a member is bound to.
fn owner_of<'a>(index: &'a Index, pv: &Pv) -> Option<&'a BoundTo> {
    let owner = index.volume_of(pv).and_then(|volume| index.pv(&volume.pv_name()))?;
    owner.claim.as_ref()
}

/// By which kind of reference a member came: its `via` says so.
fn came_by(joined: &Joined) -> ReferenceKind {
    let known = [ReferenceKind::Volume, ReferenceKind::Trident]
        .into_iter()
        .find(|k| joined.via.starts_with(k.as_str()));
    known.unwrap_or(ReferenceKind::Volume)
}

/// What the caches show of a member's consent, and no more: what is remembered with it counts until it changes, and only what
/// changes it wakes the member.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    namespace: Namespace,
    view: NamespaceView,
    /// Those that may be the one.
    references: Option<Vec<Reference>>,
    source_uid: ClaimUid,
    source: Option<ClaimKey>,
    owner_uid: Option<ClaimUid>,
    owner: Option<Word>,
    by_grant: ByGrant,
    access: Access,
    cut: Option<Cut>,
}

/// The claim that the owner consents by. Every write to it makes another version, and few say anything of consent.
#[derive(Debug, Clone)]
struct Word(Arc<Claim>);

impl PartialEq for Word {
    fn eq(&self, other: &Self) -> bool {
        let Self(one) = self;
        let Self(other) = other;
        (&one.uid, one.terminating, &one.annotations) == (&other.uid, other.terminating, &other.annotations)
    }
}

impl Shown {
    /// Of the member that `claim` is by `pv`; `None`: it is none.
    pub fn of(index: &Index, claim: &Claim, pv: &Pv) -> Option<Self> {
        let ours = pv.ours.as_ref()?;
        let Role::Member(joined) = &ours.role else { return None };
        let bound = owner_of(index, pv);
        // The other kind's definition may be gone without a word about this member.
        let served = index.serves(came_by(joined));
        let source = joined.source();
        let may_be_it = |r: &&Reference| names(r, source.as_ref());
        let references = || index.references_in(&claim.key.namespace).filter(may_be_it).cloned();
        let by_grant = |owner: &ClaimKey| {
            let going = index.namespace(&owner.namespace).is_some_and(|view| view.terminating);
            let grants: Vec<Grant> = index.grants_in(&owner.namespace).cloned().collect();
            let known = match index.grants_served() {
                Served::Yes => Known::All(&grants),
                Served::NotInstalled => Known::NotInstalled,
                Served::Unknown | Served::Forbidden => Known::Unreadable,
            };
            ByGrant::of(known, going, joined, &claim.key.namespace, owner)
        };
        Some(Self {
            namespace: claim.key.namespace.clone(),
            view: index.namespace(&claim.key.namespace).cloned().unwrap_or_default(),
            references: served.then(|| references().collect()),
            source_uid: joined.source_uid.clone(),
            source,
            owner_uid: bound.and_then(|bound| bound.uid.clone()),
            owner: bound.and_then(|bound| index.claim(&bound.key)).cloned().map(Word),
            by_grant: bound.map_or(ByGrant::No, |bound| by_grant(&bound.key)),
            access: ours.access,
            cut: ours.cut.clone(),
        })
    }

    /// What follows from it. Not evidence of anything that has ended.
    pub fn state(&self) -> Consent {
        state(&Membership {
            namespace: &self.namespace,
            labels: Some(&self.view.labels),
            namespace_terminating: self.view.terminating,
            references: self.references.as_deref(),
            source_uid: &self.source_uid,
            source: self.source.as_ref(),
            owner_uid: self.owner_uid.as_ref(),
            owner: self.owner.as_ref().map(|Word(claim)| &**claim),
            by_grant: self.by_grant,
            access: self.access,
            cut: self.cut.as_ref(),
        })
    }
}

/// The state of a member's consent, from the caches.
pub fn consent_of(index: &Index, claim: &Claim, pv: &Pv) -> Option<Consent> {
    Some(Shown::of(index, claim, pv)?.state())
}
