//! What becomes of a claim, short of the handshake's rows.

use super::*;
use crate::domain::backend::Health;
use crate::domain::pv::PvPhase;
use crate::domain::reference::Reference;
use crate::plan::testing::{self, backend, class, member_pv, pv, record, reference};
use crate::plan::{Action, rules};
use kube::runtime::events::EventType;

mod begun_before;
mod sharing;

/// A claim and all that is looked at with it; tests edit it.
#[derive(Clone)]
struct Scene {
    claim: Claim,
    class: Option<Class>,
    own_pv: Option<Pv>,
    other_pv: Option<Pv>,
    record: Option<Record>,
    registration: Registration,
    backends: Vec<Backend>,
    references: Vec<Reference>,
    source: Option<Claim>,
    source_pv: Option<Pv>,
    promised: Option<begun::Promised>,
    live: bool,
}

/// An ordinary claim.
fn ordinary() -> Scene {
    Scene {
        claim: testing::claim("team/app"),
        class: Some(class("gold")),
        own_pv: None,
        other_pv: None,
        record: None,
        registration: Registration::Unknown,
        backends: vec![backend("nas1")],
        references: vec![reference("team/ref", "prod/data")],
        source: Some(testing::claim("prod/data").bound().shares("team")),
        source_pv: Some(pv("prod/data")),
        promised: None,
        live: true,
    }
}

/// One that may join `prod/data`.
fn sharing() -> Scene {
    ordinary().with(|s| s.claim = s.claim.clone().asks("prod/data"))
}

impl Scene {
    fn with(mut self, edit: impl FnOnce(&mut Self)) -> Self {
        edit(&mut self);
        self
    }

    fn plan(&self) -> Plan {
        let labels = testing::labels(&[]);
        let handshake = Handshake {
            claim: &self.claim,
            class: self.class.as_ref(),
            namespace_labels: &labels,
            references: &self.references,
            source: self.source.as_ref(),
            grants: &[],
            source_namespace_terminating: false,
            source_pv: self.source_pv.as_ref(),
            backend: self.backends.first().filter(|b| b.health != Health::Degraded),
        };
        let o = ForClaim {
            copy: None,
            promised: self.promised,
            claim: &self.claim,
            class: self.class.as_ref(),
            own_pv: self.own_pv.as_ref(),
            other_pv: self.other_pv.as_ref(),
            record: self.record.as_ref(),
            registration: self.registration,
            backends: &self.backends,
            handshake: handshake::wanted(&self.claim).map(|_| handshake),
            live: self.live,
        };
        let plan = decide(&o);
        assert_eq!(rules::check_plan(&plan), Ok(()), "{plan}");
        assert_eq!(plan, decide(&o), "planning twice gives the same plan");
        plan
    }

    fn refusal(&self) -> Option<R> {
        match self.plan().verdict {
            Verdict::Refused(refusal) => Some(refusal.reason),
            _ => None,
        }
    }

    fn provisions(&self) -> bool {
        self.plan().actions.iter().any(Action::touches_data)
    }
}

fn settled(scene: &Scene) -> bool {
    scene.plan() == Plan::settled()
}

#[test]
fn an_ordinary_claim_gets_a_volume_when_kubernetes_asks_us_for_it() {
    assert!(ordinary().provisions());
    for (what, asked) in [
        ("not yet asked", None),
        ("another is asked", Some("example.com/other".to_owned())),
    ] {
        assert!(settled(&ordinary().with(|s| s.claim.asked = asked)), "{what}");
    }
}

#[test]
fn lp_10_a_class_that_waits_for_a_pod_waits_for_the_node_it_will_run_on() {
    let waits = || ordinary().with(|s| s.class = Some(class("gold").with(|c| c.waits_for_consumer = true)));
    assert!(settled(&waits()));
    let copies = waits().with(|s| s.claim.source = DataSource::Indirect { name: "x".into() });
    assert!(settled(&copies), "a copy, too");
    assert!(
        waits()
            .with(|s| s.claim.selected_node = Some("node1".into()))
            .provisions()
    );
}

#[test]
fn a_claim_of_somebody_else_s_class_is_not_touched() {
    assert_eq!(ordinary().with(|s| s.class = None).plan(), Plan::not_ours());
    let misspelt = ordinary().with(|s| {
        s.class = None;
        s.claim = s.claim.clone().annotated(&[("tombolo.dev/sharefrom", "x")]);
    });
    assert_eq!(misspelt.plan(), Plan::not_ours());
    assert_eq!(sharing().with(|s| s.class = None).plan(), Plan::not_ours());
}

#[test]
fn a_class_that_vanishes_after_the_volume_was_begun_is_said() {
    let begun = ordinary().with(|s| {
        s.class = None;
        s.record = Some(record("team/app"));
    });
    assert_eq!(begun.refusal(), Some(R::InvalidParameters));
    let made = begun.with(|s| s.own_pv = Some(pv("team/app")));
    assert!(settled(&made), "the object needs no class any more");
}

