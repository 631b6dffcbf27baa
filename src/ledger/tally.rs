//! What each namespace uses of each backend, kept up to date record by record.

use crate::domain::ids::{BackendName, Namespace};
use crate::domain::record::{Record, Usage};
use std::collections::HashMap;

/// Sums by backend and namespace; `None` is all namespaces together.
#[derive(Debug, Default)]
pub(super) struct Tally(HashMap<(BackendName, Option<Namespace>), Sum>);

/// As [`Usage`], wide enough never to overflow, so that what was added can be taken off again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Sum {
    volumes: u64,
    members: u64,
    bytes: u128,
}

impl Tally {
    pub fn usage(&self, backend: &BackendName, namespace: Option<&Namespace>) -> Usage {
        let key = (backend.clone(), namespace.cloned());
        let sum = self.0.get(&key).copied().unwrap_or_default();
        Usage {
            volumes: sum.volumes,
            members: sum.members,
            bytes: u64::try_from(sum.bytes).unwrap_or(u64::MAX),
        }
    }

    pub fn add(&mut self, record: &Record) {
        self.book(record, |total, part| {
            total.volumes += part.volumes;
            total.members += part.members;
            total.bytes += part.bytes;
        });
    }

    /// Takes off what [`Self::add`] added for the same record.
    pub fn take(&mut self, record: &Record) {
        self.book(record, |total, part| {
            total.volumes = total.volumes.saturating_sub(part.volumes);
            total.members = total.members.saturating_sub(part.members);
            total.bytes = total.bytes.saturating_sub(part.bytes);
        });
    }

    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn book(&mut self, record: &Record, enter: fn(&mut Sum, Sum)) {
        let member = Sum {
            members: 1,
            ..Sum::default()
        };
        let volume = Sum {
            volumes: 1,
            bytes: u128::from(record.bytes),
            ..Sum::default()
        };
        let members = record.members.values().map(|m| (&m.claim, member));
        for (claim, part) in members.chain([(&record.owner, volume)]) {
            for namespace in [None, Some(claim.key.namespace.clone())] {
                let key = (record.backend.clone(), namespace);
                let total = self.0.entry(key.clone()).or_default();
                enter(total, part);
                // Namespaces come and go; those that use nothing are not kept.
                if *total == Sum::default() {
                    let _ = self.0.remove(&key);
                }
            }
        }
    }
}
