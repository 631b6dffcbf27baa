//! One file for each kind of thing that is looked at, all of the same shape: read, decide, carry out, tell.
//!
//! They meet nowhere but in the caches, the ledger and the plan. [`work_on`] takes from the queue; `retry` says when to look
//! again.

pub mod backends;
pub mod claims;
pub mod contents;
pub mod context;
pub mod copies;
pub mod cross_sources;
pub mod exports;
pub mod holds;
pub mod lost;
pub mod members;
pub mod purges;
pub mod references;
pub mod resize;
pub mod retry;
pub mod shared_volumes;
pub mod snapshots;
pub mod sweep;
#[cfg(test)]
mod testing;
pub mod trash;
mod turn;
pub mod volumes;

pub use context::{Context, Next};

use crate::execute::Failure;
use crate::metrics::labels::{Reconciled, Subject};
use crate::observe::queue::Queue;
use crate::observe::work::Work;
use crate::report;
use futures::FutureExt;
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use strum::VariantArray;

/// Longest look at one thing; listings have as long as they need.
const DEADLINE: Duration = Duration::from_secs(60);

/// Takes from the queue until it is closed.
pub async fn work_on(ctx: Context) {
    while let Some(work) = ctx.queue.next().await {
        let subject = subject(&work);
        let timer = ctx.metrics.reconcile(subject);
        let outcome = bounded(&ctx, &work).await;
        let next = match &outcome {
            Ok(next) => {
                ctx.retries.succeeded(&work);
                timer.finish(Reconciled::Changed);
                *next
            }
            Err(failure) => {
                timer.finish(Reconciled::Failed);
                failed(&ctx, &work, subject, failure)
            }
        };
        ctx.queue.done(&work);
        match next {
            Next::Change => {}
            Next::After(delay) => ctx.queue.add_after(work, delay),
            Next::Again => ctx.queue.add(work),
        }
    }
}

/// A look that ends, whatever happens in it: one object, or one library, must not stop the others' work.
async fn bounded(ctx: &Context, work: &Work) -> Result<Next, Failure> {
    let look = AssertUnwindSafe(look_at(ctx, work)).catch_unwind();
    let ended = if matches!(work, Work::Trash(_) | Work::Exports(_) | Work::Sweep) {
        Ok(look.await)
    } else {
        tokio::time::timeout(DEADLINE, look).await
    };
    match ended {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(Failure::Rule("a look panicked".into())),
        Err(_) => Err(Failure::TimedOut),
    }
}

/// Looks at one thing.
///
/// # Errors
/// Whatever stopped its plan.
pub async fn look_at(ctx: &Context, work: &Work) -> Result<Next, Failure> {
    let _passed_on = PassOn { ctx, work };
    match work {
        Work::Claim(key) => claims::reconcile(ctx, key).await,
        Work::Volume(volume) => volumes::reconcile(ctx, volume).await,
        Work::Member(name) => members::reconcile(ctx, name).await,
        Work::SharedVolume(volume) => shared_volumes::reconcile(ctx, volume).await,
        Work::Reference(key) => references::reconcile(ctx, key).await,
        Work::CrossSource(key) => cross_sources::reconcile(ctx, key).await,
        Work::Snapshot(key) => snapshots::reconcile(ctx, key).await,
        Work::Content(name) => contents::reconcile(ctx, name).await,
        Work::Backend(name) => backends::reconcile(ctx, name).await,
        Work::Trash(name) => trash::reconcile(ctx, name).await,
        Work::Exports(name) => exports::reconcile(ctx, name).await,
        Work::Sweep => sweep::reconcile(ctx).await,
    }
}

/// However a look ends, whoever waits for the turn that it was called to gets it.
struct PassOn<'a> {
    ctx: &'a Context,
    work: &'a Work,
}

impl Drop for PassOn<'_> {
    fn drop(&mut self) {
        self.ctx.locks.looked_at(self.work, &self.ctx.queue);
    }
}

fn failed(ctx: &Context, work: &Work, subject: Subject, failure: &Failure) -> Next {
    let class = failure.class();
    let in_a_row = if failure.is_stale() {
        ctx.retries.overtaken(work)
    } else {
        ctx.retries.failed(work)
    };
    if failure.is_stale() {
        tracing::debug!(?work, %failure, "the world has moved on");
    } else {
        ctx.metrics.reconcile_failed(subject, class.into());
        tracing::warn!(?work, %failure, in_a_row, "stopped; it will be looked at again");
    }
    if failure.is_final() {
        ctx.hopeless.cancel();
    }
    if let Work::Claim(key) = work {
        let claim = crate::observe::gather::with(&ctx.caches, |index| index.claim(key).cloned());
        let told = claim.and_then(|claim| match claim.asks_for_more() {
            true => report::failed_to_resize(&claim.reference(), failure, in_a_row),
            false => report::failed(&claim.reference(), failure, in_a_row),
        });
        if let Some(told) = told {
            ctx.ports.audience.hear(&told);
        }
    }
    if let Work::Volume(volume) = work {
        let pv = crate::observe::gather::with(&ctx.caches, |index| index.pv(&volume.pv_name()).cloned());
        if let Some(told) = pv.and_then(|pv| report::failed_delete(&pv, failure)) {
            ctx.ports.audience.hear(&told);
            ctx.wake(Work::SharedVolume(volume.clone()));
        }
    }
    Next::After(if failure.is_stale() {
        retry::at_once(in_a_row)
    } else {
        retry::delay(class, in_a_row)
    })
}

fn subject(work: &Work) -> Subject {
    match work {
        Work::Claim(_) => Subject::Claim,
        Work::Volume(_) | Work::Member(_) => Subject::Volume,
        Work::SharedVolume(_) => Subject::SharedVolume,
        Work::Reference(_) | Work::CrossSource(_) => Subject::Reference,
        Work::Snapshot(_) | Work::Content(_) => Subject::Snapshot,
        Work::Backend(_) => Subject::Backend,
        Work::Trash(_) | Work::Exports(_) | Work::Sweep => Subject::Sweep,
    }
}

/// How much waits, by kind.
pub fn depths(queue: &Queue) -> Vec<(Subject, usize)> {
    let mut depths: Vec<(Subject, usize)> = Subject::VARIANTS.iter().map(|subject| (*subject, 0)).collect();
    for work in queue.waiting() {
        let of = subject(&work);
        if let Some((_, depth)) = depths.iter_mut().find(|(subject, _)| *subject == of) {
            *depth += 1;
        }
    }
    depths
}
