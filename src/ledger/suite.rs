//! What every ledger must do: one suite, run on each of them.

use super::epoch::{Doubt, Epoch, Holder, LeaseSeen, Term, Trust};
use super::{Condition, Durability, Ledger, LedgerError, Opened, trust};
use crate::domain::change::tests::{claim, member, record};
use crate::domain::change::{Change, Why};
use crate::domain::ids::{BackendName, Namespace, PvName, VolumeId};
use crate::domain::record::{Intent, Usage};
use futures::future::join_all;

/// Where a ledger's data outlives the ledger.
pub(super) trait Stage {
    type Ledger: Ledger;
    /// Whether those who wait at the same time share a flush.
    const SHARES_FLUSHES: bool;
    fn open(&self) -> Result<Opened<Self::Ledger>, LedgerError>;
    /// Ends a ledger so that only what was flushed is certain to be found.
    fn crash(&self, ledger: Self::Ledger);
    /// Spoils one stored record.
    fn corrupt(&self, volume: &VolumeId);
    /// Deletes everything.
    fn lose(&self);
    fn flushes(&self, ledger: &Self::Ledger) -> u64;
}

/// The suite as tests of their own names; `$stage` makes an empty stage.
macro_rules! on {
    ($stage:expr) => {
        $crate::ledger::suite::on!($stage;
            a_change_is_there_when_apply_returns_and_after_a_crash
            a_batch_over_two_volumes_is_all_or_nothing
            applies_at_once_share_flushes_and_lose_nothing
            usage_follows
            replacing_all_is_one_step
            a_lost_ledger_is_not_trusted
            the_epoch_is_kept
            a_spoiled_record_is_kept_aside_until_the_rebuild
            one_ledger_at_a_time
        );
    };
    ($stage:expr; $($case:ident)+) => {
        $(#[tokio::test]
        async fn $case() {
            suite::$case(&$stage).await;
        })+
    };
}
pub(super) use on;

fn begin(volume: &str) -> Change {
    Change::Begin(record(volume))
}

fn id(volume: &str) -> VolumeId {
    VolumeId::new(volume)
}

fn join(volume: &str, pv: &str) -> Change {
    Change::Join {
        volume: id(volume),
        pv: PvName::new(pv),
        member: member(pv),
    }
}

fn intend(volume: &str, intent: Intent) -> Change {
    Change::Intend {
        volume: id(volume),
        intent,
    }
}

fn names(ledger: &impl Ledger) -> Vec<String> {
    ledger.all().iter().map(|r| r.volume.to_string()).collect()
}

pub(super) async fn a_change_is_there_when_apply_returns_and_after_a_crash<S: Stage>(stage: &S) {
    let opened = stage.open().unwrap();
    assert!(matches!(opened.condition, Condition::Fresh));
    let ledger = opened.ledger;
    let create = intend("pvc-1", Intent::Create);
    ledger
        .apply(vec![begin("pvc-1"), create], Durability::Flushed)
        .await
        .unwrap();
    let before = ledger.get(&id("pvc-1")).unwrap();
    assert_eq!(before.intent, Some(Intent::Create));
    assert_eq!(ledger.open_intents(), std::slice::from_ref(&before));
    stage.crash(ledger);
    let opened = stage.open().unwrap();
    assert!(matches!(opened.condition, Condition::Loaded));
    assert_eq!(opened.ledger.all(), std::slice::from_ref(&before));
    assert_eq!(opened.ledger.open_intents(), [before]);
    assert_eq!(opened.ledger.get(&id("pvc-2")), None);
}

