//! A member's PersistentVolume changed: it leaves when its claim has gone, and its volume is told.

use super::context::{Context, Next};
use crate::domain::ids::{PvName, VolumeId};
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
    let (quiet, volume) = look(ctx, name);
    if quiet {
        return Ok(Next::Change);
    }
    // A join that is under way has made the object, and writes the member down next.
    let turn = match &volume {
        Some(volume) => match ctx.turn(volume, Work::Member(name.clone())) {
            Some(turn) => Some(turn),
            None => return Ok(Next::Change),
        },
        None => None,
    };
    if turn.is_some() && look(ctx, name).0 {
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

/// Whether nothing is to be decided about it, and which volume it belongs to, if the caches know.
fn look(ctx: &Context, name: &PvName) -> (bool, Option<VolumeId>) {
    gather::with(&ctx.caches, |index| {
        let pv = index.pv(name);
        let volume = pv.and_then(|pv| index.volume_of(pv));
        let record = match &volume {
            Some(volume) => ctx.ports.ledger.get(volume),
            None => ctx.ports.ledger.joined(name),
        };
        let quiet = glance::member_is_quiet(name, pv.map(|pv| &**pv), volume.as_ref(), record.as_deref());
        (quiet, volume.or_else(|| record.map(|record| record.volume.clone())))
    })
}
