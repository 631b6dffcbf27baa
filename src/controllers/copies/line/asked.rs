//! What others ask of the line of copies: who is read, how many there are, how one has fared.

use super::Copies;
use crate::domain::token::Token;
use crate::plan::copy::outcome::Attempts;
use crate::plan::copy::{Origin, Wanted};

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

    /// What has come of a copy's attempts until now.
    pub fn attempts(&self, token: &Token) -> Attempts {
        let state = self.lock();
        Attempts {
            in_vain: state.tried.get(token).map_or(0, |tried| tried.tries.in_a_row),
            running: state.running.iter().any(|running| running.token == *token),
        }
    }
}
