//! The decisions of an election: what a candidate and what a holder does next.
//!
//! Pure: the time comes in, nothing is asked for. `renewTime` is never compared with a clock: clocks of nodes differ, so a
//! term's age is counted from when *we* saw the Lease change, as client-go does.

use super::{Identity, LeaseSeen, Timing};
use std::time::Duration;
use tokio::time::Instant;

/// A Lease, and when it was first seen in this state by our own clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// The Lease.
    pub lease: LeaseSeen,
    /// When an answer first showed its present spec.
    pub since: Instant,
}

/// What a candidate does.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Stand {
    /// Write ourselves into the Lease.
    Acquire,
    /// Look again after this long.
    Wait(Duration),
}

/// What a holder does.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Keep {
    /// Write a renewal.
    Renew,
    /// Nothing for this long.
    Wait(Duration),
    /// Stop acting.
    Lost(Lost),
}

/// Why a term ended that was not given up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// No renewal succeeded in time.
    #[error("the Lease could not be renewed for {0:?}")]
    Expired(Duration),
    /// Somebody else is written in the Lease, or nobody.
    #[error("the Lease is held by {by:?} now")]
    Taken {
        /// The `holderIdentity` found.
        by: String,
    },
    /// The Lease is gone.
    #[error("the Lease was deleted")]
    Deleted,
    /// The Lease is another object under the same name.
    #[error("the Lease was deleted and made again")]
    Recreated,
}

/// A holder's own account of its term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenure {
    /// UID of the Lease.
    pub lease: String,
    /// When the last renewal that succeeded was *sent*: the earliest moment from which others may count.
    pub renewed: Instant,
    /// When the last renewal was tried.
    pub tried: Instant,
}

impl Tenure {
    /// When the term is over unless renewed.
    pub fn ends(&self, timing: &Timing) -> Instant {
        self.renewed + timing.renew_deadline
    }
}

/// What a candidate does about the Lease it last saw (`None`: there is none).
pub fn stand(seen: Option<&Sighting>, me: &Identity, now: Instant, timing: &Timing) -> Stand {
    let Some(Sighting { lease, since }) = seen else {
        return Stand::Acquire;
    };
    // Our own name: a write of ours that was answered with an error was done after all.
    if lease.epoch.holder.is_empty() || lease.epoch.holder == me.as_str() {
        return Stand::Acquire;
    }
    let free = *since + lease.duration.unwrap_or(timing.lease_duration);
    if now >= free {
        return Stand::Acquire;
    }
    // Not all the way: a holder that releases the Lease shortens it meanwhile.
    Stand::Wait((free - now).min(timing.retry_period))
}

/// What a holder does, given the Lease it last saw or wrote.
pub fn keep(seen: Option<&Sighting>, me: &Identity, tenure: &Tenure, now: Instant, timing: &Timing) -> Keep {
    let Some(Sighting { lease, since: _ }) = seen else {
        return Keep::Lost(Lost::Deleted);
    };
    if lease.epoch.lease != tenure.lease {
        return Keep::Lost(Lost::Recreated);
    }
    if lease.epoch.holder != me.as_str() {
        return Keep::Lost(Lost::Taken {
            by: lease.epoch.holder.clone(),
        });
    }
    let end = tenure.ends(timing);
    if now >= end {
        return Keep::Lost(Lost::Expired(timing.renew_deadline));
    }
    let due = tenure.tried + timing.retry_period;
    if now >= due {
        return Keep::Renew;
    }
    Keep::Wait(due.min(end) - now)
}

#[cfg(test)]
mod tests {
    use super::super::Epoch;
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn sighting(holder: &str, duration: Option<u64>, since: Instant) -> Sighting {
        Sighting {
            lease: LeaseSeen {
                epoch: Epoch {
                    lease: "uid".into(),
                    transitions: 3,
                    holder: holder.into(),
                },
                duration: duration.map(Duration::from_secs),
            },
            since,
        }
    }

    #[test]
    fn what_a_candidate_does() {
        let (me, timing, start) = (Identity::new("me"), Timing::default(), Instant::now());
        let table = [
            ("no Lease", None, 0, Stand::Acquire),
            ("nobody holds it", Some(("", Some(15))), 0, Stand::Acquire),
            ("it is ours already", Some((me.as_str(), Some(15))), 0, Stand::Acquire),
            ("just seen", Some(("other", Some(15))), 0, Stand::Wait(2 * SECOND)),
            ("near the end", Some(("other", Some(15))), 14, Stand::Wait(SECOND)),
            ("at the end", Some(("other", Some(15))), 15, Stand::Acquire),
            ("released", Some(("other", Some(1))), 0, Stand::Wait(SECOND)),
            ("released and waited for", Some(("other", Some(1))), 1, Stand::Acquire),
            (
                "a holder that asks for longer",
                Some(("other", Some(60))),
                59,
                Stand::Wait(SECOND),
            ),
            (
                "a holder that doesn't say",
                Some(("other", None)),
                14,
                Stand::Wait(SECOND),
            ),
            (
                "a holder that didn't say, long ago",
                Some(("other", None)),
                15,
                Stand::Acquire,
            ),
        ];
        for (name, lease, after, expected) in table {
            let seen = lease.map(|(holder, duration)| sighting(holder, duration, start));
            let decision = stand(seen.as_ref(), &me, start + after * SECOND, &timing);
            assert_eq!(decision, expected, "{name}");
        }
    }

    #[test]
    fn what_a_holder_does() {
        let (me, timing, start) = (Identity::new("me"), Timing::default(), Instant::now());
        let taken = |by: &str| Keep::Lost(Lost::Taken { by: by.into() });
        let mine = Some(me.as_str());
        // Lease found, seconds since the last success, seconds since the last attempt.
        let table = [
            ("just renewed", mine, 0, 0, Keep::Wait(2 * SECOND)),
            ("a renewal is due", mine, 2, 2, Keep::Renew),
            ("one has just failed", mine, 3, 0, Keep::Wait(2 * SECOND)),
            ("the next attempt after a failure", mine, 5, 2, Keep::Renew),
            (
                "the deadline comes before the next attempt",
                mine,
                9,
                0,
                Keep::Wait(SECOND),
            ),
            (
                "the deadline has passed",
                mine,
                10,
                2,
                Keep::Lost(Lost::Expired(10 * SECOND)),
            ),
            (
                "the process slept",
                mine,
                3600,
                3600,
                Keep::Lost(Lost::Expired(10 * SECOND)),
            ),
            ("somebody took it", Some("other"), 0, 0, taken("other")),
            ("somebody emptied it", Some(""), 0, 0, taken("")),
            ("it is gone", None, 0, 0, Keep::Lost(Lost::Deleted)),
        ];
        for (name, holder, renewed, tried, expected) in table {
            let now = start + 3600 * SECOND;
            let seen = holder.map(|holder| sighting(holder, Some(15), start));
            let tenure = Tenure {
                lease: "uid".into(),
                renewed: now - renewed * SECOND,
                tried: now - tried * SECOND,
            };
            assert_eq!(keep(seen.as_ref(), &me, &tenure, now, &timing), expected, "{name}");
        }
    }

    #[test]
    fn a_lease_made_again_is_another_one_even_with_our_name_in_it() {
        let (me, now) = (Identity::new("me"), Instant::now());
        let tenure = Tenure {
            lease: "older".into(),
            renewed: now,
            tried: now,
        };
        let seen = sighting(me.as_str(), Some(15), now);
        let decision = keep(Some(&seen), &me, &tenure, now, &Timing::default());
        assert_eq!(decision, Keep::Lost(Lost::Recreated));
    }
}
