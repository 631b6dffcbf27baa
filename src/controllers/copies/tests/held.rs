//! The finalizer that shows on a source that it is in use: there exactly while a copy reads it, and never in anybody's way.

use super::*;
use crate::domain::hold::Hold;
use crate::domain::ids::{ClaimKey, Namespace};
use crate::domain::source::DataSource;
use crate::observe::index::NamespaceView;
use serde_json::json;
use tombolo_backend_fake::Gate;

impl Bench {
    async fn is_held(&self, source: &str) -> bool {
        self.look_at_claim(source).await;
        let claim = self.w.ctx.ports.cluster.claim(&testing::key(source)).await.unwrap();
        claim.unwrap().holds.contains(&Hold::Copies)
    }

    /// `kubectl delete` of a claim: it stays while it is held.
    async fn delete_source(&self, source: &str) {
        self.cluster
            .edit_claim(&testing::key(source), |claim| claim.terminating = true);
    }
}

/// A source that `team/app` is being copied from, midway, until the gate is opened.
async fn copied_midway(source: &str) -> (Bench, Gate) {
    let b = bench().await;
    b.cluster.grant(vec![testing::grant("prod", "team")]);
    let gate = b.w.fake.gate(Op::CloneVolume, Moment::Midway);
    b.wants("team/app", source).await;
    gate.arrived(1).await;
    (b, gate)
}

fn data() -> ClaimKey {
    testing::key("prod/data")
}

