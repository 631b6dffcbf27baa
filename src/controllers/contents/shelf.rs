//! The snapshots that lie on a backend, listed now and then: they count against its limits, and some may be nobody's.

use crate::controllers::backends::wake_pending;
use crate::controllers::context::Context;
use crate::domain::ids::BackendName;
use crate::observe::gather;
use crate::observe::index::Index;
use tombolo_backend_api::{BackendError, Guarded, Snapshot};

/// Lists them, and counts them. None where the backend takes none.
///
/// # Errors
/// What the backend answers.
pub async fn count(ctx: &Context, name: &BackendName, guarded: &Guarded) -> Result<Vec<Snapshot>, BackendError> {
    if !guarded.capabilities().snapshot {
        return Ok(Vec::new());
    }
    let began = ctx.roots.shelved.begin(name);
    let listed = guarded.list_snapshots().await?;
    if ctx.roots.shelved.found(name, began, &listed) {
        room_again(ctx);
    }
    Ok(listed)
}

/// There is room again, by the limits: for claims, and for snapshots that were not begun.
fn room_again(ctx: &Context) {
    wake_pending(ctx);
    ctx.queue.add_all(gather::with(&ctx.caches, Index::contents_not_begun));
}
