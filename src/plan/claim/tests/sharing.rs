//! Claims that ask for a share: when it begins, when it is under way, and when Kubernetes was faster.

use super::*;
use crate::domain::access::AccessModes;
use k8s_openapi::api::core::v1::VolumeNodeAffinity;

#[test]
fn kubernetes_may_not_have_bound_something_else_in_silence() {
    let elsewhere = |claim: Claim| ordinary().with(|s| s.claim = claim.bound_to("pv-of-a-stranger"));
    let from = |source: DataSource| testing::claim("team/app").with(|c| c.source = source);
    let populator = || DataSource::Populator {
        group: "example.com".into(),
        kind: "Hello".into(),
    };
    let other = Some(R::BoundToOtherVolume);
    let served = testing::snapshot("team/s");
    assert_eq!(elsewhere(testing::claim("team/app").asks("prod/data")).refusal(), other);
    assert_eq!(elsewhere(testing::claim("team/app").asks("nonsense")).refusal(), other);
    assert_eq!(elsewhere(from(served)).refusal(), other);
    let through = DataSource::Indirect { name: "x".into() };
    assert_eq!(elsewhere(from(through)).refusal(), other);
    for key in ["cloneFromPVC", "cloneFromSnapshot", "cloneFromNamespace"] {
        let clone = testing::claim("team/app").annotated(&[(&format!("trident.netapp.io/{key}"), "x")]);
        assert_eq!(elsewhere(clone).refusal(), other, "{key}");
    }
    assert_eq!(
        elsewhere(from(DataSource::Dropped(DropCause::GateOff))).refusal(),
        other
    );
    assert_eq!(elsewhere(from(populator())).refusal(), other);
    assert_eq!(
        elsewhere(testing::claim("team/app")).refusal(),
        None,
        "it asked for nothing in particular"
    );

    let foreign_class = elsewhere(testing::claim("team/app").asks("prod/data")).with(|s| s.class = None);
    assert_eq!(foreign_class.refusal(), None);

    let populated =
        |claim: Claim| elsewhere(claim).with(|s| s.other_pv = Some(pv("help/er").with(|p| p.populated = true)));
    assert_eq!(
        populated(from(populator())).refusal(),
        None,
        "its populator did what it asked"
    );
    let both = from(populator()).asks("prod/data");
    assert_eq!(populated(both).refusal(), other, "no populator gives a share");
    let clone = from(populator()).annotated(&[("trident.netapp.io/cloneFromPVC", "x")]);
    assert_eq!(populated(clone).refusal(), other, "nor a clone");

    let mine = Some(testing::uid("team/app"));
    let reclaimed = |uid: Option<_>| {
        elsewhere(testing::claim("team/app").asks("prod/data"))
            .with(|s| s.other_pv = Some(pv("prod/data").ours(|o| o.owner_uid = uid)))
    };
    assert_eq!(reclaimed(mine).refusal(), None, "it is the recorded owner");
    assert_eq!(reclaimed(Some(testing::uid("x/y"))).refusal(), other);
}

#[test]
fn a_share_is_decided_on_live_reads_and_begins_with_a_token() {
    let cached = sharing().with(|s| s.live = false).plan();
    assert_eq!((cached.actions, cached.verdict), (Vec::new(), Verdict::AskLive));
    let live = sharing().plan();
    assert_eq!(live.verdict, Verdict::Continue);
    assert!(matches!(live.actions.last(), Some(Action::PutToken { .. })));
    assert!(!live.actions.iter().any(Action::touches_data));
}

#[test]
fn a_share_waits_for_no_pod_unless_the_volume_is_on_some_nodes_only() {
    let waits = || sharing().with(|s| s.class = Some(class("gold").with(|c| c.waits_for_consumer = true)));
    assert_eq!(waits().with(|s| s.claim.asked = None).plan().verdict, Verdict::Continue);
    let local = || waits().with(|s| s.source_pv.as_mut().unwrap().node_affinity = Some(VolumeNodeAffinity::default()));
    assert!(settled(&local()));
    assert_eq!(
        local()
            .with(|s| s.claim.selected_node = Some("n".into()))
            .plan()
            .verdict,
        Verdict::Continue
    );
}

#[test]
fn a_claim_whose_token_is_on_the_volume_is_examined_no_more() {
    let joined = || sharing().with(|s| s.source_pv = Some(pv("prod/data").token("team/app")));
    for (what, scene) in [
        ("as it was", joined()),
        (
            "the owner no longer shares",
            joined().with(|s| s.source.as_mut().unwrap().annotations = Default::default()),
        ),
        ("the reference is gone", joined().with(|s| s.references.clear())),
        (
            "the owner is going",
            joined().with(|s| s.source_pv = s.source_pv.take().map(Pv::terminating)),
        ),
        (
            "the claim was edited",
            joined().with(|s| s.claim.modes = AccessModes::default()),
        ),
    ] {
        assert!(settled(&scene), "{what}");
    }
    let going = Health::Terminating(backend("nas1").id().cloned());
    let finished = joined().with(|s| s.backends = vec![backend("nas1").with(|b| b.health = going.clone())]);
    assert!(
        settled(&finished),
        "a backend that is being deleted finishes what was begun"
    );
    let away = joined().with(|s| s.backends = vec![backend("nas1").with(|b| b.health = Health::Degraded)]);
    assert_eq!(
        away.refusal(),
        Some(R::BackendUnavailable),
        "it says why it is not bound yet"
    );
}

#[test]
fn a_token_whose_note_cannot_be_read_is_put_again() {
    let damaged = sharing().with(|s| {
        let pv = s.source_pv.as_mut().unwrap();
        let _ = pv.tokens.insert(Token::joining(testing::uid("team/app")), None);
    });
    assert!(matches!(damaged.plan().actions.last(), Some(Action::PutToken { .. })));
}

#[test]
fn a_failed_handshake_is_the_verdict_and_never_an_ordinary_volume() {
    assert_eq!(
        sharing().with(|s| s.references.clear()).refusal(),
        Some(R::ReferenceMissing)
    );
    assert_eq!(sharing().with(|s| s.source = None).refusal(), Some(R::NotShared));
}
