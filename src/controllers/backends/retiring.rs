//! Letting a StorageBackend go that somebody deletes.

use super::WHEN_DEGRADED;
use crate::controllers::context::{Context, Next};
use crate::controllers::{exports, trash};
use crate::domain::ids::BackendName;
use crate::domain::served::Served;
use crate::domain::snapshot::Kind;
use crate::execute::Failure;
use crate::observe::gather;
use crate::observe::roots::{Root, RootState};
use crate::observe::work::Work;
use crate::plan::retire::{Left, contents_are_unknown, may_go};
use crate::plan::snapshot::{lies_on, lies_on_none_of};
use crate::plan::takes::Taken;

/// A backend under deletion goes when nothing needs it any more.
pub(super) async fn let_go(ctx: &Context, name: &BackendName, root: &Root) -> Result<Next, Failure> {
    // What was decided before the deletion and is not in the ledger yet, before the ledger is asked.
    let ledger = &*ctx.ports.ledger;
    let begun = |others: &[Taken]| (others.iter().any(|taken| taken.backend == *name), None);
    let (begun, _) = ctx.reservations.decide(ledger, begun);
    let recorded = begun || ledger.usage(name, None).volumes > 0;
    let objects = gather::with(&ctx.caches, |index| {
        index
            .pvs()
            .filter_map(|pv| pv.ours.as_ref())
            .any(|ours| ours.backend.as_ref() == Some(name) || root.id.as_ref() == Some(&ours.handle.backend))
    });
    let trash = match &root.state {
        RootState::Ready(guarded) => {
            let entries = trash::count(ctx, name, guarded).await?;
            Some(entries.iter().filter(|entry| trash::holds_data(entry)).count())
        }
        RootState::Degraded(..) => None,
    };
    let exports = match &root.state {
        RootState::Ready(guarded) if exports::are_on(guarded) => !guarded.exports().await?.is_empty(),
        RootState::Ready(_) | RootState::Degraded(..) => false,
    };
    if exports {
        ctx.wake(Work::Exports(name.clone()));
    }
    let left = Left {
        recorded,
        objects,
        trash,
        exports,
        snapshots: snapshots_left(ctx, root).await?,
        marked: root.id.is_some(),
    };
    if !may_go(&left) {
        return Ok(Next::After(WHEN_DEGRADED));
    }
    ctx.publication.backend_in_use(name, false).await?;
    Ok(Next::Change)
}

/// Why a backend that somebody deletes, and whose id nobody knows, is not let go before more is known; in words for admins.
pub(super) fn waits_to_know(ctx: &Context, root: &Root) -> Option<&'static str> {
    if !root.terminating || root.id.is_some() {
        return None;
    }
    let served = gather::with(&ctx.caches, |index| index.snapshots_served(Kind::Content));
    contents_are_unknown(served, root.capabilities)
}

/// Whether a content needs a backend to be deleted, or may do so; where contents cannot be read, by whether there are snapshots on it.
pub(super) async fn snapshots_left(ctx: &Context, root: &Root) -> Result<bool, Failure> {
    let Some(id) = &root.id else {
        // What lies on no other may lie on this one: its id may be known no more.
        let roots = ctx
            .roots
            .names()
            .into_iter()
            .filter_map(|name| ctx.roots.get(&name)?.id);
        let others: Vec<_> = roots.collect();
        let named = gather::with(&ctx.caches, |index| {
            index.all_contents().any(|content| lies_on_none_of(content, &others))
        });
        return Ok(named || waits_to_know(ctx, root).is_some());
    };
    let (served, named) = gather::with(&ctx.caches, |index| {
        let named = index.all_contents().any(|content| lies_on(content, id));
        (index.snapshots_served(Kind::Content), named)
    });
    Ok(match (served, &root.state) {
        _ if named => true,
        (Served::Yes | Served::NotInstalled, _) => false,
        // A content that nobody has seen yet.
        (Served::Unknown, _) => root.capabilities.is_none_or(|can| can.snapshot),
        (Served::Forbidden, RootState::Ready(guarded)) if guarded.capabilities().snapshot => {
            !guarded.list_snapshots().await?.is_empty()
        }
        (Served::Forbidden, _) => false,
    })
}
