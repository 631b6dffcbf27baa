//! What can go wrong with a ledger.

use crate::domain::change::Illegal;
use std::path::PathBuf;
use std::sync::Arc;

/// An error of the store, shared by all who waited for the same flush.
pub(super) type Shared = Arc<dyn std::error::Error + Send + Sync>;

/// A failed call. After every one of them the ledger reads as if the call had not been made.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// A change that must not happen; none of the changes it came with happened.
    #[error("refused")]
    Illegal(#[from] Illegal),
    /// The store failed. It takes no writes ([`Self::Ended`]) until it is opened anew, because after a failed flush nobody
    /// knows what the disk kept; the failed changes may then turn up, whole.
    #[error("the ledger's store failed while {doing}")]
    Failed {
        /// What it was doing.
        doing: &'static str,
        /// Its own error, shared by all who waited for the same flush.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// The store has failed before, or ended by a panic of its library.
    #[error("the ledger's store has ended, and takes no writes until it is opened anew")]
    Ended,
    /// Another process has the directory.
    #[error("{} is in use by another process", dir.display())]
    Locked {
        /// The directory.
        dir: PathBuf,
    },
    /// The directory cannot be used: permissions, a full or failing disk. Nothing in it was changed.
    #[error("{} cannot be used as the ledger's directory", dir.display())]
    Unavailable {
        /// The directory.
        dir: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl LedgerError {
    pub(super) fn failed<E>(doing: &'static str, source: E) -> Self
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        Self::Failed {
            doing,
            source: Arc::from(source.into()),
        }
    }

    /// Whether only opening the ledger anew can help.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Failed { .. } | Self::Ended => true,
            Self::Illegal(_) | Self::Locked { .. } | Self::Unavailable { .. } => false,
        }
    }
}
