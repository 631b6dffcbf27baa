//! What the table does not have: members, limits, what else a claim asks for, and the order of the checks.

use super::*;
use crate::domain::access::MountMode;
use crate::domain::ids::ClassName;
use crate::plan::takes::Taken;

#[test]
fn what_else_the_claim_asks_for_is_refused_before_any_source_is_looked_at() {
    let s = scene().with(|s| s.claim.selector = true);
    assert_eq!(s.reason(), Some(R::ConflictingSource));
    let s = scene().with(|s| s.claim.attributes_class = Some("fast".into()));
    assert_eq!(s.reason(), Some(R::AttributesClassNotSupported));
    let annotated = |key: &str| scene().with(|s| s.claim = s.claim.clone().annotated(&[(key, "team/data")]));
    let twice = scene().with(|s| s.claim = s.claim.clone().annotated(&[("trident.netapp.io/cloneFromPVC", "data")]));
    assert_eq!(twice.reason(), Some(R::ConflictingSource));
    assert_eq!(
        annotated("tombolo.dev/sharefrompvc").reason(),
        Some(R::UnknownAnnotation)
    );
    let chosen = scene().with(|s| s.claim.volume_name = Some(crate::domain::ids::PvName::new("pv-1")));
    assert_eq!(chosen.plan(), Plan::settled());
    let not_yet = scene().with(|s| s.claim.asked = None);
    assert_eq!(not_yet.plan(), Plan::settled());
}

#[test]
fn nothing_begins_by_the_caches_alone() {
    let cached = scene().with(|s| s.live = false);
    assert_eq!(cached.plan().verdict, Verdict::AskLive);
    assert!(cached.plan().actions.is_empty());
}

#[test]
fn a_backend_that_is_away_or_going_or_full_is_waited_for() {
    let with = |health| scene().with(|s| s.backends[0].health = health);
    assert_eq!(with(Health::Degraded).reason(), Some(R::BackendUnavailable));
    assert_eq!(with(Health::Terminating(None)).reason(), Some(R::BackendUnavailable));
    let root = tombolo_backend_api::BackendId::parse(testing::ROOT);
    let going = with(Health::Terminating(root));
    assert_eq!(going.reason(), Some(R::BackendUnavailable));
    let begun = going.with(|s| s.record = Some(copied("team/app", "team/data")));
    assert!(begun.begins(), "what was begun there is finished");
    let full = scene().with(|s| s.backends[0].limits.namespace.bytes = Some(GI));
    assert_eq!(full.reason(), Some(R::LimitReached));
    let begun = full.with(|s| s.record = Some(copied("team/app", "team/data")));
    assert!(begun.begins(), "it counts already");
}

#[test]
fn a_source_on_another_node_than_the_pod_s_is_said_to_the_scheduler() {
    let elsewhere = scene().with(|s| {
        s.backends[0].node = Some("node1".into());
        s.claim.selected_node = Some("node2".into());
    });
    assert!(matches!(elsewhere.plan().actions[..], [Action::Reschedule { .. }]));
}

#[test]
fn a_source_that_was_found_too_large_is_said_until_the_claim_changes() {
    let refusal = scene().with(|s| s.outgrown = true).refusal().unwrap();
    assert_eq!(refusal.reason, R::SourceTooLarge);
    assert_eq!(refusal.class(), crate::api::reasons::Class::Invalid);
}

#[test]
fn a_copy_whose_token_is_on_is_looked_at_from_its_source_whatever_was_edited_since() {
    let begun = || scene().pv(|p| p.copying("team/app"));
    for s in [
        begun(),
        begun().with(|s| s.source = None),
        begun().source(Claim::terminating),
        begun().with(|s| s.claim.request = Some(1)),
        begun().pv(Pv::terminating),
    ] {
        assert_eq!(s.plan(), Plan::settled());
    }
    let unreadable = begun().pv(|p| p.with(|p| p.tokens.values_mut().for_each(|note| *note = None)));
    assert!(unreadable.begins(), "what cannot be read is written again");
}

