//! What crosses the network, in types that both sides share. Whatever has a parser is parsed by it on both sides.
//!
//! Every call is a POST with a JSON body, and nothing that a caller chooses is part of a URL: a volume's path has slashes, and
//! proxies, routers and logs each have a view of their own on `%2F` and `..`; of a body there is one. [`calls`] has one
//! type for each; work that takes long is an [`operation`]; whatever goes wrong is a [`problem`].

pub mod calls;
pub mod describe;
pub mod headers;
pub mod mount;
pub mod operation;
pub mod problem;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// Where the description is.
pub const DESCRIPTION: &str = "/v1/backend";
/// Where operations are started.
pub const OPERATIONS: &str = "/v1/operations";
/// Where they are stopped.
pub const STOP: &str = "/v1/operations/stop";
/// Where it is told that the process lives.
pub const LIVENESS: &str = "/healthz";
/// Media type of a request and of an answer.
pub const JSON: &str = "application/json";
/// Media type of a [`problem::Problem`] (RFC 9457, section 3).
pub const PROBLEM_JSON: &str = "application/problem+json";
/// Body of a request at most, in bytes, unless the call says otherwise.
pub const LONGEST_BODY: usize = 64 << 10;

/// What a call does to the storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Changes nothing, so that it may be repeated whatever became of it.
    Reads,
    /// The same, of everything there is: it takes as long as the storage keeps answering.
    Lists,
    /// Changes something below the root: it is guarded by the root's mark, and audited.
    Changes,
    /// Changes something else, which has nothing to do with whose root it is: audited only.
    Arranges,
}

impl Effect {
    /// How long a caller waits for it, unless it says otherwise.
    pub const fn deadline(self) -> Duration {
        match self {
            Self::Reads | Self::Changes | Self::Arranges => Duration::from_secs(30),
            Self::Lists => Duration::from_secs(600),
        }
    }

    /// Whether it changes something.
    pub const fn changes(self) -> bool {
        matches!(self, Self::Changes | Self::Arranges)
    }
}

/// One call: its path, what it asks and what it answers.
pub trait Call: Send + Sync + 'static {
    /// Path of its URL.
    const PATH: &'static str;
    /// What it does, in a sentence for the API's document.
    const ABOUT: &'static str;
    /// What it does to the storage.
    const EFFECT: Effect;
    /// Body of its request at most, in bytes.
    const LONGEST_BODY: usize = LONGEST_BODY;
    /// What is asked.
    type Request: Subject + Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static;
    /// What is answered.
    type Answer: Serialize + DeserializeOwned + JsonSchema + Send + 'static;
}

/// What a request is about, for the audit log. Parsed values only: they cannot carry a line break.
pub trait Subject {
    /// The names in it.
    fn subject(&self) -> String;

    /// What the schema cannot say; the text is why it is refused.
    ///
    /// # Errors
    /// If the request cannot be meant.
    fn check(&self) -> Result<(), &'static str> {
        Ok(())
    }
}
