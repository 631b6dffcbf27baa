//! Reading all that one decision looks at: from the caches where a wrong answer is mended by the next look, live where it
//! would not be.
//!
//! Reads only. The order of the live reads of a volume is part of the protocol; see `plan::volume`.

use super::index::Index;
use crate::domain::backend::{Backend, Health};
use crate::domain::claim::{Claim, ClaimPhase};
use crate::domain::class::Class;
use crate::domain::ids::{ClaimKey, ClaimUid, Handle, PvName, VolumeId};
use crate::domain::populator::Registration;
use crate::domain::pv::{Ours, Pv};
use crate::domain::record::Record;
use crate::domain::token::{Note, Token, TokenKind};
use crate::execute::cluster::Cluster;
use crate::execute::{Failure, Ports};
use crate::ledger::Ledger;
use crate::plan::claim::ForClaim;
use crate::plan::claim::begun::Promised;
use crate::plan::handshake::{self, Handshake};
use crate::plan::member::LiveMember;
use crate::plan::validator::{self, Validity};
use crate::plan::volume::{LiveVolume, TokenClaim};
use futures::future::try_join_all;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, RwLock};

pub mod copying;
mod live_claims;
mod sharing;
pub mod snapshots;

use copying::{CopyView, copies};
use live_claims::LiveClaims;
use sharing::ShareView;

/// The caches, shared by everybody who reads them. Locked for moments, never across an await.
pub type Caches = Arc<RwLock<Index>>;

/// Reads through a lock that a panicking holder left behind: the maps are whole after every call of the index.
pub fn with<R>(caches: &Caches, read: impl FnOnce(&Index) -> R) -> R {
    match caches.read() {
        Ok(index) => read(&index),
        Err(poisoned) => read(&poisoned.into_inner()),
    }
}

/// All that the decision about a claim looks at, owned.
#[derive(Debug, Clone)]
pub struct ClaimView {
    claim: Arc<Claim>,
    class: Option<Arc<Class>>,
    own_pv: Option<Arc<Pv>>,
    other_pv: Option<Arc<Pv>>,
    record: Option<Arc<Record>>,
    registration: Registration,
    backends: Vec<Backend>,
    share: Option<ShareView>,
    copy: Option<CopyView>,
    promised: Option<Promised>,
    live: bool,
}

impl ClaimView {
    /// Reads it from the caches; `None` if the claim is gone. `backends` are those with the namespace's use filled in.
    pub fn cached(index: &Index, ledger: &dyn Ledger, backends: Vec<Backend>, key: &ClaimKey) -> Option<Self> {
        let claim = index.claim(key)?.clone();
        let own = claim.uid.pv_name();
        let share =
            handshake::wanted(&claim).map(|wanted| ShareView::cached(index, &claim, wanted.ok().as_ref(), &backends));
        let copy = CopyView::cached(index, &claim);
        Some(Self {
            copy,
            promised: index.promised(&claim.uid),
            class: claim.class.as_ref().and_then(|name| index.class(name)).cloned(),
            own_pv: index.pv(&own).cloned(),
            other_pv: claim
                .volume_name
                .as_ref()
                .filter(|name| **name != own)
                .and_then(|name| index.pv(name))
                .cloned(),
            record: ledger.get(&VolumeId::from(&own)),
            registration: index.registration(&claim.source),
            backends,
            share,
            live: false,
            claim,
        })
    }

    /// Reads again, live, what others' consent depends on: the source, its PersistentVolume, the references; all at once. `None`:
    /// the source is bound to another volume than the caches said.
    ///
    /// Not the claim itself: one that is gone or bound elsewhere by now is found by whoever looks at the token or at the member's
    /// PersistentVolume, as if it had gone a moment later.
    ///
    /// # Errors
    /// What the API server answers.
    pub async fn read_live(mut self, ports: &Ports) -> Result<Option<Self>, Failure> {
        let cluster = &*ports.cluster;
        if let Some(copy) = &mut self.copy {
            let read = copy.read_live(&self.claim, ports).await?;
            self.live = true;
            return Ok(read.then_some(self));
        }
        let (Some(Ok(wanted)), Some(share)) = (handshake::wanted(&self.claim), &mut self.share) else {
            return Ok(Some(self));
        };
        let read = share.read_live(&self.claim, &wanted, cluster).await?;
        self.live = true;
        Ok(read.then_some(self))
    }

    /// The same with the backends as they are by now.
    #[must_use]
    pub fn with_backends(mut self, backends: Vec<Backend>) -> Self {
        if let Some(share) = &mut self.share {
            share.backend = share.backend_of(&backends);
        }
        self.backends = backends;
        self
    }

