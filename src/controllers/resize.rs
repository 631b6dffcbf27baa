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
use crate::observe::reserved::Reservation;
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

/// What one look has read.
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
    let Some((volume, shown)) = shown(ctx, claim) else {
        return Ok(Next::Change);
    };
    if !is_known(&shown) {
        return Ok(Next::After(claims::WHILE_WAITING));
    }
    // Whoever waits for room, or for an owner, costs no read.
    let ((plan, _), _) = decide(ctx, &shown, false);
    if let Verdict::Refused(refusal) = &plan.verdict {
        ctx.ports
            .audience
            .hear(&report::not_resized(&claim.reference(), refusal));
        return Ok(claims::look_again(refusal));
    }
    let Some(_turn) = ctx.turn(&volume, Work::Claim(claim.key.clone())) else {
        return Ok(Next::Change);
    };
    let mut uncertain = false;
    for _ in 0..STEPS {
        let Some(seen) = read(ctx, claim, &volume).await?.filter(is_known) else {
            return Ok(Next::Change);
        };
        if let Some((left, bytes, answer)) = refused_lately(ctx, &seen) {
            say_refused(ctx, &seen, bytes, &answer).await?;
            return Ok(Next::After(left));
        }
        match step(ctx, &seen, uncertain).await? {
            Step::Done(next) => return Ok(next),
            Step::Again => {}
            // Once more at once; then with growing patience, or whoever edits a claim without end would have its backend told without end.
            Step::Overtaken(failure) if uncertain => return Err(failure),
            Step::Overtaken(_) => uncertain = true,
        }
    }
    Ok(Next::Again)
}

/// The volume of a claim whose size is to be looked at, and what the caches show of it.
fn shown(ctx: &Context, claim: &Claim) -> Option<(VolumeId, Seen)> {
    gather::with(&ctx.caches, |index| {
        let pv = index.pv(claim.volume_name.as_ref()?)?;
        let volume = index.volume_of(pv)?;
        let owner = index.pv(&volume.pv_name()).filter(|_| pv.is_member());
        let owner = owner.map(|pv| &**pv);
        let seen = || Seen {
            claim: claim.clone(),
            pv: (**pv).clone(),
            owner: owner.cloned(),
            record: ctx.ports.ledger.get(&volume),
        };
        (!resize::is_quiet(claim, pv, owner)).then(|| (volume.clone(), seen()))
    })
}

/// Whether the ledger knows it; if not, no event tells when it does.
fn is_known(seen: &Seen) -> bool {
    seen.pv.is_member() || seen.record.as_ref().is_some_and(|r| resize::is_known(r, &seen.pv))
}

/// What this process was refused lately.
fn refused_lately(ctx: &Context, seen: &Seen) -> Option<(Duration, u64, Answer)> {
    let bytes = resize::goal(&seen.claim, &seen.pv).filter(|_| !seen.pv.is_member())?;
    let (left, answer) = ctx.refusals.left(&seen.claim.uid, bytes)?;
    Some((left, bytes, answer))
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
    /// Look again.
    Again,
    /// Somebody else was faster, after the backend was told: it may have been told another size before this one.
    Overtaken(Failure),
}

/// Decides while nobody else takes anything of the backends; what the plan takes is held for it.
fn decide(ctx: &Context, seen: &Seen, uncertain: bool) -> ((Plan, Option<Backend>), Option<Reservation>) {
    let ledger = &*ctx.ports.ledger;
    ctx.reservations.decide(ledger, |others| {
        let backends = ctx.roots.views(ledger, &seen.claim.key.namespace, others);
        let ours = seen.pv.ours.as_ref();
        let backend = ours.and_then(|ours| gather::ready(&backends, &ours.handle));
        let o = to_decide(seen, backend.as_ref(), uncertain);
        let plan = resize::decide(&o);
        let taken = resize::takes(&o, &plan);
        ((plan, backend), taken)
    })
}

async fn step(ctx: &Context, seen: &Seen, uncertain: bool) -> Result<Step, Failure> {
    let ((plan, _), _held) = decide(ctx, seen, uncertain);
    let Plan { actions, verdict } = plan;
    let told = actions.iter().any(|a| matches!(a, Action::ResizeData { .. }));
    match run(&actions, &ctx.ports).await {
        Ok(()) => {}
        Err(failure) if told && failure.is_stale() => return Ok(Step::Overtaken(failure)),
        Err(failure) => return refused(ctx, seen, &actions, failure).await.map(Step::Done),
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
    Ok(match verdict {
        Verdict::Continue => Step::Again,
        Verdict::Refused(refusal) => {
            let told = report::not_resized(&seen.claim.reference(), &refusal);
            ctx.ports.audience.hear(&told);
            Step::Done(claims::look_again(&refusal))
        }
        Verdict::Settled | Verdict::NotOurs | Verdict::AskLive => Step::Done(Next::Change),
    })
}

fn to_decide<'a>(seen: &'a Seen, backend: Option<&'a Backend>, uncertain: bool) -> ForResize<'a> {
    ForResize {
        claim: &seen.claim,
        pv: &seen.pv,
        owner: seen.owner.as_ref(),
        record: seen.record.as_deref(),
        backend,
        uncertain,
    }
}

/// The backend said no: that is written down and said, and it is asked again after a long while.
async fn refused(ctx: &Context, seen: &Seen, actions: &[Action], failure: Failure) -> Result<Next, Failure> {
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
    tracing::warn!(claim = %seen.claim.key, bytes, %error, "the backend does not resize a volume");
    let wait = ctx
        .refusals
        .note(&seen.claim.uid, bytes, &answer, |n| patience(&answer, n));
    ctx.metrics.resized(Resized::Refused);
    say_refused(ctx, seen, bytes, &answer).await?;
    Ok(Next::After(wait))
}

/// Writes a refusal down, if it is not written yet, and says it; unless nobody asked for that size.
async fn say_refused(ctx: &Context, seen: &Seen, bytes: u64, answer: &Answer) -> Result<(), Failure> {
    if !seen.claim.asks_for_more() {
        return Ok(());
    }
    let written = resize::note_refused(&seen.claim, bytes, answer);
    run(&written, &ctx.ports).await?;
    let told = report::not_resized(&seen.claim.reference(), &answer.refusal);
    ctx.ports.audience.hear(&told);
    Ok(())
}

fn patience(answer: &Answer, in_a_row: u32) -> Duration {
    match answer.infeasible {
        true => INFEASIBLE,
        false => retry::delay(Class::Denied, in_a_row),
    }
}

#[cfg(test)]
mod tests;
