//! A backend changed, or it is time to look at one: whose root it is, whether it answers, how much room it has.

use super::contents::shelf;
use super::context::{Context, Next};
use super::trash;
use crate::api::reasons::BackendReason as R;
use crate::api::storage_backend::StorageBackendSpec;
use crate::backends::{Opened, Still};
use crate::domain::ids::BackendName;
use crate::execute::Failure;
use crate::metrics::timed::Timed;
use crate::observe::gather;
use crate::observe::index::Index;
use crate::observe::roots::{Root, RootState};
use crate::observe::work::Work;
use crate::plan::root::{ForRoot, Verdict, decide};
use std::sync::Arc;
use std::time::Duration;
use tombolo_backend_api::{Backend, BackendError, BackendId, Class, Guarded, Space};

mod retiring;
mod status;

/// How often a backend that can be used is looked at.
const WHEN_READY: Duration = Duration::from_secs(30);
/// How often one that cannot is looked at.
const WHEN_DEGRADED: Duration = Duration::from_secs(3);
/// How long a backend waits for the first count of its trash.
const FIRST_COUNT: Duration = Duration::from_secs(3);

/// Looks at a backend.
///
/// # Errors
/// What the API server answers; a backend that is away is a state, not an error.
pub async fn reconcile(ctx: &Context, name: &BackendName) -> Result<Next, Failure> {
    let Some(root) = ctx.roots.get(name) else {
        return Ok(Next::Change);
    };
    let known = root.id.clone().or_else(|| recorded_id(ctx, name));
    let looked = async { admit_nodes(ctx, look(ctx, name, &root, known.as_ref()).await?).await };
    let state = match looked.await {
        Ok(state) => state,
        Err(error) => RootState::Degraded(reason_of(&error), error.to_string()),
    };
    let room = match &state {
        RootState::Ready(guarded) => room(guarded, &root).await,
        RootState::Degraded(..) => (root.space, root.pinned),
    };
    let id = match &state {
        RootState::Ready(guarded) => Some(guarded.mark().backend_id.clone()),
        RootState::Degraded(..) => known,
    };
    let (was, is) = (
        matches!(root.state, RootState::Ready(_)),
        matches!(state, RootState::Ready(_)),
    );
    if let RootState::Ready(guarded) = &state
        && !ctx.roots.trashed.is_known(name)
    {
        // Before the first claim can be served from it: what is in the trash counts against its limits.
        match tokio::time::timeout(FIRST_COUNT, trash::count(ctx, name, guarded)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::warn!(backend = %name, %error, "its trash could not be listed; it does not count yet")
            }
            Err(_) => tracing::warn!(backend = %name, "its trash takes long to list; it does not count yet"),
        }
    }
    if let RootState::Ready(guarded) = &state
        && !ctx.roots.shelved.is_known(name)
    {
        match tokio::time::timeout(FIRST_COUNT, shelf::count(ctx, name, guarded)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::warn!(backend = %name, %error, "its snapshots could not be listed; they do not count yet")
            }
            Err(_) => tracing::warn!(backend = %name, "its snapshots take long to list; they do not count yet"),
        }
    }
    if is && !root.terminating {
        // Before the first volume can be made on it, so that it cannot vanish under one.
        ctx.publication.backend_in_use(name, true).await?;
    }
    let Some(now) = ctx.roots.found(name, &root.spec, id, state, room) else {
        return Ok(Next::Again);
    };
    if is && !was {
        wake_everything_that_waits(ctx);
        ctx.queue
            .add_all([Work::Trash(name.clone()), Work::Exports(name.clone())]);
    }
    status::publish(ctx, name, &now).await?;
    if now.terminating {
        return retiring::let_go(ctx, name, &now).await;
    }
    Ok(Next::After(if is { WHEN_READY } else { WHEN_DEGRADED }))
}

/// The id that volumes and records of this name carry: a status can be lost, they stay.
fn recorded_id(ctx: &Context, name: &BackendName) -> Option<BackendId> {
    let in_ledger = ctx
        .ports
        .ledger
        .all()
        .into_iter()
        .find(|r| r.backend == *name)
        .map(|r| r.handle.backend.clone());
    in_ledger.or_else(|| {
        gather::with(&ctx.caches, |index| {
            index
                .pvs()
                .filter_map(|pv| pv.ours.as_ref())
                .find(|ours| ours.backend.as_ref() == Some(name))
                .map(|ours| ours.handle.backend.clone())
        })
    })
}

