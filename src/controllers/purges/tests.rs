//! Purges on a backend in memory, under a paused clock.

use super::*;
use crate::api::storage_backend::StorageBackendSpec;
use crate::domain::backend::Limits;
use crate::domain::ids::Namespace;
use crate::observe::roots::Root;
use tombolo_backend_api::{Backend, BackendId, Class, ClusterId, CreateVolume, Disposal, Guarded, Mark, VolumePath};
use tombolo_backend_fake::{Call, Fake, Fault, Moment, Op};

struct Bench {
    fake: Fake,
    with: Purging,
    _purging: tokio::task::JoinHandle<()>,
}

fn nas() -> BackendName {
    BackendName::new("nas1")
}

/// So many entries in the trash of a backend, each of a namespace of its own, and the task that purges.
async fn bench(entries: usize) -> Bench {
    let fake = Fake::default();
    let mark = Mark {
        backend_id: BackendId::parse("6d1f").unwrap(),
        cluster_id: ClusterId("c".into()),
    };
    fake.place_mark(&mark).await.unwrap();
    for n in 0..entries {
        let path = VolumePath::parse(&format!("pvc-{n}")).unwrap();
        let volume = CreateVolume {
            path: path.clone(),
            mode: 0o777,
            bytes: 1,
        };
        fake.create(&volume).await.unwrap();
        let disposal = Disposal::Trash {
            id: id(n),
            record: serde_json::Value::Null,
        };
        fake.discard(&path, &disposal).await.unwrap();
    }
    let roots = Arc::new(Roots::default());
    let root = Root {
        spec: StorageBackendSpec::default(),
        driver: Some(Arc::new(fake.clone())),
        tending: None,
        capabilities: Some(fake.capabilities()),
        labels: BTreeMap::new(),
        limits: Limits::default(),
        node: None,
        terminating: false,
        retention: Duration::ZERO,
        id: Some(mark.backend_id.clone()),
        state: RootState::Ready(Guarded::new(Arc::new(fake.clone()), mark)),
        space: None,
        pinned: 0,
        word: None,
        imports: Default::default(),
        paused: false,
    };
    roots.put(nas(), root);
    let with = Purging {
        purges: Arc::default(),
        roots,
        queue: Arc::default(),
        metrics: Metrics::new(),
    };
    let _purging = tokio::spawn(purge_on(with.clone()));
    Bench { fake, with, _purging }
}

fn id(n: usize) -> TrashId {
    TrashId::parse(&format!("pvc-{n}")).unwrap()
}

fn doomed(n: usize) -> Doomed {
    Doomed {
        backend: nas(),
        id: id(n),
        namespace: Some(Namespace::new(format!("ns-{n}"))),
    }
}

impl Bench {
    fn want(&self, entries: std::ops::Range<usize>) {
        self.with.purges.want(&nas(), entries.map(doomed).collect());
    }

    /// The look that follows a purge, or some time later.
    async fn asked_to_look(&self) {
        assert_eq!(self.with.queue.next().await, Some(Work::Trash(nas())));
        self.with.queue.done(&Work::Trash(nas()));
    }

    async fn left(&self) -> Vec<TrashId> {
        self.fake
            .trash()
            .await
            .unwrap()
            .into_iter()
            .map(|entry| entry.id)
            .collect()
    }

    fn purges_of(&self, n: usize) -> usize {
        self.fake
            .calls()
            .iter()
            .filter(|call| **call == Call::Purge(id(n)))
            .count()
    }

    fn failures(&self) -> bool {
        let text = self.with.metrics.encode().unwrap();
        text.contains(r#"tombolo_purges_failed_total{backend="nas1"} 1"#)
    }
}

#[tokio::test(start_paused = true)]
async fn a_few_are_purged_at_once_none_twice_and_in_the_end_all() {
    let bench = bench(10).await;
    let gate = bench.fake.gate(Op::Purge, Moment::Before);
    bench.want(0..10);
    gate.arrived(4).await;
    // Another look wants the same, and much time goes by.
    bench.want(0..10);
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(gate.waiting(), 4);
    gate.open();
    bench.asked_to_look().await;
    while !bench.left().await.is_empty() {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!((0..10).all(|n| bench.purges_of(n) == 1));
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_cannot_be_removed_keeps_no_other_and_is_tried_again_later() {
    let bench = bench(3).await;
    bench.fake.fail_next(Op::Purge, Fault::Refused(Class::Invalid));
    bench.want(0..3);
    bench.asked_to_look().await;
    while bench.left().await.len() > 1 {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(bench.left().await, [id(0)]);
    assert!(bench.failures());
    // Wanted at once by the look after the others' purges, it rests.
    bench.want(0..1);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(bench.purges_of(0), 1);
    tokio::time::sleep(Duration::from_secs(10)).await;
    bench.want(0..1);
    while !bench.left().await.is_empty() {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(bench.purges_of(0), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_under_way_ends_with_the_task() {
    let bench = bench(2).await;
    let gate = bench.fake.gate(Op::Purge, Moment::Before);
    bench.want(0..2);
    gate.arrived(2).await;
    bench._purging.abort();
    while !bench.with.purges.lock().running.is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    gate.open();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(bench.left().await.len(), 2);
}
