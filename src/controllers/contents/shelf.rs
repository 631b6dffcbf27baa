//! The snapshots that lie on a backend, listed now and then: they count against its limits, and some may be nobody's.

use crate::controllers::backends::wake_who_waits_for_room;
use crate::controllers::context::Context;
use crate::domain::ids::BackendName;
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
        wake_who_waits_for_room(ctx);
    }
    Ok(listed)
}
