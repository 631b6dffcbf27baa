//! Copies that are wanted, in the order in which they were first, and those that are under way.

mod asked;
mod running;

use super::places::{Line, Places};
use super::tries::Tries;
use crate::domain::claim::Claim;
use crate::domain::ids::{ClaimRef, ClaimUid, ResourceVersion};
use crate::domain::token::Token;
use crate::plan::copy::outcome::Answer;
use crate::plan::copy::schedule::Bounds;
use crate::plan::copy::{Origin, Wanted};
use crate::plan::volume::Fate;
pub(super) use running::Running;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tombolo_backend_api::Copied;

/// How copies are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How many at once.
    pub bounds: Bounds,
    /// Files, directories and links that a source may have at most, where they are copied one by one.
    pub max_entries: u64,
    /// The leader's term.
    pub epoch: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            bounds: Bounds::default(),
            max_entries: 5_000_000,
            epoch: 0,
        }
    }
}

/// What is to be copied, and what is being copied.
#[derive(Default)]
pub struct Copies {
    settings: Settings,
    places: Arc<Places>,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    /// In the order in which they were first wanted.
    wanted: Vec<Wanted>,
    running: Vec<UnderWay>,
    tried: HashMap<Token, Tried>,
    /// When something was told last of how far one is.
    told: HashMap<Token, Instant>,
    /// Claims whose source was too large for them, as the first look since then found them.
    outgrown: HashMap<ClaimUid, Option<ResourceVersion>>,
    /// Copies to which consent has ended, or that turned out too small, each with its source, until their tokens are off.
    ended: HashMap<Token, Origin>,
}

struct UnderWay {
    token: Token,
    source: Origin,
    stop: CancellationToken,
    /// Its object is there, and what is left to do takes a moment.
    finishing: bool,
}

/// Attempts in a row that came to nothing.
struct Tried {
    of: Origin,
    tries: Tries,
    again: Option<Instant>,
    reached: Copied,
}

