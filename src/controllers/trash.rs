//! A backend's trash: what it holds counts against limits, and what has been there long enough is handed to those who purge.

use super::backends::wake_who_waits_for_room;
use super::contents::shelf;
use super::context::{Context, Next};
use crate::domain::discarded::Discarded;
use crate::domain::ids::{BackendName, PvName, VolumeId};
use crate::execute::Failure;
use crate::observe::gather;
use crate::observe::roots::RootState;
use crate::plan::trash::{Doomed, Due, due};
use std::time::Duration;
use tombolo_backend_api::{BackendError, Guarded, Remains, TrashEntry, TrashId};

/// How often trash is looked at when nothing in it is due sooner.
const PERIOD: Duration = Duration::from_secs(60);
/// Records without a volume that one look removes; the next one goes on.
const FORGOTTEN_AT_ONCE: usize = 100;

/// Looks at a backend's trash.
///
/// # Errors
/// What the backend answers.
pub async fn reconcile(ctx: &Context, name: &BackendName) -> Result<Next, Failure> {
    let Some(root) = ctx.roots.get(name) else {
        return Ok(Next::Change);
    };
    let RootState::Ready(guarded) = &root.state else {
        return Ok(Next::Change);
    };
    let entries = count(ctx, name, guarded).await?;
    // What somebody else has taken or removed counts, too, and the same room is at stake.
    if let Err(error) = shelf::count(ctx, name, guarded).await {
        tracing::warn!(backend = %name, %error, "its snapshots could not be listed");
    }
    let now = ctx.ports.clock.now();
    let (mut soonest, mut doomed, mut alone) = (PERIOD, Vec::new(), Vec::new());
    for entry in entries.into_iter().filter(|entry| !is_coming_back(ctx, entry)) {
        match due(&entry, root.retention, now) {
            Due::After(wait) => soonest = soonest.min(wait),
            Due::Purge => doomed.push(Doomed {
                backend: name.clone(),
                namespace: Discarded::of(&entry).map(|record| record.owner.key.namespace),
                id: entry.id,
            }),
            Due::Forget => alone.push(entry.id),
        }
    }
    ctx.purges.want(name, doomed);
    // A discard that was cut off goes on while the ledger has it, and needs its record.
    let over = |id: &TrashId| ctx.ports.ledger.get(&VolumeId::new(id.as_str())).is_none();
    let mut failed = None;
    for id in alone.into_iter().filter(over).take(FORGOTTEN_AT_ONCE) {
        match guarded.forget(&id).await {
            Ok(()) => {
                tracing::info!(backend = %name, entry = %id, "removed the record of a volume that is not in the trash")
            }
            // One that cannot be removed keeps no other.
            Err(error) => failed = Some(error),
        }
    }
    if let Some(error) = failed {
        return Err(error.into());
    }
    Ok(Next::After(soonest.max(Duration::from_secs(1))))
}

/// Whether somebody is restoring an entry: its object is made first, with another path, and the data follows. If that was cut off, the
/// data waits for it, however old it is.
pub(super) fn is_coming_back(ctx: &Context, entry: &TrashEntry) -> bool {
    gather::with(&ctx.caches, |index| {
        let pv = index.pv(&PvName::new(entry.id.as_str()));
        let ours = pv
            .filter(|pv| pv.is_owner() && !pv.terminating)
            .and_then(|pv| pv.ours.as_ref());
        ours.is_some_and(|ours| Discarded::of(entry).is_none_or(|record| record.handle != ours.handle))
    })
}

/// Lists a backend's trash, and counts it.
///
/// # Errors
/// What the backend answers.
pub async fn count(ctx: &Context, name: &BackendName, guarded: &Guarded) -> Result<Vec<TrashEntry>, BackendError> {
    let began = ctx.roots.trashed.begin(name);
    let entries = guarded.trash().await?;
    if ctx.roots.trashed.found(name, began, &entries) {
        // There is room again, by the limits and on the disk.
        wake_who_waits_for_room(ctx);
    }
    let volumes = entries.iter().filter(|entry| holds_data(entry)).count();
    ctx.metrics.trash_entries(name, volumes);
    Ok(entries)
}

/// Whether there is more of an entry than its record.
pub fn holds_data(entry: &TrashEntry) -> bool {
    match entry.remains {
        Remains::Whole | Remains::Purging => true,
        Remains::RecordOnly => false,
    }
}