#[test]
fn the_token_says_all_that_finishing_needs_and_not_where_the_copy_lies() {
    let s = scene().with(|s| {
        s.class = class("silver").with(|c| {
            c.policy = crate::domain::pv::ReclaimPolicy::Retain;
            c.mount_options = vec!["soft".into()];
            c.parameters.as_mut().unwrap().mount = MountMode::Csi;
        });
        s.claim.class = Some(ClassName::new("silver"));
        s.claim.request = Some(20 * GI);
    });
    let plan = s.plan();
    let Some(Action::PutToken { pv, note, .. }) = plan.actions.last() else {
        panic!("{plan}");
    };
    assert_eq!((pv.version.as_str(), pv.uid.as_str()), ("7", "uid-of-pvc-team-data"));
    let note = note.copy().unwrap();
    let expected = CopyNote {
        bytes: 20 * GI,
        class: ClassName::new("silver"),
        policy: crate::domain::pv::ReclaimPolicy::Retain,
        mount_options: vec!["soft".into()],
        mount: MountMode::Csi,
        ..testing::copy_note("team/app", &testing::pv_name("team/data"))
    };
    assert_eq!(*note, expected);
}

#[test]
fn a_copy_counts_as_a_volume_of_its_size_from_the_decision_on() {
    let s = scene();
    let taken = s.plan().takes(s.source_pv.as_ref());
    let expected = Taken {
        pv: testing::pv_name("team/app"),
        backend: crate::domain::ids::BackendName::new("nas1"),
        namespace: testing::namespace("team"),
        usage: crate::domain::record::Usage {
            volumes: 1,
            members: 0,
            bytes: 10 * GI,
        },
        grows_to: None,
    };
    assert_eq!(taken, Some(expected));
}

#[test]
fn within_a_namespace_set_id_bits_stay_and_across_they_are_dropped() {
    let drops = |source: Pv| {
        let token = Token::copying(uid("team/app"));
        let note = testing::copy_note("team/app", &source.name);
        let ours = source.ours.clone().unwrap();
        let record = copied("team/app", "team/data");
        let wanted = steps(&Reading::of_volume(&source, &ours), &token, &note, record);
        wanted.actions.iter().find_map(|a| match a {
            Action::Copy { drop_set_id, .. } => Some(*drop_set_id),
            _ => None,
        })
    };
    assert_eq!(drops(pv("team/data")), Some(false));
    assert_eq!(drops(pv("prod/data")), Some(true));
    assert_eq!(
        drops(pv("team/data").with(|p| p.claim = None)),
        Some(true),
        "nobody knows whose it is"
    );
}

#[test]
fn a_claim_whose_volume_is_being_deleted_is_told_so() {
    let going = scene().with(|s| s.record = Some(testing::record("team/app").state(State::Deleting)));
    assert_eq!(going.reason(), Some(R::ProvisioningFailed));
}

#[test]
fn a_source_that_was_not_looked_at_gives_nothing() {
    let s = scene();
    let not_looked_at = Examined {
        claim: &s.claim,
        class: &s.class,
        asked: &asked(&s.claim).unwrap().unwrap(),
        seen: None,
        record: None,
        backends: &s.backends,
    };
    let stopped = examine(&not_looked_at).unwrap_err();
    assert!(matches!(stopped.verdict, Verdict::Refused(refusal) if refusal.reason == R::InternalError));
    assert_eq!(id("team/app").as_str(), "pvc-team-app");
}

#[test]
fn a_volume_s_object_takes_so_many_copies_and_so_many_of_a_namespace() {
    let begun = |namespace: &str, copies: usize| {
        across().pv(|p| (0..copies).fold(p, |p, n| p.copying(&format!("{namespace}/copy{n}"))))
    };
    let beside = |own: usize, others: usize| {
        begun("other", others).pv(|p| (0..own).fold(p, |p, n| p.copying(&format!("team/copy{n}"))))
    };
    assert!(begun("team", 15).begins() && begun("other", 63).begins() && beside(5, 53).begins());
    for full in [begun("team", 16), begun("other", 64), beside(5, 54)] {
        let refusal = full.refusal().unwrap();
        assert_eq!(refusal.reason, R::LimitReached);
        assert!(!refusal.text.contains("other"), "{}", refusal.text);
    }
}

#[test]
fn a_copy_that_was_begun_is_gone_on_with_from_its_own_source_and_from_no_other() {
    let begun = |from: &str| scene().with(|s| s.record = Some(copied("team/app", from)));
    assert!(begun("team/data").begins(), "somebody took its token off");
    let refusal = begun("team/other").refusal().unwrap();
    assert_eq!(refusal.reason, R::ConflictingSource);
    assert!(
        refusal.text.contains("another source") && refusal.text.contains("make it again"),
        "{}",
        refusal.text
    );
}
