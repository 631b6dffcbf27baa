//! What others ask of the line of copies: who is read, how many there are, how one has fared, how long to be silent of it.

use super::Copies;
use crate::domain::token::Token;
use crate::plan::copy::outcome::Attempts;
use crate::plan::copy::{Origin, Wanted, progress};
use std::time::Duration;
use tokio::time::Instant;

impl Copies {
    /// Whether a volume is being copied by this process, or is about to be.
    pub fn reads(&self, source: &Origin) -> bool {
        let state = self.lock();
        let wanted = state.wanted.iter().any(|w| w.source == *source);
        wanted || state.running.iter().any(|r| r.source == *source)
    }

    /// How many are under way, and how many wait.
    pub fn figures(&self) -> (usize, usize) {
        let state = self.lock();
        let running = state.running.len();
        let begun = |w: &&Wanted| state.running.iter().any(|r| r.token == w.token);
        (running, state.wanted.iter().filter(|w| !begun(w)).count())
    }

    /// How long nothing more is told of it.
    pub(in crate::controllers) fn silence(&self, token: &Token) -> Duration {
        let state = self.lock();
        progress::wait(state.told.get(token).map(Instant::elapsed))
    }

    /// Whether the copy with a token was given up: its source is too large for its claim, which was not looked at, or consent to it has
    /// ended.
    pub fn is_given_up(&self, token: &Token) -> bool {
        let state = self.lock();
        state.outgrown.contains_key(&token.claim) || state.ended.contains_key(token)
    }

    /// What has come of a copy's attempts until now.
    pub fn attempts(&self, token: &Token) -> Attempts {
        let state = self.lock();
        Attempts {
            in_vain: state.tried.get(token).map_or(0, |tried| tried.tries.in_vain),
            running: state.running.iter().any(|running| running.token == *token),
        }
    }
}
