//! Row by row.

use super::*;

#[test]
fn cl_01_28_34_35_36_a_bound_source_of_the_same_class_is_copied() {
    for served in [Served::Yes, Served::NotInstalled] {
        assert!(
            scene().with(|s| s.served = served).begins(),
            "whether grants are read or not"
        );
    }
    let explicit = |namespace: serde_json::Value| {
        let source = serde_json::json!({"kind": "PersistentVolumeClaim", "name": "data", "namespace": namespace});
        let claim =
            serde_json::json!({"metadata": {"namespace": "team", "name": "app"}, "spec": {"dataSourceRef": source}});
        DataSource::of(&serde_json::from_value(claim).unwrap())
    };
    for same in [
        serde_json::json!("team"),
        serde_json::json!(""),
        serde_json::json!(null),
    ] {
        assert!(scene().with(|s| s.claim.source = explicit(same)).begins());
    }
}

#[test]
fn lp_p6_a_volume_that_a_populator_gave_to_its_claim_is_copied_by_what_it_is_and_not_by_its_name() {
    let rebound = |recorded: bool| {
        scene().source(|c| c.bound_to("pvc-pop-helper")).with(|s| {
            let owner = s.source.as_ref().map(|c| c.uid.clone()).filter(|_| recorded);
            let key = s.source.as_ref().unwrap().key.to_string();
            let filled = testing::pv("pop/helper").bound_to(&key).with(|p| p.populated = true);
            s.source_pv = Some(filled.ours(|o| o.owner_uid = owner));
        })
    };
    assert!(rebound(true).begins(), "{:?}", rebound(true).refusal());
    let early = rebound(false);
    assert!(
        early.begins() || early.reason() == Some(R::SourceNotReady),
        "{:?}",
        early.refusal()
    );
}

#[test]
fn cl_02_a_backend_that_makes_no_copies_refuses_and_gives_no_empty_volume() {
    let without = scene().with(|s| s.backends = vec![testing::backend("nas1")]);
    assert_eq!(without.reason(), Some(R::UnsupportedClass));
    let unasked = scene().with(|s| s.backends[0].asked = false);
    assert_eq!(
        unasked.reason(),
        Some(R::BackendUnavailable),
        "it has not said yet what it can do"
    );
}

#[test]
fn cl_03_29_another_class_will_do_if_it_is_for_the_same_backend() {
    for served in [Served::NotInstalled, Served::Yes] {
        let silver = scene().with(|s| (s.class, s.served) = (class("silver"), served));
        assert!(silver.begins());
    }
    let elsewhere = class("silver").with(|c| {
        if let Ok(parameters) = &mut c.parameters {
            parameters.backend = BackendChoice::Named(crate::domain::ids::BackendName::new("nas2"));
        }
    });
    let two = scene().with(|s| {
        s.class = elsewhere;
        s.backends.push(
            copier("nas2").with(|b| b.health = Health::Ready(tombolo_backend_api::BackendId::parse("77").unwrap())),
        );
    });
    assert_eq!(two.reason(), Some(R::ClassMismatch));
}

#[test]
fn cl_05_52_a_claim_that_asks_for_less_than_its_source_is_refused_and_one_that_asks_for_more_is_not() {
    let asking = |bytes| scene().with(|s| s.claim.request = Some(bytes));
    assert_eq!(asking(9 * GI).reason(), Some(R::SourceTooLarge));
    assert!(asking(11 * GI).begins());
    let expanding = scene().source(|c| c.with(|c| c.request = Some(12 * GI)));
    assert_eq!(
        expanding.reason(),
        Some(R::SourceTooLarge),
        "expanded, and not in its status yet"
    );
    let larger = scene().pv(|p| p.with(|p| p.capacity = 12 * GI));
    assert_eq!(larger.reason(), Some(R::SourceTooLarge));
    let unread = scene().with(|s| s.claim.request = None);
    assert_eq!(unread.reason(), Some(R::InvalidParameters));
}

