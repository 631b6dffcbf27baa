//! Snapshots on a backend that nothing in the cluster accounts for. They are counted, and never removed: see `plan::orphan`.

use super::Context;
use crate::domain::ids::SnapshotUid;
use crate::domain::served::Served;
use crate::domain::snapshot::Kind;
use crate::domain::snapshot::handle::{SnapshotHandle, content_name, uid_of};
use crate::metrics::labels::Leftover;
use crate::observe::gather;
use crate::observe::roots::Root;
use crate::plan::orphan::{self, ForSnapshot};
use crate::plan::snapshot::said;
use std::collections::HashSet;
use tombolo_backend_api::{Guarded, Snapshot};

/// Counts them, where all that could account for them is known.
pub(super) fn count_orphans(ctx: &Context, root: &Root, guarded: &Guarded, listed: &[Snapshot]) {
    let now = ctx.ports.clock.now();
    let found = gather::with(&ctx.caches, |index| {
        let kinds = [Kind::Snapshot, Kind::Content];
        if kinds.iter().any(|kind| index.snapshots_served(*kind) != Served::Yes) {
            return 0;
        }
        let there: HashSet<&SnapshotUid> = index.all_snapshots().map(|snapshot| &snapshot.uid).collect();
        // Once for all: there may be many of both, and nobody changes the caches meanwhile.
        let said: HashSet<&str> = index.all_contents().flat_map(said).collect();
        let orphan = |snapshot: &&Snapshot| {
            let uid = uid_of(&snapshot.id);
            let handle = SnapshotHandle {
                backend: guarded.mark().backend_id.clone(),
                id: snapshot.id.clone(),
            };
            let own = uid.as_ref().map(content_name);
            orphan::is_nobodys(&ForSnapshot {
                snapshot,
                of: uid.as_ref().is_some_and(|uid| there.contains(uid)),
                content: own.is_some_and(|own| index.content(&own).is_some())
                    || said.contains(handle.to_string().as_str()),
                imported: root.imports.name(&snapshot.id),
                now,
            })
        };
        listed.iter().filter(orphan).count()
    });
    if found > 0 {
        tracing::warn!(
            snapshots = found,
            "the root holds snapshots of no VolumeSnapshot and no content, retained or left; they are left alone"
        );
    }
    ctx.metrics.sweep_found(Leftover::OrphanSnapshot, found);
}
