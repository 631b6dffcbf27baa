//! A VolumeSnapshotContent changed: read live, decide, do one step, until nothing is left.

mod takes;

pub use takes::{Takes, take_on};

use super::context::{Context, Next};
use crate::api::reasons::SnapshotReason;
use crate::domain::ids::ContentName;
use crate::domain::snapshot::content::{Content, ExactContent};
use crate::domain::snapshot::handle::SnapshotHandle;
use crate::execute::Failure;
use crate::execute::snapshots::Status;
use crate::observe::gather::snapshots;
use crate::observe::work::Work;
use crate::plan::action::{Announcement, Subject, Told};
use crate::plan::snapshot::{Step, decide};
use crate::report;

/// More steps than any content needs at once.
const STEPS: usize = 16;

/// Looks at a content.
///
/// # Errors
/// Whatever stopped a step.
pub async fn reconcile(ctx: &Context, name: &ContentName) -> Result<Next, Failure> {
    for _ in 0..STEPS {
        let Some(mut view) = snapshots::content(&ctx.caches, &ctx.ports, &ctx.roots, name).await? else {
            ctx.takes.forget(name);
            return Ok(Next::Change);
        };
        view.failed = ctx.takes.failure(&view.content);
        let step = decide(&view);
        if !matches!(step, Step::Take(_)) {
            ctx.takes.drop_out(name);
        }
        let (content, objects) = (ExactContent::from(&view.content), &ctx.ports.snapshots);
        match step {
            Step::Nothing | Step::NotOurs => return Ok(Next::Change),
            Step::Begin | Step::Take(_) if let Some(left) = ctx.takes.rests(name) => return Ok(Next::After(left)),
            Step::Begin => objects.mark_content(&content, true).await?,
            Step::Over => {
                objects.mark_content(&content, false).await?;
                ctx.takes.told(name);
                if view.failed.is_some() {
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
                return Ok(Next::After(ctx.takes.again(name, view.failed.is_some())));
            }
            Step::Remove(handle) => remove(ctx, &view.content, &content, &handle).await?,
            Step::Release { left } => {
                if let Some(left) = left {
                    tell(ctx, &view.content, SnapshotReason::SnapshotDeleteError, left);
                }
                objects.release_content(&content).await?;
            }
            Step::Wait(text) => {
                tell(ctx, &view.content, SnapshotReason::SnapshotDeletePending, text);
                return Ok(Next::After(report::memory::say_again()));
            }
        }
    }
    Ok(Next::Again)
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
    tracing::info!(content = %content.name, snapshot = %handle.id, "removed a snapshot");
    if let Some(name) = ctx.roots.name_of(&handle.backend) {
        ctx.wake(Work::Trash(name));
    }
    ctx.ports.snapshots.content_status(exactly, &Status::Empty).await?;
    Ok(())
}

fn tell(ctx: &Context, content: &Content, reason: SnapshotReason, text: &str) {
    ctx.ports.audience.hear(&Announcement {
        subject: Subject::Content(content.name.clone(), content.uid.clone()),
        reason: Told::Snapshot(reason),
        text: text.to_owned(),
    });
}
