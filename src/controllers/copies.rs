//! Copies, in the background: a few at a time, each as long as it needs, none into one volume twice at once.
//!
//! Which may begin is decided in `plan::copy`; which are wanted is told by each look at a volume that is copied, which makes none
//! itself. All of them end with the task that runs [`copy_on`], and what they had written is gone on with by whoever leads next.

mod line;
pub(super) mod places;
mod tries;

pub use line::{Copies, Settings};

use super::context::Context;
use super::retry;
use crate::execute::cluster::{ApiError, Fault};
use crate::execute::{Copying, Failure, run, run_copy};
use crate::metrics::Metrics;
use crate::metrics::labels::{Attempt, CopyEnd, Source};
use crate::observe::gather::copying;
use crate::observe::work::Work;
use crate::plan::Action;
use crate::plan::copy::outcome::{self, Answer, Stopped};
use crate::plan::copy::{Origin, Wanted, progress};
use crate::report;
use line::Running;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tombolo_backend_api::{Copied, CopyProgress, Seen};
use tries::Tries;

/// Makes what is wanted, for as long as it is polled.
pub async fn copy_on(ctx: Context) {
    let mut tasks = JoinSet::new();
    loop {
        while let Some(copy) = next_copy(&ctx) {
            tasks.spawn(copy);
        }
        for claim in ctx.copies.left_waiting() {
            let words = progress::in_line(ctx.copies.settings().bounds);
            ctx.ports.audience.hear(&report::progress(&claim, words));
        }
        tokio::select! {
            () = ctx.copies.changed() => {}
            Some(ended) = tasks.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a copy broke");
                }
            }
        }
    }
}

/// A copy that may begin now, and has begun: whoever polls it makes it.
pub fn next_copy(ctx: &Context) -> Option<impl Future<Output = ()> + Send + use<>> {
    let (running, ctx) = (ctx.copies.begin()?, ctx.clone());
    Some(async move { copy(&ctx, &running).await })
}

async fn copy(ctx: &Context, running: &Running) {
    let wanted = &running.wanted;
    let kind = match wanted.source {
        Origin::Volume(_) => Source::PersistentVolumeClaim,
        Origin::Content(_) => Source::VolumeSnapshot,
    };
    let provision = ctx.metrics.provision(&wanted.class, kind);
    let timer = ctx.metrics.copy();
    let heard = Heard::after(running.reached(), &ctx.metrics);
    let ended = tokio::select! {
        biased;
        () = running.stop.cancelled() => None,
        ended = make(ctx, wanted, &heard) => Some(ended),
    };
    let source = &wanted.source;
    let again = match ended {
        None => {
            tracing::info!(copy = %wanted.claim.uid.pv_name(), of = %source, "stopped: nobody wants the copy any more");
            provision.finish(Attempt::Failed);
            timer.finish(CopyEnd::Stopped);
            Duration::ZERO
        }
        Some(Ok(Made::Withdrawn)) => {
            tracing::info!(copy = %wanted.claim.uid.pv_name(), of = %source, "stopped: consent to the copy has ended");
            provision.finish(Attempt::Failed);
            timer.finish(CopyEnd::Stopped);
            ctx.copies.give_up(wanted);
            Duration::ZERO
        }
        Some(Ok(Made::Whole)) => {
            let done = heard.done();
            tracing::info!(copy = %wanted.claim.uid.pv_name(), of = %source, bytes = done.bytes, files = done.files,
                skipped = done.skipped, "copied");
            provision.finish(Attempt::Succeeded);
            timer.finish(CopyEnd::Succeeded);
            ctx.copies.succeeded(wanted);
            if let Some(words) = progress::left_out(done) {
                ctx.ports.audience.hear(&report::progress(&wanted.claim, words));
            }
            Duration::ZERO
        }
        Some(Err(failure)) => {
            provision.finish(Attempt::Failed);
            let (end, again) = failed(ctx, running, &failure, heard.done()).await;
            timer.finish(end);
            again
        }
    };
    // Whoever looks at the source finds the copy's object, or nobody who waits, or says that it is wanted still.
    let look = match source {
        Origin::Volume(name) => Work::Volume(name.into()),
        Origin::Content(name) => Work::Content(name.clone()),
    };
    ctx.queue.add_after(look, again);
}

/// How an attempt ended that did not fail.
enum Made {
    /// The copy is there.
    Whole,
    /// Nothing was done: consent has ended since the copy began.
    Withdrawn,
}

/// All the steps of a copy, while whoever waits for it is told how far it is.
async fn make(ctx: &Context, wanted: &Wanted, heard: &Heard) -> Result<Made, Failure> {
    // Whoever slept since the look that wanted it must not begin anew what has been cleared away.
    let kept = match &wanted.source {
        Origin::Volume(name) => {
            let pv = ctx.ports.cluster.pv(name).await?;
            pv.is_some_and(|pv| pv.tokens.contains_key(&wanted.token))
        }
        Origin::Content(name) => {
            let content = ctx.ports.snapshots.content(name).await?;
            content.is_some_and(|content| content.tokens.contains_key(&wanted.token))
        }
    };
    if !kept {
        return Err(ApiError::new(Fault::Conflict, "the source is not kept for this copy any more").into());
    }
    // Nor clear the way for a copy that has its object by now.
    if ctx.ports.cluster.pv(&wanted.token.claim.pv_name()).await?.is_some() {
        return Err(ApiError::new(Fault::Conflict, "the copy has its object").into());
    }
    // One that runs is not stopped; whoever goes on with it, as after a restart, asks again.
    if let Some(consent) = &wanted.consent
        && copying::is_withdrawn(&ctx.caches, &ctx.ports, &wanted.claim.key, &wanted.source_uid, consent).await?
    {
        return Ok(Made::Withdrawn);
    }
    let settings = ctx.copies.settings();
    let copying = Copying {
        epoch: settings.epoch,
        max_entries: settings.max_entries,
        progress: heard,
    };
    let work = run_copy(&wanted.actions, &ctx.ports, copying);
    let silence = || ctx.copies.silence(&wanted.token);
    let tell = |words| {
        ctx.copies.told(&wanted.token);
        if let Some(words) = words {
            ctx.ports.audience.hear(&report::progress(&wanted.claim, words));
        }
    };
    heard.telling(work, silence, tell).await?;
    Ok(Made::Whole)
}

