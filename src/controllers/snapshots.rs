//! A VolumeSnapshot changed: show whether it is in use, and make the content that the snapshot-controller looks for, where it makes none
//! itself.

use super::context::{Context, Next};
use super::holds;
use crate::domain::snapshot::SnapshotKey;
use crate::execute::Failure;
use crate::execute::cluster::Fault;
use crate::observe::gather::{self, snapshots};
use crate::observe::index::Index;
use crate::plan::action::{Announcement, Subject, Told};
use crate::plan::snapshot::prepare::{ForSnapshot, Preparation, decide, needs_source};
use crate::report;

/// Looks at a VolumeSnapshot.
///
/// # Errors
/// What the API server answers.
pub async fn reconcile(ctx: &Context, key: &SnapshotKey) -> Result<Next, Failure> {
    let held = holds::of_snapshot(ctx, key).await?;
    let undone = gather::with(&ctx.caches, |index| {
        index
            .snapshot(key)
            .is_some_and(|s| s.content.is_none() && !s.terminating)
    });
    if !undone {
        return Ok(held);
    }
    let Some(view) = snapshots::snapshot(&ctx.caches, &ctx.ports, key).await? else {
        return Ok(Next::Change);
    };
    let ours = view.origin.pv.as_ref().and_then(|pv| pv.ours.as_ref());
    let guarded = ours.and_then(|ours| ctx.ports.storage.behind(&ours.handle));
    let prepared = decide(&ForSnapshot {
        snapshot: &view.snapshot,
        origin: &view.origin,
        classes: &view.classes,
        has_content: view.has_content,
        capabilities: guarded.map(|guarded| guarded.capabilities()),
    });
    let objects = &ctx.ports.snapshots;
    match prepared {
        Preparation::Nothing => {}
        Preparation::Refuse(reason, text) => {
            ctx.ports.audience.hear(&Announcement {
                subject: Subject::Snapshot(view.snapshot.key.clone(), view.snapshot.uid.clone()),
                reason: Told::Snapshot(reason),
                text,
            });
            return Ok(Next::After(report::memory::say_again()));
        }
        Preparation::Choose(class) => {
            objects.choose_class(&view.snapshot, &class).await?;
            return Ok(Next::Again);
        }
        Preparation::Make(claim, content) => {
            objects.keep_source(&claim).await?;
            if !needs_source(&view.snapshot, objects.snapshot(key).await?.as_ref()) {
                let others = |index: &Index| index.is_to_be_taken(&claim.key, &view.snapshot.uid);
                if !gather::with(&ctx.caches, others) {
                    objects.let_source_go(&claim).await?;
                }
                return Ok(Next::Change);
            }
            match objects.create_content(&content).await {
                Ok(()) => {}
                Err(error) if error.fault == Fault::Exists => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(Next::Change)
}

#[cfg(test)]
mod tests;
