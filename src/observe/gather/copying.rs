//! What decisions about copies look at: the source of a claim that wants one, and the copies of a volume.

use super::{Caches, with};
use crate::domain::claim::Claim;
use crate::domain::ids::{ClaimKey, VolumeId};
use crate::domain::pv::Pv;
use crate::domain::token::{Token, TokenKind};
use crate::execute::Failure;
use crate::execute::cluster::Cluster;
use crate::ledger::Ledger;
use crate::observe::index::Index;
use crate::plan::copy::ForCopy;
use crate::plan::volume::{Copies, Known};
use crate::plan::{copy, handshake};
use std::sync::Arc;

/// The source of a claim that wants a copy.
#[derive(Debug, Clone)]
pub(super) struct CopyView {
    pub(super) source: Option<Arc<Claim>>,
    pub(super) source_pv: Option<Arc<Pv>>,
    pub(super) outgrown: bool,
}

impl CopyView {
    /// What the decision borrows.
    pub(super) fn to_decide(&self) -> ForCopy<'_> {
        ForCopy {
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
        let name = copy::wanted(claim).filter(|_| handshake::wanted(claim).is_none())?;
        let key = ClaimKey {
            namespace: claim.key.namespace.clone(),
            name: name.to_owned(),
        };
        let source = index.claim(&key).cloned();
        // A copy that has begun goes on when its source is gone.
        let begun = index.reads_for(&claim.uid).next().cloned();
        let named = source.as_ref().and_then(|source| source.volume_name.clone());
        Some(Self {
            source_pv: begun.or(named).and_then(|name| index.pv(&name)).cloned(),
            source,
            outgrown: false,
        })
    }

    /// Reads the source live; `false`: it is not what the caches said.
    pub(super) async fn read_live(&mut self, claim: &Claim, cluster: &dyn Cluster) -> Result<bool, Failure> {
        let Some(name) = copy::wanted(claim) else {
            return Ok(false);
        };
        let key = ClaimKey {
            namespace: claim.key.namespace.clone(),
            name: name.to_owned(),
        };
        let named = self.source_pv.as_ref().map(|pv| pv.name.clone());
        let pv = async {
            match &named {
                Some(name) => cluster.pv(name).await,
                None => Ok(None),
            }
        };
        let (source, pv) = tokio::try_join!(cluster.claim(&key), pv)?;
        let same = source.as_ref().and_then(|source| source.volume_name.as_ref()) == named.as_ref();
        (self.source, self.source_pv) = (source.map(Arc::new), pv.map(Arc::new));
        Ok(same)
    }
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
            outgrown: false,
        }
    };
    let own = volume.pv_name().claim_uid();
    Copies {
        of_this: copying.map(|token| (token.clone(), known(token))).collect(),
        into_this: own.is_some_and(|uid| with(caches, |index| index.reads_for(&uid).next().is_some())),
    }
}
