//! Copies that were asked for by the annotations of Trident, gone on with by another controller: a reference and the owner's word are asked
//! for again, and what cannot be read takes nothing back.

use super::*;
use crate::controllers::testing::objects::Readable;
use crate::execute::cluster::Fault as ApiFault;

/// `team/app` wants a copy of `prod/data`, whose owner lets it.
fn wanting() -> Claim {
    testing::claim("team/app").annotated(&[
        ("trident.netapp.io/cloneFromPVC", "data"),
        ("trident.netapp.io/cloneFromNamespace", "prod"),
    ])
}

fn willing() -> Claim {
    testing::claim("prod/data")
        .bound()
        .annotated(&[("tombolo.dev/cloneToNamespace", "team")])
}

fn referred() -> Readable {
    Readable::Are(vec![testing::reference("team/ref", "prod/data")])
}

/// A controller that died amid the copy, and another one in its place.
async fn resumed(meanwhile: impl FnOnce(&Bench)) -> Bench {
    let before = bench().await;
    before.cluster.refer(referred());
    before.w.directory("pvc-prod-data").await;
    before.w.fake.write("pvc-prod-data/file", "bytes");
    before.cluster.put(pv("prod/data"));
    before.cluster.put_claim(willing());
    let gate = before.w.fake.gate(Op::CloneVolume, Moment::Midway);
    before.cluster.put_claim(wanting());
    before.look_at_claim("team/app").await;
    gate.arrived(1).await;
    before.copying.abort();
    before.settle().await;
    gate.open();
    meanwhile(&before);
    let after = start(world(Vec::new(), []).await, before.cluster.clone(), Some(&before)).await;
    after.go_on().await;
    after
}

impl Bench {
    async fn go_on(&self) {
        self.look("prod/data").await;
        self.settle().await;
        self.look("prod/data").await;
    }

    fn is_made(&self) -> bool {
        self.file_of("team/app") == Some(b"bytes".to_vec()) && self.state_of("team/app") == Some(State::Live)
    }

    fn is_given_up(&self) -> bool {
        let left = (
            self.state_of("team/app"),
            self.object("team/app"),
            self.file_of("team/app"),
        );
        left == (None, None, None) && self.nothing_unfinished() && self.object("prod/data").unwrap().tokens.is_empty()
    }

    /// Neither: its token is on, and what was made of it is there.
    fn waits(&self) -> bool {
        let token = Token::copying(uid("team/app"));
        !self.nothing_unfinished()
            && self.object("team/app").is_none()
            && self.object("prod/data").unwrap().tokens.contains_key(&token)
    }
}

#[tokio::test(start_paused = true)]
async fn while_both_consent_it_goes_on() {
    assert!(resumed(|_| {}).await.is_made());
}

#[tokio::test(start_paused = true)]
async fn whoever_takes_it_back_ends_it_and_nothing_of_it_is_left() {
    let unshared = |b: &Bench| b.cluster.put_claim(testing::claim("prod/data").bound());
    let unreferred = |b: &Bench| b.cluster.refer(Readable::Are(Vec::new()));
    let ends: [&dyn Fn(&Bench); 2] = [&unshared, &unreferred];
    for end in ends {
        let after = resumed(end).await;
        assert!(after.is_given_up());
        after.look_at_claim("team/app").await;
        assert_eq!(after.clones_of("team/app"), 1, "it is refused, and not tried again");
    }
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_does_not_answer_takes_nothing_back_and_is_asked_again() {
    for fault in [ApiFault::Away, ApiFault::Forbidden, ApiFault::Unknown] {
        let after = resumed(|b| b.cluster.refer(Readable::Fails(fault))).await;
        assert!(after.waits(), "{fault:?}");
        assert_eq!(
            after.clones_of("team/app"),
            1,
            "{fault:?}: nor is it gone on with unasked"
        );
        after.cluster.refer(referred());
        tokio::time::sleep(Duration::from_secs(120)).await;
        after.go_on().await;
        assert!(after.is_made(), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_is_not_served_takes_nothing_back() {
    assert!(resumed(|b| b.cluster.refer(Readable::NotServed)).await.is_made());
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_went_takes_nothing_back_and_who_has_its_name_now_says_nothing() {
    let gone = resumed(|b| b.cluster.delete_claim(&testing::key("prod/data"))).await;
    assert!(gone.is_made());
    let another = resumed(|b| {
        let unwilling = testing::claim("prod/data").with(|c| c.uid = uid("prod/other")).bound();
        b.cluster.put_claim(unwilling);
    });
    assert!(another.await.is_made());
}
