//! Finalizers of ours on claims and VolumeSnapshots: put on and taken off as `plan::hold` says.
//!
//! They are a courtesy, so nothing waits for them: one that is refused, or fails, is logged, counted and done without. They come off on live evidence
//! only, and that is tried for as long as it takes, since an object that carries one cannot go.

mod given;

pub use given::Given;

use super::context::{Context, Next};
use crate::domain::claim::Claim;
use crate::domain::hold::Hold;
use crate::domain::ids::{Namespace, VolumeId};
use crate::domain::pv::Pv;
use crate::domain::served::Served;
use crate::domain::snapshot::content::Content;
use crate::domain::snapshot::{Kind, Snapshot, SnapshotKey};
use crate::domain::token::{Note, Token};
use crate::execute::cluster::{ApiError, Fault};
use crate::execute::{Failure, run};
use crate::metrics::labels::Subject;
use crate::observe::gather;
use crate::observe::index::Index;
use crate::observe::work::Work;
use crate::plan::Action;
use crate::plan::hold::{self, Around, ForHold, Step};
use std::collections::BTreeMap;

type Tokens = BTreeMap<Token, Option<Note>>;

/// Sees to those of a claim, which has this PersistentVolume with so many members.
///
/// # Errors
/// What the API server answers, but for failures to put one on.
pub async fn of_claim(ctx: &Context, claim: &Claim, pv: Option<&Pv>, members: usize) -> Result<Next, Failure> {
    let mut next = Next::Change;
    let seen_around = of_caches(ctx, &claim.key.namespace, pv.map(|pv| &pv.tokens));
    for hold in Hold::ALL {
        let uid = claim.uid.as_str();
        let seen = ForHold::of_claim(hold, claim, pv, members, &seen_around);
        next = next.sooner(match decide(ctx, hold, uid, seen) {
            Step::Nothing => Next::Change,
            Step::Later => later(ctx, hold, uid),
            Step::Put => {
                let put = run(&[Action::PutHold(hold, claim.reference())], &ctx.ports).await;
                given(ctx, hold, uid, Subject::Claim, put)?
            }
            Step::Take => {
                let own = claim.uid.pv_name();
                let name = pv.map(|pv| &pv.name).or(claim.volume_name.as_ref()).unwrap_or(&own);
                take(ctx, hold, claim, &VolumeId::from(name)).await?;
                Next::Change
            }
        });
    }
    Ok(next)
}

/// Takes one off a claim on live evidence only: the caches may not show a member that joined, or a copy that began, a moment ago.
async fn take(ctx: &Context, hold: Hold, claim: &Claim, volume: &VolumeId) -> Result<(), Failure> {
    let Some(_turn) = ctx.turn(volume, Work::Claim(claim.key.clone())) else {
        return Ok(());
    };
    let needed = match hold {
        Hold::Members => {
            let backends = ctx.roots.views(&*ctx.ports.ledger, &claim.key.namespace, &[]);
            let view = gather::volume(volume, &ctx.caches, &*ctx.ports.cluster, &*ctx.ports.ledger, &backends).await?;
            let members = view.members.len();
            match &view.pv {
                Some(pv) => hold::needs(hold, claim, Some(pv), members, &Around::default()),
                // Members may have outlived the object.
                None => members > 0,
            }
        }
        Hold::Copies => {
            let pv = ctx.ports.cluster.pv(&volume.pv_name()).await?;
            let around = of_caches(ctx, &claim.key.namespace, pv.as_ref().map(|pv| &pv.tokens));
            hold::needs(hold, claim, pv.as_ref(), 0, &around)
        }
    };
    match needed {
        true => Ok(()),
        false => run(&[Action::TakeHold(hold, claim.reference())], &ctx.ports).await,
    }
}

/// What an object that is copied has around it, by the tokens of the copies. A copy begins after the caches have shown whom it is for.
pub fn around(index: &Index, namespace: &Namespace, tokens: Option<&Tokens>) -> Around {
    let targets = tokens.into_iter().flat_map(BTreeMap::keys).map(|token| &token.claim);
    Around {
        leaving: index.namespace(namespace).is_some_and(|view| view.terminating),
        targets: targets
            .filter(|uid| index.claim_by_uid(uid).is_some())
            .cloned()
            .collect(),
    }
}