/// A backend that keeps everybody but nodes away is told which those are, at every look: whoever restarted it may have forgotten.
/// Before they are known it is not told of any, and what it last knew stays.
async fn admit_nodes(ctx: &Context, state: RootState) -> Result<RootState, BackendError> {
    if let RootState::Ready(guarded) = &state
        && guarded.capabilities().node_access
        && let Some(addresses) = ctx.nodes.addresses()
    {
        guarded.admit_nodes(&addresses).await?;
    }
    Ok(state)
}

/// The room there is, and what of it deleted volumes still hold; as it was, if the backend does not say.
async fn room(guarded: &Guarded, root: &Root) -> (Option<Space>, u64) {
    let space = guarded.space().await.ok().or(root.space);
    let pinned = match guarded.capabilities().quota {
        true => guarded.pinned().await.unwrap_or(root.pinned),
        false => 0,
    };
    (space, pinned)
}

/// Opens a backend's driver.
async fn open(ctx: &Context, name: &BackendName, spec: &StorageBackendSpec) -> Result<Arc<dyn Backend>, BackendError> {
    let opened = ctx.drivers.open(spec).await?;
    let timed = Opened {
        driver: Arc::new(Timed::new(opened.driver, name, &ctx.metrics)),
        ..opened
    };
    ctx.roots.opened(name, spec, &timed);
    Ok(timed.driver)
}

async fn look(
    ctx: &Context,
    name: &BackendName,
    root: &Root,
    known: Option<&BackendId>,
) -> Result<RootState, BackendError> {
    let still = match &root.tending {
        Some(tending) => tending.tend().await?,
        None => Still::Open,
    };
    let driver = match (&root.driver, still) {
        (Some(driver), Still::Open) => driver.clone(),
        (None, _) | (Some(_), Still::Outdated) => open(ctx, name, &root.spec).await?,
    };
    let mut mark = match driver.read_mark().await {
        // A root that was never used need not exist: placing the mark makes it, or says that the server is away.
        Err(error) if known.is_none() && error.class == Class::Waiting => None,
        read => read?,
    };
    let fresh = BackendId::parse(&uuid::Uuid::new_v4().to_string())
        .ok_or_else(|| BackendError::not_done(Class::Bug, "a fresh id is not an id"))?;
    let location = driver.root();
    // Twice at the most: a mark that was just placed, by us or by another, is there on the second look.
    for _ in 0..2 {
        let others = ctx.roots.others(name);
        let verdict = decide(&ForRoot {
            name,
            location: &location,
            known,
            mark: mark.as_ref(),
            cluster: &ctx.cluster_id,
            fresh: &fresh,
            others: &others,
        });
        match verdict {
            Verdict::Ours(mark) => return Ok(RootState::Ready(Guarded::new(driver.clone(), mark))),
            Verdict::Refused(reason, text) => return Ok(RootState::Degraded(reason, text)),
            Verdict::Place(wanted) => mark = Some(driver.place_mark(&wanted).await?),
        }
    }
    Err(BackendError::not_done(
        Class::Bug,
        "the root's mark was placed and is not there",
    ))
}

fn reason_of(error: &BackendError) -> R {
    match error.class {
        Class::Waiting | Class::Transient => R::Unreachable,
        Class::Denied => R::NotWritable,
        Class::Full => R::Full,
        Class::Invalid | Class::TooLarge | Class::Bug => R::Degraded,
    }
}

/// There is room again: for claims that were refused for a backend's sake, and snapshots that were not begun.
pub fn wake_pending(ctx: &Context) {
    let waiting: Vec<Work> = gather::with(&ctx.caches, |index| {
        let claims = index.pending().map(|c| Work::Claim(c.key.clone()));
        claims.chain(index.contents_not_begun()).collect()
    });
    ctx.queue.add_all(waiting);
}

/// The same, and volumes and snapshots whose data could not be touched.
pub fn wake_everything_that_waits(ctx: &Context) {
    wake_pending(ctx);
    ctx.queue
        .add_all(gather::with(&ctx.caches, Index::unfinished_snapshots));
    let volumes: Vec<Work> = gather::with(&ctx.caches, |index| {
        let waiting = index
            .pvs()
            .filter(|pv| pv.is_owner() && (pv.is_let_go() || !pv.tokens.is_empty()));
        waiting.map(|pv| Work::Volume((&pv.name).into())).collect()
    });
    let intents = ctx
        .ports
        .ledger
        .open_intents()
        .into_iter()
        .map(|r| Work::Volume(r.volume.clone()));
    ctx.queue.add_all(volumes.into_iter().chain(intents));
}

#[cfg(test)]
mod tests;
