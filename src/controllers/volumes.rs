//! An owner's PersistentVolume, or something in it, changed: read live, decide, do one step, until nothing is left.

use super::context::{Context, Next};
use super::turn::Turn;
use crate::domain::access::OnDelete;
use crate::domain::ids::{Namespace, ResourceVersion, VolumeId};
use crate::domain::token::Token;
use crate::execute::cluster::{ApiError, Fault};
use crate::execute::{Failure, run};
use crate::metrics::labels::Attempt;
use crate::observe::gather::{self, ready};
use crate::observe::trashed::Discarding;
use crate::observe::work::Work;
use crate::plan::copy::Origin;
use crate::plan::glance;
use crate::plan::volume::{LiveVolume, TokenClaim, decide, fate, wanted};
use crate::plan::{Action, Plan, Verdict};
use std::collections::BTreeSet;
use std::time::Duration;

/// More steps than any volume needs at once; whoever exceeds it is looked at again later, behind the others.
const STEPS: usize = 64;

/// A backend's figures follow its volumes, many of them in one write.
const STATUS_AFTER: Duration = Duration::from_secs(5);

/// Looks at a volume.
///
/// # Errors
/// Whatever stopped a plan.
pub async fn reconcile(ctx: &Context, volume: &VolumeId) -> Result<Next, Failure> {
    if is_quiet(ctx, volume) && !ctx.copies.reads(&Origin::Volume(volume.pv_name())) {
        return Ok(Next::Change);
    }
    let Some(turn) = ctx.turn(volume, Work::Volume(volume.clone())) else {
        return Ok(Next::Change);
    };
    // Whoever had the turn before may have left nothing to do.
    if is_quiet(ctx, volume) && !ctx.copies.reads(&Origin::Volume(volume.pv_name())) {
        return Ok(Next::Change);
    }
    advance(ctx, volume, &turn).await
}

fn is_quiet(ctx: &Context, volume: &VolumeId) -> bool {
    let record = ctx.ports.ledger.get(volume);
    gather::with(&ctx.caches, |index| {
        let name = volume.pv_name();
        let uids = name
            .claim_uid()
            .into_iter()
            .chain(record.iter().map(|r| r.owner.uid.clone()));
        let mut users = uids.filter_map(|uid| index.claim_by_uid(&uid).cloned());
        let used = users.any(|claim| !claim.is_bound_elsewhere(&name));
        glance::volume_is_quiet(volume, index.pv(&name).map(|pv| &**pv), record.as_deref(), used)
    })
}

/// Finishes a join whose token this process has just put on. That needs the owner's PersistentVolume and nothing else, and the
/// caches have it as the API server answered. Where they do not, or anybody else's token is on it, all is read live.
///
/// # Errors
/// Whatever stopped the plan.
pub async fn complete(ctx: &Context, volume: &VolumeId, token: &Token, turn: &Turn) -> Result<Next, Failure> {
    let pv = gather::with(&ctx.caches, |index| index.pv(&volume.pv_name()).cloned());
    let Some(pv) = pv.filter(|pv| pv.tokens.keys().eq([token])) else {
        return advance(ctx, volume, turn).await;
    };
    let backends = ctx.roots.views(&*ctx.ports.ledger, &Namespace::new(""), &[]);
    let backend = pv.ours.as_ref().and_then(|ours| ready(&backends, &ours.handle));
    let Plan { actions, .. } = decide(&LiveVolume {
        copies: Default::default(),
        volume: volume.clone(),
        twins: false,
        tokens: [(token.clone(), TokenClaim::Waiting)].into(),
        pv: Some((*pv).clone()),
        owners: Vec::new(),
        members: BTreeSet::new(),
        record: ctx.ports.ledger.get(volume).map(|record| (*record).clone()),
        backend,
    });
    run(&actions, &ctx.ports).await?;
    ctx.wake(Work::SharedVolume(volume.clone()));
    if is_quiet(ctx, volume) {
        return Ok(Next::Change);
    }
    advance(ctx, volume, turn).await
}

/// What is put into the trash counts against limits without a gap, or a tenant could fill a backend by deleting.
pub(super) fn discarding(ctx: &Context, action: &Action) -> Option<Discarding> {
    match action {
        Action::Discard {
            backend,
            how: OnDelete::Delete,
            owner,
            bytes,
            volume,
            ..
        } => ctx.roots.trashed.discarding(backend, volume, owner, *bytes),
        _ => None,
    }
}

/// What was discarded lies in the trash, and a backend's figures follow.
pub(super) fn wake_backends(ctx: &Context, actions: &[Action]) {
    for action in actions {
        if let Action::Discard { backend, .. } = action {
            ctx.wake(Work::Trash(backend.clone()));
            ctx.queue.add_after(Work::Backend(backend.clone()), STATUS_AFTER);
        }
    }
}

/// Data goes only by caches which, before the view was read, had shown everything up to the state in which its object was found: a
/// member whose label was stripped is in no list, and whoever looks by its handle finds it there or nowhere.
fn shown_whole(view: &LiveVolume, seen: Option<&ResourceVersion>) -> Result<(), Failure> {
    let Some(pv) = &view.pv else { return Ok(()) };
    match seen {
        Some(seen) if !pv.version.is_newer_than(seen) => Ok(()),
        Some(_) | None => Err(ApiError::new(Fault::Conflict, "the caches do not show yet what was read live").into()),
    }
}

/// Takes a volume as far as it goes; the caller has its turn.
///
/// # Errors
/// Whatever stopped a plan.
pub async fn advance(ctx: &Context, volume: &VolumeId, _turn: &Turn) -> Result<Next, Failure> {
    let (nobody, of) = (Namespace::new(""), Origin::Volume(volume.pv_name()));
    for _ in 0..STEPS {
        let backends = ctx.roots.views(&*ctx.ports.ledger, &nobody, &[]);
        let seen = gather::with(&ctx.caches, |index| index.seen().cloned());
        let mut view = gather::volume(volume, &ctx.caches, &*ctx.ports.cluster, &*ctx.ports.ledger, &backends).await?;
        for (token, known) in &mut view.copies.of_this {
            known.given_up = ctx.copies.is_given_up(token);
        }
        ctx.copies.are_on(&of, |token| view.copies.of_this.contains_key(token));
        let Plan { actions, verdict } = decide(&view);
        // Before anything is done about one that is over: it stops first.
        ctx.copies.want(&of, wanted(&view), |token| fate(&view, token));
        if actions
            .iter()
            .any(|a| matches!(a, Action::Discard { .. } | Action::Unprotect { .. }))
        {
            shown_whole(&view, seen.as_ref())?;
        }
        let class = actions.iter().find_map(|a| match a {
            Action::Discard { class, .. } => class.clone(),
            _ => None,
        });
        let timer = class.map(|class| ctx.metrics.delete(&class));
        let _discarding: Vec<Discarding> = actions.iter().filter_map(|a| discarding(ctx, a)).collect();
        run(&actions, &ctx.ports).await?;
        if let Some(timer) = timer {
            timer.finish(Attempt::Succeeded);
        }
        if !actions.is_empty() {
            ctx.wake(Work::SharedVolume(volume.clone()));
        }
        wake_backends(ctx, &actions);
        match verdict {
            Verdict::Continue => {}
            Verdict::Settled | Verdict::NotOurs | Verdict::AskLive | Verdict::Refused(_) => return Ok(Next::Change),
        }
    }
    Ok(Next::Again)
}
