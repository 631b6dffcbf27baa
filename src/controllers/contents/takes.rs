//! Snapshots that are to be taken, in the background: where they are copies, each takes as long as a copy does.
//!
//! So many at once as there may be copies, by the same rule. What came of one is found by whoever looks at its content: what was taken is
//! on the backend, and why it was not is remembered here until then.

use crate::api::reasons;
use crate::controllers::context::Context;
use crate::controllers::retry;
use crate::domain::ids::{ContentName, ContentUid, Namespace};
use crate::domain::snapshot::content::Content;
use crate::execute::Failure;
use crate::observe::work::Work;
use crate::plan::copy::schedule::{Bounds, Turns, next};
use crate::plan::snapshot::Failed;
use crate::plan::snapshot::taking::Take;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tombolo_backend_api::{BackendError, Certainty, Class, CopyTerms, Guarded};

/// What is to be taken, and what is being taken.
#[derive(Default)]
pub struct Takes {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    /// In the order in which they were first wanted.
    wanted: Vec<Take>,
    running: Vec<(ContentName, Namespace)>,
    turns: Turns,
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
        if state.running.iter().any(|(running, _)| *running == take.content) {
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
        self.lock().running.iter().any(|(running, _)| running == content)
    }

    /// Takes what may begin now. It runs until what is answered is dropped.
    fn begin(self: &Arc<Self>, bounds: Bounds) -> Option<Running> {
        let mut state = self.lock();
        let running: Vec<Namespace> = state.running.iter().map(|(_, of)| of.clone()).collect();
        let take = next(
            bounds,
            &running,
            &state.turns,
            state.wanted.iter().map(|take| (take, &take.namespace)),
        )?
        .clone();
        let State { wanted, turns, .. } = &mut *state;
        turns.give(
            &take.namespace,
            wanted.iter().map(|take| &take.namespace).chain(&running),
        );
        state.wanted.retain(|w| w.content != take.content);
        state.running.push((take.content.clone(), take.namespace.clone()));
        Some(Running {
            take,
            failed: Some(waiting("taking it failed; it is tried again")),
            all: self.clone(),
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
}

impl Drop for Running {
    fn drop(&mut self) {
        let (take, failed) = (&self.take, self.failed.take());
        let mut state = self.all.lock();
        state.running.retain(|(content, _)| *content != take.content);
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
        while let Some(running) = takes.begin(ctx.copies.settings().bounds) {
            tasks.spawn(see_through(ctx.clone(), running));
        }
        tokio::select! {
            () = takes.changed.notified() => {}
            Some(ended) = tasks.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "taking a snapshot broke");
                }
            }
        }
    }
}

fn waiting(text: &str) -> Failed {
    Failed {
        text: text.to_owned(),
        over: false,
    }
}

async fn see_through(ctx: Context, mut running: Running) {
    // Dropped last: whoever is woken finds nothing under way.
    let _wakes = Wakes(ctx.clone(), running.take.clone());
    running.failed = attempt(&ctx, &running.take).await.err();
    drop(running);
}

async fn attempt(ctx: &Context, take: &Take) -> Result<(), Failed> {
    let Some((_, guarded)) = ctx.roots.behind_snapshot(&take.handle) else {
        return Err(waiting(
            "the storage backend cannot be used now; it goes on when it can",
        ));
    };
    // It may have waited long for its turn: what is gone, or done, by now is not taken.
    let taken = match ctx.ports.snapshots.content(&take.content).await {
        Ok(content) if take.is_wanted(content.as_ref()) => Some(make(ctx, &guarded, take).await),
        Ok(_) => None,
        Err(error) => {
            tracing::warn!(content = %take.content, %error, "a snapshot that is to be taken could not be looked at");
            return Err(waiting("taking it failed; it is tried again"));
        }
    };
    let cleared = clear_if_nobodys(ctx, &guarded, take, matches!(taken, Some(Ok(())))).await;
    if let Err(error) = &cleared {
        tracing::warn!(content = %take.content, snapshot = %take.handle.id, %error, "what a content left that is gone could not be removed");
    }
    match (taken, cleared) {
        (Some(Err(failed)), _) => Err(failed),
        (_, Err(_)) => Err(waiting("taking it failed; it is tried again")),
        (_, Ok(())) => Ok(()),
    }
}

async fn make(ctx: &Context, guarded: &Guarded, take: &Take) -> Result<(), Failed> {
    let settings = ctx.copies.settings();
    let terms = CopyTerms {
        epoch: settings.epoch,
        drop_set_id: take.drop_set_id,
        max_entries: settings.max_entries,
    };
    let id = &take.handle.id;
    let error = match guarded.take_snapshot(id, &take.of, take.bytes, &terms, &()).await {
        Ok(_) => {
            tracing::info!(content = %take.content, snapshot = %id, of = %take.of, "took a snapshot");
            return Ok(());
        }
        Err(error) => error,
    };
    tracing::warn!(content = %take.content, snapshot = %id, of = %take.of, %error, "a snapshot was not taken");
    // What was begun of it stays for as long as its content, and goes with that. Removing it now could remove more: another leader may have
    // taken the snapshot since.
    Err(Failed {
        text: words(&error).to_owned(),
        over: is_final(&error),
    })
}

/// A content whose finalizers somebody has stripped waits for nothing, and nothing else would ever name what was made for it.
async fn clear_if_nobodys(ctx: &Context, guarded: &Guarded, take: &Take, taken: bool) -> Result<(), Failure> {
    let objects = &ctx.ports.snapshots;
    if objects
        .content(&take.content)
        .await?
        .is_some_and(|content| content.uid == take.uid)
    {
        return Ok(());
    }
    let snapshot = objects.snapshot(&take.snapshot).await?;
    let root = ctx
        .roots
        .name_of(&take.handle.backend)
        .and_then(|name| ctx.roots.get(&name));
    let imports = root.map(|root| root.imports).unwrap_or_default();
    let contents = objects.contents().await?;
    let whole = taken || guarded.find_snapshot(&take.handle.id).await?.is_some();
    if take.is_nobodys(whole, snapshot.as_ref(), &contents, &imports) {
        guarded.remove_snapshot(&take.handle.id).await?;
        tracing::info!(content = %take.content, snapshot = %take.handle.id, "removed a snapshot whose content was gone before it was taken");
        if let Some(name) = ctx.roots.name_of(&take.handle.backend) {
            ctx.roots.shelved.removed(&name, &take.handle.id);
            ctx.wake(Work::Trash(name));
        }
    }
    Ok(())
}

/// Whether trying again with the same volume would come to the same.
fn is_final(error: &BackendError) -> bool {
    match error.class {
        Class::TooLarge => true,
        Class::Invalid | Class::Denied => error.certainty == Certainty::NotDone,
        Class::Waiting | Class::Transient | Class::Full | Class::Bug => false,
    }
}

fn words(error: &BackendError) -> &'static str {
    match error.class {
        Class::TooLarge => "its volume holds more than its size, or more files than are copied",
        Class::Full => "the storage backend has no room left; ask your admin",
        Class::Waiting => "the storage backend cannot be used now; it goes on when it can",
        Class::Transient => "taking it failed; it is tried again",
        Class::Invalid | Class::Denied | Class::Bug => {
            "the storage backend could not take it; Tombolo's log says why, ask your admin"
        }
    }
}

#[cfg(test)]
mod tests;
