//! Copies of the volume that a member is in.

use super::*;
use crate::plan::testing::member_pv;

fn owner(lets: &[(&str, &str)]) -> Claim {
    testing::claim("prod/data").bound().shares("team").annotated(lets)
}

const LETS: &[(&str, &str)] = &[("tombolo.dev/cloneToNamespace", "team")];

/// `team/data` is in the volume of `prod/data`, and `team/app` wants a copy of it.
async fn wanted(lets: &[(&str, &str)]) -> Bench {
    let b = bench().await;
    b.w.directory("pvc-prod-data").await;
    b.w.fake.write("pvc-prod-data/file", "bytes");
    b.cluster.put(pv("prod/data"));
    b.cluster.put_claim(owner(lets));
    b.cluster.put(member_pv("team/data", "prod/data"));
    b.cluster
        .put_claim(testing::claim("team/data").asks("prod/data").bound());
    b.cluster.put_claim(target("team/app", "team/data"));
    b
}

impl Bench {
    fn is_read_for(&self, claim: &str) -> bool {
        let token = Token::copying(uid(claim));
        self.object("prod/data").unwrap().tokens.contains_key(&token)
    }
}

#[tokio::test(start_paused = true)]
async fn the_owner_s_word_is_asked_for_live_and_what_is_read_is_kept_by_the_owner_s_object() {
    let b = wanted(&[]).await;
    b.look_at_claim("team/app").await;
    assert!(b.said("itself shared from elsewhere") && b.object("prod/data").unwrap().tokens.is_empty());

    // What the caches show still was taken back.
    b.w.caches(|index| index.put_claim(owner(LETS)));
    b.look_at_claim("team/app").await;
    assert!(b.object("prod/data").unwrap().tokens.is_empty());

    b.cluster.put_claim(owner(LETS));
    let gate = b.w.fake.gate(Op::CloneVolume, Moment::Midway);
    b.look_at_claim("team/app").await;
    assert!(b.is_read_for("team/app"));
    gate.arrived(1).await;
    assert!(b.object("team/data").unwrap().tokens.is_empty());
    gate.open();
    b.settle().await;
    b.look("prod/data").await;
    assert_eq!(b.file_of("team/app"), Some(b"bytes".to_vec()));
    assert!(b.object("prod/data").unwrap().tokens.is_empty());
    let record = b.w.ctx.ports.ledger.get(&id("team/app")).unwrap();
    assert_eq!(record.owner.key, testing::key("team/app"));
    let drops = |call: &Call| matches!(call, Call::CloneVolume { terms, .. } if terms.drop_set_id);
    assert!(b.w.fake.calls().iter().any(drops));
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_is_gone_on_with_asks_the_owner_again() {
    for lets in [LETS, &[]] {
        let before = wanted(LETS).await;
        let gate = before.w.fake.gate(Op::CloneVolume, Moment::Midway);
        before.look_at_claim("team/app").await;
        assert!(before.is_read_for("team/app"));
        gate.arrived(1).await;
        before.copying.abort();
        before.settle().await;
        gate.open();
        before.cluster.put_claim(owner(lets));
        let after = start(world(Vec::new(), []).await, before.cluster.clone(), Some(&before)).await;
        after.look("prod/data").await;
        after.settle().await;
        after.look("prod/data").await;
        let made = after.file_of("team/app") == Some(b"bytes".to_vec());
        assert_eq!(made, !lets.is_empty());
        assert!(after.object("prod/data").unwrap().tokens.is_empty() && after.nothing_unfinished());
        assert_eq!(after.object("team/app").is_some(), made);
    }
}
