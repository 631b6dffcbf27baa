//! An owner's PersistentVolume, or something in it, changed: read live, decide, do one step, until nothing is left.

use super::context::{Context, Next};
use crate::domain::ids::{Namespace, VolumeId};
use crate::execute::{Failure, run};
use crate::metrics::labels::Attempt;
use crate::observe::gather;
use crate::observe::work::Work;
use crate::plan::glance;
use crate::plan::volume::decide;
use crate::plan::{Action, Plan, Verdict};
use std::time::Duration;
use tokio::sync::OwnedMutexGuard;

/// More steps than any volume needs at once; whoever exceeds it is looked at again later, behind the others.
const STEPS: usize = 64;

/// A backend's figures follow its volumes, many of them in one write.
const STATUS_AFTER: Duration = Duration::from_secs(5);

/// Looks at a volume.
///
/// # Errors
/// Whatever stopped a plan.
pub async fn reconcile(ctx: &Context, volume: &VolumeId) -> Result<Next, Failure> {
    let pv = gather::with(&ctx.caches, |index| index.pv(&volume.pv_name()).cloned());
    let record = ctx.ports.ledger.get(volume);
    if glance::volume_is_quiet(volume, pv.as_deref(), record.as_deref()) {
        return Ok(Next::Change);
    }
    let turn = ctx.locks.lock(volume).await;
    advance(ctx, volume, &turn).await
}

/// Takes a volume as far as it goes; the caller has its turn.
///
/// # Errors
/// Whatever stopped a plan.
pub async fn advance(ctx: &Context, volume: &VolumeId, _turn: &OwnedMutexGuard<()>) -> Result<Next, Failure> {
    let nobody = Namespace::new("");
    for _ in 0..STEPS {
        let backends = ctx.roots.views(&*ctx.ports.ledger, &nobody);
        let view = gather::volume(volume, &ctx.caches, &*ctx.ports.cluster, &*ctx.ports.ledger, &backends).await?;
        let Plan { actions, verdict } = decide(&view);
        let class = actions.iter().find_map(|a| match a {
            Action::Discard { class, .. } => class.clone(),
            _ => None,
        });
        let timer = class.map(|class| ctx.metrics.delete(&class));
        run(&actions, &ctx.ports).await?;
        if let Some(timer) = timer {
            timer.finish(Attempt::Succeeded);
        }
        if !actions.is_empty() {
            ctx.wake(Work::SharedVolume(volume.clone()));
        }
        for action in &actions {
            if let Action::Discard { backend, .. } = action {
                ctx.wake(Work::Trash(backend.clone()));
                ctx.queue.add_after(Work::Backend(backend.clone()), STATUS_AFTER);
            }
        }
        match verdict {
            Verdict::Continue => {}
            Verdict::Settled | Verdict::NotOurs | Verdict::AskLive | Verdict::Refused(_) => return Ok(Next::Change),
        }
    }
    Ok(Next::Again)
}
