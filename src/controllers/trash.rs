//! A backend's trash: entries whose retention has ended are removed for ever, in the background.

use super::context::{Context, Next};
use crate::domain::discarded::Discarded;
use crate::domain::ids::BackendName;
use crate::execute::Failure;
use crate::metrics::Metrics;
use crate::observe::roots::RootState;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tombolo_backend_api::{PurgeProgress, Purged, Remains, TrashEntry};

/// How often trash is looked at when nothing in it is due sooner.
const PERIOD: Duration = Duration::from_secs(60);

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
    let entries = guarded.trash().await?;
    ctx.metrics.trash_entries(name, entries.len());
    let now = ctx.ports.clock.now();
    let mut soonest = PERIOD;
    let mut failed = None;
    for entry in entries {
        match remaining(&entry, root.retention, now) {
            Some(wait) if !wait.is_zero() => soonest = soonest.min(wait),
            Some(_) => {
                let progress = Counted {
                    metrics: ctx.metrics.clone(),
                    seen: AtomicU64::new(0),
                };
                // One entry that cannot be removed (a tenant chose the names in it) must not keep the others.
                match guarded.purge(&entry.id, &progress).await {
                    Ok(_) => tracing::info!(backend = %name, entry = %entry.id, "purged"),
                    Err(error) => {
                        tracing::warn!(backend = %name, entry = %entry.id, %error, "not purged; it is tried again");
                        failed = Some(error);
                    }
                }
            }
            // Without a record nobody knows when it came; it is kept, and listed, until an admin purges it.
            None => {}
        }
    }
    match failed {
        Some(error) => Err(error.into()),
        None => Ok(Next::After(soonest.max(Duration::from_secs(1)))),
    }
}

/// How long an entry still stays; `None`: for ever.
fn remaining(entry: &TrashEntry, retention: Duration, now: jiff::Timestamp) -> Option<Duration> {
    match entry.remains {
        Remains::Whole => {}
        Remains::Purging => return Some(Duration::ZERO),
        Remains::RecordOnly => return None,
    }
    let record: Discarded = serde_json::from_value(entry.record.clone()?).ok()?;
    let age = Duration::try_from(now.duration_since(record.at)).unwrap_or_default();
    Some(retention.saturating_sub(age))
}

struct Counted {
    metrics: Metrics,
    seen: AtomicU64,
}

impl PurgeProgress for Counted {
    fn purged(&self, so_far: Purged) {
        let before = self.seen.swap(so_far.files, Ordering::Relaxed);
        self.metrics.purged(so_far.files.saturating_sub(before));
    }
}
