//! A VolumeSnapshotContent changed: read live, decide, do one step, until nothing is left.

pub mod shelf;
mod takes;

pub use takes::{Takes, next_take, take_on};

use super::context::{Context, Next};
use super::volumes;
use crate::api::reasons::SnapshotReason;
use crate::domain::ids::ContentName;
use crate::domain::snapshot::content::{Content, ExactContent};
use crate::domain::snapshot::handle::{SnapshotHandle, snapshot_of};
use crate::domain::token::Token;
use crate::execute::snapshots::{Mark, Status};
use crate::execute::{Failure, run};
use crate::observe::gather::{self, snapshots};
use crate::observe::work::Work;
use crate::plan::action::{Announcement, Subject, Told};
use crate::plan::copy::Origin;
use crate::plan::copy::keeping::Fate;
use crate::plan::snapshot::{LiveContent, Step, decide, reading};
use crate::report;

/// More steps than any content needs at once.
const STEPS: usize = 16;

/// Looks at a content.
///
/// # Errors
/// Whatever stopped a step.
pub async fn reconcile(ctx: &Context, name: &ContentName) -> Result<Next, Failure> {
    let foreign = |content: &Content| !content.ours && content.tokens.is_empty();
    if gather::with(&ctx.caches, |index| index.content(name).is_some_and(foreign)) {
        // There may be many, and none of them is read.
        return Ok(Next::Change);
    }
    let origin = Origin::Content(name.clone());
    let Some(_turn) = ctx.turn(&origin.volume(), Work::Content(name.clone())) else {
        return Ok(Next::Change);
    };
    advance(ctx, name).await
}

/// Takes a content as far as it goes; the caller has its turn.
///
/// # Errors
/// Whatever stopped a step.
pub async fn advance(ctx: &Context, name: &ContentName) -> Result<Next, Failure> {
    let origin = Origin::Content(name.clone());
    for _ in 0..STEPS {
        let Some(mut view) = snapshots::content(&ctx.caches, &ctx.ports, &ctx.roots, name).await? else {
            let left = ctx.takes.forget(name);
            if let Some(uid) = snapshot_of(name) {
                // Whoever counts what is left wakes those who wait for room.
                let counted = ctx.roots.shelved.is_not_taken(&uid).into_iter();
                ctx.queue.add_all(counted.map(Work::Trash));
            }
            ctx.copies.want(&origin, Vec::new(), |_| Fate::Stopped);
            return Ok(left.map_or(Next::Change, Next::After));
        };
        if read(ctx, &origin, &mut view).await? {
            continue;
        }
        view.failed = ctx.takes.failure(&view.content);
        let mut step = decided(ctx, &mut view);
        if step == Step::AskOthers {
            view.shared = Some(snapshots::is_shared(&ctx.ports, &ctx.roots, &view.content).await?);
            step = decided(ctx, &mut view);
        }
        if !matches!(step, Step::Take(_)) {
            ctx.takes.drop_out(name);
        }
        let (content, objects) = (ExactContent::from(&view.content), &ctx.ports.snapshots);
        match step {
            Step::Nothing | Step::NotOurs | Step::AskOthers => return Ok(Next::Change),
            Step::Begin(_) | Step::Take(_) if let Some(left) = ctx.takes.rests(name) => return Ok(Next::After(left)),
            // What this process still takes has no outcome yet. Its end wakes.
            Step::Over { .. } | Step::Remove(_) | Step::Release { .. } if ctx.takes.runs(name) => {
                return Ok(Next::Change);
            }
            Step::Begin(take) => objects.mark_content(&content, &Mark::Begun(take.handle)).await?,
            Step::Over { left } => {
                let mark = if left { Mark::GivenUp } else { Mark::Known };
                objects.mark_content(&content, &mark).await?;
                ctx.takes.told(name);
                if view.failed.is_some() && !view.content.terminating {
                    return Ok(Next::After(ctx.takes.again(name, true)));
                }
            }
            Step::Take(take) => {
                ctx.takes.want(*take);
                return Ok(Next::Change);
            }
            Step::Report(handle, found) => {
                let status = Status::Ready {
                    handle,
                    taken: found.taken,
                    bytes: found.bytes,
                };
                objects.content_status(&content, &status).await?;
            }
            Step::Fail(failure) => {
                if !failure.said {
                    let status = Status::Failed {
                        text: failure.text.clone(),
                        at: ctx.ports.clock.now(),
                    };
                    objects.content_status(&content, &status).await?;
                }
                tell(ctx, &view.content, failure.reason, &failure.text);
                if view.failed.as_ref().is_some_and(|failed| failed.over) && view.content.being_created {
                    // What is said now is all that there is to say of it.
                    continue;
                }
                return Ok(Next::After(match failure.passes {
                    true => ctx.takes.again(name, view.failed.is_some()),
                    false => report::memory::say_again(),
                }));
            }
            Step::Remove(handle) => remove(ctx, &view.content, &content, &handle).await?,
            Step::Release { left } => {
                if let Some(left) = left {
                    tell(ctx, &view.content, SnapshotReason::SnapshotDeleteError, left);
                }
                objects.release_content(&content).await?;
                wake_backends_that_go(ctx);
            }
            Step::Wait(text) => {
                tell(ctx, &view.content, SnapshotReason::SnapshotDeletePending, text);
                return Ok(Next::After(report::memory::say_again()));
            }
        }
    }
    Ok(Next::Again)
}

