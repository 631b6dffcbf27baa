//! What is in the trash counts, from the moment in which the ledger forgets it until it is purged, and never twice.

use super::*;
use crate::domain::access::MountMode;
use crate::domain::change::Change;
use crate::domain::change::tests::record;
use crate::domain::ids::ClaimKey;
use crate::ledger::Durability;
use crate::ledger::memory::{MemoryDisk, MemoryLedger};
use futures::FutureExt;

fn nas() -> BackendName {
    BackendName::new("nfs-a")
}

fn ns(name: &str) -> Namespace {
    Namespace::new(name)
}

/// An entry of 1 KiB in all, of a namespace; without one, it has no record.
fn entry(id: &str, namespace: Option<&str>) -> TrashEntry {
    let discarded = |namespace: &str| Discarded {
        volume: VolumeId::new(id),
        backend: nas(),
        handle: crate::domain::ids::Handle::parse(&format!("6d1f:{id}")).unwrap(),
        owner: owner(namespace),
        class: None,
        bytes: 1024,
        mount: MountMode::Kubelet,
        at: jiff::Timestamp::UNIX_EPOCH,
    };
    TrashEntry {
        id: TrashId::parse(id).unwrap(),
        record: namespace.map(|n| serde_json::to_value(discarded(n)).unwrap()),
        remains: Remains::Whole,
        since: jiff::Timestamp::UNIX_EPOCH,
    }
}

fn owner(namespace: &str) -> ClaimRef {
    ClaimRef {
        key: ClaimKey::new(namespace, "data"),
        uid: crate::domain::ids::ClaimUid::new("u"),
    }
}

fn ledger() -> MemoryLedger {
    MemoryLedger::open(&MemoryDisk::default()).unwrap().ledger
}

/// Volumes and bytes of everybody, and of namespace `a`.
fn counted(trashed: &Trashed, ledger: &dyn Ledger) -> [(u64, u64); 2] {
    [None, Some(&ns("a"))].map(|namespace| {
        let usage = trashed.usage(ledger, &nas(), namespace);
        assert_eq!(usage.members, 0);
        (usage.volumes, usage.bytes)
    })
}

fn list(trashed: &Trashed, entries: &[TrashEntry]) -> bool {
    trashed.found(&nas(), trashed.begin(&nas()), entries)
}

#[test]
fn what_is_in_the_trash_counts_for_its_owner_until_it_is_purged() {
    let (trashed, ledger) = (Trashed::default(), ledger());
    assert!(!trashed.is_known(&nas()));
    let purging = TrashEntry {
        remains: Remains::Purging,
        ..entry("pvc-2", Some("a"))
    };
    assert!(!list(
        &trashed,
        &[entry("pvc-1", Some("a")), purging, entry("pvc-3", Some("b"))]
    ));
    assert!(trashed.is_known(&nas()));
    assert_eq!(counted(&trashed, &ledger), [(3, 3072), (2, 2048)]);
    trashed.purged(&nas(), &TrashId::parse("pvc-2").unwrap());
    trashed.purged(&nas(), &TrashId::parse("pvc-2").unwrap());
    assert_eq!(counted(&trashed, &ledger), [(2, 2048), (1, 1024)]);
    let rest = [entry("pvc-1", Some("a")), entry("pvc-3", Some("b"))];
    assert!(list(&trashed, &rest), "less than at the last look");
    assert!(!list(&trashed, &rest), "as much as at the last look");
    let another = [entry("pvc-1", Some("a")), entry("pvc-4", Some("a"))];
    assert!(list(&trashed, &another), "there is room for another namespace");
    trashed.remove(&nas());
    assert_eq!(counted(&trashed, &ledger), [(0, 0), (0, 0)]);
}

#[test]
fn without_a_record_it_counts_for_the_backend_and_a_record_alone_counts_nothing() {
    let (trashed, ledger) = (Trashed::default(), ledger());
    let alone = TrashEntry {
        remains: Remains::RecordOnly,
        ..entry("pvc-2", Some("a"))
    };
    list(&trashed, &[entry("pvc-1", None), alone]);
    assert_eq!(counted(&trashed, &ledger), [(1, 0), (0, 0)]);
}

#[test]
fn a_discarded_volume_counts_as_soon_as_the_ledger_forgets_it_and_no_sooner() {
    let (trashed, ledger) = (Arc::new(Trashed::default()), ledger());
    let volume = VolumeId::new("pvc-1");
    let apply = |changes| {
        let applied = ledger.apply(changes, Durability::Flushed);
        applied.now_or_never().unwrap().unwrap();
    };
    apply(vec![Change::Begin(record("pvc-1"))]);
    list(&trashed, &[]);
    let under_way = trashed.discarding(&nas(), &volume, &owner("a"), 1024).unwrap();
    assert_eq!(
        counted(&trashed, &ledger),
        [(0, 0), (0, 0)],
        "the ledger counts it still"
    );
    apply(vec![Change::Forget { volume }]);
    assert_eq!(counted(&trashed, &ledger), [(1, 1024), (1, 1024)]);
    drop(under_way);
    assert_eq!(counted(&trashed, &ledger), [(1, 1024), (1, 1024)]);
    list(&trashed, &[entry("pvc-1", Some("a"))]);
    assert_eq!(counted(&trashed, &ledger), [(1, 1024), (1, 1024)], "not twice");
}

#[test]
fn a_listing_that_began_too_early_does_not_lose_a_discard() {
    let (trashed, ledger) = (Arc::new(Trashed::default()), ledger());
    let before = trashed.begin(&nas());
    let under_way = trashed.discarding(&nas(), &VolumeId::new("pvc-1"), &owner("a"), 1024);
    trashed.found(&nas(), before, &[]);
    assert_eq!(counted(&trashed, &ledger)[1], (1, 1024));
    let amid = trashed.begin(&nas());
    drop(under_way);
    trashed.found(&nas(), amid, &[]);
    assert_eq!(counted(&trashed, &ledger)[1], (1, 1024));
    // One that began later and does not show it: purged already, or it never came there.
    assert!(list(&trashed, &[]), "so there is room");
    assert_eq!(counted(&trashed, &ledger)[1], (0, 0));
}