    /// The same, knowing that the source was found too large for the claim as it is.
    #[must_use]
    pub fn outgrown(mut self, outgrown: bool) -> Self {
        if let Some(copy) = &mut self.copy {
            copy.outgrown = outgrown;
        }
        self
    }

    /// The same where another one judges kinds of data sources.
    #[must_use]
    pub fn unjudged(mut self) -> Self {
        self.registration = Registration::Unknown;
        self
    }

    /// What the claim's data source is, if that matters.
    pub fn validity(&self) -> Option<Validity> {
        validator::judge(&self.claim, self.registration)
    }

    /// Whether the claim wants a copy of another one's volume.
    pub fn wants_copy(&self) -> bool {
        self.copy.is_some()
    }

    /// Whether a copy for it has begun, whatever it asks for by now.
    pub fn is_copied(&self) -> bool {
        self.promised
            .is_some_and(|promised| promised.kind == TokenKind::Copying)
    }

    /// What the decision borrows.
    pub fn to_decide(&self) -> ForClaim<'_> {
        ForClaim {
            claim: &self.claim,
            class: self.class.as_deref(),
            own_pv: self.own_pv.as_deref(),
            other_pv: self.other_pv.as_deref(),
            record: self.record.as_deref(),
            registration: self.registration,
            backends: &self.backends,
            handshake: self.handshake(),
            copy: self.copy.as_ref().map(CopyView::to_decide),
            promised: self.promised,
            live: self.live,
        }
    }

    /// What the handshake borrows, for a claim that asks for a share.
    pub fn handshake(&self) -> Option<Handshake<'_>> {
        let share = self.share.as_ref()?;
        Some(Handshake {
            claim: &self.claim,
            class: self.class.as_deref(),
            namespace_labels: &share.namespace.labels,
            references: &share.references,
            grants: &share.grants,
            source: share.source.as_deref(),
            source_namespace_terminating: share.source_namespace_terminating,
            source_pv: share.source_pv.as_deref(),
            backend: share.backend.as_ref(),
        })
    }

    /// The claim.
    pub fn claim(&self) -> &Claim {
        &self.claim
    }

    /// Whether its class is one of ours.
    pub fn is_ours(&self) -> bool {
        self.class.is_some()
    }

    /// The backend that a PersistentVolume lies on, if it is known by now.
    pub fn backend_of(&self, pv: &Pv) -> Option<&Backend> {
        behind(&self.backends, pv.ours.as_ref()?)
    }

    /// The PersistentVolume that a share or a copy is asked of, if it is known: of a copy of what a member is in, its owner's.
    pub fn source_pv(&self) -> Option<&Pv> {
        match &self.share {
            Some(share) => share.source_pv.as_deref(),
            None => self.copy.as_ref()?.read_pv(),
        }
    }

    /// The volume that a share or a copy is asked of, if it is known.
    pub fn source_volume(&self) -> Option<VolumeId> {
        self.source_pv()?.volume()
    }
}

/// Claims that are read at once.
const READ_AT_ONCE: usize = 16;

/// Reads a volume live: first its PersistentVolume, then claims, then members. That order is what the decision rests on.
///
/// # Errors
/// What the API server answers.
pub async fn volume(
    volume: &VolumeId,
    caches: &Caches,
    cluster: &dyn Cluster,
    ledger: &dyn Ledger,
    backends: &[Backend],
) -> Result<LiveVolume, Failure> {
    let pv = cluster.pv(&volume.pv_name()).await?;
    let record = ledger.get(volume);
    let mut claims = LiveClaims::of(cluster);

    let tokens = match &pv {
        Some(pv) => token_claims(&pv.tokens, caches, cluster, &mut claims).await?,
        None => BTreeMap::new(),
    };

    let mut uids: BTreeSet<ClaimUid> = pv.iter().flat_map(Pv::claim_uids).collect();
    uids.extend(volume.pv_name().claim_uid());
    uids.extend(record.iter().map(|r| r.owner.uid.clone()));
    let mut keys: BTreeSet<ClaimKey> = pv
        .iter()
        .filter_map(|pv| pv.claim.as_ref())
        .map(|c| c.key.clone())
        .collect();
    keys.extend(record.iter().map(|r| r.owner.key.clone()));
    keys.extend(with(caches, |index| cached_keys(index, &uids)));
    let owners = claims.with_uids(&uids, keys).await?;

    let ending = pv.as_ref().is_none_or(|pv| pv.terminating && pv.tokens.is_empty());
    let members = members(volume, record.as_deref(), caches, cluster, ending).await?;
    let handle = pv
        .as_ref()
        .and_then(|pv| pv.ours.as_ref())
        .map(|ours| &ours.handle)
        .or(record.as_deref().map(|r| &r.handle));
    let backend = handle.and_then(|handle| ready(backends, handle));
    let twins = handle.is_some_and(|handle| {
        let seen = with(caches, |index| index.owners_of(handle).any(|other| other != volume));
        // All records, but only where data may be about to go.
        let ending = pv.as_ref().is_none_or(|pv| pv.terminating);
        seen || (ending && ledger.all().iter().any(|r| r.handle == *handle && r.volume != *volume))
    });
    Ok(LiveVolume {
        copies: copies(volume, pv.as_ref(), caches, ledger),
        volume: volume.clone(),
        twins,
        pv,
        tokens,
        owners,
        members,
        record: record.map(|r| (*r).clone()),
        backend,
    })
}