#[test]
fn cl_06_a_source_that_does_not_exist_is_waited_for() {
    let missing = scene().with(|s| (s.source, s.source_pv) = (None, None));
    assert_eq!(missing.reason(), Some(R::SourceNotReady));
    assert!(missing.refusal().unwrap().text.contains("claim data"));
}

#[test]
fn cl_07_a_source_without_a_class_is_refused() {
    assert_eq!(
        scene().source(|c| c.with(|c| c.class = None)).reason(),
        Some(R::ClassMismatch)
    );
}

#[test]
fn cl_08_a_claim_without_a_class_is_not_ours() {
    let s = scene();
    let o = ForClaim {
        claim: &s.claim,
        class: None,
        own_pv: None,
        other_pv: None,
        record: None,
        registration: Default::default(),
        backends: &s.backends,
        handshake: None,
        copy: Some(s.seen(None, None)),
        promised: None,
        live: true,
    };
    assert_eq!(claim::decide(&o), Plan::not_ours());
}

#[test]
fn cl_09_a_source_whose_object_is_not_there_is_waited_for() {
    assert_eq!(scene().with(|s| s.source_pv = None).reason(), Some(R::SourceNotReady));
    let another = scene().source(|c| c.bound_to("pvc-else-where"));
    assert_eq!(another.reason(), Some(R::SourceNotReady));
}

#[test]
fn cl_10_11_53_a_source_that_is_not_bound_is_waited_for() {
    for phase in [ClaimPhase::Pending, ClaimPhase::Lost] {
        let s = scene().source(|c| c.with(|c| c.phase = phase));
        assert_eq!(s.reason(), Some(R::SourceNotReady), "{phase:?}");
    }
}

#[test]
fn cl_12_13_14_15_a_source_whose_object_is_not_bound_is_waited_for() {
    for phase in [PvPhase::Released, PvPhase::Failed, PvPhase::Pending, PvPhase::Available] {
        assert_eq!(
            scene().pv(|p| p.phase(phase)).reason(),
            Some(R::SourceNotReady),
            "{phase:?}"
        );
    }
}

#[test]
fn cl_16_17_18_19_a_source_whose_object_is_another_claim_s_gives_nothing() {
    let edits: [fn(&mut Pv); 4] = [
        |p| p.claim = None,
        |p| p.claim.as_mut().unwrap().uid = Some(uid("else/where")),
        |p| p.claim.as_mut().unwrap().key = testing::key("else/data"),
        |p| p.claim.as_mut().unwrap().key = testing::key("team/other"),
    ];
    for edit in edits {
        let s = scene().pv(|p| p.with(edit));
        assert_eq!(s.reason(), Some(R::SourceNotReady));
    }
    let unknown = scene().pv(|p| p.with(|p| p.claim.as_mut().unwrap().uid = None));
    assert_eq!(unknown.reason(), Some(R::SourceNotReady));
}

#[test]
fn cl_20_a_volume_of_another_provisioner_is_not_copied() {
    assert_eq!(
        scene().pv(|p| p.with(|p| p.ours = None)).reason(),
        Some(R::ClassMismatch)
    );
}

#[test]
fn cl_50_a_source_that_is_being_deleted_is_not_copied() {
    assert_eq!(scene().source(Claim::terminating).reason(), Some(R::SourceTerminating));
    assert_eq!(scene().pv(Pv::terminating).reason(), Some(R::SourceTerminating));
}

#[test]
fn cl_51_another_group_s_kind_of_that_name_is_a_populator_s() {
    let source = serde_json::json!({"apiGroup": "example.com", "kind": "PersistentVolumeClaim", "name": "data"});
    let claim =
        serde_json::json!({"metadata": {"namespace": "team", "name": "app"}, "spec": {"dataSourceRef": source}});
    let source = DataSource::of(&serde_json::from_value(claim).unwrap());
    let theirs = scene().with(|s| s.claim.source = source);
    assert_eq!(theirs.reason(), Some(R::WaitingForPopulator));
}

#[test]
fn cl_54_a_claim_that_names_itself_is_told_so() {
    let own = scene().with(|s| s.claim.source = testing::volume_of("team/app"));
    assert_eq!(own.reason(), Some(R::ConflictingSource));
}
