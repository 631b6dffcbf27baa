//! When the process is ready: every part of it says so itself.
//!
//! Ready means able to do its job, which for a process that waits for the Lease is waiting. A part that only the leader has must
//! not be listed before it leads: a rolling update that waits for the new pod to be ready would never end.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The parts and their states; a clone sees and changes the same.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    checks: Arc<Mutex<Checks>>,
}

/// `None`: fine. Otherwise why not.
type Checks = BTreeMap<&'static str, Option<String>>;

impl Readiness {
    /// Nothing has been heard of yet, so it is not ready.
    pub fn new() -> Self {
        Self::default()
    }

    /// `check` is fine now.
    pub fn ready(&self, check: &'static str) {
        self.checks().insert(check, None);
    }

    /// `check` is not, and `why` may be read by anybody who reaches the port: name no objects of tenants.
    pub fn not_ready(&self, check: &'static str, why: impl Into<String>) {
        self.checks().insert(check, Some(why.into()));
    }

    /// All of it at this moment.
    pub fn report(&self) -> Report {
        let checks = self.checks().clone();
        Report {
            ready: !checks.is_empty() && checks.values().all(Option::is_none),
            checks,
        }
    }

    fn checks(&self) -> MutexGuard<'_, Checks> {
        // No code panics between two writes of this map, so a poisoned lock still guards a sound one.
        self.checks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What `/readyz` answers, in the form of the API server's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Whether every check is fine, and there is one.
    pub ready: bool,
    checks: Checks,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (check, why) in &self.checks {
            match why {
                None => writeln!(f, "[+]{check} ok")?,
                Some(why) => writeln!(f, "[-]{check} not ready: {}", why.replace(['\n', '\r'], " "))?,
            }
        }
        f.write_str(if self.ready { "ready\n" } else { "not ready\n" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_when_all_are_and_not_before_anything_is_known() {
        let readiness = Readiness::new();
        assert!(!readiness.report().ready);
        readiness.not_ready("caches", "waiting for the first list");
        readiness.ready("ledger");
        assert_eq!(
            readiness.report().to_string(),
            "[-]caches not ready: waiting for the first list\n[+]ledger ok\nnot ready\n"
        );
        readiness.clone().ready("caches");
        assert_eq!(readiness.report().to_string(), "[+]caches ok\n[+]ledger ok\nready\n");
        readiness.not_ready("caches", "lost\nthe watch");
        assert!(!readiness.report().ready);
        assert_eq!(readiness.report().to_string().lines().count(), 3);
    }
}