/// What becomes of a copy that stopped, and when its source is looked at again.
async fn failed(ctx: &Context, running: &Running, failure: &Failure, done: Copied) -> (CopyEnd, Duration) {
    let wanted = &running.wanted;
    let answer = match failure {
        Failure::Backend(error) => Answer::of(error),
        Failure::Short { .. }
        | Failure::Api(_)
        | Failure::NoBackend
        | Failure::Ledger(_)
        | Failure::TimedOut
        | Failure::Rule(_) => Answer::Nothing,
    };
    let Tries { in_a_row, refusals, .. } = ctx.copies.failed(wanted, done, answer);
    if failure.is_stale() {
        tracing::debug!(copy = %wanted.claim.uid.pv_name(), %failure, "the world has moved on");
        return (CopyEnd::Stopped, ctx.copies.rests(wanted, retry::at_once(in_a_row)));
    }
    if failure.is_final() {
        ctx.hopeless.cancel();
    }
    let stopped = match failure {
        Failure::Backend(error) => outcome::of(error, refusals),
        Failure::Short { .. } => Stopped::Short,
        Failure::Api(_) | Failure::NoBackend | Failure::Ledger(_) | Failure::TimedOut | Failure::Rule(_) => {
            Stopped::GoesOn
        }
    };
    tracing::warn!(copy = %wanted.claim.uid.pv_name(), of = %wanted.source, %failure, in_a_row, ?stopped, "a copy stopped");
    match stopped {
        Stopped::Outgrown => {
            ctx.copies.outgrew(&wanted.claim.uid);
            return (CopyEnd::TooLarge, Duration::ZERO);
        }
        Stopped::BeginsAnew => {
            let abandon: Vec<Action> = wanted.actions.iter().filter_map(abandoned).collect();
            if let Err(error) = run(&abandon, &ctx.ports).await {
                tracing::warn!(copy = %wanted.claim.uid.pv_name(), %error, "what another term left could not be given up");
            }
        }
        Stopped::Short => ctx.copies.give_up(wanted),
        Stopped::GoesOn => {}
    }
    if let Some(told) = report::failed(&wanted.claim, failure, in_a_row) {
        ctx.ports.audience.hear(&told);
    }
    (
        CopyEnd::Failed,
        ctx.copies.rests(wanted, retry::delay(failure.class(), in_a_row)),
    )
}

fn abandoned(action: &Action) -> Option<Action> {
    match action {
        Action::Copy { backend, handle, .. } => Some(Action::AbandonCopy {
            backend: backend.clone(),
            handle: handle.clone(),
        }),
        _ => None,
    }
}

/// How far a copy is, as its backend says. What an earlier attempt has left, whichever process made that, is of the copy, and was counted
/// when it was written.
pub(super) struct Heard {
    state: Mutex<(Copied, Seen)>,
    /// Bytes that it had made when that was told last, and when that was.
    told: Mutex<(u64, Instant)>,
    metrics: Metrics,
}

impl Heard {
    /// `reached`: how far an earlier attempt of this process came.
    pub(super) fn after(reached: Copied, metrics: &Metrics) -> Self {
        // None of it is this attempt's.
        let reached = Copied {
            reused_bytes: reached.bytes,
            reused_files: reached.files,
            ..reached
        };
        Self {
            state: Mutex::new((reached, Seen::default())),
            told: Mutex::new((0, Instant::now())),
            metrics: metrics.clone(),
        }
    }

    pub(super) fn done(&self) -> Copied {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    /// Polls what is made to its end. Each time a `silence` is over it is for `tell` to say how far it is, if there is anything to say.
    pub(super) async fn telling<T>(
        &self,
        work: impl Future<Output = T>,
        silence: impl Fn() -> Duration,
        tell: impl Fn(Option<String>),
    ) -> T {
        tokio::pin!(work);
        loop {
            tokio::select! {
                ended = &mut work => return ended,
                () = tokio::time::sleep(silence()) => tell(self.words()),
            }
        }
    }

    /// How far it is by now, in words that are told.
    fn words(&self) -> Option<String> {
        let (done, of) = *self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = (done.anew().0, Instant::now());
        let before = std::mem::replace(&mut *self.told.lock().unwrap_or_else(PoisonError::into_inner), now);
        let lately = (
            now.0.saturating_sub(before.0),
            now.1.saturating_duration_since(before.1),
        );
        progress::words(done, of, lately)
    }
}

impl CopyProgress for Heard {
    fn copied(&self, done: Copied, of: Seen) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *state, (done, of)).0.anew();
        drop(state);
        let (bytes, files) = done.anew();
        self.metrics
            .copied(bytes.saturating_sub(before.0), files.saturating_sub(before.1));
    }
}

#[cfg(test)]
mod tests;
