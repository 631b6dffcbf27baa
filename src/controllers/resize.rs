//! The size of a bound claim: reads live, decides one step, takes it, until nothing is left or somebody refuses.
//!
//! Holds no rule about sizes: those are `plan::resize`. What a backend refused is remembered with its size, so that the claim, which
//! wakes itself by every word of its status, does not ask again at once.

use super::context::{Context, Next};
use super::{claims, retry};
use crate::api::reasons::Class;
use crate::domain::backend::Backend;
use crate::domain::claim::{Claim, ClaimPhase};
use crate::domain::ids::VolumeId;
use crate::domain::pv::Pv;
use crate::domain::record::Record;
use crate::execute::{Failure, run};
use crate::metrics::labels::resizes::Resized;
use crate::observe::gather;
use crate::observe::work::Work;
use crate::plan::resize::{self, Answer, ForResize, ResizeMark};
use crate::plan::{Action, Plan, Verdict};
use crate::report;
use std::sync::Arc;
use std::time::Duration;

pub mod refusals;

/// More steps than any growth needs.
const STEPS: usize = 8;

/// How long a size stays refused that can never be, as things are (as kubernetes-csi/external-resizer has it).
const INFEASIBLE: Duration = Duration::from_secs(300);

/// What one look has read live.
struct Seen {
    claim: Claim,
    pv: Pv,
    owner: Option<Pv>,
    record: Option<Arc<Record>>,
}

/// Sees to the size of a claim.
///
/// # Errors
/// Whatever stopped a plan.
pub async fn settle(ctx: &Context, claim: &Claim) -> Result<Next, Failure> {
    let Some(volume) = volume_to_resize(ctx, claim) else {
        return Ok(Next::Change);
    };
    let Some(_turn) = ctx.turn(&volume, Work::Claim(claim.key.clone())) else {
        return Ok(Next::Change);
    };
    let (mut uncertain, mut marked) = (false, None);
    for _ in 0..STEPS {
        let Some(seen) = read(ctx, claim, &volume).await? else {
            return Ok(Next::Change);
        };
        if !seen.pv.is_member() && !seen.record.as_ref().is_some_and(|r| resize::is_known(r, &seen.pv)) {
            return Ok(Next::After(claims::WHILE_WAITING));
        }
        let wanted = resize::goal(&seen.claim, &seen.pv).filter(|_| !seen.pv.is_member());
        if let Some(left) = wanted.and_then(|bytes| ctx.refusals.left(&claim.uid, bytes)) {
            return Ok(Next::After(left));
        }
        match step(ctx, &seen, (uncertain, marked)).await? {
            Step::Done(next) => return Ok(next),
            Step::Marked(bytes) => marked = Some(bytes),
            Step::Again => {}
            Step::Overtaken => uncertain = true,
        }
    }
    Ok(Next::Again)
}

/// The volume of a claim whose size is to be looked at, as the caches show.
fn volume_to_resize(ctx: &Context, claim: &Claim) -> Option<VolumeId> {
    gather::with(&ctx.caches, |index| {
        let pv = index.pv(claim.volume_name.as_ref()?)?;
        let volume = index.volume_of(pv)?;
        let owner = index.pv(&volume.pv_name()).filter(|_| pv.is_member());
        let quiet = resize::is_quiet(claim, pv, owner.map(|pv| &**pv));
        (!quiet).then_some(volume)
    })
}

async fn read(ctx: &Context, claim: &Claim, volume: &VolumeId) -> Result<Option<Seen>, Failure> {
    let cluster = &ctx.ports.cluster;
    let live = cluster.claim(&claim.key).await?;
    let Some(live) = live.filter(|live| live.uid == claim.uid && live.phase == ClaimPhase::Bound) else {
        return Ok(None);
    };
    let Some(name) = &live.volume_name else { return Ok(None) };
    let Some(pv) = cluster.pv(name).await? else {
        return Ok(None);
    };
    let owner = match pv.is_member() {
        true => cluster.pv(&volume.pv_name()).await?,
        false => None,
    };
    // What the turn was taken for.
    if !pv.is_member() && pv.name != volume.pv_name() {
        return Ok(None);
    }
    Ok(Some(Seen {
        claim: live,
        pv,
        owner,
        record: ctx.ports.ledger.get(volume),
    }))
}

