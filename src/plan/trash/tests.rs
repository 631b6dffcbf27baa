//! What becomes of what lies in the trash, and in which order.

use super::*;
use crate::domain::access::MountMode;
use crate::domain::ids::{ClassName, VolumeId};
use crate::plan::testing::{GI, claim_ref, handle, pv_name};

const DAY: Duration = Duration::from_secs(86_400);
const HOUR: Duration = Duration::from_secs(3600);
const NOTHING: Duration = Duration::ZERO;

fn now() -> Timestamp {
    "2026-01-02T12:00:00Z".parse().unwrap()
}

/// An entry whose record and whose directory are so old.
fn entry(remains: Remains, recorded: Option<Duration>, since: Duration) -> TrashEntry {
    let record = recorded.map(|age| {
        serde_json::to_value(Discarded {
            volume: VolumeId::new("pvc-1"),
            backend: BackendName::new("nas1"),
            handle: handle(&pv_name("a/b")),
            owner: claim_ref("a/b"),
            class: Some(ClassName::new("gold")),
            bytes: GI,
            mount: MountMode::Kubelet,
            at: now() - age,
        })
        .unwrap()
    });
    TrashEntry {
        id: TrashId::parse("pvc-1").unwrap(),
        record,
        remains,
        since: now() - since,
    }
}

#[test]
fn an_entry_stays_its_time_by_its_record() {
    let aged = |age| due(&entry(Remains::Whole, Some(age), NOTHING), DAY, now());
    assert_eq!(aged(HOUR), Due::After(DAY - HOUR));
    assert_eq!(aged(DAY), Due::Purge);
    assert_eq!(
        due(&entry(Remains::Whole, Some(DAY), DAY), Duration::MAX, now()),
        Due::After(Duration::MAX - DAY)
    );
}

#[test]
fn an_entry_without_a_record_stays_its_time_by_its_directory() {
    for (age, becomes) in [(HOUR, Due::After(DAY - HOUR)), (DAY, Due::Purge)] {
        assert_eq!(due(&entry(Remains::Whole, None, age), DAY, now()), becomes);
        let unreadable = TrashEntry {
            record: Some(serde_json::json!({"volume": 1})),
            ..entry(Remains::Whole, None, age)
        };
        assert_eq!(due(&unreadable, DAY, now()), becomes);
    }
}

#[test]
fn without_retention_everything_goes_at_once_whatever_the_clocks_say() {
    for record in [None, Some(NOTHING)] {
        let mut fresh = entry(Remains::Whole, record, NOTHING);
        assert_eq!(due(&fresh, NOTHING, now()), Due::Purge);
        fresh.since = now() + HOUR;
        assert_eq!(due(&fresh, NOTHING, now()), Due::Purge);
    }
    let mut from_the_future = entry(Remains::Whole, None, NOTHING);
    from_the_future.since = now() + HOUR;
    assert_eq!(due(&from_the_future, DAY, now()), Due::After(DAY));
}

#[test]
fn what_was_begun_is_finished_and_a_record_alone_goes_after_an_hour() {
    assert_eq!(
        due(&entry(Remains::Purging, Some(NOTHING), NOTHING), DAY, now()),
        Due::Purge
    );
    let alone = |recorded, since| due(&entry(Remains::RecordOnly, recorded, since), NOTHING, now());
    assert_eq!(alone(Some(NOTHING), DAY), Due::After(HOUR));
    assert_eq!(alone(Some(HOUR), NOTHING), Due::Forget);
    assert_eq!(alone(None, HOUR), Due::Forget);
}

fn doomed(backend: &str, id: &str, namespace: &str) -> Doomed {
    Doomed {
        backend: BackendName::new(backend),
        id: TrashId::parse(id).unwrap(),
        namespace: Some(Namespace::new(namespace)).filter(|n| !n.as_str().is_empty()),
    }
}

/// Begins what may begin, until nothing more may.
fn begun(wanted: &[Doomed]) -> Vec<Doomed> {
    let mut running = Vec::new();
    while let Some(one) = next(&running, wanted) {
        running.push(one.clone());
    }
    running
}

#[test]
fn nothing_is_purged_twice_at_once() {
    let one = doomed("nas1", "a", "x");
    assert_eq!(begun(&[one.clone(), one.clone()]), [one]);
    // The same name on another backend is another entry.
    assert_eq!(begun(&[doomed("nas1", "a", "x"), doomed("nas2", "a", "x")]).len(), 2);
}

#[test]
fn a_tenant_a_backend_and_all_together_have_their_bounds() {
    let many = |backend: &str, namespace: &str| -> Vec<Doomed> {
        (0..40)
            .map(|n| doomed(backend, &format!("{namespace}-{n}"), namespace))
            .collect()
    };
    assert_eq!(begun(&many("nas1", "x")).len(), PER_NAMESPACE);
    assert_eq!(begun(&many("nas1", "")).len(), PER_NAMESPACE, "without a record");
    // One tenant's huge trees leave room for another's.
    let two = begun(&[many("nas1", "x"), many("nas1", "y")].concat());
    assert_eq!(
        two.iter().filter(|d| d.namespace == Some(Namespace::new("y"))).count(),
        PER_NAMESPACE
    );
    let three = [many("nas1", "x"), many("nas1", "y"), many("nas1", "z")].concat();
    assert_eq!(begun(&three).len(), PER_BACKEND);
    let everything: Vec<Doomed> = (0..9)
        .flat_map(|b| ["x", "y", "z"].map(|n| many(&format!("nas{b}"), n)).concat())
        .collect();
    let running = begun(&everything);
    assert_eq!(running.len(), IN_ALL);
    // Whoever has none is served before whoever has one.
    assert!((0..9).all(|b| running.iter().any(|d| d.backend == BackendName::new(format!("nas{b}")))));
}
