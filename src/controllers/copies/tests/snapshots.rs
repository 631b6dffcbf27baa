//! Volumes made from snapshots: what keeps those meanwhile, and for how long.

use super::*;
use crate::controllers::contents;
use crate::controllers::testing::objects::Readable;
use crate::controllers::testing::snapshots::Snapshots;
use crate::domain::snapshot::Snapshot;
use crate::domain::snapshot::content::Content;
use crate::domain::token::Note;
use crate::plan::testing::snapshots::{content, on_backend, ready, snapshot};
use tombolo_backend_api::Backend as _;

/// `team/before` of `team/data`, which claims of `dev` may be made from.
async fn taken() -> (Bench, Arc<Snapshots>) {
    let mut b = bench().await;
    b.w.directory("pvc-team-data").await;
    b.w.fake.write("pvc-team-data/file", "bytes");
    let terms = CopyTerms {
        epoch: 0,
        drop_set_id: false,
        max_entries: 10,
    };
    let (there, snapshots) = (on_backend(), b.w.fake.snapshots().unwrap());
    snapshots
        .take_snapshot(&there.id, &there.of, there.bytes, &terms, &())
        .await
        .unwrap();
    let bound = Snapshot {
        content: Some(content().name),
        ready: Some(true),
        ..snapshot()
    };
    let whole = Content {
        status: Some(ready()),
        ..content()
    };
    b.w.caches(|index| index.reset_snapshots(vec![bound.clone()]));
    b.w.caches(|index| index.reset_contents(vec![whole.clone()]));
    b.cluster.grant(vec![testing::grant("team", "dev")]);
    let objects = Arc::new(Snapshots::default());
    objects.put(bound, whole);
    b.copying.abort();
    b.w.ctx.ports.snapshots = objects.clone();
    b.copying = tokio::spawn(copy_on(b.w.ctx.clone()));
    (b, objects)
}

impl Bench {
    /// A claim that is to be made from the snapshot, whose token is on it from then on.
    async fn restores(&self, name: &str, objects: &Snapshots) {
        let claim = testing::claim(name).with(|c| c.source = testing::snapshot("team/before"));
        self.cluster.put_claim(claim);
        self.look_at_claim(name).await;
        assert_eq!(objects.now().tokens.len(), 1, "{:?}", self.w.heard.words());
        self.look_at_snapshot().await;
    }

    async fn look_at_snapshot(&self) {
        contents::reconcile(&self.w.ctx, &content().name).await.unwrap();
    }

    async fn on_server(&self) -> usize {
        let snapshots = self.w.fake.snapshots().unwrap();
        snapshots.list_snapshots().await.unwrap().len()
    }
}

#[tokio::test(start_paused = true)]
async fn a_volume_made_from_a_snapshot_that_is_too_small_is_deleted_again() {
    let (b, objects) = taken().await;
    b.w.fake.set_short(true);
    b.restores("team/app", &objects).await;
    b.settle().await;
    assert!(b.said("Tombolo could not do this"), "{:?}", b.w.heard.words());
    b.look_at_snapshot().await;
    assert_eq!((b.object("team/app"), b.file_of("team/app")), (None, None));
    assert!(objects.now().tokens.is_empty() && b.state_of("team/app").is_none());
    assert_eq!(b.on_server().await, 1);
}

#[tokio::test(start_paused = true)]
async fn xn_14_a_snapshot_that_is_deleted_while_another_namespace_restores_it_is_there_until_that_is_done() {
    let (b, objects) = taken().await;
    let gate = b.w.fake.gate(Op::RestoreSnapshot, Moment::Midway);
    b.restores("dev/app", &objects).await;
    gate.arrived(1).await;
    objects.deleted();
    b.look_at_snapshot().await;
    assert_eq!(b.on_server().await, 1);
    assert!(!objects.now().finalizers.is_empty() && objects.now().is_ready());
    gate.open();
    b.settle().await;
    b.look_at_snapshot().await;
    assert_eq!(b.file_of("dev/app"), Some(b"bytes".to_vec()));
    assert_eq!(b.object("dev/app").unwrap().capacity, 10 * GI);
    assert_eq!(
        (b.on_server().await, objects.now().finalizers),
        (0, vec![]),
        "and then it goes"
    );
}

