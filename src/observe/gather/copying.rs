//! What decisions about copies look at: the source of a claim that wants one, and the copies of a volume.

mod consenting;

pub use consenting::is_withdrawn;

use super::{Caches, with};
use crate::domain::claim::Claim;
use crate::domain::cross_source::CrossSourceKey;
use crate::domain::grant::Grant;
use crate::domain::ids::{ClaimKey, ClaimUid, ContentName, VolumeId};
use crate::domain::pv::Pv;
use crate::domain::reference::Reference;
use crate::domain::served::Served;
use crate::domain::snapshot::content::Content;
use crate::domain::snapshot::{Kind, Snapshot};
use crate::domain::source::Source;
use crate::domain::token::{AskedBy, Token, TokenKind};
use crate::execute::cluster::{ApiError, Cluster};
use crate::execute::{Failure, Ports};
use crate::ledger::Ledger;
use crate::observe::index::Index;
use crate::plan::copy::ForCopy;
use crate::plan::copy::asked::{Asked, asked, taken_of};
use crate::plan::copy::consent::Agreeing;
use crate::plan::copy::restore::ForRestore;
use crate::plan::handshake;
use crate::plan::volume::{Copies, Known};
use consenting::{Asking, live_consent};
use std::sync::Arc;

/// The source of a claim that wants a copy, and who consents to it.
#[derive(Debug, Clone)]
pub(super) struct CopyView {
    by: AskedBy,
    /// The CrossNamespaceSource that says what is meant, if one does.
    through: Option<CrossSourceKey>,
    named: Option<Source>,
    grants: Vec<Grant>,
    served: Served,
    references: Vec<Reference>,
    pub(super) source: Option<Arc<Claim>>,
    source_pv: Option<Arc<Pv>>,
    /// If that is a member's: the PersistentVolume of the volume's owner, and its claim.
    owner_pv: Option<Arc<Pv>>,
    owner: Option<Arc<Claim>>,
    pub(super) outgrown: bool,
    /// If it is a snapshot.
    restore: Option<RestoreView>,
}

/// The snapshot that a claim is to be made from.
#[derive(Debug, Clone)]
struct RestoreView {
    served: Served,
    snapshot: Option<Snapshot>,
    content: Option<Content>,
    of: Option<ClaimKey>,
}

impl RestoreView {
    fn cached(index: &Index, claim: &Claim, source: &Source) -> Option<Self> {
        let snapshot = index.snapshot(&source.as_snapshot()?).cloned();
        let served = [Kind::Snapshot, Kind::Content].map(|kind| index.snapshots_served(kind));
        Some(Self {
            served: served.into_iter().find(|s| *s != Served::Yes).unwrap_or(Served::Yes),
            content: snapshot
                .as_ref()
                .and_then(|s| index.content(s.content.as_ref()?))
                .cloned(),
            snapshot,
            of: taken_of(claim, source),
        })
    }

    /// The claim whose owner consents to the annotations.
    fn owner(&self) -> Option<ClaimKey> {
        let of_snapshot = || self.snapshot.as_ref().and_then(|snapshot| snapshot.of.clone());
        self.of.clone().or_else(of_snapshot)
    }
}