/// What a step came to.
enum Step {
    /// Nothing is left to do now.
    Done(Next),
    /// The claim's status says, if the API server keeps such, that this size is being made.
    Marked(u64),
    /// Look again.
    Again,
    /// Somebody else was faster, after the backend was told: it may have been told another size before this one.
    Overtaken,
}

async fn step(ctx: &Context, seen: &Seen, known: (bool, Option<u64>)) -> Result<Step, Failure> {
    let ledger = &*ctx.ports.ledger;
    let ((plan, backend), _held) = ctx.reservations.decide(ledger, |others| {
        let backends = ctx.roots.views(ledger, &seen.claim.key.namespace, others);
        let ours = seen.pv.ours.as_ref();
        let backend = ours.and_then(|ours| gather::ready(&backends, &ours.handle));
        let o = to_decide(seen, backend.as_ref(), known);
        let plan = resize::decide(&o);
        let taken = resize::takes(&o, &plan);
        ((plan, backend), taken)
    });
    let Plan { actions, verdict } = plan;
    let told = actions.iter().any(|a| matches!(a, Action::ResizeData { .. }));
    match run(&actions, &ctx.ports).await {
        Ok(()) => {}
        Err(failure) if told && failure.is_stale() => return Ok(Step::Overtaken),
        Err(failure) => {
            let o = to_decide(seen, backend.as_ref(), known);
            return refused(ctx, &o, &actions, failure).await.map(Step::Done);
        }
    }
    let mark = actions.iter().find_map(|a| match a {
        Action::MarkResize { mark, .. } => Some(mark),
        _ => None,
    });
    match mark {
        Some(ResizeMark::Finished { .. }) => {
            ctx.refusals.forget(&seen.claim.uid);
            ctx.metrics.resized(Resized::Succeeded);
        }
        Some(ResizeMark::Refused { .. }) => ctx.metrics.resized(Resized::Refused),
        Some(ResizeMark::InProgress { .. }) | None => {}
    }
    Ok(match (verdict, mark) {
        (Verdict::Continue, Some(ResizeMark::InProgress { bytes })) => Step::Marked(*bytes),
        (Verdict::Continue, _) => Step::Again,
        (Verdict::Refused(refusal), _) => {
            let told = report::not_resized(&seen.claim.reference(), &refusal);
            ctx.ports.audience.hear(&told);
            Step::Done(claims::look_again(&refusal))
        }
        (Verdict::Settled | Verdict::NotOurs | Verdict::AskLive, _) => Step::Done(Next::Change),
    })
}

fn to_decide<'a>(
    seen: &'a Seen,
    backend: Option<&'a Backend>,
    (uncertain, marked): (bool, Option<u64>),
) -> ForResize<'a> {
    ForResize {
        claim: &seen.claim,
        pv: &seen.pv,
        owner: seen.owner.as_ref(),
        record: seen.record.as_deref(),
        backend,
        marked,
        uncertain,
    }
}

/// The backend said no: that is written down and said, and it is asked again after a long while.
async fn refused(ctx: &Context, o: &ForResize<'_>, actions: &[Action], failure: Failure) -> Result<Next, Failure> {
    let told = actions.iter().find_map(|a| match a {
        Action::ResizeData { bytes, .. } => Some(*bytes),
        _ => None,
    });
    let (Failure::Backend(error), Some(bytes)) = (&failure, told) else {
        return Err(failure);
    };
    let Some(answer) = resize::answer(bytes, error) else {
        return Err(failure);
    };
    tracing::warn!(claim = %o.claim.key, bytes, %error, "the backend does not resize a volume");
    let in_a_row = ctx.refusals.note(&o.claim.uid, bytes, |n| patience(&answer, n));
    ctx.metrics.resized(Resized::Refused);
    if o.claim.asks_for_more() {
        run(&resize::note_refused(o, bytes, &answer), &ctx.ports).await?;
        let told = report::not_resized(&o.claim.reference(), &answer.refusal);
        ctx.ports.audience.hear(&told);
    }
    Ok(Next::After(patience(&answer, in_a_row)))
}

fn patience(answer: &Answer, in_a_row: u32) -> Duration {
    match answer.infeasible {
        true => INFEASIBLE,
        false => retry::delay(Class::Denied, in_a_row),
    }
}

#[cfg(test)]
mod tests;
