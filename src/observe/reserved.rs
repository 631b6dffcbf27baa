//! What claims are about to take of the backends: counted from the decision until the ledger has it, so that limits hold although
//! many claims are decided at once.
//!
//! Only of this process: another controller that believes it leads counts for itself, and a burst during a change of leaders may go
//! beyond a limit. Limits are promises about room; no safety rests on them.

use crate::domain::ids::{BackendName, Namespace, PvName, VolumeId};
use crate::domain::record::Usage;
use crate::ledger::Ledger;
use crate::plan::takes::Taken;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// All that is about to be taken.
#[derive(Default)]
pub struct Reservations(Mutex<HashMap<PvName, Taken>>);

/// What one claim is about to take; given back when this is dropped.
#[must_use]
pub struct Reservation {
    pv: PvName,
    all: Arc<Reservations>,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.all.lock().remove(&self.pv);
    }
}

impl Reservations {
    /// Decides while nobody else does. `decide` is shown what others are about to take and answers with what it takes itself.
    pub fn decide<P>(
        self: &Arc<Self>,
        ledger: &dyn Ledger,
        decide: impl FnOnce(&[Taken]) -> (P, Option<Taken>),
    ) -> (P, Option<Reservation>) {
        let mut all = self.lock();
        let unknown = |taken: &&Taken| match (taken.grows_to, ledger.get(&VolumeId::from(&taken.pv))) {
            (Some(bytes), Some(record)) => record.bytes < bytes,
            (Some(_), None) => false,
            (None, record) => record.is_none() && ledger.joined(&taken.pv).is_none(),
        };
        let others: Vec<Taken> = all.values().filter(unknown).cloned().collect();
        let (plan, taken) = decide(&others);
        let held = taken.map(|taken| {
            let pv = taken.pv.clone();
            all.insert(pv.clone(), taken);
            Reservation { pv, all: self.clone() }
        });
        (plan, held)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PvName, Taken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What `taken` adds to the use of a backend (`None`: by everybody).
pub(super) fn of(taken: &[Taken], backend: &BackendName, namespace: Option<&Namespace>) -> Usage {
    let counts = |t: &&Taken| t.backend == *backend && namespace.is_none_or(|n| t.namespace == *n);
    taken
        .iter()
        .filter(counts)
        .map(|t| t.usage)
        .fold(Usage::default(), Usage::plus)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::change::Change;
    use crate::domain::change::tests::record;
    use crate::ledger::Durability;
    use crate::ledger::memory::{MemoryDisk, MemoryLedger};
    use futures::FutureExt;

    fn taken(pv: &str) -> Taken {
        Taken {
            pv: PvName::new(pv),
            backend: BackendName::new("nfs-a"),
            namespace: Namespace::new("ns-data"),
            usage: Usage {
                volumes: 1,
                members: 0,
                bytes: 1024,
            },
            grows_to: None,
        }
    }

    #[test]
    fn what_a_volume_grows_by_counts_until_the_ledger_has_the_larger_size() {
        let (all, disk) = (Arc::<Reservations>::default(), MemoryDisk::default());
        let ledger = MemoryLedger::open(&disk).unwrap().ledger;
        let write = |change| {
            ledger
                .apply(vec![change], Durability::Flushed)
                .now_or_never()
                .unwrap()
                .unwrap()
        };
        let small = record("pvc-1");
        write(Change::Begin(small.clone()));
        let growth = Taken {
            grows_to: Some(small.bytes + 1024),
            usage: Usage {
                bytes: 1024,
                ..Usage::default()
            },
            ..taken("pvc-1")
        };
        let counted = || {
            all.decide(&ledger, |others| {
                (of(others, &BackendName::new("nfs-a"), None).bytes, None)
            })
            .0
        };
        let (_, held) = all.decide(&ledger, |_| ((), Some(growth)));
        assert_eq!(counted(), 1024);
        write(Change::SetBytes {
            volume: small.volume.clone(),
            bytes: small.bytes + 1024,
        });
        assert_eq!(counted(), 0, "the ledger counts it now");
        drop(held);
    }

    #[test]
    fn what_is_about_to_be_taken_counts_until_the_ledger_has_it_and_never_twice() {
        let (all, disk) = (Arc::<Reservations>::default(), MemoryDisk::default());
        let ledger = MemoryLedger::open(&disk).unwrap().ledger;
        let seen = || {
            let (seen, held) = all.decide(&ledger, |others| (others.to_vec(), None));
            assert!(held.is_none());
            of(&seen, &BackendName::new("nfs-a"), Some(&Namespace::new("ns-data"))).volumes
        };
        let (first, second) = (
            all.decide(&ledger, |others| (others.len(), Some(taken("pvc-1")))),
            all.decide(&ledger, |others| (others.len(), Some(taken("pvc-2")))),
        );
        assert_eq!((first.0, second.0, seen()), (0, 1, 2));
        let begun = ledger.apply(vec![Change::Begin(record("pvc-1"))], Durability::Flushed);
        begun.now_or_never().unwrap().unwrap();
        assert_eq!(seen(), 1, "the ledger counts it now");
        drop(second);
        assert_eq!(seen(), 0, "and what came to nothing is given back");
        drop(first);
        assert!(all.lock().is_empty());
    }
}
