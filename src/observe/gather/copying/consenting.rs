//! Who consents to a copy, read live.

use super::super::{Caches, with};
use crate::domain::grant::Grant;
use crate::domain::ids::{ClaimKey, Namespace};
use crate::domain::reference::Reference;
use crate::domain::served::Served;
use crate::domain::source::Source;
use crate::domain::token::{AskedBy, ByConsent};
use crate::execute::cluster::{ApiError, Cluster, Fault};
use crate::execute::{Failure, Ports};
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
    consent: &ByConsent,
) -> Result<bool, Failure> {
    let cluster = &*ports.cluster;
    let ByConsent { source, by } = consent;
    let known: Vec<Reference> = with(caches, |index| index.references_in(&claim.namespace).cloned().collect());
    let key = match (by, source.as_snapshot()) {
        (AskedBy::Annotation, Some(key)) => ports.snapshots.snapshot(&key).await?.and_then(|snapshot| snapshot.of),
        (AskedBy::Annotation, None) => source.as_claim(),
        (AskedBy::DataSource, _) => None,
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
    let live = live_consent(cluster, asking, &known);
    let (live, owner) = tokio::try_join!(live, owner)?;
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
                references: &live.references,
                owner: owner.as_ref(),
            },
        },
    ))
}