/// The backend behind a handle, if what is on it can be worked on.
pub fn ready(backends: &[Backend], handle: &Handle) -> Option<Backend> {
    backends.iter().find(|b| b.id() == Some(&handle.backend)).cloned()
}

/// The backend that a PersistentVolume lies on. One that somebody deletes while it is away has no id, and is found by its name.
fn behind<'a>(backends: &'a [Backend], ours: &Ours) -> Option<&'a Backend> {
    let going = |b: &Backend| b.health == Health::Terminating(None) && ours.backend.as_ref() == Some(&b.name);
    backends
        .iter()
        .find(|b| b.id() == Some(&ours.handle.backend) || going(b))
}

fn cached_keys(index: &Index, uids: &BTreeSet<ClaimUid>) -> Vec<ClaimKey> {
    uids.iter()
        .filter_map(|uid| index.claim_by_uid(uid))
        .map(|claim| claim.key.clone())
        .collect()
}

/// What has become of the claims that tokens are for. Of each its object is read, and then its claim; a few tokens at once, since many
/// copies of one volume may wait.
async fn token_claims(
    tokens: &BTreeMap<Token, Option<Note>>,
    caches: &Caches,
    cluster: &dyn Cluster,
    claims: &mut LiveClaims<'_>,
) -> Result<BTreeMap<Token, TokenClaim>, Failure> {
    let mut found = BTreeMap::new();
    let all: Vec<_> = tokens.iter().collect();
    for some in all.chunks(READ_AT_ONCE) {
        let names: Vec<PvName> = some.iter().map(|(token, _)| token.claim.pv_name()).collect();
        let objects = try_join_all(names.iter().map(|name| cluster.pv(name))).await?;
        let (served, unserved): (Vec<_>, Vec<_>) = some.iter().zip(objects).partition(|(_, pv)| pv.is_some());
        found.extend(
            served
                .into_iter()
                .map(|((token, _), _)| ((*token).clone(), TokenClaim::Served)),
        );
        let keys = |(token, note): &(&Token, &Option<Note>)| {
            let cached = with(caches, |index| index.claim_by_uid(&token.claim).map(|c| c.key.clone()));
            let known = note.as_ref().map(|note| note.claim().clone());
            known.into_iter().chain(cached).collect::<BTreeSet<ClaimKey>>()
        };
        let unserved: Vec<_> = unserved.into_iter().map(|(token, _)| (token.0, keys(token))).collect();
        claims.read(unserved.iter().flat_map(|(_, keys)| keys)).await?;
        for (token, keys) in unserved {
            found.insert(token.clone(), unserved_claim(token, keys, cluster, claims).await?);
        }
    }
    Ok(found)
}

async fn unserved_claim(
    token: &Token,
    keys: BTreeSet<ClaimKey>,
    cluster: &dyn Cluster,
    claims: &mut LiveClaims<'_>,
) -> Result<TokenClaim, Failure> {
    let name = token.claim.pv_name();
    let found = if keys.is_empty() {
        // A note that cannot be read does not say where the claim is, and caches may lag: only the API server can say that it is gone.
        cluster.claims().await?.into_iter().find(|c| c.uid == token.claim)
    } else {
        let uids = BTreeSet::from([token.claim.clone()]);
        claims.with_uids(&uids, keys).await?.into_iter().next()
    };
    Ok(match found {
        Some(claim) if !claim.is_bound_elsewhere(&name) => TokenClaim::Waiting,
        Some(_) | None => TokenClaim::Gone,
    })
}

