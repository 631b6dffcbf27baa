//! Who consents to a copy, read live.

use super::super::{Caches, with};
use crate::domain::grant::Grant;
use crate::domain::ids::{ClaimKey, Namespace};
use crate::domain::reference::{Reference, ReferenceKind};
use crate::domain::served::Served;
use crate::domain::source::Source;
use crate::domain::token::{AskedBy, ByConsent};
use crate::execute::cluster::{ApiError, Cluster, Fault};
use crate::execute::{Failure, Ports};
use crate::observe::consent::live_grants;
use crate::plan::copy::consent::{self, Agreeing, StillAgreeing};
use futures::future::try_join_all;

/// Who asks for what, and of whom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asking<'a> {
    pub(super) namespace: &'a Namespace,
    pub(super) source: &'a Source,
    pub(super) by: AskedBy,
    /// The claim whose owner consents to the annotations.
    pub(super) owner: Option<&'a ClaimKey>,
}

/// What consent to a copy rests on, read live.
#[derive(Debug, Default)]
pub(super) struct LiveConsent {
    pub(super) grants: Vec<Grant>,
    pub(super) served: Served,
    pub(super) references: Vec<Reference>,
}

/// Reads what consent rests on; nothing for a copy within a namespace. `known`: the references that the caches have.
pub(super) async fn live_consent(
    cluster: &dyn Cluster,
    asking: Asking<'_>,
    known: &[Reference],
) -> Result<LiveConsent, ApiError> {
    let Asking {
        namespace,
        source,
        by,
        owner,
    } = asking;
    if source.namespace == *namespace {
        return Ok(LiveConsent::default());
    }
    match by {
        AskedBy::Member => Ok(LiveConsent::default()),
        AskedBy::DataSource => {
            let (grants, served) = live_grants(cluster, &source.namespace).await?;
            Ok(LiveConsent {
                grants,
                served,
                references: Vec::new(),
            })
        }
        AskedBy::Annotation => {
            let naming = known.iter().filter(|r| owner.is_some_and(|key| r.names(key)));
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
    ports: &Ports,
    claim: &ClaimKey,
    source_uid: &str,
    consent: &ByConsent,
) -> Result<bool, Failure> {
    let cluster = &*ports.cluster;
    let ByConsent { source, by } = consent;
    let snapshot = match (by, source.as_snapshot()) {
        (AskedBy::Annotation, Some(key)) => ports.snapshots.snapshot(&key).await?,
        (AskedBy::Annotation | AskedBy::DataSource | AskedBy::Member, _) => None,
    };
    let content = match snapshot.as_ref().and_then(|snapshot| snapshot.content.as_ref()) {
        Some(name) => ports.snapshots.content(name).await?,
        None => None,
    };
    let volume = content.as_ref().and_then(|content| content.source.volume());
    let key = match by {
        AskedBy::Annotation | AskedBy::Member => source.as_claim().or_else(|| snapshot.as_ref()?.of.clone()),
        AskedBy::DataSource => None,
    };
    let owner = async {
        match &key {
            Some(key) => cluster.claim(key).await,
            None => Ok(None),
        }
    };
    let asking = Asking {
        namespace: &claim.namespace,
        source,
        by: *by,
        owner: key.as_ref(),
    };
    let references = async {
        match by {
            AskedBy::Annotation => all_references(caches, cluster, &claim.namespace).await,
            AskedBy::DataSource | AskedBy::Member => Ok(Some(Vec::new())),
        }
    };
    let live = live_consent(cluster, asking, &[]);
    let (live, owner, references) = tokio::try_join!(live, owner, references)?;
    let Some(references) = references else {
        return Ok(false);
    };
    // Another claim of its name says nothing of what the one before consented to.
    let owner = owner.filter(|owner| match source.as_claim() {
        Some(_) => owner.uid.as_str() == source_uid,
        None => consent::has(owner, volume),
    });
    // Last: what was missing above may be missing because the namespace is going away.
    let namespace = cluster.namespace(&source.namespace).await?;
    Ok(consent::is_withdrawn(
        claim,
        source,
        *by,
        &StillAgreeing {
            namespace: namespace.map(|view| view.terminating),
            agreeing: Agreeing {
                grants: &live.grants,
                served: live.served,
                references: &references,
                owner: owner.as_ref(),
                // Which snapshot it may be of was compared when it began.
                of: None,
                volume,
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