#[test]
fn lp_09_a_cross_namespace_source_in_a_claim_of_another_provisioner_s_class_is_said_and_nothing_else_is_done() {
    let theirs = ordinary().with(|s| {
        s.class = None;
        s.claim.source = DataSource::Indirect { name: "x".into() };
    });
    assert_eq!(theirs.refusal(), Some(R::UnsupportedClass));
    assert!(theirs.plan().actions.is_empty());
    let classless = theirs.with(|s| s.claim.class = None);
    assert_eq!(classless.plan(), Plan::not_ours());
}

/// A claim whose data source is a populator's to serve.
fn populated() -> Scene {
    let kind = DataSource::Populator {
        group: "hello.example.com".into(),
        kind: "Hello".into(),
    };
    ordinary().with(|s| s.claim.source = kind)
}

#[test]
fn va_05_va_12_a_kind_that_nobody_registered_is_said_instead_of_waiting_and_whatever_the_class() {
    for registration in [Registration::Unregistered, Registration::NotInstalled] {
        let ours = populated().with(|s| s.registration = registration);
        assert_eq!(ours.refusal(), Some(R::UnrecognizedDataSourceKind));
        for class in [Some("theirs"), None] {
            let theirs = ours.clone().with(|s| {
                s.class = None;
                s.claim.class = class.map(crate::domain::ids::ClassName::new);
            });
            assert_eq!(theirs.refusal(), Some(R::UnrecognizedDataSourceKind));
            assert!(theirs.plan().actions.is_empty());
        }
    }
}

#[test]
fn va_04_va_06_va_09_what_is_registered_or_not_known_is_waited_for_and_another_provisioner_s_claim_hears_nothing() {
    for registration in [Registration::Registered, Registration::Unknown] {
        let ours = populated().with(|s| s.registration = registration);
        assert_eq!(ours.refusal(), Some(R::WaitingForPopulator));
        assert_eq!(ours.with(|s| s.class = None).plan(), Plan::not_ours());
    }
}

#[test]
fn lp_p1_a_claim_for_a_populator_gets_no_volume_and_one_friendly_word() {
    let asking = populated().with(|s| s.registration = Registration::Registered);
    let plan = asking.plan();
    assert!(plan.actions.is_empty(), "{plan}");
    assert_eq!(asking.refusal(), Some(R::WaitingForPopulator));
    assert!(matches!(R::WaitingForPopulator.event_type(), EventType::Normal));
    assert_eq!(R::WaitingForPopulator.class(), None, "nobody tries again");
}

#[test]
fn va_10_a_bound_or_deleted_claim_hears_nothing_of_its_kind() {
    for claim in [
        populated().claim.bound(),
        populated().claim.terminating(),
        populated().claim.lost(),
    ] {
        let theirs = populated().with(|s| {
            s.claim = claim;
            s.class = None;
            s.registration = Registration::Unregistered;
        });
        assert_eq!(theirs.refusal(), None);
    }
}

#[test]
fn once_the_object_exists_binding_is_kubernetes_work() {
    for phase in [PvPhase::Pending, PvPhase::Bound, PvPhase::Released] {
        assert!(settled(
            &ordinary().with(|s| s.own_pv = Some(pv("team/app").phase(phase)))
        ));
        assert!(settled(
            &sharing().with(|s| s.own_pv = Some(member_pv("team/app", "prod/data").phase(phase)))
        ));
    }
}

#[test]
fn a_claim_whose_object_goes_before_it_was_bound_is_told_so() {
    let doomed = ordinary().with(|s| s.own_pv = Some(pv("team/app").terminating()));
    assert_eq!(doomed.refusal(), Some(R::ProvisioningFailed));
}

#[test]
fn bound_lost_and_terminating_claims_need_nothing() {
    for claim in [
        testing::claim("team/app").bound(),
        testing::claim("team/app").lost(),
        testing::claim("team/app").terminating(),
        testing::claim("team/app").asks("prod/data").bound(),
        testing::claim("team/app").asks("prod/data").terminating(),
        testing::claim("team/app").asks("nonsense").bound(),
        testing::claim("team/app")
            .annotated(&[("tombolo.dev/typo", "x")])
            .bound(),
    ] {
        assert!(settled(&ordinary().with(|s| s.claim = claim.clone())), "{claim:?}");
    }
}

