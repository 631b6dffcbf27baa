//! Copies across namespaces whose consent ends: before they begin, while they run, and between two attempts.

use super::*;
use crate::domain::cross_source::{CrossSource, CrossSourceKey};

fn granted() -> Vec<crate::domain::grant::Grant> {
    vec![testing::grant("prod", "team")]
}

#[tokio::test(start_paused = true)]
async fn xn_02_xn_03_xn_15_without_a_grant_nothing_is_asked_of_the_backend_and_with_one_it_goes_on_by_itself() {
    let b = bench().await;
    b.wants("team/app", "prod/data").await;
    b.settle().await;
    assert!(
        b.said("NotGranted") || b.said("may not be copied by claim team/app"),
        "{:?}",
        b.w.heard.words()
    );
    assert_eq!((b.clones_of("team/app"), b.state_of("team/app")), (0, None));
    assert!(b.object("prod/data").unwrap().tokens.is_empty());
    b.cluster.grant(granted());
    b.look_at_claim("team/app").await;
    b.settle().await;
    b.look("prod/data").await;
    assert_eq!(b.file_of("team/app"), Some(b"bytes".to_vec()));
    assert!(
        b.object("prod/data").unwrap().tokens.is_empty(),
        "nothing keeps the source any more"
    );
}

#[tokio::test(start_paused = true)]
async fn xn_13_a_source_that_is_deleted_meanwhile_is_there_until_the_copy_is() {
    let b = bench().await;
    b.cluster.grant(granted());
    let gate = b.w.fake.gate(Op::CloneVolume, Moment::Midway);
    b.wants("team/app", "prod/data").await;
    gate.arrived(1).await;
    b.cluster.delete_claim(&testing::key("prod/data"));
    b.cluster.put(b.object("prod/data").unwrap().released().terminating());
    b.look("prod/data").await;
    assert!(b.file_of("prod/data").is_some() && b.object("prod/data").is_some());
    gate.open();
    b.settle().await;
    b.look("prod/data").await;
    assert_eq!(b.file_of("team/app"), Some(b"bytes".to_vec()));
    assert_eq!(
        (b.object("prod/data"), b.file_of("prod/data")),
        (None, None),
        "and then it goes"
    );
}

#[tokio::test(start_paused = true)]
async fn xn_04_a_grant_that_went_while_the_caches_show_it_still_gives_nothing() {
    let b = bench().await;
    b.cluster.grant(granted());
    let cached = granted();
    b.cluster.grant(Vec::new());
    b.w.caches(|index| index.reset_grants(cached));
    b.wants("team/app", "prod/data").await;
    b.settle().await;
    assert_eq!((b.clones_of("team/app"), b.state_of("team/app")), (0, None));
    assert!(b.object("prod/data").unwrap().tokens.is_empty());
}

#[tokio::test(start_paused = true)]
async fn xn_05_a_copy_that_runs_is_finished_although_the_grant_is_gone() {
    let b = bench().await;
    b.cluster.grant(granted());
    let gate = b.w.fake.gate(Op::CloneVolume, Moment::Midway);
    b.wants("team/app", "prod/data").await;
    gate.arrived(1).await;
    b.cluster.grant(Vec::new());
    b.look("prod/data").await;
    gate.open();
    b.settle().await;
    assert_eq!(b.file_of("team/app"), Some(b"bytes".to_vec()));
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_is_gone_on_with_asks_again_and_without_a_grant_nothing_of_it_is_left() {
    let before = bench().await;
    before.cluster.grant(granted());
    let gate = before.w.fake.gate(Op::CloneVolume, Moment::Midway);
    before.wants("team/app", "prod/data").await;
    gate.arrived(1).await;
    before.copying.abort();
    before.settle().await;
    gate.open();
    before.cluster.grant(Vec::new());
    let after = start(world(Vec::new(), []).await, before.cluster.clone(), Some(&before)).await;
    after.look("prod/data").await;
    after.settle().await;
    after.look("prod/data").await;
    assert!(after.nothing_unfinished() && after.object("prod/data").unwrap().tokens.is_empty());
    let left = (
        after.state_of("team/app"),
        after.object("team/app"),
        after.file_of("team/app"),
    );
    assert_eq!(left, (None, None, None));
    after.look_at_claim("team/app").await;
    assert!(
        after.said("may not be copied by claim team/app"),
        "{:?}",
        after.w.heard.words()
    );

    after.cluster.grant(granted());
    after.look_at_claim("team/app").await;
    after.settle().await;
    after.look("prod/data").await;
    assert_eq!(
        after.file_of("team/app"),
        Some(b"bytes".to_vec()),
        "and with one it begins anew"
    );
}

#[tokio::test(start_paused = true)]
async fn a_cross_namespace_source_that_was_made_again_means_what_it_says_now() {
    let b = bench().await;
    b.cluster.grant(granted());
    let named = |claim: &str| {
        let (of, key) = (testing::key(claim), testing::key("team/x"));
        let key = CrossSourceKey {
            namespace: key.namespace,
            name: key.name,
        };
        CrossSource::new(key, "", "PersistentVolumeClaim", of.namespace.as_str(), &of.name)
    };
    b.wants("team/other", "prod/old").await;
    b.cluster.cross_source(named("prod/old"), false);
    b.cluster.cross_source(named("prod/new"), true);
    let indirect = |c: &mut Claim| c.source = crate::domain::source::DataSource::Indirect { name: "x".into() };
    b.cluster.put_claim(testing::claim("team/app").with(indirect));
    let look = claims::reconcile(&b.w.ctx, &testing::key("team/app")).await;
    assert!(look.is_err(), "the caches are behind: it is looked at again");
    assert!(
        !b.object("prod/old")
            .unwrap()
            .tokens
            .contains_key(&Token::copying(uid("team/app")))
    );
}