impl CopyView {
    /// What the decision borrows.
    pub(super) fn to_decide(&self) -> ForCopy<'_> {
        let content = self.restore.as_ref().and_then(|view| view.content.as_ref());
        ForCopy {
            named: self.named.as_ref(),
            agreeing: Agreeing {
                grants: &self.grants,
                served: self.served,
                references: &self.references,
                owner: self.source.as_deref(),
                of: self.restore.as_ref().and_then(|view| view.of.as_ref()),
                volume: content.and_then(|content| content.source.volume()),
            },
            source: self.source.as_deref(),
            source_pv: self.source_pv.as_deref(),
            owner_pv: self.owner_pv.as_deref(),
            owner: self.owner.as_deref(),
            restore: self.restore.as_ref().map(|view| ForRestore {
                served: view.served,
                snapshot: view.snapshot.as_ref(),
                content: view.content.as_ref(),
                of: view.of.as_ref(),
                owner: self.source.as_deref(),
            }),
            outgrown: self.outgrown,
        }
    }

    /// The PersistentVolume whose data would be read, and that keeps it meanwhile.
    pub(super) fn read_pv(&self) -> Option<&Pv> {
        self.owner_pv.as_deref().or(self.source_pv.as_deref())
    }

    /// The content of the snapshot that it is to be made from.
    pub(super) fn content(&self) -> Option<&ContentName> {
        self.restore.as_ref()?.content.as_ref().map(|content| &content.name)
    }

    pub(super) fn cached(index: &Index, claim: &Claim) -> Option<Self> {
        // Whoever asks for a share as well is told that first.
        let asked = asked(claim).ok()?.filter(|_| handshake::wanted(claim).is_none())?;
        let named = index.meant(&claim.key.namespace, &asked);
        let restore = named
            .as_ref()
            .and_then(|source| RestoreView::cached(index, claim, source));
        let of_claim = named.as_ref().and_then(Source::as_claim);
        let source = of_claim.or_else(|| restore.as_ref()?.owner());
        let source = source.and_then(|key| index.claim(&key)).cloned();
        let of_source = source
            .as_ref()
            .filter(|_| restore.is_none())
            .and_then(|source| source.volume_name.clone());
        let source_pv = of_source.and_then(|name| index.pv(&name)).cloned();
        let member = source_pv.as_ref().filter(|pv| pv.is_member());
        let owner_pv = member.and_then(|pv| index.pv(&index.volume_of(pv)?.pv_name())).cloned();
        let owner = owner_pv.as_ref().and_then(|pv| index.claim(&pv.claim.as_ref()?.key));
        let elsewhere = named.iter().filter(|source| source.namespace != claim.key.namespace);
        Some(Self {
            by: asked.by(),
            through: match &asked {
                Asked::Indirect(name) => Some(CrossSourceKey {
                    namespace: claim.key.namespace.clone(),
                    name: name.clone(),
                }),
                Asked::Named(_) | Asked::Annotated(_) => None,
            },
            grants: elsewhere
                .flat_map(|source| index.grants_in(&source.namespace))
                .cloned()
                .collect(),
            served: index.grants_served(),
            // Only annotations are asked with a reference.
            references: match asked.by() {
                AskedBy::Annotation => index.references_in(&claim.key.namespace).cloned().collect(),
                AskedBy::DataSource | AskedBy::Member => Vec::new(),
            },
            source_pv,
            owner: owner.cloned(),
            owner_pv,
            restore,
            source,
            named,
            outgrown: false,
        })
    }

    /// Reads the source live, and who consents to it; `false`: it is not what the caches said.
    pub(super) async fn read_live(&mut self, claim: &Claim, ports: &Ports) -> Result<bool, Failure> {
        if self.restore.is_some() {
            return self.read_snapshot_live(claim, ports).await;
        }
        let cluster = &*ports.cluster;
        let Some((source, key)) = self
            .named
            .as_ref()
            .and_then(|source| Some((source, source.as_claim()?)))
        else {
            return Ok(false);
        };
        let name = self.source_pv.as_ref().map(|pv| pv.name.clone());
        let pv = async {
            match &name {
                Some(name) => cluster.pv(name).await,
                None => Ok(None),
            }
        };
        let asking = Asking {
            namespace: &claim.key.namespace,
            source,
            by: self.by,
            owner: Some(&key),
        };
        let consent = live_consent(cluster, asking, &self.references);
        let meant = self.meant_live(cluster);
        let (source, pv, consent, meant) = tokio::try_join!(cluster.claim(&key), pv, consent, meant)?;
        let same =
            source.as_ref().and_then(|source| source.volume_name.as_ref()) == name.as_ref() && meant == self.named;
        (self.source, self.source_pv) = (source.map(Arc::new), pv.map(Arc::new));
        self.read_owner_live(cluster).await?;
        (self.grants, self.served, self.references) = (consent.grants, consent.served, consent.references);
        Ok(same)
    }
}