fn of_caches(ctx: &Context, namespace: &Namespace, tokens: Option<&Tokens>) -> Around {
    gather::with(&ctx.caches, |index| around(index, namespace, tokens))
}

/// Sees to the one of a VolumeSnapshot.
///
/// # Errors
/// What the API server answers, but for failures to put it on.
pub async fn of_snapshot(ctx: &Context, key: &SnapshotKey) -> Result<Next, Failure> {
    let step_of = |snapshot: &Snapshot, content: Option<&Content>, around: &Around| {
        let seen = ForHold::of_snapshot(snapshot, content, around);
        decide(ctx, Hold::Copies, snapshot.uid.as_str(), seen)
    };
    let cached = gather::with(&ctx.caches, |index| {
        let snapshot = index.snapshot(key).filter(|_| are_known(index))?;
        let content = snapshot.content.as_ref().and_then(|name| index.content(name));
        let around = around(index, &key.namespace, content.map(|c| &c.tokens));
        let step = step_of(snapshot, content, &around);
        Some((step, snapshot.uid.clone()))
    });
    match cached {
        None | Some((Step::Nothing, _)) => return Ok(Next::Change),
        Some((Step::Later, uid)) => return Ok(later(ctx, Hold::Copies, uid.as_str())),
        Some((Step::Put | Step::Take, _)) => {}
    }
    let objects = &ctx.ports.snapshots;
    let Some(live) = objects.snapshot(key).await? else {
        return Ok(Next::Change);
    };
    let content = match &live.content {
        Some(name) => objects.content(name).await?,
        None => None,
    };
    let around = of_caches(ctx, &key.namespace, content.as_ref().map(|c| &c.tokens));
    match step_of(&live, content.as_ref(), &around) {
        Step::Nothing | Step::Later => Ok(Next::Change),
        Step::Put => {
            let put = objects.put_hold(&live).await.map_err(Failure::from);
            given(ctx, Hold::Copies, live.uid.as_str(), Subject::Snapshot, put)
        }
        Step::Take => Ok(objects.take_hold(&live).await.map(|()| Next::Change)?),
    }
}

fn decide(ctx: &Context, hold: Hold, uid: &str, seen: ForHold) -> Step {
    let lately = ctx.given.rests(hold, uid, seen.needed).is_some();
    hold::decide(ForHold { lately, ..seen })
}

/// Whether it is known what there is of snapshots. A kind that merely cannot be read is not asked for.
fn are_known(index: &Index) -> bool {
    let contents = index.snapshots_served(Kind::Content);
    index.snapshots_served(Kind::Snapshot) == Served::Yes && matches!(contents, Served::Yes | Served::NotInstalled)
}

fn later(ctx: &Context, hold: Hold, uid: &str) -> Next {
    ctx.given.rests(hold, uid, true).map_or(Next::Again, Next::After)
}

/// What follows from having tried to put one on. Whatever it was for goes on without it.
fn given(ctx: &Context, hold: Hold, uid: &str, subject: Subject, put: Result<(), Failure>) -> Result<Next, Failure> {
    match put {
        Ok(()) => {
            ctx.given.put(hold, uid);
            Ok(Next::Change)
        }
        Err(Failure::Api(ApiError {
            fault: Fault::Terminating | Fault::NotFound,
            ..
        })) => Ok(Next::Change),
        Err(failure) if failure.is_stale() => Err(failure),
        Err(failure) => {
            tracing::warn!(%failure, finalizer = hold.finalizer(), uid, "a finalizer that shows a use could not be put on; the use goes on");
            ctx.metrics.reconcile_failed(subject, failure.class().into());
            ctx.given.put(hold, uid);
            Ok(later(ctx, hold, uid))
        }
    }
}

#[cfg(test)]
mod tests;