impl Copies {
    /// With these settings.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            places: Arc::new(Places::new(settings.bounds)),
            ..Self::default()
        }
    }

    pub(in crate::controllers) fn settings(&self) -> Settings {
        self.settings
    }

    /// Where they are made, and snapshots are taken.
    pub(in crate::controllers) const fn places(&self) -> &Arc<Places> {
        &self.places
    }

    /// These are wanted of a volume or a snapshot, and no others. Of those under way, `fate` says which go on.
    pub fn want(&self, source: &Origin, copies: Vec<Wanted>, fate: impl Fn(&Token) -> Fate) {
        let mut state = self.lock();
        let of = |wanted: &Wanted| wanted.source == *source;
        state
            .wanted
            .retain(|w| !of(w) || copies.iter().any(|c| c.token == w.token));
        for copy in copies {
            // As it is by now, in the place that it has.
            match state.wanted.iter_mut().find(|w| w.token == copy.token) {
                Some(known) => *known = copy,
                None => state.wanted.push(copy),
            }
        }
        for running in state.running.iter_mut().filter(|r| r.source == *source) {
            match fate(&running.token) {
                Fate::Wanted => {}
                Fate::Finishing => running.finishing = true,
                Fate::Stopped if running.finishing => {}
                Fate::Stopped => running.stop.cancel(),
            }
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Whether the source of a claim was found too large for it. A claim that has changed since is not meant any more.
    pub fn has_outgrown(&self, claim: &Claim) -> bool {
        let mut state = self.lock();
        match state.outgrown.get_mut(&claim.uid) {
            None => false,
            Some(Some(version)) if *version != claim.version => {
                state.outgrown.remove(&claim.uid);
                false
            }
            Some(version) => {
                *version = Some(claim.version.clone());
                true
            }
        }
    }

    /// These tokens are on a volume or a snapshot, and no others. Whoever asks again, and is granted it again, begins anew.
    pub fn are_on(&self, source: &Origin, on: impl Fn(&Token) -> bool) {
        let mut state = self.lock();
        state.ended.retain(|token, of| of != source || on(token));
        for (token, tried) in &mut state.tried {
            if tried.of == *source && !on(token) {
                // How long it rests stays: what is made again too soon comes to the same.
                tried.tries.in_vain = 0;
            }
        }
    }

    pub(super) fn give_up(&self, wanted: &Wanted) {
        let source = wanted.source.clone();
        self.lock().ended.insert(wanted.token.clone(), source);
    }

    /// Forgets claims that are gone.
    pub fn retain(&self, there: impl Fn(&ClaimUid) -> bool) {
        let mut state = self.lock();
        state.outgrown.retain(|claim, _| there(claim));
        state.tried.retain(|token, _| there(&token.claim));
        state.told.retain(|token, _| there(&token.claim));
        state.ended.retain(|token, _| there(&token.claim));
    }

    pub(super) fn outgrew(&self, claim: &ClaimUid) {
        self.lock().outgrown.insert(claim.clone(), None);
    }

    pub(super) fn succeeded(&self, wanted: &Wanted) {
        let mut state = self.lock();
        state.tried.remove(&wanted.token);
        state.told.remove(&wanted.token);
    }

    /// Counts an attempt that stopped; answers how many came to nothing since something was last copied.
    pub(super) fn failed(&self, wanted: &Wanted, reached: Copied, answer: Answer) -> Tries {
        let mut state = self.lock();
        let tried = state.tried(wanted);
        let got_on = (reached.bytes, reached.files) > (tried.reached.bytes, tried.reached.files);
        let before = if got_on { Tries::default() } else { tried.tries };
        tried.tries = before.and_one_more(answer);
        tried.reached = reached;
        tried.tries
    }

    /// It is not tried before that.
    pub(super) fn rests(&self, wanted: &Wanted, delay: Duration) -> Duration {
        let mut state = self.lock();
        let tried = state.tried(wanted);
        tried.again = Some(Instant::now() + delay);
        delay
    }

    pub(super) async fn changed(&self) {
        tokio::select! {
            () = self.changed.notified() => {}
            () = self.places.changed(Line::Copies) => {}
        }
    }

    /// Claims whose copies wait for others, each answered once. To be asked when nothing may begin.
    pub(super) fn left_waiting(&self) -> Vec<ClaimRef> {
        let mut state = self.lock();
        let now = Instant::now();
        let untold = |w: &&Wanted| !state.told.contains_key(&w.token);
        let waiting = state.wanted.iter().filter(|w| state.waits(w, now)).filter(untold);
        let (tokens, claims): (Vec<_>, _) = waiting.map(|w| (w.token.clone(), w.claim.clone())).unzip();
        state.told.extend(tokens.into_iter().map(|token| (token, now)));
        claims
    }

    /// Something was told of how far a copy is.
    pub(super) fn told(&self, token: &Token) {
        self.lock().told.insert(token.clone(), Instant::now());
    }

    /// Takes what may begin now. It runs until what is answered is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Option<Running> {
        let mut state = self.lock();
        let now = Instant::now();
        let waiting = state.wanted.iter().filter(|w| state.waits(w, now));
        let waiting = waiting.map(|w| (w, &w.claim.key.namespace));
        let (wanted, place) = self.places.take(Line::Copies, waiting)?;
        let wanted = wanted.clone();
        let stop = CancellationToken::new();
        state.running.push(UnderWay {
            token: wanted.token.clone(),
            source: wanted.source.clone(),
            stop: stop.clone(),
            finishing: false,
        });
        Some(Running {
            wanted,
            stop,
            all: self.clone(),
            _place: place,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn tried(&mut self, wanted: &Wanted) -> &mut Tried {
        self.tried.entry(wanted.token.clone()).or_insert_with(|| Tried {
            of: wanted.source.clone(),
            tries: Tries::default(),
            again: None,
            reached: Copied::default(),
        })
    }

    /// Whether one could begin if there were room: it is not under way, nor does it rest.
    fn waits(&self, wanted: &Wanted, now: Instant) -> bool {
        let tried = self.tried.get(&wanted.token);
        let rests = tried.is_some_and(|t| t.again.is_some_and(|again| again > now));
        !rests && !self.running.iter().any(|r| r.token == wanted.token)
    }
}
