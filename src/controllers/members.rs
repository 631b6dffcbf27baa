//! A member's PersistentVolume changed: it leaves when its claim has gone, and its volume is told.

use super::context::{Context, Next};
use crate::domain::ids::PvName;
use crate::execute::{Failure, run};
use crate::observe::gather;
use crate::observe::work::Work;
use crate::plan::glance;
use crate::plan::member::decide;
use crate::plan::{Plan, Verdict};

/// More steps than any member needs.
const STEPS: usize = 8;

/// Looks at a member.
///
/// # Errors
/// Whatever stopped a plan.
pub async fn reconcile(ctx: &Context, name: &PvName) -> Result<Next, Failure> {
    let (pv, volume) = gather::with(&ctx.caches, |index| {
        let pv = index.pv(name).cloned();
        let volume = pv.as_ref().and_then(|pv| index.volume_of(pv));
        (pv, volume)
    });
    let record = volume.as_ref().and_then(|volume| ctx.ports.ledger.get(volume));
    if glance::member_is_quiet(pv.as_deref(), record.as_deref()) {
        return Ok(Next::Change);
    }
    for _ in 0..STEPS {
        let view = gather::member(name, &ctx.caches, &*ctx.ports.cluster, &*ctx.ports.ledger).await?;
        let Plan { actions, verdict } = decide(&view);
        run(&actions, &ctx.ports).await?;
        if !actions.is_empty()
            && let Some(volume) = view.volume.or(volume.clone())
        {
            ctx.queue
                .add_all([Work::Volume(volume.clone()), Work::SharedVolume(volume)]);
        }
        match verdict {
            Verdict::Continue => {}
            Verdict::Settled | Verdict::NotOurs | Verdict::AskLive | Verdict::Refused(_) => return Ok(Next::Change),
        }
    }
    Ok(Next::Again)
}
