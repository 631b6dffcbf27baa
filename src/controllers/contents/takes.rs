//! Snapshots that are to be taken, in the background: where they are copies, each takes as long as a copy does.
//!
//! In the same places as copies, whose turns they share. What came of one is found by whoever looks at its content: what was taken is
//! on the backend, and why it was not is remembered here until then.

mod making;

use crate::api::reasons;
use crate::controllers::context::Context;
use crate::controllers::copies::Heard;
use crate::controllers::copies::places::{Line, Place, Places};
use crate::controllers::retry;
use crate::domain::ids::{ContentName, ContentUid};
use crate::domain::snapshot::content::Content;
use crate::observe::work::Work;
use crate::plan::snapshot::Failed;
use crate::plan::snapshot::taking::Take;
use making::attempt;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tombolo_backend_api::Copied;

/// What is to be taken, and what is being taken.
#[derive(Default)]
pub struct Takes {
    /// Where those are taken that take a moment: they wait for nobody whose copy takes hours.
    quick: Arc<Places>,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    /// In the order in which they were first wanted.
    wanted: Vec<Take>,
    running: Vec<ContentName>,
    failed: HashMap<ContentName, (ContentUid, Failed)>,
    /// Attempts of this process that came to nothing: something of them may lie on the backend.
    left: HashMap<ContentName, Take>,
    /// How often in a row it came to nothing, and until when it is not tried again.
    tries: HashMap<ContentName, (u32, Option<Instant>)>,
}

impl Takes {
    /// This one is wanted. One that is under way is not wanted again: its end wakes whoever looks.
    pub(super) fn want(&self, take: Take) {
        let mut state = self.lock();
        if state.running.contains(&take.content) {
            return;
        }
        match state.wanted.iter_mut().find(|w| w.content == take.content) {
            Some(known) => *known = take,
            None => state.wanted.push(take),
        }
        drop(state);
        self.changed.notify_one();
    }

    /// One is not wanted now. If it is under way it goes on: its outcome has to be known.
    pub(super) fn drop_out(&self, content: &ContentName) {
        self.lock().wanted.retain(|w| w.content != *content);
    }

    /// Why a content could not be taken the last time; answered once unless it is over.
    pub(super) fn failure(&self, content: &Content) -> Option<Failed> {
        let mut state = self.lock();
        let (uid, failed) = state.failed.get(&content.name)?;
        let known = (*uid == content.uid).then(|| failed.clone());
        if known.as_ref().is_none_or(|failed| !failed.over) {
            state.failed.remove(&content.name);
        }
        known
    }

    /// It is tried again, after a time that grows; if it was `attempted`, not before that. Answers how long that is.
    pub(super) fn again(&self, content: &ContentName, attempted: bool) -> Duration {
        let mut state = self.lock();
        let (tries, rests) = state.tries.entry(content.clone()).or_default();
        *tries = tries.saturating_add(1);
        let delay = retry::delay(reasons::Class::Waiting, *tries);
        if attempted {
            *rests = Some(Instant::now() + delay);
        }
        delay
    }

    /// How long a content is not tried again; `None`: it may be.
    pub(super) fn rests(&self, content: &ContentName) -> Option<Duration> {
        let rests = self.lock().tries.get(content)?.1?;
        Some(rests.saturating_duration_since(Instant::now())).filter(|left| !left.is_zero())
    }

    /// Why it failed was said.
    pub(super) fn told(&self, content: &ContentName) {
        self.lock().failed.remove(content);
    }

    /// Nothing of it lies on the backend, nor will.
    pub(super) fn cleared(&self, content: &ContentName) {
        self.lock().left.remove(content);
    }

    /// It is gone. What an attempt has left has its turn once more: whoever finds that nobody wants it clears it away. Answers how long
    /// that is not tried again, if there is anything.
    pub(super) fn forget(&self, content: &ContentName) -> Option<Duration> {
        let rests = self.rests(content);
        let mut state = self.lock();
        state.failed.remove(content);
        let Some(left) = state.left.get(content).cloned() else {
            state.tries.remove(content);
            state.wanted.retain(|w| w.content != *content);
            return None;
        };
        drop(state);
        if rests.is_none() {
            self.want(left);
        }
        Some(rests.unwrap_or_else(|| self.again(content, true)))
    }

    /// Whether one is being taken by this process: its outcome is not known.
    pub(super) fn runs(&self, content: &ContentName) -> bool {
        self.lock().running.contains(content)
    }

    /// Takes what may begin now. It runs until what is answered is dropped.
    fn begin(self: &Arc<Self>, places: &Arc<Places>) -> Option<Running> {
        let mut state = self.lock();
        let of = |at_once: bool| {
            let its = state.wanted.iter().filter(move |take| take.at_once == at_once);
            its.map(|take| (take, &take.namespace))
        };
        let quick = self.quick.take(Line::Takes, of(true));
        let (take, place) = quick.or_else(|| places.take(Line::Takes, of(false)))?;
        let take = take.clone();
        state.wanted.retain(|w| w.content != take.content);
        state.running.push(take.content.clone());
        Some(Running {
            take,
            failed: Some(making::waiting("taking it failed; it is tried again")),
            all: self.clone(),
            _place: place,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A snapshot that is being taken.
struct Running {
    take: Take,
    /// What came of it, as far as that is known: whoever breaks off has failed.
    failed: Option<Failed>,
    all: Arc<Takes>,
    _place: Place,
}

impl Drop for Running {
    fn drop(&mut self) {
        let (take, failed) = (&self.take, self.failed.take());
        let mut state = self.all.lock();
        state.running.retain(|content| *content != take.content);
        match failed {
            Some(failed) => {
                state.failed.insert(take.content.clone(), (take.uid.clone(), failed));
                state.left.insert(take.content.clone(), take.clone());
            }
            None => {
                state.tries.remove(&take.content);
                state.left.remove(&take.content);
            }
        }
        drop(state);
        self.all.changed.notify_one();
    }
}

/// Tells whoever looks at a content that what was under way for it has ended, however it did.
struct Wakes(Context, Take);

impl Drop for Wakes {
    fn drop(&mut self) {
        let Self(ctx, take) = self;
        if let Some(name) = ctx.roots.name_of(&take.handle.backend) {
            ctx.roots.shelved.took(&name, &take.handle.id);
        }
        ctx.wake(Work::Content(take.content.clone()));
    }
}

/// Takes what is wanted, for as long as it is polled.
pub async fn take_on(ctx: Context) {
    let mut tasks = JoinSet::new();
    let takes: Arc<Takes> = ctx.takes.clone();
    loop {
        while let Some(taking) = next_take(&ctx) {
            tasks.spawn(taking);
        }
        tokio::select! {
            () = takes.changed.notified() => {}
            () = ctx.copies.places().changed(Line::Takes) => {}
            () = takes.quick.changed(Line::Takes) => {}
            Some(ended) = tasks.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "taking a snapshot broke");
                }
            }
        }
    }
}

/// One that may be taken now, and has begun: whoever polls it takes it.
pub fn next_take(ctx: &Context) -> Option<impl Future<Output = ()> + Send + use<>> {
    let running = ctx.takes.begin(ctx.copies.places())?;
    Some(see_through(ctx.clone(), running))
}

async fn see_through(ctx: Context, mut running: Running) {
    // Dropped last: whoever is woken finds nothing under way.
    let _wakes = Wakes(ctx.clone(), running.take.clone());
    let heard = Heard::after(Copied::default(), &ctx.metrics);
    running.failed = attempt(&ctx, &running.take, &heard).await.err();
    drop(running);
}

#[cfg(test)]
mod tests;
