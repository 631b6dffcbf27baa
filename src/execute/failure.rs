//! What can go wrong while a plan is carried out, with a class that says when to try again.

use super::cluster::{ApiError, Fault};
use crate::api::reasons::Class;
use crate::ledger::LedgerError;
use tombolo_backend_api::{BackendError, Certainty, Class as BackendClass};

/// A plan that stopped.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The API server did not do it.
    #[error("API server: {0}")]
    Api(#[from] ApiError),
    /// The backend did not do it.
    #[error("storage backend: {0}")]
    Backend(#[from] BackendError),
    /// The backend is not known, or not ready.
    #[error("the storage backend is not ready")]
    NoBackend,
    /// The ledger did not do it.
    #[error("ledger: {0}")]
    Ledger(#[from] LedgerError),
    /// The backend made a volume that may hold less than was asked for, by what it says itself.
    #[error("the storage backend made a volume of {given} bytes, and {asked} were asked for")]
    Short {
        /// Bytes that were asked for.
        asked: u64,
        /// Bytes that it may hold.
        given: u64,
    },
    /// It did not end in its time.
    #[error("it did not end in time")]
    TimedOut,
    /// A rule of ours was broken.
    #[error("a rule was broken: {0}")]
    Rule(String),
}

impl Failure {
    /// What kind of failure it is.
    pub fn class(&self) -> Class {
        match self {
            Self::Api(error) => match error.fault {
                Fault::NotFound | Fault::Conflict | Fault::Exists | Fault::Terminating | Fault::Away => {
                    Class::Transient
                }
                Fault::Forbidden => Class::Denied,
                Fault::Refused => Class::Invalid,
                Fault::Unknown => Class::Unknown,
            },
            Self::Backend(error) => match (error.class, error.certainty) {
                (BackendClass::Bug, _) => Class::Bug,
                (BackendClass::Invalid | BackendClass::TooLarge, _) => Class::Invalid,
                (_, Certainty::MaybeDone) => Class::Unknown,
                (BackendClass::Waiting | BackendClass::Denied | BackendClass::Full, Certainty::NotDone) => {
                    Class::Waiting
                }
                (BackendClass::Transient, Certainty::NotDone) => Class::Transient,
            },
            Self::NoBackend => Class::Waiting,
            Self::Ledger(_) => Class::Transient,
            Self::TimedOut => Class::Unknown,
            Self::Rule(_) | Self::Short { .. } => Class::Bug,
        }
    }

    /// Whether the world has merely moved on since the plan was made: look again at once, and tell nobody.
    pub fn is_stale(&self) -> bool {
        match self {
            Self::Api(error) => matches!(
                error.fault,
                Fault::Conflict | Fault::NotFound | Fault::Exists | Fault::Terminating
            ),
            Self::Ledger(error) => matches!(error, LedgerError::Illegal(illegal) if illegal.is_busy()),
            Self::Backend(_) | Self::NoBackend | Self::Short { .. } | Self::TimedOut | Self::Rule(_) => false,
        }
    }

    /// Whether no later attempt of this process can succeed: after its store has failed, the ledger has to be opened anew.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Ledger(error) => error.is_final(),
            Self::Api(_) | Self::Backend(_) | Self::NoBackend | Self::Short { .. } | Self::TimedOut | Self::Rule(_) => {
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::change::Change;
    use crate::domain::change::tests::record;
    use crate::ledger::memory::{MemoryDisk, MemoryLedger};
    use crate::ledger::{Durability, Ledger};

    #[tokio::test]
    async fn a_ledger_whose_disk_failed_ends_the_process_and_one_that_refused_a_change_does_not() {
        let disk = MemoryDisk::default();
        let ledger = MemoryLedger::open(&disk).unwrap().ledger;
        let write = |changes| ledger.apply(changes, Durability::Flushed);
        let change = Change::SetBytes {
            volume: crate::domain::ids::VolumeId::new("nobody"),
            bytes: 1,
        };
        let refused = Failure::from(write(vec![change]).await.unwrap_err());
        assert!(!refused.is_final(), "{refused}");
        disk.set_full(true);
        for attempt in 0..2 {
            let failed = Failure::from(write(vec![Change::Begin(record("pvc-1"))]).await.unwrap_err());
            assert!(failed.is_final() && !failed.is_stale(), "{attempt}: {failed}");
        }
    }
}
