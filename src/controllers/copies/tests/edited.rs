//! Claims whose annotations are edited while their volumes are being made.

use super::*;
use crate::domain::record::{Intent, Record};

fn plain() -> Claim {
    testing::claim("team/app")
}

fn asking() -> Claim {
    plain().annotated(&[("trident.netapp.io/cloneFromPVC", "data")])
}

/// An empty volume of `team/app` as a crash has left it: its directory is there, its object is not. And a source.
async fn left_behind(records: Vec<Record>) -> Bench {
    let b = start(world(records, []).await, Arc::new(Objects::default()), None).await;
    for name in ["team/app", "team/data"] {
        b.w.directory(pv_name(name).as_str()).await;
    }
    b.w.fake.write("pvc-team-data/file", "bytes");
    b.cluster.put(pv("team/data"));
    b.cluster.put_claim(testing::claim("team/data").bound());
    b
}

impl Bench {
    async fn edit(&self, claim: Claim) {
        self.cluster.put_claim(claim);
        self.look_at_claim("team/app").await;
        self.settle().await;
        self.look("team/data").await;
        self.settle().await;
    }

    fn is_copied(&self) -> bool {
        self.file_of("team/app") == Some(b"bytes".to_vec()) && self.object("team/app").is_some()
    }
}

#[tokio::test(start_paused = true)]
async fn an_empty_volume_that_a_crash_has_left_is_never_called_a_copy_and_is_finished_when_nobody_wants_one() {
    let begun = testing::record("team/app")
        .state(State::Creating)
        .intends(Intent::Create);
    let b = left_behind(vec![begun]).await;
    b.edit(asking()).await;
    assert_eq!((b.object("team/app"), b.clones_of("team/app")), (None, 0));
    assert!(b.said("was begun as an empty one"));
    b.edit(plain()).await;
    assert!(b.object("team/app").is_some() && b.file_of("team/app").is_none());
}

#[tokio::test(start_paused = true)]
async fn where_the_ledger_was_lost_too_it_makes_way_for_the_copy() {
    let b = left_behind(Vec::new()).await;
    b.edit(asking()).await;
    assert!(b.is_copied());
}

#[tokio::test(start_paused = true)]
async fn what_is_edited_amid_a_copy_neither_stops_nor_changes_it() {
    let misspelt = plain().annotated(&[("trident.netapp.io/cloneFromPVC", "a/b")]);
    let other = plain().annotated(&[("trident.netapp.io/cloneFromPVC", "other")]);
    for edited in [plain(), misspelt, other, plain().asks("prod/data")] {
        for moment in [Moment::Before, Moment::Midway, Moment::After] {
            let b = left_behind(Vec::new()).await;
            let gate = b.w.fake.gate(Op::CloneVolume, moment);
            b.cluster.put_claim(asking());
            b.look_at_claim("team/app").await;
            gate.arrived(1).await;
            b.edit(edited.clone()).await;
            assert_eq!(b.object("team/app"), None, "{moment:?}");
            gate.open();
            b.edit(edited.clone()).await;
            assert!(b.is_copied(), "{moment:?}");
            assert!(b.object("team/data").unwrap().tokens.is_empty(), "{moment:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_controller_that_died_after_it_put_the_token_on_is_gone_on_for_although_nothing_asks_for_a_copy_by_now() {
    let b = left_behind(Vec::new()).await;
    b.cluster.put(pv("team/data").copying("team/app"));
    b.edit(plain()).await;
    assert!(b.is_copied());
}
