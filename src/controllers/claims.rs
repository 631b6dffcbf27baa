//! A claim changed: provision it, join it to another's volume, or say why not; then keep what it has in order.

use super::context::{Context, Next};
use super::{contents, holds, lost, resize, volumes};
use crate::api::reasons::Class;
use crate::domain::access::OnRevoke;
use crate::domain::claim::{Claim, ClaimPhase};
use crate::domain::ids::{ClaimKey, ContentName, VolumeId};
use crate::domain::pv::Pv;
use crate::domain::token::Token;
use crate::execute::cluster::{ApiError, Fault};
use crate::execute::{Failure, run};
use crate::metrics::labels::{Attempt, Source};
use crate::observe::consent::{Shown, live_consent_of};
use crate::observe::gather::{self, ClaimView};
use crate::observe::index::Index;
use crate::observe::work::Work;
use crate::plan::consent::Consent;
use crate::plan::copy::Origin;
use crate::plan::exports::kept_by_one_of;
use crate::plan::upkeep::{self, ForUpkeep};
use crate::plan::{Plan, Refusal, Verdict, claim};
use crate::report;
use std::sync::Arc;
use std::time::Duration;

/// How often a claim that waits is looked at without being woken.
pub(super) const WHILE_WAITING: Duration = Duration::from_secs(15);

/// Looks at a claim.
///
/// # Errors
/// Whatever stopped a plan.
pub async fn reconcile(ctx: &Context, key: &ClaimKey) -> Result<Next, Failure> {
    let backends = ctx.roots.views(&*ctx.ports.ledger, &key.namespace, &[]);
    let Some(view) = gather::with(&ctx.caches, |index| {
        ClaimView::cached(index, &*ctx.ports.ledger, backends, key)
    }) else {
        return Ok(Next::Change);
    };
    let outgrown = ctx.copies.has_outgrown(view.claim());
    let view = ctx.judge(view).outgrown(outgrown);
    let plan = claim::decide(&view.to_decide());
    let next = match &plan.verdict {
        Verdict::AskLive => return Box::pin(join(ctx, view)).await,
        Verdict::NotOurs if view.claim().holds.is_empty() => return Ok(Next::Change),
        // Somebody has copied it with its finalizers, or it was ours: without us it could not go.
        Verdict::NotOurs => return Box::pin(unneeded(ctx, view.claim())).await,
        Verdict::Refused(refusal) => refuse(ctx, view.claim(), &plan, refusal).await?,
        Verdict::Settled | Verdict::Continue if plan.actions.is_empty() => Next::Change,
        Verdict::Settled | Verdict::Continue => provision(ctx, view.clone()).await?,
    };
    if view.claim().phase == ClaimPhase::Lost {
        lost::repair(ctx, view.claim(), view.is_ours()).await?;
    }
    let (known, held) = keep(ctx, &view).await?;
    let next = next.sooner(held);
    let next = match view.claim().phase {
        ClaimPhase::Bound => next.sooner(resize::settle(ctx, view.claim()).await?),
        ClaimPhase::Pending | ClaimPhase::Lost => next,
    };
    Ok(if known {
        next
    } else {
        next.sooner(Next::After(WHILE_WAITING))
    })
}

/// What waits is looked at now and then: room that appears on a backend is in no event. Everything else only has to be said again
/// while it is true, because events expire.
pub(super) fn look_again(refusal: &Refusal) -> Next {
    Next::After(if refusal.reason.class() == Some(Class::Waiting) {
        WHILE_WAITING
    } else {
        report::memory::say_again()
    })
}

/// Says why not, and does what may change that.
async fn refuse(ctx: &Context, claim: &Claim, plan: &Plan, refusal: &Refusal) -> Result<Next, Failure> {
    ctx.ports.audience.hear(&report::refused(&claim.reference(), refusal));
    run(&plan.actions, &ctx.ports).await?;
    Ok(look_again(refusal))
}

async fn provision(ctx: &Context, view: ClaimView) -> Result<Next, Failure> {
    let volume = VolumeId::from(&view.claim().uid.pv_name());
    let class = view.claim().class.clone();
    let Some(_turn) = ctx.turn(&volume, Work::Claim(view.claim().key.clone())) else {
        return Ok(Next::Change);
    };
    if is_made(ctx, &volume).await? {
        return Ok(Next::Change);
    }
    if !waits(ctx, view.claim()).await? {
        return Err(overtaken());
    }
    let (view, plan, _held) = ctx.decide(view);
    if let Verdict::Refused(refusal) = &plan.verdict {
        return refuse(ctx, view.claim(), &plan, refusal).await;
    }
    let timer = class.map(|class| ctx.metrics.provision(&class, Source::Empty));
    run(&plan.actions, &ctx.ports).await?;
    if let Some(timer) = timer {
        timer.finish(Attempt::Succeeded);
    }
    Ok(Next::Change)
}