/// Sees to the restores that read it. Answers whether that changed what the next look sees.
async fn read(ctx: &Context, origin: &Origin, view: &mut LiveContent) -> Result<bool, Failure> {
    let given_up =
        |token: &Token| ctx.copies.is_given_up(token) || reading::is_given_up(view, token, ctx.copies.attempts(token));
    let over: Vec<Token> = view.copies.keys().filter(|token| given_up(token)).cloned().collect();
    for (token, known) in &mut view.copies {
        known.given_up = over.contains(token);
    }
    ctx.copies.are_on(origin, |token| view.copies.contains_key(token));
    let actions = reading::plan(view);
    // Before anything is done about one that is over: it stops first.
    ctx.copies
        .want(origin, reading::wanted(view), |token| reading::fate(view, token));
    let _discarding: Vec<_> = actions.iter().filter_map(|a| volumes::discarding(ctx, a)).collect();
    run(&actions, &ctx.ports).await?;
    volumes::wake_backends(ctx, &actions);
    Ok(!actions.is_empty())
}

async fn remove(
    ctx: &Context,
    content: &Content,
    exactly: &ExactContent,
    handle: &SnapshotHandle,
) -> Result<(), Failure> {
    let (_, guarded) = ctx.roots.behind_snapshot(handle).ok_or(Failure::NoBackend)?;
    if let Err(error) = guarded.remove_snapshot(&handle.id).await {
        let text = "removing its data failed; Tombolo's log says why, and it is tried again";
        tell(ctx, content, SnapshotReason::SnapshotDeleteError, text);
        return Err(error.into());
    }
    ctx.takes.cleared(&content.name);
    tracing::info!(content = %content.name, snapshot = %handle.id, "removed a snapshot");
    if let Some(name) = ctx.roots.name_of(&handle.backend) {
        ctx.roots.shelved.removed(&name, &handle.id);
        // Whoever counts what is left wakes those who wait for room.
        ctx.wake(Work::Trash(name));
    }
    let objects = &ctx.ports.snapshots;
    match content.status.as_ref().is_some_and(|status| status.handle.is_some()) {
        true => objects.content_status(exactly, &Status::Empty).await?,
        false => objects.mark_content(exactly, &Mark::Known).await?,
    }
    Ok(())
}

/// Decides while nobody else takes anything of the backends; a snapshot that begins, or has begun, counts from then on.
fn decided(ctx: &Context, view: &mut LiveContent) -> Step {
    let ledger = &*ctx.ports.ledger;
    let (step, _) = ctx.reservations.decide(ledger, |others| {
        if !view.content.being_created
            && !view.content.is_ready()
            && let Some(uid) = snapshot_of(&view.content.name)
        {
            // What was reserved for it by a look that came to nothing does not stand in its own way.
            let _ = ctx.roots.shelved.is_not_taken(&uid);
        }
        if let Some(backend) = &mut view.backend {
            let views = ctx.roots.views(ledger, &view.content.of.namespace, others);
            if let Some(now) = views
                .into_iter()
                .find(|now| now.name == backend.name && now.id() == backend.id())
            {
                *backend = now;
            }
        }
        let step = decide(view);
        if let (Step::Begin(take) | Step::Take(take), Some(backend)) = (&step, &view.backend) {
            ctx.roots.shelved.taking(&backend.name, &take.handle.id, take.bytes);
        }
        (step, None)
    });
    step
}

/// Backends that somebody deletes may have waited for a content; which one its data was on, it says no more.
fn wake_backends_that_go(ctx: &Context) {
    let names = ctx.roots.names().into_iter();
    let going = names.filter(|name| ctx.roots.get(name).is_some_and(|root| root.terminating));
    ctx.queue.add_all(going.map(Work::Backend));
}

fn tell(ctx: &Context, content: &Content, reason: SnapshotReason, text: &str) {
    ctx.ports.audience.hear(&Announcement {
        subject: Subject::Content(content.name.clone(), content.uid.clone()),
        reason: Told::Snapshot(reason),
        text: text.to_owned(),
    });
}
