//! Either side restarts while work that takes long is under way.

use super::*;
use std::sync::Mutex;
use tombolo_backend_fake::{Gate, Moment, Op};
use tombolo_backend_remote::Remote;

const TERMS: CopyTerms = CopyTerms {
    epoch: 1,
    drop_set_id: false,
    max_entries: 1000,
};

/// Holds an operation of the fake once it has begun.
fn held(fake: &Fake, op: Op) -> Gate {
    fake.gate(op, Moment::Before)
}

async fn purge(client: Arc<Remote>) -> Result<Purged, BackendError> {
    client.purge(&id("t"), &()).await
}

async fn clone(client: Arc<Remote>) -> Result<Copied, BackendError> {
    client
        .clones()
        .unwrap()
        .clone_volume(&path("v"), &volume("copy"), &TERMS, &())
        .await
}

fn begun(fake: &Fake, op: Op) -> usize {
    fake.calls().iter().filter(|call| call.op() == op).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_goes_on_after_the_far_side_was_restarted() {
    let (fake, mut far) = far().await;
    let client = Arc::new(far.client().await);
    let gate = held(&fake, Op::Purge);
    let purging = tokio::spawn(purge(client));
    gate.arrived(1).await;
    far.crash();
    tokio::time::sleep(Duration::from_millis(300)).await;
    far.run(Arc::new(fake.clone())).await;
    gate.arrived(2).await;
    gate.open();
    let purged = purging.await.unwrap().unwrap();
    assert_eq!((purged.files, purged.directories), (1, 1));
    assert_eq!(fake.trash().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clone_goes_on_after_the_far_side_was_restarted() {
    let (fake, mut far) = far().await;
    let client = Arc::new(far.client().await);
    let gate = held(&fake, Op::CloneVolume);
    let cloning = tokio::spawn(clone(client));
    gate.arrived(1).await;
    far.crash();
    far.run(Arc::new(fake.clone())).await;
    gate.arrived(2).await;
    gate.open();
    cloning.await.unwrap().unwrap();
    assert_eq!(fake.read("copy/file").as_deref(), Some(&b"bytes"[..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_was_restarted_joins_the_work_that_it_began() {
    let (fake, far) = far().await;
    for op in [Op::Purge, Op::CloneVolume] {
        let gate = held(&fake, op);
        let work = |client: Arc<Remote>| async move {
            match op {
                Op::Purge => purge(client).await.map(drop),
                _ => clone(client).await.map(drop),
            }
        };
        let first = tokio::spawn(work(Arc::new(far.client().await)));
        gate.arrived(1).await;
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        let second = tokio::spawn(work(Arc::new(far.client().await)));
        // Long enough for its request to arrive, on a busy machine too.
        tokio::time::sleep(Duration::from_secs(2)).await;
        gate.open();
        second.await.unwrap().unwrap();
        assert_eq!(begun(&fake, op), 1, "{op:?} was joined, not begun anew");
    }
    assert_eq!(fake.trash().await.unwrap(), []);
    assert!(fake.read("copy/file").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_far_side_that_stays_away_leaves_open_what_was_done() {
    let (fake, mut far) = far().await;
    let client = Arc::new(far.client().await.with_patience(Duration::from_millis(500)));
    let gate = held(&fake, Op::Purge);
    let purging = tokio::spawn(purge(client));
    gate.arrived(1).await;
    far.crash();
    let error = purging.await.unwrap().unwrap_err();
    assert_eq!(
        (error.class, error.certainty),
        (Class::Waiting, Certainty::MaybeDone),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_far_side_that_stops_in_order_finishes_what_it_has_begun() {
    let (fake, mut far) = far().await;
    let client = far.client().await;
    let gate = held(&fake, Op::Create);
    let creating = tokio::spawn(async move { client.create(&volume("new")).await });
    gate.arrived(1).await;
    let stopping = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        gate.open();
    };
    tokio::join!(far.stop(), stopping);
    creating.await.unwrap().unwrap();
    assert!(fake.inspect(&path("new")).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_comes_across() {
    #[derive(Default)]
    struct Heard(Mutex<Vec<Purged>>);
    impl PurgeProgress for Heard {
        fn purged(&self, so_far: Purged) {
            self.0.lock().unwrap().push(so_far);
        }
    }
    let (fake, far) = far().await;
    let client = far.client().await;
    let gate = fake.gate(Op::Purge, Moment::After);
    let heard = Heard::default();
    let entry = id("t");
    let purging = client.purge(&entry, &heard);
    let opening = async {
        gate.arrived(1).await;
        tokio::time::sleep(Duration::from_millis(1500)).await;
        gate.open();
    };
    let (purged, ()) = tokio::join!(purging, opening);
    assert_eq!(purged.unwrap().files, 1);
    assert!(
        !heard.0.lock().unwrap().is_empty(),
        "nothing was told in a second and a half"
    );
}