/// Decides again on live reads, one join or copy of a volume at a time, and goes on with what the token began.
async fn join(ctx: &Context, view: ClaimView) -> Result<Next, Failure> {
    if let Some(content) = view.content().cloned() {
        return Box::pin(restore(ctx, view, &content)).await;
    }
    let Some(volume) = view.source_volume() else {
        return Err(overtaken());
    };
    let Some(turn) = ctx.turn(&volume, Work::Claim(view.claim().key.clone())) else {
        return Ok(Next::Change);
    };
    if !waits(ctx, view.claim()).await? {
        return Err(overtaken());
    }
    let own = view.claim().uid.pv_name();
    // It joined already, and the caches are being filled anew. Who is not in the ledger and yet has an object gets a token, finds the
    // object, and gives the token back.
    let joined = ctx
        .ports
        .ledger
        .get(&volume)
        .is_some_and(|record| record.members.contains_key(&own));
    if joined && ctx.ports.cluster.pv(&own).await?.is_some() {
        return Ok(Next::Change);
    }
    let Some(view) = view.read_live(&ctx.ports).await? else {
        return Err(overtaken());
    };
    if view.source_volume().as_ref() != Some(&volume) {
        return Err(overtaken());
    }
    let (view, plan, _held) = ctx.decide(view);
    if let Verdict::Refused(refusal) = &plan.verdict {
        return refuse(ctx, view.claim(), &plan, refusal).await;
    }
    if view.wants_copy() {
        run(&plan.actions, &ctx.ports).await?;
        // What is held of the backend's limits is so until the ledger has it.
        return volumes::advance(ctx, &volume, &turn).await;
    }
    let timer = view
        .claim()
        .class
        .as_ref()
        .map(|class| ctx.metrics.provision(class, Source::VolumeReference));
    run(&plan.actions, &ctx.ports).await?;
    let next = volumes::complete(ctx, &volume, &Token::joining(view.claim().uid.clone()), &turn).await?;
    let handle = view
        .source_pv()
        .and_then(|pv| pv.ours.as_ref())
        .map(|ours| &ours.handle);
    let left = handle.and_then(|handle| ctx.idle_exports.at(&handle.path));
    ctx.queue.add_all(left.map(Work::Exports));
    if let Some(timer) = timer {
        timer.finish(Attempt::Succeeded);
    }
    Ok(next)
}

/// The same for a claim that is made from a snapshot, whose content is kept meanwhile.
async fn restore(ctx: &Context, view: ClaimView, content: &ContentName) -> Result<Next, Failure> {
    let turn = Origin::Content(content.clone()).volume();
    let Some(_turn) = ctx.turn(&turn, Work::Claim(view.claim().key.clone())) else {
        return Ok(Next::Change);
    };
    // A token for it would come off at once, and each of the two wakes the claim again.
    if is_made(ctx, &VolumeId::from(&view.claim().uid.pv_name())).await? {
        return Ok(Next::Change);
    }
    if !waits(ctx, view.claim()).await? {
        return Err(overtaken());
    }
    let Some(view) = view.read_live(&ctx.ports).await? else {
        return Err(overtaken());
    };
    let (view, plan, _held) = ctx.decide(view);
    if let Verdict::Refused(refusal) = &plan.verdict {
        return refuse(ctx, view.claim(), &plan, refusal).await;
    }
    run(&plan.actions, &ctx.ports).await?;
    // What is held of the backend's limits is so until the ledger has it.
    Box::pin(contents::advance(ctx, content)).await
}

/// Whether a claim has its volume although the caches show none: a record without an object there is left by an attempt that ended before
/// they had its answer, or they are being filled anew.
async fn is_made(ctx: &Context, volume: &VolumeId) -> Result<bool, Failure> {
    Ok(ctx.ports.ledger.get(volume).is_some() && ctx.ports.cluster.pv(&volume.pv_name()).await?.is_some())
}

/// Whether a claim waits for a volume, as the caches say. Asked live only where an object or a token for it has gone already, as when
/// the claim itself has: another one would go the same way and wake the claim again, for as long as the watch of claims is silent.
async fn waits(ctx: &Context, claim: &Claim) -> Result<bool, Failure> {
    if !gather::with(&ctx.caches, |index| index.went(&claim.uid.pv_name())) {
        return Ok(true);
    }
    let live = ctx.ports.cluster.claim(&claim.key).await?;
    Ok(live.is_some_and(|live| live.uid == claim.uid && live.phase == ClaimPhase::Pending))
}

