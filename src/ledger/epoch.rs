//! Whether a ledger is still the newest there is, told by the Lease.
//!
//! Another controller may have led, and changed members, since this ledger was last written. The Lease shows it, if it is
//! read *before* we acquire it. This protects the ledger only: what keeps a deposed leader from deleting data is the order of
//! its steps at the API server.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One reign: a Lease object and its count of changes of holder. The count alone starts anew when the Lease is deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Term {
    /// UID of the Lease.
    pub lease_uid: String,
    /// Its `leaseTransitions`.
    pub transitions: i32,
}

/// One run of one process. The identity alone does not do: a process that acquires its own Lease again keeps the count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Name of the pod or host.
    pub identity: String,
    /// Random, chosen at the process' start.
    pub start_id: String,
}

impl Holder {
    /// Reads a Lease's `holderIdentity`: `<identity>_<start id>`, the form of client-go.
    pub fn parse(text: &str) -> Option<Self> {
        let (identity, start_id) = text.rsplit_once('_')?;
        (!identity.is_empty() && !start_id.is_empty()).then(|| Self {
            identity: identity.to_owned(),
            start_id: start_id.to_owned(),
        })
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.identity, self.start_id)
    }
}

/// Who wrote the ledger last; written when a leader has found its ledger trustworthy or has rebuilt it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Epoch {
    /// Its reign; `None` without leader election.
    pub term: Option<Term>,
    /// Its process.
    pub holder: Holder,
}

/// The Lease as found before acquiring it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseSeen {
    /// The reign.
    pub term: Term,
    /// Its holder; `None` if the field is empty or not of our making.
    pub holder: Option<Holder>,
}

/// Whether a ledger may be acted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// It is the newest there is.
    Trusted,
    /// It must be rebuilt from the cluster first.
    Rebuild(Doubt),
}

/// Why a ledger must be rebuilt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// It is new, or its file was lost.
    #[error("nobody has finished writing it yet")]
    Unwritten,
    /// Some of its records cannot be read.
    #[error("{0} of its records cannot be read")]
    Quarantined(usize),
    /// Without leader election its last writer cannot be told from others, and the other way round.
    #[error("leader election was switched on or off since it was written")]
    ElectionSwitched,
    /// There is no Lease.
    #[error("the Lease is gone")]
    LeaseGone,
    /// The Lease is another object.
    #[error("the Lease was deleted and made again")]
    LeaseReplaced,
    /// Somebody else led.
    #[error("the Lease changed hands since it was written")]
    LedByAnother,
    /// Somebody else leads or led.
    #[error("the Lease's holder is not the process that wrote it")]
    HeldByAnother,
}

/// Judges a ledger by its last writer and the Lease as found before acquiring it.
pub fn trusted(last_writer: Option<&Epoch>, lease: Option<&LeaseSeen>, leader_election: bool) -> Trust {
    match doubt(last_writer, lease, leader_election) {
        Some(doubt) => Trust::Rebuild(doubt),
        None => Trust::Trusted,
    }
}

fn doubt(last_writer: Option<&Epoch>, lease: Option<&LeaseSeen>, leader_election: bool) -> Option<Doubt> {
    let Some(writer) = last_writer else {
        return Some(Doubt::Unwritten);
    };
    let term = match (&writer.term, leader_election) {
        (Some(term), true) => term,
        // One process per directory, by the store's lock: the last writer was the last leader.
        (None, false) => return None,
        (Some(_), false) | (None, true) => return Some(Doubt::ElectionSwitched),
    };
    let Some(lease) = lease else {
        return Some(Doubt::LeaseGone);
    };
    if lease.term.lease_uid != term.lease_uid {
        Some(Doubt::LeaseReplaced)
    } else if lease.term.transitions != term.transitions {
        Some(Doubt::LedByAnother)
    } else if lease.holder.as_ref() != Some(&writer.holder) {
        Some(Doubt::HeldByAnother)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term(lease_uid: &str, transitions: i32) -> Term {
        Term {
            lease_uid: lease_uid.into(),
            transitions,
        }
    }

    #[test]
    fn trusted_only_if_the_lease_is_as_the_last_writer_left_it() {
        let writer = Epoch {
            term: Some(term("uid", 5)),
            holder: Holder::parse("pod-0_abc").unwrap(),
        };
        let alone = Epoch {
            term: None,
            ..writer.clone()
        };
        let seen = |uid: &str, transitions, holder: &str| LeaseSeen {
            term: term(uid, transitions),
            holder: Holder::parse(holder),
        };
        let same = seen("uid", 5, "pod-0_abc");
        for (last_writer, lease, election, doubt) in [
            (Some(&writer), Some(&same), true, None),
            (Some(&alone), None, false, None),
            (Some(&alone), Some(&same), false, None),
            (None, Some(&same), true, Some(Doubt::Unwritten)),
            (None, None, false, Some(Doubt::Unwritten)),
            (Some(&writer), Some(&same), false, Some(Doubt::ElectionSwitched)),
            (Some(&alone), Some(&same), true, Some(Doubt::ElectionSwitched)),
            (Some(&writer), None, true, Some(Doubt::LeaseGone)),
            (
                Some(&writer),
                Some(&seen("new", 5, "pod-0_abc")),
                true,
                Some(Doubt::LeaseReplaced),
            ),
            (
                Some(&writer),
                Some(&seen("uid", 6, "pod-0_abc")),
                true,
                Some(Doubt::LedByAnother),
            ),
            (
                Some(&writer),
                Some(&seen("uid", 0, "pod-0_abc")),
                true,
                Some(Doubt::LedByAnother),
            ),
            (
                Some(&writer),
                Some(&seen("uid", 5, "pod-1_abc")),
                true,
                Some(Doubt::HeldByAnother),
            ),
            // The same pod, started anew, holds the Lease without having written.
            (
                Some(&writer),
                Some(&seen("uid", 5, "pod-0_xyz")),
                true,
                Some(Doubt::HeldByAnother),
            ),
            (
                Some(&writer),
                Some(&seen("uid", 5, "")),
                true,
                Some(Doubt::HeldByAnother),
            ),
        ] {
            let expected = doubt.map_or(Trust::Trusted, Trust::Rebuild);
            assert_eq!(
                trusted(last_writer, lease, election),
                expected,
                "{last_writer:?} {lease:?} {election}"
            );
        }
    }

    #[test]
    fn holders_read_back_what_they_print() {
        let holder = Holder::parse("my_pod_abc").unwrap();
        assert_eq!((holder.identity.as_str(), holder.start_id.as_str()), ("my_pod", "abc"));
        assert_eq!(Holder::parse(&holder.to_string()), Some(holder));
        for bad in ["", "_", "pod", "pod_", "_abc"] {
            assert_eq!(Holder::parse(bad), None, "{bad:?}");
        }
    }
}
