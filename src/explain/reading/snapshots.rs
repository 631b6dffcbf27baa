//! The snapshot that a claim is to be made from, and who consents to that.

use super::{Input, Reading};
use crate::domain::ids::Namespace;
use crate::domain::served::Served;
use crate::domain::source::Source;
use crate::execute::cluster::Cluster;
use crate::execute::snapshots::SnapshotObjects;

impl Reading {
    /// If it is a VolumeSnapshot: it, and what stands behind it.
    pub(super) async fn snapshot(&mut self, source: &Source) {
        let Some(key) = source.as_snapshot() else { return };
        let found = self.cluster.snapshot(&key).await;
        let Some(found) = self.seen(Input::Source, "VolumeSnapshots", found) else {
            return;
        };
        let bound = found.as_ref().and_then(|snapshot| snapshot.content.clone());
        drop(self.index.reset_snapshots(found.into_iter().collect()));
        let content = match &bound {
            Some(name) => self.cluster.content(name).await,
            None => Ok(None),
        };
        if let Some(content) = self.seen(Input::Source, "VolumeSnapshotContents", content) {
            drop(self.index.reset_contents(content.into_iter().collect()));
        }
    }

    /// Who consents to copies.
    pub(super) async fn grants(&mut self, namespace: &Namespace) {
        let found = self.cluster.grants(namespace).await;
        match self.seen(
            Input::Grants,
            &format!("ReferenceGrants of namespace {namespace}"),
            found,
        ) {
            Some(Some(grants)) => drop(self.index.reset_grants(grants)),
            Some(None) => drop(self.index.grants_are(Served::NotInstalled)),
            None => {}
        }
    }
}