/// The caches lag behind: asked at once again they would say the same, so it is asked with growing patience.
fn overtaken() -> Failure {
    ApiError::new(Fault::Conflict, "the claim or its source is not what the caches show").into()
}

/// The PersistentVolume that a claim has, or is about to have.
fn object_of<'a>(index: &'a Index, claim: &Claim) -> Option<&'a Arc<Pv>> {
    let bound = claim.volume_name.as_ref().filter(|_| claim.phase == ClaimPhase::Bound);
    bound
        .and_then(|name| index.pv(name))
        .or_else(|| index.pv(&claim.uid.pv_name()))
}

/// Takes off what finalizers of ours a claim carries that is none of ours.
async fn unneeded(ctx: &Context, claim: &Claim) -> Result<Next, Failure> {
    let pv = gather::with(&ctx.caches, |index| object_of(index, claim).cloned());
    holds::of_claim(ctx, claim, pv.as_deref(), 0).await
}

/// Upkeep of a claim. Answers whether the state of its consent is known: no event tells when a definition that was going away has come
/// back; and when its finalizers are looked at again.
async fn keep(ctx: &Context, view: &ClaimView) -> Result<(bool, Next), Failure> {
    let claim = view.claim();
    let (pv, members, shown, kept) = gather::with(&ctx.caches, |index| {
        let pv = object_of(index, claim).cloned();
        let volume = pv.as_ref().and_then(|pv| index.volume_of(pv));
        let members = volume.as_ref().map_or(0, |volume| index.members(volume).count());
        let shown = pv.as_ref().and_then(|pv| Shown::of(index, claim, pv));
        // Only where it is asked for: everybody in the volume is looked at.
        let ended = shown.as_ref().is_some_and(|shown| shown.state().ended().is_some());
        let all = volume
            .iter()
            .flat_map(|volume| index.members(volume).chain(index.pv(&volume.pv_name())));
        let kept = ended && pv.as_ref().is_some_and(|pv| kept_by_one_of(pv, all.map(|pv| &**pv)));
        (pv, members, shown, kept)
    });
    let held = holds::of_claim(ctx, claim, pv.as_deref(), members).await?;
    let consent = match (&pv, shown) {
        (Some(pv), Some(shown)) => Some(known_consent(ctx, claim, pv, shown).await?),
        (Some(_), None) | (None, _) => None,
    };
    let actions = upkeep::plan(&ForUpkeep {
        claim,
        ours: view.is_ours(),
        pv: pv.as_deref(),
        consent,
        backend: pv.as_ref().and_then(|pv| view.backend_of(pv)),
        kept,
    });
    if let (Some(pv), Some(consent)) = (&pv, consent) {
        settle_access(ctx, pv, consent);
    }
    run(&actions, &ctx.ports).await?;
    Ok((consent != Some(Consent::Unknown), held))
}

/// Whether what a member may do is what is written of it; if not, somebody looks at the backend's exports.
fn settle_access(ctx: &Context, pv: &Pv, consent: Consent) {
    let (Some(ours), Some(joined)) = (&pv.ours, pv.joined()) else {
        return;
    };
    let written = ours.cut.as_ref().map(|cut| (cut.left, cut.by));
    if joined.on_revoke == OnRevoke::Cut && consent != Consent::Unknown && consent.ended() != written {
        let backend = ours.backend.clone().or_else(|| ctx.roots.name_behind(&ours.handle));
        ctx.queue.add_all(backend.map(Work::Exports));
    }
}

/// The state of a member's consent, read live where it seems to have ended. Whoever describes the volume waits for that read.
async fn known_consent(ctx: &Context, claim: &Claim, pv: &Pv, shown: Shown) -> Result<Consent, Failure> {
    let seems = shown.state();
    // Where a read said something else than the caches, it is asked again: what changed since may have changed back.
    let agreed = |known: &Consent| *known == seems;
    if let Some(known) = ctx.verdicts.of(&pv.name, &shown).filter(agreed) {
        if seems.ended().is_none() {
            ctx.verdicts.interrupted(&pv.name);
        }
        return Ok(known);
    }
    let read = live_consent_of(&ctx.caches, &*ctx.ports.cluster, claim, pv).await?;
    let read = read.unwrap_or(Consent::Given);
    if ctx.verdicts.note(&pv.name, shown, read) {
        let volume = gather::with(&ctx.caches, |index| index.volume_of(pv));
        ctx.queue.add_all(volume.map(Work::SharedVolume));
    }
    Ok(read)
}
