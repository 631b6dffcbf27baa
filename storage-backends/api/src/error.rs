//! One error for every backend: a class, a certainty, and words for the admin.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What kind of failure it is; the retry delay, the event, the condition and the metric follow from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
pub enum Class {
    /// The request can never succeed as it stands.
    Invalid,
    /// The server refuses us: permissions, a read-only export.
    Denied,
    /// The backend is away, or its root is not the one we know; nothing is wrong with the request.
    Waiting,
    /// A failure that a retry is likely to mend.
    Transient,
    /// No room: a full file system or a quota.
    Full,
    /// It does not fit: a source is larger than its target, or a size smaller than what is used.
    TooLarge,
    /// A broken rule of our own.
    Bug,
}

/// The question that matters after a failed call: may it have happened?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
pub enum Certainty {
    /// Nothing was changed.
    NotDone,
    /// It may have been done, in part or whole: inspect before deciding anything.
    MaybeDone,
}

/// A failed backend call.
///
/// `Display` is for the admin (events on a `StorageBackend`, logs); it may name paths of the server and is therefore never
/// copied into an event on a tenant's claim.
#[derive(Debug, thiserror::Error)]
pub struct BackendError {
    /// What kind of failure it is.
    pub class: Class,
    /// Whether the work may have been done.
    pub certainty: Certainty,
    /// What was being done, and what went wrong.
    pub message: String,
    /// The library's error, where there is one.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl BackendError {
    /// An error of `class` before which nothing was changed.
    pub fn not_done(class: Class, message: impl Into<String>) -> Self {
        Self {
            class,
            certainty: Certainty::NotDone,
            message: message.into(),
            source: None,
        }
    }

    /// An error of `class` that leaves open whether the work was done.
    pub fn maybe_done(class: Class, message: impl Into<String>) -> Self {
        Self {
            class,
            certainty: Certainty::MaybeDone,
            message: message.into(),
            source: None,
        }
    }

    /// Attaches the library's error.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl fmt::Display for BackendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.source {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_error_is_shown_and_kept_as_the_source() {
        let error = BackendError::not_done(Class::Full, "mkdir pvc-1").because(std::io::Error::other("no room"));
        assert_eq!(error.to_string(), "mkdir pvc-1: no room");
        assert_eq!(
            std::error::Error::source(&error).map(ToString::to_string).as_deref(),
            Some("no room")
        );
        assert_eq!((error.class, error.certainty), (Class::Full, Certainty::NotDone));
    }
}