pub(super) async fn a_batch_over_two_volumes_is_all_or_nothing<S: Stage>(stage: &S) {
    let ledger = stage.open().unwrap().ledger;
    let both = vec![begin("pvc-1"), begin("pvc-2"), join("pvc-1", "pvc-3")];
    ledger.apply(both, Durability::Flushed).await.unwrap();
    let before = ledger.all();
    let half = vec![join("pvc-2", "pvc-4"), Change::Forget { volume: id("pvc-1") }];
    let refused = ledger.apply(half, Durability::Flushed).await.unwrap_err();
    assert!(
        matches!(&refused, LedgerError::Illegal(i) if i.why == Why::MembersRemain(1)),
        "{refused:?}"
    );
    assert!(!refused.is_final());
    assert_eq!(ledger.all(), before);
    stage.crash(ledger);
    assert_eq!(stage.open().unwrap().ledger.all(), before);
}

pub(super) async fn applies_at_once_share_flushes_and_lose_nothing<S: Stage>(stage: &S) {
    let ledger = stage.open().unwrap().ledger;
    ledger.apply(vec![begin("pvc-1")], Durability::Flushed).await.unwrap();
    let before = stage.flushes(&ledger);
    let joins = (100..164).map(|n| ledger.apply(vec![join("pvc-1", &format!("pvc-{n}"))], Durability::Flushed));
    for done in join_all(joins).await {
        done.unwrap();
    }
    let flushes = stage.flushes(&ledger) - before;
    let most = if S::SHARES_FLUSHES { 63 } else { 64 };
    assert!((1..=most).contains(&flushes), "{flushes} flushes for 64 applies");
    assert_eq!(ledger.get(&id("pvc-1")).unwrap().members.len(), 64);
    let again = ledger.apply(vec![join("pvc-1", "pvc-100")], Durability::Flushed).await;
    assert!(again.is_ok());
    assert_eq!(
        stage.flushes(&ledger) - before,
        flushes,
        "nothing changed, nothing to flush"
    );
    stage.crash(ledger);
    assert_eq!(
        stage.open().unwrap().ledger.get(&id("pvc-1")).unwrap().members.len(),
        64
    );
}

pub(super) async fn usage_follows<S: Stage>(stage: &S) {
    let ledger = stage.open().unwrap().ledger;
    ledger
        .apply(vec![begin("pvc-1"), begin("pvc-2")], Durability::Soon)
        .await
        .unwrap();
    ledger
        .apply(vec![join("pvc-1", "pvc-3")], Durability::Flushed)
        .await
        .unwrap();
    let look = |ledger: &S::Ledger| {
        let backend = BackendName::new("nfs-a");
        let mine = |claim: &str| Namespace::new(format!("ns-{claim}"));
        [
            ledger.usage(&backend, None),
            ledger.usage(&backend, Some(&mine("data"))),
            ledger.usage(&backend, Some(&mine("pvc-3"))),
            ledger.usage(&BackendName::new("nfs-b"), None),
        ]
    };
    let usage = |volumes, members, bytes| Usage {
        volumes,
        members,
        bytes,
    };
    let expected = [usage(2, 1, 2048), usage(2, 0, 2048), usage(0, 1, 0), usage(0, 0, 0)];
    assert_eq!(look(&ledger), expected);
    stage.crash(ledger);
    let ledger = stage.open().unwrap().ledger;
    assert_eq!(look(&ledger), expected);
    ledger
        .apply(vec![Change::Forget { volume: id("pvc-2") }], Durability::Flushed)
        .await
        .unwrap();
    assert_eq!(look(&ledger)[1], usage(1, 0, 1024));
}

pub(super) async fn replacing_all_is_one_step<S: Stage>(stage: &S) {
    let ledger = stage.open().unwrap().ledger;
    ledger
        .apply(vec![begin("pvc-1"), begin("pvc-2")], Durability::Soon)
        .await
        .unwrap();
    let mut other = record("pvc-2");
    other.owner = claim("other");
    let twins = vec![record("pvc-3"), record("pvc-3")];
    assert!(matches!(ledger.replace_all(twins).await, Err(LedgerError::Illegal(_))));
    assert_eq!(names(&ledger), ["pvc-1", "pvc-2"]);
    ledger.replace_all(vec![other.clone(), record("pvc-3")]).await.unwrap();
    assert_eq!(names(&ledger), ["pvc-2", "pvc-3"]);
    assert_eq!(ledger.get(&id("pvc-2")).as_deref(), Some(&other));
    let after = ledger.all();
    stage.crash(ledger);
    assert_eq!(stage.open().unwrap().ledger.all(), after);
}

