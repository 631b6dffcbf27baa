//! Claims that one look reads live, each once.

use crate::domain::claim::Claim;
use crate::domain::ids::{ClaimKey, ClaimUid};
use crate::execute::Failure;
use crate::execute::cluster::Cluster;
use futures::future::try_join_all;
use std::collections::{BTreeMap, BTreeSet};

/// Claims by key, read live once each.
pub(super) struct LiveClaims<'a> {
    cluster: &'a dyn Cluster,
    read: BTreeMap<ClaimKey, Option<Claim>>,
}

impl<'a> LiveClaims<'a> {
    /// None is read yet.
    pub(super) fn of(cluster: &'a dyn Cluster) -> Self {
        Self {
            cluster,
            read: BTreeMap::new(),
        }
    }

    async fn get(&mut self, key: &ClaimKey) -> Result<Option<Claim>, Failure> {
        if let Some(found) = self.read.get(key) {
            return Ok(found.clone());
        }
        let found = self.cluster.claim(key).await?;
        self.read.insert(key.clone(), found.clone());
        Ok(found)
    }

    /// Reads these, all at once, where they are not read yet.
    pub(super) async fn read(&mut self, keys: impl Iterator<Item = &ClaimKey>) -> Result<(), Failure> {
        let unread: BTreeSet<&ClaimKey> = keys.filter(|key| !self.read.contains_key(*key)).collect();
        let found = try_join_all(unread.iter().map(|key| self.cluster.claim(key))).await?;
        self.read.extend(unread.into_iter().cloned().zip(found));
        Ok(())
    }

    /// The claims with these UIDs that exist. `keys` is where they may be, by all that is known.
    pub(super) async fn with_uids(
        &mut self,
        uids: &BTreeSet<ClaimUid>,
        keys: BTreeSet<ClaimKey>,
    ) -> Result<Vec<Claim>, Failure> {
        let mut found = Vec::new();
        for key in keys {
            found.extend(self.get(&key).await?.filter(|claim| uids.contains(&claim.uid)));
        }
        Ok(found)
    }
}
