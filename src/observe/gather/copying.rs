//! What decisions about copies look at: the source of a claim that wants one, and the copies of a volume.

use super::{Caches, with};
use crate::domain::claim::Claim;
use crate::domain::cross_source::CrossSourceKey;
use crate::domain::grant::Grant;
use crate::domain::ids::{ClaimKey, ClaimUid, Namespace, VolumeId};
use crate::domain::pv::Pv;
use crate::domain::reference::{Reference, ReferenceKind};
use crate::domain::served::Served;
use crate::domain::source::Source;
use crate::domain::token::{AskedBy, ByConsent, Token, TokenKind};
use crate::execute::Failure;
use crate::execute::cluster::{ApiError, Cluster, Fault};
use crate::ledger::Ledger;
use crate::observe::index::Index;
use crate::plan::copy::ForCopy;
use crate::plan::copy::asked::{Asked, asked};
use crate::plan::copy::consent::{self, Agreeing, StillAgreeing};
use crate::plan::handshake;
use crate::plan::volume::{Copies, Known};
use futures::future::try_join_all;
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
    pub(super) source_pv: Option<Arc<Pv>>,
    pub(super) outgrown: bool,
}

impl CopyView {
    /// What the decision borrows.
    pub(super) fn to_decide(&self) -> ForCopy<'_> {
        ForCopy {
            named: self.named.as_ref(),
            agreeing: Agreeing {
                grants: &self.grants,
                served: self.served,
                references: &self.references,
                owner: self.source.as_deref(),
            },
            source: self.source.as_deref(),
            source_pv: self.source_pv.as_deref(),
            outgrown: self.outgrown,
        }
    }

    /// Whether the copy for a claim has begun.
    pub(super) fn has_begun(&self, claim: &Claim) -> bool {
        let token = Token::copying(claim.uid.clone());
        self.source_pv.as_ref().is_some_and(|pv| pv.tokens.contains_key(&token))
    }

    pub(super) fn cached(index: &Index, claim: &Claim) -> Option<Self> {
        // Whoever asks for a share as well is told that first.
        let asked = asked(claim).ok()?.filter(|_| handshake::wanted(claim).is_none())?;
        let named = index.meant(&claim.key.namespace, &asked);
        let source = named.as_ref().and_then(Source::as_claim);
        let source = source.and_then(|key| index.claim(&key)).cloned();
        // A copy that has begun goes on when its source is gone.
        let begun = index.reads_for(&claim.uid).next().cloned();
        let of_source = source.as_ref().and_then(|source| source.volume_name.clone());
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
            references: index.references_in(&claim.key.namespace).cloned().collect(),
            source_pv: begun.or(of_source).and_then(|name| index.pv(&name)).cloned(),
            source,
            named,
            outgrown: false,
        })
    }

    /// Reads the source live, and who consents to it; `false`: it is not what the caches said.
    pub(super) async fn read_live(&mut self, claim: &Claim, cluster: &dyn Cluster) -> Result<bool, Failure> {
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
        let consent = live_consent(cluster, &claim.key.namespace, source, self.by, &self.references);
        // One that was made again under its name may mean something else than the caches say.
        let meant = async {
            match &self.through {
                Some(key) => Ok(cluster.cross_source(key).await?.and_then(|found| found.source)),
                None => Ok(self.named.clone()),
            }
        };
        let (source, pv, consent, meant) = tokio::try_join!(cluster.claim(&key), pv, consent, meant)?;
        let same =
            source.as_ref().and_then(|source| source.volume_name.as_ref()) == name.as_ref() && meant == self.named;
        (self.source, self.source_pv) = (source.map(Arc::new), pv.map(Arc::new));
        (self.grants, self.served, self.references) = (consent.grants, consent.served, consent.references);
        Ok(same)
    }
}

/// What consent to a copy rests on, read live.
#[derive(Debug, Default)]
struct LiveConsent {
    grants: Vec<Grant>,
    served: Served,
    references: Vec<Reference>,
}

