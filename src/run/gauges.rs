//! Gauges of what no event tells.

use crate::controllers::context::Context;
use crate::domain::record::State;
use crate::domain::snapshot::Kind;
use crate::metrics::labels::ForeignKind;
use crate::observe::gather;
use std::time::Duration;

/// Figures that nothing else brings up to date.
pub(super) async fn follow(ctx: Context) {
    let mut tick = tokio::time::interval(Duration::from_secs(10));
    loop {
        tick.tick().await;
        let records = ctx.ports.ledger.all();
        let members = records.iter().map(|r| r.members.len()).sum();
        let soft_deleted = records.iter().filter(|r| r.state == State::SoftDeleted).count();
        ctx.metrics
            .ledger(members, soft_deleted, ctx.ports.ledger.open_intents().len());
        let (running, waiting) = ctx.copies.figures();
        ctx.metrics.copies(running, waiting);
        let grants = gather::with(&ctx.caches, |index| index.grants_served());
        ctx.metrics.served(ForeignKind::ReferenceGrant, grants);
        let populators = gather::with(&ctx.caches, |index| index.populators_served());
        ctx.metrics.served(ForeignKind::VolumePopulator, populators);
        for (kind, of) in [
            (ForeignKind::VolumeSnapshot, Kind::Snapshot),
            (ForeignKind::VolumeSnapshotContent, Kind::Content),
            (ForeignKind::VolumeSnapshotClass, Kind::Class),
        ] {
            let served = gather::with(&ctx.caches, |index| index.snapshots_served(of));
            ctx.metrics.served(kind, served);
        }
        ctx.metrics.stuck(crate::controllers::shared_volumes::stuck(&ctx));
        for (subject, depth) in crate::controllers::depths(&ctx.queue) {
            ctx.metrics.queue_depth(subject, depth);
        }
    }
}
