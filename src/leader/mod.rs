//! Which process acts: election on a `coordination.k8s.io/v1` Lease.
//!
//! The Lease spares needless work; it never makes a delete safe. Two processes that both believe they lead are harmless by
//! the join and delete protocol alone, so nothing here may become a premise of it. What the Lease does decide is whether the
//! ledger found on disk can be trusted: see [`Leadership::trusts`].
//!
//! [`decide`] holds the decisions (no clock, no client), [`elect`] the loop around them, [`store`] its three requests.

pub mod decide;
pub mod elect;
pub mod store;

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

/// Who wrote the ledger last, as the ledger records it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Writer {
    /// A process elected for this term.
    Elected(Epoch),
    /// A process that ran without election.
    Alone,
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
    /// What the ledger has to record with its first write.
    pub fn writer(&self) -> Writer {
        match self {
            Self::Elected { now, .. } => Writer::Elected(now.clone()),
            Self::Alone => Writer::Alone,
        }
    }

    /// Whether a ledger last written by `last` has missed nothing: nobody can have led between that writer and us.
    ///
    /// A ledger without a writer (new, or emptied) and one of the other mode of operation are never trusted.
    pub fn trusts(&self, last: Option<&Writer>) -> bool {
        match (self, last) {
            (Self::Elected { before, .. }, Some(Writer::Elected(epoch))) => before.as_ref() == Some(epoch),
            (Self::Alone, Some(Writer::Alone)) => true,
            (_, None) | (Self::Elected { .. }, Some(Writer::Alone)) | (Self::Alone, Some(Writer::Elected(_))) => false,
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

    fn epoch(lease: &str, transitions: i32, holder: &str) -> Epoch {
        Epoch {
            lease: lease.into(),
            transitions,
            holder: holder.into(),
        }
    }

    fn elected(before: Option<Epoch>) -> Leadership {
        Leadership::Elected {
            before,
            now: epoch("uid", 6, "b_2"),
        }
    }

    #[test]
    fn a_ledger_is_trusted_only_if_nobody_can_have_led_since() {
        let last = epoch("uid", 5, "a_1");
        let wrote = Writer::Elected(last.clone());
        let cases = [
            ("its writer led last", elected(Some(last)), Some(&wrote), true),
            ("no Lease was there", elected(None), Some(&wrote), false),
            (
                "another Lease",
                elected(Some(epoch("new", 5, "a_1"))),
                Some(&wrote),
                false,
            ),
            (
                "a later term",
                elected(Some(epoch("uid", 6, "a_1"))),
                Some(&wrote),
                false,
            ),
            (
                "another start",
                elected(Some(epoch("uid", 5, "a_2"))),
                Some(&wrote),
                false,
            ),
            ("no ledger", elected(Some(epoch("uid", 5, "a_1"))), None, false),
            ("neither", elected(None), None, false),
            ("written alone", elected(None), Some(&Writer::Alone), false),
            ("alone again", Leadership::Alone, Some(&Writer::Alone), true),
            ("alone, new ledger", Leadership::Alone, None, false),
            ("alone after an election", Leadership::Alone, Some(&wrote), false),
        ];
        for (name, leadership, last, trusted) in cases {
            assert_eq!(leadership.trusts(last), trusted, "{name}");
        }
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