/// Reads what consent rests on; nothing for a copy within a namespace. `known`: the references that the caches have.
async fn live_consent(
    cluster: &dyn Cluster,
    namespace: &Namespace,
    source: &Source,
    by: AskedBy,
    known: &[Reference],
) -> Result<LiveConsent, ApiError> {
    if source.namespace == *namespace {
        return Ok(LiveConsent::default());
    }
    match by {
        AskedBy::DataSource => {
            let (grants, served) = match cluster.grants(&source.namespace).await {
                Ok(Some(grants)) => (grants, Served::Yes),
                Ok(None) => (Vec::new(), Served::NotInstalled),
                Err(error) if error.fault == Fault::Forbidden => (Vec::new(), Served::Forbidden),
                Err(error) => return Err(error),
            };
            Ok(LiveConsent {
                grants,
                served,
                references: Vec::new(),
            })
        }
        AskedBy::Annotation => {
            let key = source.as_claim();
            let naming = known.iter().filter(|r| key.as_ref().is_some_and(|key| r.names(key)));
            let references = try_join_all(naming.map(|r| cluster.reference(&r.key))).await?;
            Ok(LiveConsent {
                references: references.into_iter().flatten().collect(),
                ..LiveConsent::default()
            })
        }
    }
}

/// Whether consent to a copy that has begun was taken back since, by a live look.
///
/// # Errors
/// What the API server answers.
pub async fn is_withdrawn(
    caches: &Caches,
    cluster: &dyn Cluster,
    claim: &ClaimKey,
    source_uid: &ClaimUid,
    consent: &ByConsent,
) -> Result<bool, Failure> {
    let ByConsent { source, by } = consent;
    let owner = async {
        match (by, source.as_claim()) {
            (AskedBy::Annotation, Some(key)) => cluster.claim(&key).await,
            (AskedBy::Annotation | AskedBy::DataSource, _) => Ok(None),
        }
    };
    let references = async {
        match by {
            AskedBy::Annotation => all_references(caches, cluster, &claim.namespace).await,
            AskedBy::DataSource => Ok(Some(Vec::new())),
        }
    };
    let live = live_consent(cluster, &claim.namespace, source, *by, &[]);
    let (live, owner, references) = tokio::try_join!(live, owner, references)?;
    let Some(references) = references else {
        return Ok(false);
    };
    // Last: what was missing above may be missing because the namespace is going away.
    let namespace = cluster.namespace(&source.namespace).await?;
    Ok(consent::is_withdrawn(
        claim,
        source,
        *by,
        &StillAgreeing {
            namespace: namespace.map(|view| view.terminating),
            // Another claim of its name says nothing of what the one before consented to.
            agreeing: Agreeing {
                grants: &live.grants,
                served: live.served,
                references: &references,
                owner: owner.as_ref().filter(|owner| owner.uid == *source_uid),
            },
        },
    ))
}

/// All references of a namespace, of either kind that is honoured; `None`: one of them cannot be read now.
async fn all_references(
    caches: &Caches,
    cluster: &dyn Cluster,
    namespace: &Namespace,
) -> Result<Option<Vec<Reference>>, ApiError> {
    let mut all = Vec::new();
    for kind in [ReferenceKind::Volume, ReferenceKind::Trident] {
        // The compatible one may not be honoured; nobody waits for its watch, so that it is not served yet is no evidence.
        let honoured = kind == ReferenceKind::Volume || with(caches, |index| index.serves(kind));
        match cluster.references(kind, namespace).await {
            Ok(Some(found)) => all.extend(found),
            Ok(None) if honoured => return Ok(None),
            Ok(None) => {}
            Err(error) if !honoured && error.fault == Fault::Forbidden => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Some(all))
}

/// What is known of copies. Of the ledger and the caches only: whether a copy has an object is read with its token.
pub(super) fn copies(volume: &VolumeId, pv: Option<&Pv>, caches: &Caches, ledger: &dyn Ledger) -> Copies {
    let tokens = pv.into_iter().flat_map(|pv| pv.tokens.keys());
    let copying = tokens.filter(|token| token.kind == TokenKind::Copying);
    let known = |token: &Token| {
        let record = ledger.get(&VolumeId::from(&token.claim.pv_name()));
        Known {
            twins: record
                .as_ref()
                .is_some_and(|record| with(caches, |index| index.owners_of(&record.handle).next().is_some())),
            record: record.map(|record| (*record).clone()),
            given_up: false,
        }
    };
    let own = volume.pv_name().claim_uid();
    Copies {
        of_this: copying.map(|token| (token.clone(), known(token))).collect(),
        into_this: own.is_some_and(|uid| with(caches, |index| index.reads_for(&uid).next().is_some())),
    }
}