/// Everybody in a volume besides its owner: by label, by handle, by the ledger's names, and claims that lost their object and can be
/// tied to the volume.
async fn members(
    volume: &VolumeId,
    record: Option<&Record>,
    caches: &Caches,
    cluster: &dyn Cluster,
    ending: bool,
) -> Result<BTreeSet<PvName>, Failure> {
    let mut found: BTreeSet<PvName> = cluster.members(volume).await?.into_iter().map(|pv| pv.name).collect();
    // Whoever mounts the data and has lost the label by which members are listed.
    let cached = with(caches, |index| {
        let names = index.members(volume).map(|pv| pv.name.clone());
        names.filter(|name| !found.contains(name)).collect::<Vec<_>>()
    });
    for name in cached {
        if cluster.pv(&name).await?.is_some_and(|pv| pv.is_member()) {
            found.insert(name);
        }
    }
    let remembered: Vec<_> = record
        .iter()
        .flat_map(|r| &r.members)
        .filter(|(name, _)| !found.contains(*name))
        .collect();
    let mut lost: BTreeSet<ClaimKey> = BTreeSet::new();
    for (name, member) in remembered {
        match cluster.pv(name).await? {
            Some(_) => drop(found.insert(name.clone())),
            None => drop(lost.insert(member.claim.key.clone())),
        }
    }
    let owners = with(caches, |index| owner_keys(index, volume, record));
    lost.extend(with(caches, |index| lost_askers(index, &owners)));
    let lost: Vec<ClaimKey> = lost.into_iter().collect();
    for some in lost.chunks(READ_AT_ONCE) {
        let read = try_join_all(some.iter().map(|key| cluster.claim(key))).await?;
        without_object(cluster, read.into_iter().flatten(), &mut found).await?;
    }
    if ending && found.is_empty() {
        // Nothing else keeps the data, and what the caches have not heard of yet could.
        let asks = |claim: &Claim| handshake::wanted(claim).is_some_and(|w| w.is_ok_and(|key| owners.contains(&key)));
        let all = cluster.claims().await?;
        without_object(cluster, all.into_iter().filter(asks), &mut found).await?;
    }
    Ok(found)
}

/// Adds the objects that claims have lost. A claim is called Lost only seconds after that; until then it is `Bound`, and its pods run.
async fn without_object(
    cluster: &dyn Cluster,
    claims: impl Iterator<Item = Claim> + Send,
    found: &mut BTreeSet<PvName>,
) -> Result<(), Failure> {
    for claim in claims.filter(had_its_own) {
        let own = claim.uid.pv_name();
        if cluster.pv(&own).await?.is_none() {
            found.insert(own);
        }
    }
    Ok(())
}

/// Whether a claim has been bound to the object made for it.
fn had_its_own(claim: &Claim) -> bool {
    claim.phase != ClaimPhase::Pending && claim.is_bound_to_own()
}

/// What the claims that own, or owned, a volume are called.
fn owner_keys(index: &Index, volume: &VolumeId, record: Option<&Record>) -> BTreeSet<ClaimKey> {
    let bound = index.pv(&volume.pv_name()).and_then(|pv| pv.claim.as_ref());
    let keys = bound.map(|c| &c.key).into_iter().chain(record.map(|r| &r.owner.key));
    keys.cloned().collect()
}

/// Claims that ask to join one of these, and seem to have lost their object.
fn lost_askers(index: &Index, owners: &BTreeSet<ClaimKey>) -> Vec<ClaimKey> {
    let askers = owners.iter().flat_map(|key| index.askers(key));
    let seems_lost = |key: &&ClaimKey| {
        let bound = index.claim(key).filter(|c| had_its_own(c));
        bound.is_some_and(|c| index.pv(&c.uid.pv_name()).is_none())
    };
    askers.filter(seems_lost).cloned().collect()
}

/// Reads a member live.
///
/// # Errors
/// What the API server answers.
pub async fn member(
    name: &PvName,
    caches: &Caches,
    cluster: &dyn Cluster,
    ledger: &dyn Ledger,
) -> Result<LiveMember, Failure> {
    let pv = cluster.pv(name).await?;
    let volume = pv.as_ref().and_then(|pv| with(caches, |index| index.volume_of(pv)));
    let record = match &volume {
        Some(volume) => ledger.get(volume),
        None => ledger.joined(name),
    };
    let mut uids: BTreeSet<ClaimUid> = pv.iter().flat_map(Pv::claim_uids).collect();
    uids.extend(name.claim_uid());
    let mut keys: BTreeSet<ClaimKey> = pv
        .iter()
        .filter_map(|pv| pv.claim.as_ref())
        .map(|c| c.key.clone())
        .collect();
    keys.extend(
        record
            .iter()
            .filter_map(|r| r.members.get(name))
            .map(|m| m.claim.key.clone()),
    );
    keys.extend(with(caches, |index| cached_keys(index, &uids)));
    let claims = LiveClaims::of(cluster).with_uids(&uids, keys).await?;
    Ok(LiveMember {
        name: name.clone(),
        pv,
        claims,
        volume,
        record: record.map(|r| (*r).clone()),
    })
}

#[cfg(test)]
mod tests;
