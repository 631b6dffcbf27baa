//! A backend's trash: what it holds counts against limits, and what has been there long enough is handed to those who purge.

use super::backends::wake_pending;
use super::context::{Context, Next};
use crate::domain::discarded::Discarded;
use crate::domain::ids::BackendName;
use crate::execute::Failure;
use crate::observe::roots::RootState;
use crate::plan::trash::{Doomed, Due, due};
use std::time::Duration;
use tombolo_backend_api::{BackendError, Guarded, Remains, TrashEntry};

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
    let now = ctx.ports.clock.now();
    let (mut soonest, mut doomed, mut alone) = (PERIOD, Vec::new(), Vec::new());
    for entry in entries {
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
    for id in alone.into_iter().take(FORGOTTEN_AT_ONCE) {
        guarded.forget(&id).await?;
        tracing::info!(backend = %name, entry = %id, "removed the record of a volume that is not in the trash");
    }
    Ok(Next::After(soonest.max(Duration::from_secs(1))))
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
        wake_pending(ctx);
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