#[tokio::test(start_paused = true)]
async fn a_stranger_s_restore_that_comes_to_nothing_lets_a_deleted_snapshot_go() {
    let (b, objects) = taken().await;
    b.w.fake.fail_always(Op::RestoreSnapshot, Fault::Refused(Class::Denied));
    b.restores("dev/app", &objects).await;
    b.settle().await;
    objects.deleted();
    for attempt in 0..20 {
        b.look_at_snapshot().await;
        if objects.now().tokens.is_empty() {
            assert!(attempt > 1, "it may try again");
            assert_eq!((b.on_server().await, objects.now().finalizers), (0, vec![]));
            assert_eq!((b.state_of("dev/app"), b.object("dev/app")), (None, None));
            return;
        }
        tokio::time::sleep(Duration::from_secs(3600)).await;
    }
    panic!("it keeps the snapshot for ever");
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_is_away_makes_no_restore_of_a_deleted_snapshot_hopeless() {
    let (b, objects) = taken().await;
    b.w.fake
        .fail_always(Op::RestoreSnapshot, Fault::Refused(Class::Waiting));
    b.restores("dev/app", &objects).await;
    b.settle().await;
    objects.deleted();
    for _ in 0..20 {
        b.look_at_snapshot().await;
        assert_eq!(objects.now().tokens.len(), 1);
        tokio::time::sleep(Duration::from_secs(3600)).await;
    }
    b.w.fake.mend();
    b.look_at_snapshot().await;
    b.settle().await;
    b.look_at_snapshot().await;
    assert_eq!(b.file_of("dev/app"), Some(b"bytes".to_vec()));
    assert_eq!((b.on_server().await, objects.now().finalizers), (0, vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_somebody_has_forged_keeps_no_claim_waiting_in_silence() {
    let (b, objects) = taken().await;
    b.cluster.grant(Vec::new());
    let note = testing::copy_note("dev/app", &pv_name("team/data"));
    let forged = Content {
        tokens: [(Token::copying(uid("dev/app")), Some(Note::Copy(note)))].into(),
        ..objects.now()
    };
    b.w.caches(|index| index.put_content(forged));
    let claim = testing::claim("dev/app").with(|c| c.source = testing::snapshot("team/before"));
    b.cluster.put_claim(claim);
    b.look_at_claim("dev/app").await;
    assert!(b.said("no ReferenceGrant in namespace team"), "{:?}", b.w.heard.words());
}

#[tokio::test(start_paused = true)]
async fn how_often_a_restore_was_tried_is_forgotten_with_its_token() {
    let (b, objects) = taken().await;
    b.w.fake.fail_always(Op::RestoreSnapshot, Fault::Refused(Class::Denied));
    b.restores("dev/app", &objects).await;
    b.settle().await;
    let token = Token::copying(uid("dev/app"));
    assert_eq!(b.w.ctx.copies.attempts(&token).in_vain, 1);
    b.w.ctx.copies.are_on(&Origin::Content(content().name), |_| false);
    assert_eq!(b.w.ctx.copies.attempts(&token).in_vain, 0);
}

/// A restore by the annotations of Trident that has failed once, and is tried again when its owner's claim is `owner`. Whether it is made.
async fn tried_again_with(owner: Claim) -> bool {
    let (b, objects) = taken().await;
    let willing = testing::claim("team/data").bound();
    b.cluster
        .put_claim(willing.annotated(&[("tombolo.dev/cloneToNamespace", "dev")]));
    b.cluster
        .refer(Readable::Are(vec![testing::reference("dev/ref", "team/data")]));
    b.w.fake
        .fail_next(Op::RestoreSnapshot, Fault::Refused(Class::Transient));
    let claim = testing::claim("dev/app").annotated(&[
        ("trident.netapp.io/cloneFromSnapshot", "before"),
        ("trident.netapp.io/cloneFromNamespace", "team"),
    ]);
    b.cluster.put_claim(claim);
    b.look_at_claim("dev/app").await;
    assert_eq!(objects.now().tokens.len(), 1, "{:?}", b.w.heard.words());
    b.look_at_snapshot().await;
    b.settle().await;
    b.cluster.put_claim(owner);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    b.look_at_snapshot().await;
    b.settle().await;
    b.look_at_snapshot().await;
    assert!(objects.now().tokens.is_empty(), "{:?}", b.w.heard.words());
    b.file_of("dev/app") == Some(b"bytes".to_vec())
}

#[tokio::test(start_paused = true)]
async fn who_has_the_name_of_a_snapshot_s_claim_now_takes_nothing_back() {
    let unwilling = testing::claim("team/data").bound();
    assert!(!tried_again_with(unwilling.clone()).await, "its owner may");
    let later = unwilling.with(|c| (c.uid, c.volume_name) = (uid("team/later"), Some(pv_name("team/later"))));
    assert!(tried_again_with(later).await);
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_write_of_a_restore_changes_no_ending() {
    // The token is put on, and taken off.
    for write in 0..2 {
        for after in [false, true] {
            for lost in [false, true] {
                restored_by_whoever_leads_next(write, after, lost).await;
            }
        }
    }
}

/// `lost`: the ledger is, too, and the answer of the backend.
async fn restored_by_whoever_leads_next(write: usize, after: bool, lost: bool) {
    let (mut b, objects) = taken().await;
    objects.crash_at(write, after);
    if lost {
        b.w.fake
            .fail_next(Op::RestoreSnapshot, Fault::LostAnswer(Class::Transient));
    }
    let claim = testing::claim("dev/app").with(|c| c.source = testing::snapshot("team/before"));
    b.cluster.put_claim(claim);
    for _ in 0..20 {
        let asked = claims::reconcile(&b.w.ctx, &testing::key("dev/app")).await;
        let shown = objects.now();
        b.w.caches(|index| index.put_content(shown));
        let looked = contents::reconcile(&b.w.ctx, &content().name).await;
        if asked.is_err() || looked.is_err() {
            b.copying.abort();
            b.settle().await;
            let ledger = b.w.ctx.ports.ledger.clone();
            let (cluster, snapshots) = (b.cluster.clone(), b.w.ctx.ports.snapshots.clone());
            let mut next = start(world(Vec::new(), []).await, cluster, Some(&b)).await;
            next.copying.abort();
            next.w.ctx.ports.snapshots = snapshots;
            if !lost {
                next.w.ctx.ports.ledger = ledger;
            }
            let cached = crate::observe::gather::with(&b.w.ctx.caches, |index| {
                index.all_snapshots().cloned().collect::<Vec<_>>()
            });
            next.w.caches(|index| index.reset_snapshots(cached));
            next.w.caches(|index| index.reset_contents(vec![objects.now()]));
            next.copying = tokio::spawn(copy_on(next.w.ctx.clone()));
            b = next;
        }
        let over = b.object("dev/app").is_some() && objects.now().tokens.is_empty();
        if over && objects.writes() > write {
            assert_eq!(b.file_of("dev/app"), Some(b"bytes".to_vec()));
            assert!(b.nothing_unfinished());
            objects.deleted();
            b.look_at_snapshot().await;
            assert_eq!((b.on_server().await, objects.now().finalizers), (0, vec![]));
            return;
        }
        tokio::time::sleep(Duration::from_secs(3600)).await;
    }
    panic!("it is never done: {write} {after} {lost} {:?}", objects.now());
}
