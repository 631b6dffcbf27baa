//! Which process acts: election on a `coordination.k8s.io/v1` Lease.
//!
//! The Lease spares needless work; it never makes a delete safe. Two processes that both believe they lead are harmless by
//! the join and delete protocol alone, so nothing here may become a premise of it. What the Lease does decide is whether the
//! ledger found on disk can be trusted: see [`Leadership::doubts`].
//!
//! [`decide`] holds the decisions (no clock, no client), [`elect`] the loop around them, [`store`] its three requests.

pub mod decide;
pub mod elect;
pub mod store;

use crate::ledger::epoch::{Doubt, Holder, Term, Trust};
use crate::ledger::{self, Ledger};
use k8s_openapi::api::coordination::v1::Lease;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// Who a process is: the name a person knows it by, and an id of this very start.
///
/// The start id makes a restarted process somebody else, as the ledger's trust needs. So it also waits for its predecessor's
/// term to run out, which a name alone (two processes on one host) would not justify skipping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    holder: String,
}

impl Identity {
    /// An identity that no other start of any process has.
    pub fn new(name: &str) -> Self {
        Self {
            holder: format!("{name}_{}", uuid::Uuid::new_v4()),
        }
    }

    /// As `holderIdentity` spells it.
    pub fn as_str(&self) -> &str {
        &self.holder
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.holder)
    }
}

/// One term of one holder. `leaseTransitions` counts only within one Lease object, hence the UID beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Epoch {
    /// UID of the Lease.
    pub lease: String,
    /// Its `leaseTransitions`.
    pub transitions: i32,
    /// Its `holderIdentity`, start id included.
    pub holder: String,
}

/// The right to act, and what the world looked like just before it was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leadership {
    /// By election.
    Elected {
        /// The term found in the Lease, in the very version that our first write replaced; `None` if there was no Lease, or
        /// it cannot be told.
        before: Option<Epoch>,
        /// Our term.
        now: Epoch,
    },
    /// Election is switched off: an admin promises that there is no other process.
    Alone,
}

impl Leadership {
    /// Why a ledger may have missed something, if it may.
    pub fn doubts(&self, ledger: &dyn Ledger) -> Option<Doubt> {
        let before = match self {
            Self::Elected { before, .. } => before.as_ref().map(Epoch::seen_by_the_ledger),
            Self::Alone => None,
        };
        match ledger::trust(ledger, before.as_ref(), matches!(self, Self::Elected { .. })) {
            Trust::Trusted => None,
            Trust::Rebuild(doubt) => Some(doubt),
        }
    }

    /// The number of this term: how often the Lease has changed hands. It only ever grows, unless somebody deletes the Lease; without
    /// election it is nothing, for there is nobody to be told apart from.
    pub fn count(&self) -> u64 {
        match self {
            Self::Elected { now, .. } => u64::try_from(now.transitions).unwrap_or_default(),
            Self::Alone => 0,
        }
    }

    /// How the ledger is signed in this term.
    pub fn signature(&self) -> ledger::epoch::Epoch {
        let alone = || Holder {
            identity: "alone".to_owned(),
            start_id: "alone".to_owned(),
        };
        match self {
            Self::Elected { now, .. } => {
                let seen = now.seen_by_the_ledger();
                ledger::epoch::Epoch {
                    term: Some(seen.term),
                    holder: seen.holder.unwrap_or_else(alone),
                }
            }
            Self::Alone => ledger::epoch::Epoch {
                term: None,
                holder: alone(),
            },
        }
    }
}

impl Epoch {
    fn seen_by_the_ledger(&self) -> ledger::epoch::LeaseSeen {
        let term = Term {
            lease_uid: self.lease.clone(),
            transitions: self.transitions,
        };
        ledger::epoch::LeaseSeen {
            term,
            holder: Holder::parse(&self.holder),
        }
    }
}

/// How long things take; the defaults are client-go's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How long others wait after the last renewal they saw.
    pub lease_duration: Duration,
    /// How long the holder goes on without a renewal that succeeded.
    pub renew_deadline: Duration,
    /// The pause between renewals, and between a candidate's looks.
    pub retry_period: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            lease_duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry_period: Duration::from_secs(2),
        }
    }
}

impl Timing {
    /// The longest one request may take; two of them fit before the renew deadline.
    pub fn request(&self) -> Duration {
        self.renew_deadline / 2
    }

    /// How long a process that lost its term may take to end: well before the next holder can begin.
    pub fn grace(&self) -> Duration {
        self.lease_duration.saturating_sub(self.renew_deadline) / 2
    }
}

/// What a candidate or holder needs of a Lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseSeen {
    /// Its term. The holder is empty where nobody holds it.
    pub epoch: Epoch,
    /// How long its holder asks others to wait; `None` if it doesn't say.
    pub duration: Option<Duration>,
}

impl LeaseSeen {
    /// Reads a Lease that anybody may have written.
    pub fn of(lease: &Lease) -> Self {
        let spec = lease.spec.as_ref();
        Self {
            epoch: Epoch {
                lease: lease.metadata.uid.clone().unwrap_or_default(),
                transitions: spec.and_then(|s| s.lease_transitions).unwrap_or(0),
                holder: spec.and_then(|s| s.holder_identity.clone()).unwrap_or_default(),
            },
            duration: spec
                .and_then(|s| s.lease_duration_seconds)
                .and_then(|seconds| u64::try_from(seconds).ok())
                .map(Duration::from_secs),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::memory::{MemoryDisk, MemoryLedger};

    /// What doubt means is `ledger::epoch`'s business; here only that it is asked with what the Lease said.
    #[test]
    fn a_ledger_is_trusted_by_the_term_that_was_found() {
        let epoch = |transitions| Epoch {
            lease: "uid".into(),
            transitions,
            holder: "a_1".into(),
        };
        let elected = |before| Leadership::Elected { before, now: epoch(6) };
        let signed_by = |leadership: &Leadership| {
            let ledger = MemoryLedger::open(&MemoryDisk::default()).unwrap().ledger;
            futures::executor::block_on(ledger.set_epoch(leadership.signature())).unwrap();
            ledger
        };
        let last = signed_by(&Leadership::Elected {
            before: None,
            now: epoch(5),
        });
        assert_eq!(elected(Some(epoch(5))).doubts(&last), None);
        assert_eq!(elected(Some(epoch(6))).doubts(&last), Some(Doubt::LedByAnother));
        assert_eq!(elected(None).doubts(&last), Some(Doubt::LeaseGone));
        assert_eq!(Leadership::Alone.doubts(&last), Some(Doubt::ElectionSwitched));
        assert_eq!(Leadership::Alone.doubts(&signed_by(&Leadership::Alone)), None);
    }

    #[test]
    fn two_starts_of_one_name_are_two_identities() {
        let (a, b) = (Identity::new("pod-0"), Identity::new("pod-0"));
        assert_ne!(a, b);
        assert!(a.as_str().starts_with("pod-0_"), "{a}");
    }

    #[test]
    fn a_lost_term_ends_before_another_can_begin() {
        let timing = Timing::default();
        assert!(timing.renew_deadline + timing.grace() < timing.lease_duration);
        assert!(timing.retry_period + timing.request() < timing.renew_deadline);
    }
}
