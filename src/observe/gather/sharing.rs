//! What the decision about a share looks at: the source, its PersistentVolume, and who consents.

use super::behind;
use crate::api::names;
use crate::domain::backend::Backend;
use crate::domain::claim::Claim;
use crate::domain::grant::Grant;
use crate::domain::ids::ClaimKey;
use crate::domain::pv::Pv;
use crate::domain::reference::Reference;
use crate::execute::Failure;
use crate::execute::cluster::Cluster;
use crate::observe::consent::live_grants;
use crate::observe::index::{Index, NamespaceView};
use futures::future::try_join_all;
use std::sync::Arc;

/// The source of a claim that wants a share, and who consents to it.
#[derive(Debug, Clone)]
pub(super) struct ShareView {
    pub(super) namespace: NamespaceView,
    pub(super) references: Vec<Reference>,
    pub(super) grants: Vec<Grant>,
    pub(super) source: Option<Arc<Claim>>,
    pub(super) source_namespace_terminating: bool,
    pub(super) source_pv: Option<Arc<Pv>>,
    pub(super) backend: Option<Backend>,
}

impl ShareView {
    pub(super) fn cached(index: &Index, claim: &Claim, wanted: Option<&ClaimKey>, backends: &[Backend]) -> Self {
        let source = wanted.and_then(|key| index.claim(key)).cloned();
        let source_pv = source
            .as_ref()
            .and_then(|s| s.volume_name.as_ref())
            .and_then(|name| index.pv(name))
            .cloned();
        let mut share = Self {
            namespace: index.namespace(&claim.key.namespace).cloned().unwrap_or_default(),
            references: index.references_in(&claim.key.namespace).cloned().collect(),
            grants: wanted
                .into_iter()
                .flat_map(|key| index.grants_in(&key.namespace))
                .cloned()
                .collect(),
            source_namespace_terminating: wanted
                .and_then(|key| index.namespace(&key.namespace))
                .is_some_and(|namespace| namespace.terminating),
            source,
            source_pv,
            backend: None,
        };
        share.backend = share.backend_of(backends);
        share
    }

    /// The one of `backends` that the source's data lies on, if it is known.
    pub(super) fn backend_of(&self, backends: &[Backend]) -> Option<Backend> {
        behind(backends, self.source_pv.as_ref()?.ours.as_ref()?).cloned()
    }

    /// Reads again, live, what others' consent depends on, all at once; `false`: the source is bound to another volume than the caches
    /// said.
    pub(super) async fn read_live(
        &mut self,
        claim: &Claim,
        wanted: &ClaimKey,
        cluster: &dyn Cluster,
    ) -> Result<bool, Failure> {
        let name = self.source.as_ref().and_then(|source| source.volume_name.clone());
        let pv = async {
            match &name {
                Some(name) => cluster.pv(name).await,
                None => Ok(None),
            }
        };
        let naming = self.references.iter().filter(|r| r.names(wanted));
        let references = try_join_all(naming.map(|r| cluster.reference(&r.key)));
        let namespace = async {
            // Its labels count only where an owner grants by them.
            let by_label = self
                .source
                .as_ref()
                .is_some_and(|source| source.annotations.has(names::claim::SHARE_TO_SELECTOR));
            match by_label {
                true => cluster.namespace(&claim.key.namespace).await,
                false => Ok(None),
            }
        };
        let grants = async {
            // Where there is none by the caches there is none to take back; one that has come wakes the claim.
            match self.grants.is_empty() {
                true => Ok(Vec::new()),
                // Whom an annotation lets in is not to wait for a right to read grants.
                false => live_grants(cluster, &wanted.namespace).await.map(|(grants, _)| grants),
            }
        };
        let (source, pv, references, namespace, grants) =
            tokio::try_join!(cluster.claim(wanted), pv, references, namespace, grants)?;
        if source.as_ref().and_then(|source| source.volume_name.as_ref()) != name.as_ref() {
            return Ok(false);
        }
        self.source = source.map(Arc::new);
        self.source_pv = pv.map(Arc::new);
        self.references = references.into_iter().flatten().collect();
        self.grants = grants;
        if let Some(namespace) = namespace {
            self.namespace = namespace;
        }
        Ok(true)
    }
}
