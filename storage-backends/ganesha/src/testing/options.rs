//! What kind of server a test wants.

use crate::Protocols;
use std::time::Duration;

/// Whether locks of before a start may be taken first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grace {
    /// Everybody is served at once: for tests of other things.
    Off,
    /// As in production, but with this lease and twice that grace period.
    Lease(Duration),
}

/// What kind of server it is to be.
#[derive(Debug, Clone)]
pub struct Options {
    /// Version 3 needs rpcbind, which there is one of on a machine.
    pub protocols: Protocols,
    pub grace: Grace,
    /// Who may mount.
    pub networks: Vec<String>,
    /// The network namespace to run in, by its name.
    pub namespace: Option<String>,
    /// Most files that the server may open, if not as many as this process.
    pub files: Option<u32>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            protocols: Protocols::V4,
            grace: Grace::Off,
            networks: vec!["127.0.0.0/8".into()],
            namespace: None,
            files: None,
        }
    }
}
