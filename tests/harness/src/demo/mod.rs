//! The demo: a story in acts and steps, played on a real control plane and a real NFS server, and checked as it goes.
//!
//! A step says what it does, does it with the commands that a person would type, says what is expected and what was seen; the first
//! difference ends the story. It must never say more than it saw. To tell more, write another [`Act`] beside [`sharing`] and list it in
//! `ACTS`; what acts have in common is the [`Stage`].

mod copying;
mod curtain;
mod filer;
mod looks;
mod sharing;
mod stage;
mod told;

use std::pin::Pin;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow, bail};

use stage::Stage;

use crate::report_skipped;

/// What is played, in order.
const ACTS: [&Act; 3] = [&sharing::ACT, &filer::ACT, &copying::ACT];

/// A chapter of the story.
struct Act {
    title: &'static str,
    /// What it makes in the cluster, in the order in which it can be deleted.
    objects: &'static [&'static str],
    /// Why it cannot be played on this machine, if so.
    cannot: fn() -> Option<String>,
    steps: &'static [Step],
}

/// Something that somebody does, and what follows from it.
struct Step {
    /// Who does it.
    who: &'static str,
    /// What they do.
    does: &'static str,
    play: for<'a> fn(&'a Stage) -> Played<'a>,
}

/// A step that is being played.
type Played<'a> = Pin<Box<dyn Future<Output = Result<()>> + 'a>>;

/// What becomes of the stage afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Afterwards {
    /// Everything is ended and removed.
    Cleared,
    /// The cluster and the controller run on, for a person to go on by hand.
    Kept,
}

/// Plays all of it.
///
/// # Errors
/// At the first thing that is not as expected, or that could not be done.
pub async fn play(afterwards: Afterwards) -> Result<()> {
    let start = Instant::now();
    let stage = curtain::rise(afterwards).await?;
    let set = start.elapsed();
    let story = tokio::select! {
        story = tell(&stage) => story,
        interrupted = tokio::signal::ctrl_c() => interrupted.context("waiting for Ctrl-C").and(Err(anyhow!("interrupted"))),
    };
    told::blank();
    let cleared = curtain::fall(stage, afterwards).await;
    story.and(cleared)?;
    told::done(start.elapsed().saturating_sub(set), set);
    Ok(())
}

async fn tell(stage: &Stage) -> Result<()> {
    for (number, act) in ACTS.into_iter().enumerate() {
        told::act(number + 1, act.title);
        if let Some(reason) = (act.cannot)() {
            report_skipped(&format!("act {} of the demo", number + 1), &reason);
            continue;
        }
        for (number, step) in act.steps.iter().enumerate() {
            told::step(number + 1, act.steps.len(), step.who, step.does);
            let start = Instant::now();
            if let Err(error) = (step.play)(stage).await {
                told::mismatch(&format!("{error:#}"));
                told::lines(&stage.controller.last_words());
                bail!("step {} of \"{}\" is not as expected, see above", number + 1, act.title);
            }
            told::time(start.elapsed());
        }
    }
    Ok(())
}
