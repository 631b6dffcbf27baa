//! Everything that nobody asked about: at start, and then now and again, each volume, token, hold, intent and orphan is looked
//! at. No event is needed for the world to come right, only for it to come right soon.

use super::context::{Context, Next};
use crate::domain::ids::{Handle, PvName};
use crate::execute::Failure;
use crate::metrics::labels::Leftover;
use crate::observe::gather;
use crate::observe::roots::RootState;
use crate::observe::work::Work;
use std::time::Duration;
use tombolo_backend_api::Listed;

/// An empty directory without claim, object or record is removed when it is this old: a create whose answer was lost is
/// repeated long before.
const ORPHANED: Duration = Duration::from_secs(3600);

/// Wakes what may need a look, and sees to orphans.
///
/// # Errors
/// None of a single backend: they are counted and looked at again next time.
pub async fn reconcile(ctx: &Context) -> Result<Next, Failure> {
    let (work, held, tokens) = gather::with(&ctx.caches, |index| {
        let mut work = Vec::new();
        let (mut held, mut tokens) = (0, 0);
        for pv in index.pvs().filter(|pv| pv.ours.is_some()) {
            if pv.is_owner() {
                work.push(Work::Volume((&pv.name).into()));
                work.push(Work::SharedVolume((&pv.name).into()));
                tokens += pv.tokens.len();
            } else {
                work.push(Work::Member(pv.name.clone()));
            }
        }
        for claim in index.claims() {
            held += usize::from(claim.held);
            work.push(Work::Claim(claim.key.clone()));
        }
        (work, held, tokens)
    });
    ctx.publication.look_again().await?;
    ctx.queue.add_all(work);
    let records = ctx.ports.ledger.all();
    ctx.queue
        .add_all(records.iter().map(|r| Work::Volume(r.volume.clone())));
    ctx.queue
        .add_all(records.iter().flat_map(|r| r.members.keys().cloned().map(Work::Member)));
    ctx.metrics.sweep_found(Leftover::Hold, held);
    ctx.metrics.sweep_found(Leftover::Token, tokens);
    ctx.metrics
        .sweep_found(Leftover::Intent, ctx.ports.ledger.open_intents().len());
    for name in ctx.roots.names() {
        ctx.queue
            .add_all([Work::Backend(name.clone()), Work::Trash(name.clone())]);
        if let Some(root) = ctx.roots.get(&name)
            && let RootState::Ready(guarded) = &root.state
        {
            match guarded.list().await {
                Ok(listed) => orphans(ctx, guarded, listed).await,
                Err(error) => tracing::warn!(backend = %name, %error, "the root could not be listed"),
            }
        }
    }
    Ok(Next::After(ctx.sweep_interval))
}

async fn orphans(ctx: &Context, guarded: &tombolo_backend_api::Guarded, listed: Vec<Listed>) {
    let now = ctx.ports.clock.now();
    let mut reported = 0;
    for directory in listed {
        let name = PvName::new(directory.path.as_str());
        let known = gather::with(&ctx.caches, |index| {
            let handle = Handle {
                backend: guarded.mark().backend_id.clone(),
                path: directory.path.clone(),
            };
            index.owners_of(&handle).next().is_some()
                || index.pv(&name).is_some()
                || name.claim_uid().is_some_and(|uid| index.claim_by_uid(&uid).is_some())
        });
        if known || ctx.ports.ledger.get(&(&name).into()).is_some() {
            continue;
        }
        let age = Duration::try_from(now.duration_since(directory.modified)).unwrap_or_default();
        let ours_by_name = name.claim_uid().is_some();
        if ours_by_name && age >= ORPHANED {
            // Only if it is empty.
            match guarded.remove_empty(&directory.path).await {
                Ok(true) => {
                    tracing::info!(directory = %directory.path, "removed an empty directory that belonged to nobody");
                    ctx.metrics.sweep_found(Leftover::EmptyOrphan, 1);
                }
                Ok(false) => reported += 1,
                Err(error) => {
                    tracing::warn!(directory = %directory.path, %error, "an empty directory could not be removed")
                }
            }
        } else {
            reported += 1;
        }
    }
    if reported > 0 {
        tracing::warn!(
            directories = reported,
            "the root holds directories of no volume; they are left alone"
        );
    }
    ctx.metrics.sweep_found(Leftover::Orphan, reported);
}
