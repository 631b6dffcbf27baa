//! The side that acts as if it had the backend.
//!
//! [`Remote::connect`] fetches the description, because capabilities and root are constant for the life of a value. Every request
//! names its revision, and the far side does nothing under another one: then every call answers `Waiting`, and the value has
//! to be opened anew. Every change also names the root's mark as it was seen last, and the far side looks at the mark
//! right before it acts: a disk that goes between `Guarded`'s look and the change changes nothing.
//!
//! [`verdict`] decides what an answer means and whether to ask again; [`link`] asks; [`operation`] follows work that takes long.

mod backend;
mod capable;
mod config;
mod connection;
mod link;
mod operation;
mod verdict;

pub use config::{Config, Credentials, InvalidConfig, Token};

use crate::wire::describe::Description;
use link::Link;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;
use tombolo_backend_api::{BackendError, Capabilities};

/// A backend on the far side of HTTP.
#[derive(Debug)]
pub struct Remote {
    link: Link,
    description: Description,
    notice: RwLock<Option<String>>,
    capabilities: Capabilities,
    patience: Duration,
}

impl Remote {
    /// Asks the far side what it is.
    ///
    /// # Errors
    /// `Waiting` if it is away, `Denied` if it does not accept the credentials, `Invalid` if they cannot be used.
    pub async fn connect(config: Config) -> Result<Self, BackendError> {
        let link = Link::new(config)?;
        let description = link.describe().await?;
        link.expect(description.revision.clone());
        Ok(Self {
            link,
            capabilities: description.declared(),
            notice: RwLock::new(description.notice.clone()),
            description,
            // Longer than a restart of the far side, shorter than anybody wants to wait without an answer.
            patience: Duration::from_secs(60),
        })
    }

    /// How long an operation that has begun is asked after while the far side does not answer.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// From now on shows these credentials, as when a Secret has changed.
    ///
    /// # Errors
    /// `Invalid` if they cannot be used; the former then stay.
    pub fn renew(&self, credentials: Credentials) -> Result<(), BackendError> {
        self.link.renew(credentials)
    }

    /// Whether the far side has become another backend than this value is: it has to be opened anew.
    pub fn is_outdated(&self) -> bool {
        self.link.is_outdated()
    }

    /// Takes over what the admin is to know now. Without an answer it stays as it was.
    async fn renotice(&self) {
        if let Ok(description) = self.link.describe().await {
            *self.notice.write().unwrap_or_else(PoisonError::into_inner) = description.notice;
        }
    }

    /// What the far side was when this was opened.
    pub fn description(&self) -> &Description {
        &self.description
    }
}