fn epoch() -> Epoch {
    Epoch {
        term: Some(Term {
            lease_uid: "uid".into(),
            transitions: 3,
        }),
        holder: Holder {
            identity: "pod-0".into(),
            start_id: "abc".into(),
        },
    }
}

fn lease() -> LeaseSeen {
    LeaseSeen {
        term: epoch().term.unwrap(),
        holder: Some(epoch().holder),
    }
}

pub(super) async fn a_lost_ledger_is_not_trusted<S: Stage>(stage: &S) {
    let ledger = stage.open().unwrap().ledger;
    ledger.apply(vec![begin("pvc-1")], Durability::Flushed).await.unwrap();
    ledger.set_epoch(epoch()).await.unwrap();
    assert_eq!(trust(&ledger, Some(&lease()), true), Trust::Trusted);
    stage.crash(ledger);
    stage.lose();
    let opened = stage.open().unwrap();
    assert!(matches!(opened.condition, Condition::Fresh));
    assert!(opened.ledger.all().is_empty());
    for election in [true, false] {
        let judged = trust(&opened.ledger, Some(&lease()), election);
        assert_eq!(judged, Trust::Rebuild(Doubt::Unwritten));
    }
}

pub(super) async fn the_epoch_is_kept<S: Stage>(stage: &S) {
    let ledger = stage.open().unwrap().ledger;
    assert_eq!(ledger.epoch(), None);
    ledger.set_epoch(epoch()).await.unwrap();
    ledger.replace_all(Vec::new()).await.unwrap();
    stage.crash(ledger);
    let ledger = stage.open().unwrap().ledger;
    assert_eq!(ledger.epoch(), Some(epoch()));
    assert_eq!(trust(&ledger, Some(&lease()), true), Trust::Trusted);
    assert_eq!(trust(&ledger, None, true), Trust::Rebuild(Doubt::LeaseGone));
}

pub(super) async fn a_spoiled_record_is_kept_aside_until_the_rebuild<S: Stage>(stage: &S) {
    let ledger = stage.open().unwrap().ledger;
    ledger
        .apply(vec![begin("pvc-1"), begin("pvc-2")], Durability::Flushed)
        .await
        .unwrap();
    ledger.set_epoch(epoch()).await.unwrap();
    stage.crash(ledger);
    stage.corrupt(&id("pvc-1"));
    // It stays aside however often the ledger is opened.
    for _ in 0..2 {
        let ledger = stage.open().unwrap().ledger;
        assert_eq!(names(&ledger), ["pvc-2"]);
        let [aside] = ledger.quarantined().try_into().unwrap();
        assert_eq!(aside.volume, id("pvc-1"));
        assert!(aside.why.contains("checksum"), "{}", aside.why);
        let judged = trust(&ledger, Some(&lease()), true);
        assert_eq!(judged, Trust::Rebuild(Doubt::Quarantined(1)));
        stage.crash(ledger);
    }
    let ledger = stage.open().unwrap().ledger;
    ledger
        .replace_all(vec![record("pvc-1"), record("pvc-2")])
        .await
        .unwrap();
    assert_eq!(ledger.quarantined(), []);
    stage.crash(ledger);
    let ledger = stage.open().unwrap().ledger;
    assert_eq!(ledger.quarantined(), []);
    assert_eq!(names(&ledger), ["pvc-1", "pvc-2"]);
}

pub(super) async fn one_ledger_at_a_time<S: Stage>(stage: &S) {
    let first = stage.open().unwrap().ledger;
    assert!(matches!(stage.open(), Err(LedgerError::Locked { .. })));
    first.apply(vec![begin("pvc-1")], Durability::Flushed).await.unwrap();
    stage.crash(first);
    assert_eq!(names(&stage.open().unwrap().ledger), ["pvc-1"]);
}