impl CopyView {
    /// What is meant by now. A CrossNamespaceSource that was made again under its name may mean something else than the caches say.
    async fn meant_live(&self, cluster: &dyn Cluster) -> Result<Option<Source>, ApiError> {
        match &self.through {
            Some(key) => Ok(cluster.cross_source(key).await?.and_then(|found| found.source)),
            None => Ok(self.named.clone()),
        }
    }

    /// Of a member's volume, who owns it.
    async fn read_owner_live(&mut self, cluster: &dyn Cluster) -> Result<(), ApiError> {
        let member = self.source_pv.as_ref().is_some_and(|pv| pv.is_member());
        let Some(known) = self.owner_pv.take().filter(|_| member) else {
            return Ok(());
        };
        self.owner_pv = cluster.pv(&known.name).await?.map(Arc::new);
        self.owner = match self.owner_pv.as_ref().and_then(|pv| pv.claim.as_ref()) {
            Some(of) => cluster.claim(&of.key).await?.map(Arc::new),
            None => None,
        };
        Ok(())
    }

    async fn read_snapshot_live(&mut self, claim: &Claim, ports: &Ports) -> Result<bool, Failure> {
        let (Some(source), Some(view)) = (&self.named, &mut self.restore) else {
            return Ok(false);
        };
        let Some(key) = source.as_snapshot() else {
            return Ok(false);
        };
        let before = view.content.as_ref().map(|content| content.name.clone());
        view.snapshot = ports.snapshots.snapshot(&key).await?;
        view.content = match view.snapshot.as_ref().and_then(|s| s.content.as_ref()) {
            Some(name) => ports.snapshots.content(name).await?,
            None => None,
        };
        let owner = view.owner();
        self.source = match &owner {
            Some(key) if self.by == AskedBy::Annotation => ports.cluster.claim(key).await?.map(Arc::new),
            Some(_) | None => None,
        };
        let asking = Asking {
            namespace: &claim.key.namespace,
            source,
            by: self.by,
            owner: owner.as_ref(),
        };
        let consent = live_consent(&*ports.cluster, asking, &self.references).await?;
        (self.grants, self.served, self.references) = (consent.grants, consent.served, consent.references);
        let same = view.content.as_ref().map(|content| &content.name) == before.as_ref();
        Ok(same && self.meant_live(&*ports.cluster).await? == self.named)
    }
}

/// What is known of copies. Of the ledger and the caches only: whether a copy has an object is read with its token.
pub(super) fn copies(volume: &VolumeId, pv: Option<&Pv>, caches: &Caches, ledger: &dyn Ledger) -> Copies {
    let tokens = pv.into_iter().flat_map(|pv| pv.tokens.keys());
    let copying = tokens.filter(|token| token.kind == TokenKind::Copying);
    let own = volume.pv_name().claim_uid();
    Copies {
        of_this: copying
            .map(|token| (token.clone(), known_of(token, caches, ledger)))
            .collect(),
        into_this: own.is_some_and(|uid| with(caches, |index| is_kept_for(index, &uid))),
    }
}

/// Whether the token of the copy that becomes the volume of a claim is on something.
fn is_kept_for(index: &Index, claim: &ClaimUid) -> bool {
    index.reads_for(claim).next().is_some() || index.contents_kept_for(claim).next().is_some()
}

/// What is known of the copy with a token.
pub(super) fn known_of(token: &Token, caches: &Caches, ledger: &dyn Ledger) -> Known {
    let record = ledger.get(&VolumeId::from(&token.claim.pv_name()));
    Known {
        twins: record
            .as_ref()
            .is_some_and(|record| with(caches, |index| index.owners_of(&record.handle).next().is_some())),
        record: record.map(|record| (*record).clone()),
        given_up: false,
    }
}
