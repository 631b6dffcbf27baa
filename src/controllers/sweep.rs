//! Everything that nobody asked about: at start, and then now and again, each volume, token, hold, intent and orphan is looked
//! at. No event is needed for the world to come right, only for it to come right soon.

mod limits;
mod snapshots;

use super::contents::shelf;
use super::context::{Context, Next};
use super::holds;
use crate::domain::hold::Hold;
use crate::domain::ids::{Handle, VolumeId};
use crate::domain::pv::{Pv, ReclaimPolicy};
use crate::execute::Failure;
use crate::metrics::labels::Leftover;
use crate::observe::gather;
use crate::observe::index::Index;
use crate::observe::roots::RootState;
use crate::observe::work::Work;
use crate::plan::hold::ForHold;
use crate::plan::orphan::{self, Fate, ForOrphan};
use std::collections::HashSet;
use tombolo_backend_api::{Guarded, Listed};

/// Wakes what may need a look, and sees to orphans.
///
/// # Errors
/// What the API server answers. None of a single backend: they are looked at again next time.
pub async fn reconcile(ctx: &Context) -> Result<Next, Failure> {
    let records = ctx.ports.ledger.all();
    let recorded = records.iter().flat_map(|r| {
        let members = r.members.keys().cloned().map(Work::Member);
        members.chain([Work::Volume(r.volume.clone())])
    });
    ctx.queue.add_all(recorded);
    ctx.queue
        .add_all(gather::with(&ctx.caches, |index| everything(ctx, index)));
    let ended = descriptions(ctx).await;
    let intents = ctx.ports.ledger.open_intents().len();
    ctx.metrics.sweep_found(Leftover::Intent, intents);
    let handles: HashSet<&Handle> = records.iter().map(|r| &r.handle).collect();
    for name in ctx.roots.names() {
        ctx.queue.add_all([
            Work::Backend(name.clone()),
            Work::Trash(name.clone()),
            Work::Exports(name.clone()),
        ]);
        if let Some(root) = ctx.roots.get(&name)
            && let RootState::Ready(guarded) = &root.state
        {
            match guarded.list().await {
                Ok(listed) => {
                    orphans(ctx, guarded, &handles, listed).await;
                    limits::compare(ctx, guarded, &records).await;
                }
                Err(error) => tracing::warn!(backend = %name, %error, "the root could not be listed"),
            }
            match shelf::count(ctx, &name, guarded).await {
                Ok(listed) => snapshots::count_orphans(ctx, &root, guarded, &listed),
                Err(error) => tracing::warn!(backend = %name, %error, "its snapshots could not be listed"),
            }
        }
    }
    ended.map(|()| Next::After(ctx.sweep_interval))
}

/// A SharedVolume that outlived its volume is named by nothing else.
async fn descriptions(ctx: &Context) -> Result<(), Failure> {
    let all = ctx.publication.look_again().await?;
    ctx.queue.add_all(all.into_iter().map(Work::SharedVolume));
    Ok(())
}

