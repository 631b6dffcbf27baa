//! Copies that do not come to their end at once.

use super::*;
use crate::domain::ids::ResourceVersion;
use tombolo_backend_api::{Backend, CreateVolume};

#[tokio::test(start_paused = true)]
async fn lp_23_deleting_the_target_stops_the_copy_and_leaves_nothing() {
    let b = bench().await;
    let gate = b.w.fake.gate(Op::CloneVolume, Moment::Midway);
    b.wants("team/app", "team/data").await;
    gate.arrived(1).await;
    b.cluster.delete_claim(&testing::key("team/app"));
    b.look("team/data").await;
    gate.open();
    b.settle().await;
    assert!(b.nothing_unfinished());
    assert!(b.object("team/data").unwrap().tokens.is_empty());
    let left = (b.state_of("team/app"), b.object("team/app"), b.file_of("team/app"));
    assert_eq!(left, (None, None, None));
    assert_eq!(b.w.ctx.copies.figures(), (0, 0));
    assert_eq!(b.file_of("team/data"), Some(b"bytes".to_vec()));
}

#[tokio::test(start_paused = true)]
async fn what_was_finished_when_its_claim_went_is_discarded_too() {
    let b = bench().await;
    let gate = b.w.fake.gate(Op::CloneVolume, Moment::After);
    b.wants("team/app", "team/data").await;
    gate.arrived(1).await;
    assert!(b.file_of("team/app").is_some(), "it stands in its place already");
    b.cluster.delete_claim(&testing::key("team/app"));
    b.look("team/data").await;
    gate.open();
    b.settle().await;
    let left = (b.state_of("team/app"), b.object("team/app"), b.file_of("team/app"));
    assert_eq!(left, (None, None, None));
    assert!(b.object("team/data").unwrap().tokens.is_empty());
}

#[tokio::test(start_paused = true)]
async fn deleting_the_source_does_not_stop_the_copy_and_its_data_waits() {
    let b = bench().await;
    let gate = b.w.fake.gate(Op::CloneVolume, Moment::Midway);
    b.wants("team/app", "team/data").await;
    gate.arrived(1).await;
    b.cluster.delete_claim(&testing::key("team/data"));
    b.cluster.put(b.object("team/data").unwrap().released());
    b.look("team/data").await;
    assert_eq!(b.state_of("team/data"), Some(State::SoftDeleted));
    b.cluster.put(b.object("team/data").unwrap().terminating());
    b.look("team/data").await;
    assert!(b.file_of("team/data").is_some() && b.object("team/data").is_some());
    // The claim is not told that its source is missing.
    b.look_at_claim("team/app").await;
    assert!(!b.said("does not exist"));
    gate.open();
    b.settle().await;
    b.look("team/data").await;
    assert_eq!(b.file_of("team/app"), Some(b"bytes".to_vec()));
    let left = (b.object("team/data"), b.file_of("team/data"));
    assert_eq!(left, (None, None), "and then it goes");
}

