//! What tests put in the place of the world: the time, and an end between two steps.

use std::fmt;
use std::sync::Arc;
use tombolo_backend_api::BackendError;

/// What an [`Exporter`](crate::Exporter) has just done. A process may end after each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// A record is on disk.
    RecordWritten,
    /// An export's configuration is on disk.
    FileWritten,
    /// An export's configuration is gone from the disk.
    FileRemoved,
    /// The server has added an export.
    Added,
    /// The server has changed an export.
    Updated,
    /// The server has removed an export.
    Removed,
}

impl Step {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::RecordWritten,
        Self::FileWritten,
        Self::FileRemoved,
        Self::Added,
        Self::Updated,
        Self::Removed,
    ];
}

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> jiff::Timestamp + Send + Sync>;
/// Is told of a step, and may end the operation there as a crash would.
pub type AfterStep = Arc<dyn Fn(Step) -> Result<(), BackendError> + Send + Sync>;

/// The world, or what stands in its place.
#[derive(Clone)]
pub struct Seams {
    /// Tells the time.
    pub clock: Clock,
    /// Is told of each step.
    pub after_step: AfterStep,
}

impl Default for Seams {
    fn default() -> Self {
        #[allow(clippy::disallowed_methods, reason = "this is where time enters this package")]
        let clock = Arc::new(jiff::Timestamp::now);
        Self {
            clock,
            after_step: Arc::new(|_| Ok(())),
        }
    }
}

impl fmt::Debug for Seams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seams").finish_non_exhaustive()
    }
}