/// Each of these asked for something else than an empty volume; none may get one.
#[test]
fn never_an_empty_volume_for_a_claim_that_asked_for_more() {
    let annotated = |key: &str| testing::claim("team/app").annotated(&[(key, "prod/data")]);
    let from = |source: DataSource| testing::claim("team/app").with(|c| c.source = source);
    let populator = DataSource::Populator {
        group: "example.com".into(),
        kind: "Hello".into(),
    };
    for (what, claim, reason) in [
        ("a typo", annotated("tombolo.dev/shareFromPvc"), R::UnknownAnnotation),
        (
            "a compatible typo",
            annotated("trident.netapp.io/shareFromPvc"),
            R::UnknownAnnotation,
        ),
        (
            "an empty request",
            testing::claim("team/app").asks(""),
            R::InvalidShareFrom,
        ),
        (
            "cloneFromPVC",
            annotated("trident.netapp.io/cloneFromPVC"),
            R::InvalidCloneFrom,
        ),
        (
            "cloneFromSnapshot",
            annotated("trident.netapp.io/cloneFromSnapshot"),
            R::InvalidCloneFrom,
        ),
        (
            "cloneFromNamespace",
            annotated("trident.netapp.io/cloneFromNamespace"),
            R::InvalidCloneFrom,
        ),
        (
            "a cross-namespace source of another namespace",
            from(DataSource::Misplaced { name: "s".into() }),
            R::ConflictingSource,
        ),
        ("a populator", from(populator), R::WaitingForPopulator),
        (
            "a dropped namespace",
            from(DataSource::Dropped(DropCause::GateOff)),
            R::SourceDropped,
        ),
        (
            "a dropped kind",
            from(DataSource::Dropped(DropCause::CustomKindInDataSource)),
            R::SourceDropped,
        ),
        (
            "a selector",
            testing::claim("team/app").with(|c| c.selector = true),
            R::ConflictingSource,
        ),
        (
            "an attributes class",
            testing::claim("team/app").with(|c| c.attributes_class = Some("fast".into())),
            R::AttributesClassNotSupported,
        ),
    ] {
        let scene = ordinary().with(|s| s.claim = claim.clone());
        assert_eq!(scene.refusal(), Some(reason), "{what}");
        let early = scene.with(|s| s.claim.asked = None);
        assert_eq!(early.refusal(), Some(reason), "{what}: said before its time, too");
    }
}

#[test]
fn a_clone_annotation_beside_a_source_that_is_not_copied_is_a_conflict_and_not_ignored() {
    let misplaced = ordinary().with(|s| s.claim.source = DataSource::Misplaced { name: "s".into() });
    for scene in [populated(), misplaced] {
        for (key, reason) in [
            ("cloneFromPVC", R::ConflictingSource),
            ("cloneFromSnapshot", R::ConflictingSource),
            ("cloneFromNamespace", R::InvalidCloneFrom),
        ] {
            let key = format!("trident.netapp.io/{key}");
            let both = scene
                .clone()
                .with(|s| s.claim = s.claim.clone().annotated(&[(&key, "data")]));
            for registration in [Registration::Registered, Registration::Unregistered] {
                let both = both.clone().with(|s| s.registration = registration);
                let Verdict::Refused(refusal) = both.plan().verdict else {
                    panic!("{}", both.plan());
                };
                assert_eq!(refusal.reason, reason, "{key}");
                assert!(refusal.text.contains("annotation"), "{}", refusal.text);
            }
        }
    }
}

#[test]
fn a_dropped_source_says_what_to_write_instead() {
    let text = |cause| match (ordinary().with(|s| s.claim.source = DataSource::Dropped(cause)))
        .plan()
        .verdict
    {
        Verdict::Refused(refusal) => refusal.text,
        other => panic!("{other:?}"),
    };
    assert!(text(DropCause::GateOff).contains("CrossNamespaceSource"));
    assert!(text(DropCause::CustomKindInDataSource).contains("dataSourceRef"));
}

#[test]
fn a_claim_with_a_volume_name_is_somebody_s_import_and_is_left_alone() {
    let chosen = || ordinary().with(|s| s.claim.volume_name = Some(testing::pv_name("prod/data")));
    assert!(settled(&chosen()));
    assert!(settled(
        &chosen().with(|s| s.claim.source = DataSource::Dropped(DropCause::GateOff))
    ));
    let sharing = chosen().with(|s| s.claim = s.claim.clone().asks("prod/data"));
    assert_eq!(
        sharing.refusal(),
        Some(R::ConflictingSource),
        "but not when it asks for a share as well"
    );
}

#[test]
fn a_foreign_object_of_the_volume_s_name_is_said_and_not_run_into_again_and_again() {
    let foreign = |edit: fn(Pv) -> Pv| Some(edit(pv("team/app").with(|p| p.ours = None)));
    for scene in [ordinary(), sharing()] {
        let with = |own: Option<Pv>| Scene {
            claim: scene.claim.clone(),
            own_pv: own,
            ..ordinary()
        };
        let in_the_way: [fn(Pv) -> Pv; 4] = [
            |p| p.bound_to("other/one"),
            |p| p.with(|p| p.claim = None).phase(PvPhase::Available),
            |p| p.terminating(),
            |p| p.with(|p| p.claim.as_mut().unwrap().uid = Some(testing::uid("made/before"))),
        ];
        for edit in in_the_way {
            let scene = with(foreign(edit));
            assert_eq!(scene.refusal(), Some(R::ProvisioningFailed));
            assert!(scene.plan().actions.is_empty());
        }
        assert_eq!(
            with(foreign(|p| p)).plan(),
            Plan::settled(),
            "Kubernetes binds what is reserved"
        );
    }
    let others = ordinary().with(|s| (s.class, s.own_pv) = (None, foreign(|p| p.bound_to("other/one"))));
    assert_eq!(others.plan(), Plan::not_ours());
}
