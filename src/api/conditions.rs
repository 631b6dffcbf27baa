//! Conditions on our kinds: setting one so that its `lastTransitionTime` moves only when its status does.
//!
//! Decides nothing: which condition holds, and why, is said by the caller. The time is a parameter.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// Type of a StorageBackend's condition: volumes can be made and deleted.
pub const READY: &str = "Ready";
/// Type of a StorageBackend's condition: something is wrong that an admin must look at.
pub const DEGRADED: &str = "Degraded";
/// Type of a StorageBackend's condition: more is promised than there is, as an admin asked.
pub const OVERCOMMITTED: &str = "Overcommitted";
/// Type of a StorageBackend's condition: so many consents ended at once that cutting waits for an admin.
pub const MASS_REVOCATION: &str = "MassRevocation";
/// Type of a reference's condition: the source's owner shares with the reference's namespace.
pub const ACCEPTED: &str = "Accepted";

/// Whether a condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It does.
    True,
    /// It does not.
    False,
    /// Nobody knows.
    Unknown,
}

impl Status {
    /// As on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// What is to be said of one type of condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The condition's type.
    pub condition: &'static str,
    /// Whether it holds.
    pub status: Status,
    /// A reason's `as_str`.
    pub reason: &'static str,
    /// What happened in particular.
    pub message: String,
    /// `metadata.generation` of the object that was looked at.
    pub observed_generation: Option<i64>,
}

/// Puts a statement among an object's conditions, and answers whether that changed anything worth a write.
///
/// Other types are left alone. A second condition of the same type, which only a foreign writer can have made, is dropped:
/// the API server would refuse the list (`x-kubernetes-list-type: map`).
pub fn upsert(conditions: &mut Vec<Condition>, statement: Statement, now: Timestamp) -> bool {
    let Statement {
        condition,
        status,
        reason,
        message,
        observed_generation,
    } = statement;
    let mut same = conditions.iter().filter(|c| c.type_ == condition);
    let (old, duplicate) = (same.next().cloned(), same.next().is_some());
    let since = match &old {
        Some(old) if old.status == status.as_str() => old.last_transition_time.clone(),
        Some(_) | None => Time(now),
    };
    let new = Condition {
        type_: condition.to_owned(),
        status: status.as_str().to_owned(),
        reason: reason.to_owned(),
        message,
        observed_generation,
        last_transition_time: since,
    };
    if !duplicate && old.as_ref() == Some(&new) {
        return false;
    }
    let place = conditions
        .iter()
        .position(|c| c.type_ == condition)
        .unwrap_or(conditions.len());
    conditions.retain(|c| c.type_ != condition);
    conditions.insert(place.min(conditions.len()), new);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::UNIX_EPOCH;

    fn later() -> Timestamp {
        NOON + jiff::SignedDuration::from_secs(60)
    }

    fn ready(status: Status, message: &str) -> Statement {
        Statement {
            condition: READY,
            status,
            reason: "Ready",
            message: message.to_owned(),
            observed_generation: Some(1),
        }
    }

    #[test]
    fn the_same_statement_changes_nothing() {
        let mut conditions = vec![];
        assert!(upsert(&mut conditions, ready(Status::True, "a"), NOON));
        let before = conditions.clone();
        assert!(!upsert(&mut conditions, ready(Status::True, "a"), later()));
        assert_eq!(conditions, before);
    }

    #[test]
    fn another_message_is_no_transition() {
        let mut conditions = vec![];
        upsert(&mut conditions, ready(Status::True, "a"), NOON);
        assert!(upsert(&mut conditions, ready(Status::True, "b"), later()));
        assert_eq!(conditions[0].message, "b");
        assert_eq!(conditions[0].last_transition_time, Time(NOON));
    }

    #[test]
    fn another_status_is_a_transition() {
        let mut conditions = vec![];
        upsert(&mut conditions, ready(Status::True, "a"), NOON);
        assert!(upsert(&mut conditions, ready(Status::Unknown, "a"), later()));
        assert_eq!(conditions[0].last_transition_time, Time(later()));
    }

    #[test]
    fn other_conditions_keep_their_place_and_duplicates_go() {
        let mut conditions = vec![];
        upsert(&mut conditions, ready(Status::True, "a"), NOON);
        let degraded = Statement {
            condition: DEGRADED,
            ..ready(Status::False, "")
        };
        upsert(&mut conditions, degraded, NOON);
        let twin = conditions[0].clone();
        conditions.push(twin);
        assert!(upsert(&mut conditions, ready(Status::True, "a"), later()));
        let types: Vec<_> = conditions.iter().map(|c| c.type_.as_str()).collect();
        assert_eq!(types, [READY, DEGRADED]);
    }
}
