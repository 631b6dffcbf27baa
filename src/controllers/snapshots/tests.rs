//! VolumeSnapshots of volumes for which the snapshot-controller makes no content.

use super::*;
use crate::controllers::testing::objects::Objects;
use crate::controllers::testing::snapshots::Snapshots;
use crate::controllers::testing::{World, world};
use crate::domain::ids::SnapshotUid;
use crate::domain::snapshot::Snapshot;
use crate::plan::testing::snapshots::{class, snapshot};
use crate::plan::testing::{claim, key, pv};
use std::sync::Arc;

/// `team/before`, of `team/data`, which goes when that is kept for it if it `vanishes`.
async fn asked_for(vanishes: bool) -> (World, Arc<Snapshots>) {
    let mut w = world(Vec::new(), []).await;
    let (objects, snapshots) = (Arc::new(Objects::default()), Arc::new(Snapshots::default()));
    objects.put(pv("team/data"));
    objects.put_claim(claim("team/data").bound());
    objects.show(&w.ctx.caches);
    snapshots.put_alone(snapshot(), vanishes);
    (w.ctx.ports.cluster, w.ctx.ports.snapshots) = (objects, snapshots.clone());
    w.caches(|index| index.reset_snapshot_classes(vec![class()]));
    w.caches(|index| index.put_snapshot(snapshot()));
    (w, snapshots)
}

#[tokio::test(start_paused = true)]
async fn a_claim_is_kept_for_its_snapshot_and_not_for_one_that_is_gone() {
    for vanishes in [false, true] {
        let (w, snapshots) = asked_for(vanishes).await;
        reconcile(&w.ctx, &snapshot().key).await.unwrap();
        assert_eq!(snapshots.keeps(&key("team/data")), !vanishes);
    }
}

#[tokio::test(start_paused = true)]
async fn a_claim_of_which_another_snapshot_is_to_be_taken_is_kept_on() {
    for (ready, kept) in [(None, true), (Some(true), false)] {
        let (w, snapshots) = asked_for(true).await;
        let another = Snapshot {
            key: SnapshotKey::new("team", "another"),
            uid: SnapshotUid::new("another"),
            ready,
            ..snapshot()
        };
        w.caches(|index| index.put_snapshot(another));
        reconcile(&w.ctx, &snapshot().key).await.unwrap();
        assert_eq!(snapshots.keeps(&key("team/data")), kept, "{ready:?}");
    }
}
