//! Access that ends and comes back, on a backend that can revoke, with live reads that can be made to differ from the caches.

use super::*;
use crate::controllers::look_at;
use crate::domain::ids::ClaimKey;
use crate::plan::testing::{claim_ref, key, labels, pv_name, reference};
use live::{Scene, export, scene};
use tombolo_backend_api::{Backend, Revoke, Share};
use tombolo_backend_fake::Call;

mod halfway;
mod hiding;
mod keeping;
mod live;
mod mass;

const SHARED: &[(&str, &str)] = &[("tombolo.dev/shareToNamespace", "*"), ("tombolo.dev/onRevoke", "Cut")];
const ALONE: &[(&str, &str)] = &[("tombolo.dev/onRevoke", "Cut")];
const READING: &[(&str, &str)] = &[
    ("tombolo.dev/shareReadOnlyToNamespace", "*"),
    ("tombolo.dev/onRevoke", "Cut"),
];

async fn after(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn consent_that_ends_is_cut_when_it_has_been_gone_for_the_grace_and_not_before() {
    let s = scene(&["team/app"]).await;
    assert_eq!(s.look().await.unwrap(), Next::Change);
    s.owner_says(ALONE);
    assert_eq!(s.look().await.unwrap(), Next::After(Duration::from_secs(30)));
    after(29).await;
    s.look().await.unwrap();
    assert_eq!(s.admission("team").await, Some(Admission::Full));
    after(1).await;
    s.look().await.unwrap();
    assert_eq!(s.admission("team").await, Some(Admission::Cut));
    assert_eq!(
        s.admission("prod").await,
        Some(Admission::Full),
        "its owner's is its own"
    );
    s.sync();
    s.look().await.unwrap();
    assert!(s.told().contains(&"team/app AccessCut".to_owned()), "{:?}", s.told());
    assert!(s.cut("team/app"));
    let metrics = s.w.ctx.metrics.encode().unwrap();
    assert!(
        metrics.contains(r#"tombolo_exports_changed_total{backend="nas1",what="cut"} 1"#),
        "{metrics}"
    );
}

#[tokio::test(start_paused = true)]
async fn restored_consent_opens_the_same_export_at_once_and_says_so() {
    let s = scene(&["team/app"]).await;
    s.cut_off(ALONE).await;
    let before = s.w.fake.mount(&export("team")).await.unwrap();
    s.owner_says(SHARED);
    s.look().await.unwrap();
    assert_eq!(s.admission("team").await, Some(Admission::Full));
    assert_eq!(
        s.w.fake.mount(&export("team")).await.unwrap(),
        before,
        "by the same path"
    );
    s.sync();
    assert!(!s.cut("team/app"));
    assert!(s.told().contains(&"team/app AccessRestored".to_owned()));
    let told = s.told().len();
    s.look().await.unwrap();
    assert_eq!(s.told().len(), told, "once");
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_shrinks_leaves_reading() {
    let s = scene(&["team/app"]).await;
    s.cut_off(READING).await;
    assert_eq!(s.admission("team").await, Some(Admission::ReadOnly));
    s.cut_off(ALONE).await;
    assert_eq!(s.admission("team").await, Some(Admission::Cut));
    s.owner_says(READING);
    s.look().await.unwrap();
    assert_eq!(
        s.admission("team").await,
        Some(Admission::ReadOnly),
        "what is granted comes back at once"
    );
}

#[tokio::test(start_paused = true)]
async fn evidence_that_pauses_starts_again() {
    for pause in [
        |s: &Scene| s.owner_says(SHARED),
        |s: &Scene| {
            s.owner_says(&[
                ("tombolo.dev/shareToNamespace", "te am"),
                ("tombolo.dev/onRevoke", "Cut"),
            ])
        },
        |s: &Scene| drop(s.live.state().claims.remove(&key("prod/data"))),
    ] {
        let s = scene(&["team/app"]).await;
        let owner = s.live.state().claims[&key("prod/data")].clone();
        s.owner_says(ALONE);
        s.look().await.unwrap();
        after(20).await;
        pause(&s);
        s.sync();
        s.look().await.unwrap();
        after(5).await;
        drop(s.live.state().claims.insert(owner.key.clone(), owner));
        s.owner_says(ALONE);
        s.look().await.unwrap();
        after(29).await;
        s.look().await.unwrap();
        assert_eq!(
            s.admission("team").await,
            Some(Admission::Full),
            "54 seconds, and not in a row"
        );
        after(1).await;
        s.look().await.unwrap();
        assert_eq!(s.admission("team").await, Some(Admission::Cut));
    }
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_is_not_served_any_more_breaks_the_evidence_off() {
    let s = scene(&["team/app"]).await;
    s.live.state().references = Some(Vec::new());
    s.sync();
    s.look().await.unwrap();
    after(29).await;
    s.live.state().references = None;
    s.look().await.unwrap();
    after(60).await;
    s.look().await.unwrap();
    assert_eq!(
        s.admission("team").await,
        Some(Admission::Full),
        "the caches still say that it is gone"
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_caches_say_is_read_live_once_more_directly_before() {
    let s = scene(&["team/app"]).await;
    s.owner_says(ALONE);
    s.look().await.unwrap();
    after(60).await;
    // The watch is silent: nobody here has heard that the owner shares it again.
    s.live.annotate("prod/data", SHARED);
    s.exports().await.unwrap();
    assert_eq!(s.admission("team").await, Some(Admission::Full));
    assert!(!s.w.fake.calls().iter().any(|call| matches!(call, Call::Admit { .. })));
}

#[tokio::test(start_paused = true)]
async fn nor_is_access_given_back_on_what_the_caches_say() {
    let s = scene(&["team/app"]).await;
    s.cut_off(ALONE).await;
    s.owner_says(SHARED);
    s.live.annotate("prod/data", ALONE);
    s.look().await.unwrap();
    assert_eq!(s.admission("team").await, Some(Admission::Cut));
}

#[tokio::test(start_paused = true)]
async fn a_cut_stays_when_its_owner_or_its_namespace_goes() {
    for goes in [
        |s: &Scene| drop(s.live.state().claims.remove(&key("prod/data"))),
        |s: &Scene| s.live.state().claims.get_mut(&key("prod/data")).unwrap().terminating = true,
        |s: &Scene| s.live.state().terminating.push("team".into()),
        |s: &Scene| s.live.state().references = None,
    ] {
        let s = scene(&["team/app"]).await;
        s.cut_off(ALONE).await;
        goes(&s);
        s.sync();
        for _ in 0..2 {
            s.look().await.unwrap();
            after(60).await;
        }
        assert_eq!(s.admission("team").await, Some(Admission::Cut));
        assert!(s.cut("team/app"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_volume_whose_owner_has_gone_is_cut_and_restored_by_the_reference() {
    let s = scene(&["team/app"]).await;
    s.live.state().claims.remove(&key("prod/data"));
    s.live.state().references = Some(Vec::new());
    s.sync();
    s.look().await.unwrap();
    after(30).await;
    s.look().await.unwrap();
    assert_eq!(s.admission("team").await, Some(Admission::Cut));
    s.live.state().references = Some(vec![reference("team/ref", "prod/data")]);
    s.sync();
    s.look().await.unwrap();
    assert_eq!(s.admission("team").await, Some(Admission::Full));
}

#[tokio::test(start_paused = true)]
async fn a_label_that_a_namespace_lost_is_a_withdrawal_too() {
    let selector = &[
        ("tombolo.dev/shareToNamespaceSelector", "tier=gold"),
        ("tombolo.dev/onRevoke", "Cut"),
    ];
    let s = scene(&["team/app"]).await;
    s.live.state().labels = labels(&[("tier", "gold")]);
    s.owner_says(selector);
    s.look().await.unwrap();
    s.live.state().labels = labels(&[]);
    s.cut_off(selector).await;
    assert_eq!(s.admission("team").await, Some(Admission::Cut));
}

/// Looks at a claim, as the queue would.
async fn claim(s: &Scene, claim: &ClaimKey) {
    look_at(&s.w.ctx, &Work::Claim(claim.clone())).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_look_at_a_claim_asks_for_a_look_at_exports_exactly_while_they_differ() {
    let s = scene(&["team/app"]).await;
    let exports = Work::Exports(BackendName::new("nas1"));
    let app = key("team/app");
    let _ = s.w.woken().await;
    claim(&s, &app).await;
    assert!(!s.w.woken().await.contains(&exports));
    s.owner_says(ALONE);
    claim(&s, &app).await;
    assert!(s.w.woken().await.contains(&exports));
    s.cut_off(ALONE).await;
    let _ = s.w.woken().await;
    claim(&s, &app).await;
    assert!(!s.w.woken().await.contains(&exports), "it is cut");
    s.owner_says(SHARED);
    claim(&s, &app).await;
    assert!(s.w.woken().await.contains(&exports));
}

/// The double and the decisions speak of the same claims.
#[test]
fn a_member_s_object_names_its_claim() {
    let live = live::Live::default();
    live.joined("team/app");
    let object = live.state().pvs[&pv_name("team/app")].clone();
    assert_eq!(object.export(), Some(export("team")));
    assert_eq!(object.name.claim_uid(), Some(claim_ref("team/app").uid));
}