/// Whatever the caches know, with the leftovers among it counted.
fn everything(ctx: &Context, index: &Index) -> Vec<Work> {
    ctx.verdicts.retain(|member| index.pv(member).is_some());
    ctx.refusals.retain(|claim| index.claim_by_uid(claim).is_some());
    ctx.copies.retain(|claim| index.claim_by_uid(claim).is_some());
    let (mut work, mut soft_deleted, mut tokens, mut held) = (Vec::new(), 0, 0, 0);
    for pv in index.pvs().filter(|pv| pv.ours.is_some()) {
        if pv.is_owner() {
            let volume = VolumeId::from(&pv.name);
            tokens += pv.tokens.len();
            soft_deleted += usize::from(is_left(pv) && index.members(&volume).next().is_none());
            work.extend([Work::Volume(volume.clone()), Work::SharedVolume(volume)]);
        } else {
            work.push(Work::Member(pv.name.clone()));
        }
    }
    for claim in index.claims() {
        let pv = claim.volume_name.as_ref().and_then(|name| index.pv(name));
        let volume = claim.volume_name.as_ref().map(VolumeId::from);
        let alone = volume.is_none_or(|volume| index.members(&volume).next().is_none());
        held += usize::from(claim.holds.contains(&Hold::Members) && alone);
        let around = holds::around(index, &claim.key.namespace, pv.map(|pv| &pv.tokens));
        held += usize::from(ForHold::of_claim(Hold::Copies, claim, pv.map(|pv| &**pv), 0, &around).is_left_over());
        work.push(Work::Claim(claim.key.clone()));
    }
    for snapshot in index.all_snapshots() {
        let content = snapshot.content.as_ref().and_then(|name| index.content(name));
        let around = holds::around(index, &snapshot.key.namespace, content.map(|c| &c.tokens));
        let seen = ForHold::of_snapshot(snapshot, content, &around);
        held += usize::from(seen.is_left_over());
        work.extend((seen.on || seen.needed).then(|| Work::Snapshot(snapshot.key.clone())));
    }
    work.extend(index.unfinished_snapshots());
    ctx.metrics.sweep_found(Leftover::SoftDeleted, soft_deleted);
    ctx.metrics.sweep_found(Leftover::Token, tokens);
    ctx.metrics.sweep_found(Leftover::Hold, held);
    work
}

/// Its owner has gone, and its data is to go with the last member.
fn is_left(pv: &Pv) -> bool {
    pv.is_let_go() && (pv.terminating || pv.policy == ReclaimPolicy::Delete)
}

async fn orphans(ctx: &Context, guarded: &Guarded, recorded: &HashSet<&Handle>, listed: Vec<Listed>) {
    let now = ctx.ports.clock.now();
    let (mut removed, mut reported) = (0, 0);
    for directory in listed {
        let name = orphan::named(&directory);
        let handle = Handle {
            backend: guarded.mark().backend_id.clone(),
            path: directory.path.clone(),
        };
        let (claim, pv, owned) = gather::with(&ctx.caches, |index| {
            let claim = name.claim_uid().is_some_and(|uid| index.claim_by_uid(&uid).is_some());
            let owned = index.owners_of(&handle).next().is_some();
            (claim, index.pv(&name).is_some(), owned)
        });
        let fate = orphan::decide(&ForOrphan {
            directory: &directory,
            claim,
            pv,
            handle: owned,
            record: recorded.contains(&handle) || ctx.ports.ledger.get(&(&name).into()).is_some(),
            now,
        });
        match fate {
            Fate::Belongs => {}
            Fate::Reported => reported += 1,
            Fate::RemovedIfEmpty => match removed_if_empty(ctx, guarded, &directory).await {
                Ok(true) => {
                    tracing::info!(directory = %directory.path, "removed an empty directory that belonged to nobody");
                    removed += 1;
                }
                Ok(false) => reported += 1,
                Err(error) => {
                    tracing::warn!(directory = %directory.path, %error, "an empty directory could not be removed");
                    reported += 1;
                }
            },
        }
    }
    if reported > 0 {
        tracing::warn!(
            directories = reported,
            "the root holds directories of no volume; they are left alone"
        );
    }
    ctx.metrics.sweep_found(Leftover::EmptyOrphan, removed);
    ctx.metrics.sweep_found(Leftover::Orphan, reported);
}

/// Asks live before anything goes: the caches of a controller that stood still may not show what another has made.
async fn removed_if_empty(ctx: &Context, guarded: &Guarded, directory: &Listed) -> Result<bool, Failure> {
    if ctx.ports.cluster.pv(&orphan::named(directory)).await?.is_some() {
        return Ok(false);
    }
    Ok(guarded.remove_empty(&directory.path).await?)
}

#[cfg(test)]
mod tests;