#[tokio::test(start_paused = true)]
async fn fn_20_a_controller_that_died_after_it_was_put_on_leaves_nothing_although_its_target_went() {
    let (before, gate) = copied_midway("prod/data").await;
    assert!(before.is_held("prod/data").await);
    before.copying.abort();
    before.settle().await;
    gate.open();
    before.cluster.delete_claim(&testing::key("team/app"));
    // The ledger is lost, too.
    let after = start(world(Vec::new(), []).await, before.cluster.clone(), Some(&before)).await;
    assert!(
        !after.is_held("prod/data").await,
        "nobody waits for what is not cleared away yet"
    );
    after.look("prod/data").await;
    after.settle().await;
    after.look("prod/data").await;
    assert!(!after.is_held("prod/data").await);
    assert!(after.nothing_unfinished() && after.object("prod/data").unwrap().tokens.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_source_is_held_from_the_beginning_of_a_copy_to_its_end_and_while_it_is_deleted() {
    let (b, gate) = copied_midway("team/data").await;
    assert!(b.is_held("team/data").await);
    b.delete_source("team/data").await;
    assert!(b.is_held("team/data").await);
    gate.open();
    b.settle().await;
    b.look("team/data").await;
    assert!(!b.is_held("team/data").await);
    assert_eq!(b.file_of("team/app"), Some(b"bytes".to_vec()));
}

#[tokio::test(start_paused = true)]
async fn deleting_the_target_lets_the_source_go() {
    let (b, _gate) = copied_midway("team/data").await;
    assert!(b.is_held("team/data").await);
    b.cluster.delete_claim(&testing::key("team/app"));
    b.look("team/data").await;
    assert!(!b.is_held("team/data").await);
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_fails_for_good_lets_the_source_go() {
    let b = bench().await;
    b.wants("team/other", "team/data").await;
    b.settle().await;
    b.look("team/data").await;
    for n in 0..200 {
        b.w.fake.write(&format!("pvc-team-data/file{n}"), "x");
    }
    let gate = b.w.fake.gate(Op::CloneVolume, Moment::Before);
    b.wants("team/app", "team/data").await;
    gate.arrived(1).await;
    assert!(b.is_held("team/data").await);
    gate.open();
    b.settle().await;
    b.look("team/data").await;
    assert_eq!((b.object("team/app"), b.file_of("team/app")), (None, None));
    assert!(b.object("team/data").unwrap().tokens.is_empty() && b.nothing_unfinished());
    b.look_at_claim("team/app").await;
    assert!(b.said("holds more than this claim asks for"));
    assert!(!b.is_held("team/data").await);
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_goes_lets_its_source_go_while_a_stranger_s_copy_has_no_end() {
    let (b, _gate) = copied_midway("prod/data").await;
    assert!(b.is_held("prod/data").await);
    b.delete_source("prod/data").await;
    assert!(b.is_held("prod/data").await);
    let going = NamespaceView {
        terminating: true,
        ..NamespaceView::default()
    };
    b.w.caches(|index| index.put_namespace(Namespace::new("prod"), Some(going.clone())));
    assert!(!b.is_held("prod/data").await);
    assert!(
        !b.object("prod/data").unwrap().tokens.is_empty(),
        "the token keeps the data"
    );
}

#[tokio::test(start_paused = true)]
async fn fn_18_a_claim_that_has_only_the_newer_field_holds_its_source_too() {
    let b = bench().await;
    b.wants("team/first", "team/data").await;
    b.settle().await;
    let gate = b.w.fake.gate(Op::CloneVolume, Moment::Midway);
    let spec = json!({"dataSourceRef": {"kind": "PersistentVolumeClaim", "name": "data"}});
    let newer = json!({"metadata": {"namespace": "team", "name": "app"}, "spec": spec});
    let source = DataSource::of(&serde_json::from_value(newer).unwrap());
    b.cluster
        .put_claim(testing::claim("team/app").with(|c| c.source = source));
    b.look_at_claim("team/app").await;
    gate.arrived(1).await;
    assert!(b.is_held("team/data").await);
}

#[tokio::test(start_paused = true)]
async fn fn_19_without_the_right_to_put_it_on_the_copy_is_made_all_the_same() {
    let b = bench().await;
    b.cluster.close();
    let gate = b.w.fake.gate(Op::CloneVolume, Moment::Midway);
    b.wants("team/app", "team/data").await;
    gate.arrived(1).await;
    assert!(!b.is_held("team/data").await);
    gate.open();
    b.settle().await;
    b.look("team/data").await;
    assert_eq!(b.file_of("team/app"), Some(b"bytes".to_vec()));
    assert!(!b.said("ask your admin"), "{:?}", b.w.heard.words());
}

#[tokio::test(start_paused = true)]
async fn whoever_strips_it_loses_nothing() {
    let (b, gate) = copied_midway("prod/data").await;
    assert!(b.is_held("prod/data").await);
    b.delete_source("prod/data").await;
    b.cluster.edit_claim(&data(), |claim| claim.holds.clear());
    assert!(
        !b.is_held("prod/data").await,
        "one that is being deleted gets no new one"
    );
    b.cluster.delete_claim(&data());
    b.cluster.put(b.object("prod/data").unwrap().released().terminating());
    b.look("prod/data").await;
    assert!(b.file_of("prod/data").is_some(), "the token keeps the data");
    gate.open();
    b.settle().await;
    b.look("prod/data").await;
    assert_eq!(b.file_of("team/app"), Some(b"bytes".to_vec()));
    assert_eq!((b.object("prod/data"), b.file_of("prod/data")), (None, None));
}

#[tokio::test(start_paused = true)]
async fn a_claim_of_somebody_else_that_was_copied_with_it_is_let_go() {
    let b = bench().await;
    let theirs = |class: &str| {
        testing::claim("team/app").with(|c| {
            c.class = Some(crate::domain::ids::ClassName::new(class));
            c.holds = Hold::ALL.into();
        })
    };
    for claim in [
        theirs("somebody-else-s"),
        theirs("somebody-else-s").terminating(),
        theirs("gold").terminating(),
    ] {
        b.cluster.put_claim(claim);
        b.look_at_claim("team/app").await;
        let claim = b.w.ctx.ports.cluster.claim(&testing::key("team/app")).await.unwrap();
        assert!(claim.unwrap().holds.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_hold_for_members_on_an_owner_whose_class_wants_none_is_let_go_although_it_has_members() {
    let b = bench().await;
    b.cluster.put(pv("team/data"));
    b.cluster.put(testing::member_pv("dev/app", "team/data"));
    let carrying = testing::claim("team/data").bound();
    b.cluster.put_claim(carrying.with(|c| c.holds = [Hold::Members].into()));
    b.look_at_claim("team/data").await;
    let claim = b.w.ctx.ports.cluster.claim(&testing::key("team/data")).await.unwrap();
    assert!(claim.unwrap().holds.is_empty());
}