#[tokio::test(start_paused = true)]
async fn a_copy_is_gone_on_with_by_whoever_leads_next_although_the_ledger_is_lost() {
    let before = bench().await;
    let gate = before.w.fake.gate(Op::CloneVolume, Moment::Midway);
    before.wants("team/app", "team/data").await;
    gate.arrived(1).await;
    before.copying.abort();
    before.settle().await;
    gate.open();
    let after = start(world(Vec::new(), []).await, before.cluster.clone(), Some(&before)).await;
    after.look("team/data").await;
    after.settle().await;
    after.look("team/data").await;
    assert_eq!(after.file_of("team/app"), Some(b"bytes".to_vec()));
    assert_eq!(after.state_of("team/app"), Some(State::Live));
    assert_eq!(after.clones_of("team/app"), 2);
    assert!(after.nothing_unfinished() && after.object("team/data").unwrap().tokens.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_too_large_is_said_and_pins_nothing_until_the_claim_changes() {
    let b = bench().await;
    b.wants("team/other", "team/data").await;
    b.settle().await;
    for n in 0..200 {
        b.w.fake.write(&format!("pvc-team-data/file{n}"), "x");
    }
    b.wants("team/app", "team/data").await;
    b.settle().await;
    b.look("team/data").await;
    assert!(b.object("team/data").unwrap().tokens.is_empty() && b.nothing_unfinished());
    let left = (b.state_of("team/app"), b.object("team/app"), b.clones_of("team/app"));
    assert_eq!(left, (None, None, 1));
    for _ in 0..3 {
        b.look_at_claim("team/app").await;
        b.look("team/data").await;
        b.settle().await;
    }
    assert!(b.said("holds more than this claim asks for"));
    assert_eq!(b.clones_of("team/app"), 1, "terminal");
    let edited = target("team/app", "team/data").with(|c| c.version = ResourceVersion::new("2"));
    b.cluster.put_claim(edited);
    b.look_at_claim("team/app").await;
    b.settle().await;
    assert_eq!(b.clones_of("team/app"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_goes_away_midway_is_waited_for() {
    let b = bench().await;
    b.w.fake.fail_next(Op::CloneVolume, Fault::Interrupted(Class::Waiting));
    b.wants("team/app", "team/data").await;
    b.settle().await;
    assert!(b.said("it is looked at again"), "{:?}", b.w.heard.words());
    let kept = b.object("team/data").unwrap();
    assert!(kept.tokens.contains_key(&Token::copying(uid("team/app"))));
    assert!(!b.nothing_unfinished(), "half of it is there");
    // Looked at at once it rests; later it goes on.
    b.look("team/data").await;
    b.settle().await;
    assert_eq!(b.clones_of("team/app"), 1);
    tokio::time::sleep(Duration::from_secs(5)).await;
    b.look("team/data").await;
    b.settle().await;
    b.look("team/data").await;
    assert_eq!(
        (b.clones_of("team/app"), b.state_of("team/app")),
        (2, Some(State::Live))
    );
}

#[tokio::test(start_paused = true)]
async fn a_copy_of_a_later_term_that_does_not_come_back_is_begun_anew_in_the_end() {
    let b = bench().await;
    b.wants("team/first", "team/data").await;
    b.settle().await;
    let into = CreateVolume {
        path: VolumePath::parse("pvc-team-app").unwrap(),
        mode: 0o777,
        bytes: 10 * GI,
    };
    let later = CopyTerms {
        epoch: 9,
        drop_set_id: false,
        max_entries: 100,
    };
    b.w.fake
        .fail_next(Op::CloneVolume, Fault::Interrupted(Class::Transient));
    let clones = b.w.fake.clones().unwrap();
    let from = VolumePath::parse("pvc-team-data").unwrap();
    let _ = clones.clone_volume(&from, &into, &later, &()).await.unwrap_err();
    assert!(!b.nothing_unfinished());
    b.wants("team/app", "team/data").await;
    for _ in 0..20 {
        b.settle().await;
        tokio::time::sleep(Duration::from_secs(120)).await;
        b.look("team/data").await;
    }
    assert_eq!(b.state_of("team/app"), Some(State::Live));
    assert!(b.nothing_unfinished());
}

#[tokio::test(start_paused = true)]
async fn a_copy_whose_token_was_taken_away_stops() {
    let b = bench().await;
    let gate = b.w.fake.gate(Op::CloneVolume, Moment::Midway);
    b.wants("team/app", "team/data").await;
    gate.arrived(1).await;
    b.cluster
        .put(b.object("team/data").unwrap().with(|pv| pv.tokens.clear()));
    b.look("team/data").await;
    b.settle().await;
    assert_eq!(b.w.ctx.copies.figures(), (0, 0));
    gate.open();
    b.settle().await;
    assert_eq!(b.object("team/app"), None);
    // The claim waits still: it asks again, and the copy goes on from where it was.
    b.look_at_claim("team/app").await;
    b.settle().await;
    assert!(b.object("team/app").is_some());
}

#[tokio::test(start_paused = true)]
async fn who_slept_since_the_look_that_wanted_it_begins_nothing() {
    let b = bench().await;
    b.copying.abort();
    b.wants("team/app", "team/data").await;
    let slept = b.w.ctx.copies.begin().unwrap();
    b.cluster
        .put(b.object("team/data").unwrap().with(|pv| pv.tokens.clear()));
    copy(&b.w.ctx, &slept).await;
    assert_eq!((b.clones_of("team/app"), b.object("team/app")), (0, None));
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_has_its_object_by_now_is_not_made_once_more_and_its_place_is_not_cleared() {
    let b = bench().await;
    b.copying.abort();
    b.wants("team/app", "team/data").await;
    let running = b.w.ctx.copies.begin().unwrap();
    // As by whoever was faster; the source was empty, and so is this.
    b.cluster.put(pv("team/app"));
    b.w.directory("pvc-team-app").await;
    let heard = Heard::after(Copied::default(), &b.w.ctx.metrics);
    let made = make(&b.w.ctx, &running.wanted, &heard).await;
    assert!(made.is_err_and(|failure| failure.is_stale()));
    assert_eq!(b.clones_of("team/app"), 0);
    assert!(b.w.fake.tree().paths().any(|path| path == "pvc-team-app"));
}
