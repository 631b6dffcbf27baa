//! The decisions: from what was seen to what is done and why. Synchronous and total; no clock, no client, no log.
//!
//! Each file decides for one kind of thing and says in its first lines what it looks at. A decision is a [`Plan`]: actions so
//! specific that carrying them out leaves nothing to choose, and a verdict for the people who wait. Whatever a plan may never
//! do, whatever it saw, stands in [`rules`].

pub mod action;
pub mod claim;
pub mod cleanup;
pub mod consent;
pub mod copy;
pub mod cross_source;
pub mod exports;
pub mod glance;
pub mod handshake;
pub mod hold;
pub mod join;
pub mod member;
pub mod orphan;
pub mod provision;
pub mod rebuild;
pub mod reclaim;
pub mod reference;
pub mod registration;
pub mod repair;
pub mod resize;
pub mod restore;
pub mod retire;
pub mod revocation;
pub mod root;
pub mod rules;
pub mod shared_volume;
pub mod snapshot;
pub mod takes;
pub mod trash;
pub mod upkeep;
pub mod validator;
pub mod volume;

#[cfg(test)]
pub(crate) mod golden;
#[cfg(test)]
mod properties;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod trident_rows;

pub use action::{Action, Announcement, Data, NewPv, Subject};

use crate::api::reasons::{ClaimReason, Class};
use std::fmt;

/// What to do, and what to tell.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct Plan {
    /// In this order; the first that fails ends the attempt.
    pub actions: Vec<Action>,
    /// Where that leaves the object.
    pub verdict: Verdict,
}

/// Where a plan leaves its object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is left to do until something changes.
    Settled,
    /// The actions change what the next look sees: look again when they are done.
    Continue,
    /// The caches say yes; decide again on live reads before anything is written.
    AskLive,
    /// It is not ours, or not its time.
    NotOurs,
    /// It cannot go on, and somebody has to be told why.
    Refused(Refusal),
}

/// Why a claim does not get what it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The reason.
    pub reason: ClaimReason,
    /// In words its owner can act on; nothing of other namespaces but what the owner wrote down.
    pub text: String,
}

impl Refusal {
    /// Puts a refusal together.
    pub fn new(reason: ClaimReason, text: impl Into<String>) -> Self {
        Self {
            reason,
            text: text.into(),
        }
    }

    /// Its class, from which delay, event type and metric follow. A reason without one is there to be read, not repeated.
    pub fn class(&self) -> Class {
        self.reason.class().unwrap_or(Class::Waiting)
    }
}

impl Plan {
    /// Nothing to do.
    pub fn settled() -> Self {
        Self {
            actions: Vec::new(),
            verdict: Verdict::Settled,
        }
    }

    /// Not ours.
    pub fn not_ours() -> Self {
        Self {
            actions: Vec::new(),
            verdict: Verdict::NotOurs,
        }
    }

    /// Do this, then look again.
    pub fn then_look_again(actions: Vec<Action>) -> Self {
        Self {
            actions,
            verdict: Verdict::Continue,
        }
    }

    /// Do this, and that is all.
    pub fn finally(actions: Vec<Action>) -> Self {
        Self {
            actions,
            verdict: Verdict::Settled,
        }
    }

    /// Refuse.
    pub fn refused(refusal: Refusal) -> Self {
        Self {
            actions: Vec::new(),
            verdict: Verdict::Refused(refusal),
        }
    }
}

impl From<Refusal> for Plan {
    fn from(refusal: Refusal) -> Self {
        Self::refused(refusal)
    }
}

/// One stable line each, for goldens and `explain`.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for action in &self.actions {
            writeln!(f, "{action}")?;
        }
        writeln!(f, "verdict  {}", self.verdict)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settled => f.write_str("settled"),
            Self::Continue => f.write_str("look again"),
            Self::AskLive => f.write_str("decide again on live reads"),
            Self::NotOurs => f.write_str("not ours"),
            Self::Refused(refusal) => write!(f, "refused: {refusal}"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.text)
    }
}
