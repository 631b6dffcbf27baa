//! Across namespaces: who has to consent, and that nothing of the source is told before.

use super::*;
use crate::domain::token::AskedBy;
use crate::plan::copy::consent::{StillAgreeing, is_withdrawn};
use serde_json::{Value, json};

fn granting(edit: impl Fn(&mut Value)) -> Scene {
    let mut grant = json!({"namespace": "prod", "spec": {
        "from": [{"group": "", "kind": "PersistentVolumeClaim", "namespace": "team"}],
        "to": [{"group": "", "kind": "PersistentVolumeClaim", "name": "data"}],
    }});
    edit(&mut grant);
    let namespace = testing::namespace(grant["namespace"].as_str().unwrap());
    let grant = Grant::read(namespace, "grant".into(), false, grant.get("spec"));
    across().with(|s| s.grants = vec![grant])
}

#[test]
fn cl_37_38_a_group_that_is_null_empty_or_left_out_is_the_core_group() {
    let mut source = json!({"kind": "PersistentVolumeClaim", "name": "data", "namespace": "prod"});
    let naming = |source: &Value| {
        let claim = json!({"metadata": {"namespace": "team", "name": "app"}, "spec": {"dataSourceRef": source}});
        DataSource::of(&serde_json::from_value(claim).unwrap())
    };
    assert!(across().with(|s| s.claim.source = naming(&source)).begins(), "left out");
    for group in [Value::Null, json!("")] {
        source["apiGroup"] = group.clone();
        let named = || across().with(|s| s.claim.source = naming(&source));
        assert!(named().begins(), "{group}");
        assert_eq!(named().with(|s| s.grants.clear()).reason(), Some(R::NotGranted));
    }
    source["apiGroup"] = json!("v1");
    let other = across().with(|s| s.claim.source = naming(&source));
    assert_eq!(other.reason(), Some(R::WaitingForPopulator));
}

#[test]
fn cl_32_33_a_source_elsewhere_is_copied_by_a_grant_for_all_claims_or_for_this_one() {
    assert!(across().begins());
    assert!(granting(|_| {}).begins());
    let plan = across().plan();
    let Some(Action::PutToken { note, .. }) = plan.actions.last() else {
        panic!("{plan}");
    };
    let consent = note.copy().unwrap().consent.as_ref().unwrap();
    assert_eq!(
        (consent.by, &consent.source),
        (AskedBy::DataSource, &Source::claim(testing::key("prod/data")))
    );
}

#[test]
fn cl_40_to_47_a_grant_that_is_not_for_this_gives_nothing() {
    type Edit = fn(&mut Value);
    let edits: [(&str, Edit); 8] = [
        ("cl_40 namespace", |g| g["namespace"] = json!("else")),
        ("cl_41 from.group", |g| g["spec"]["from"][0]["group"] = json!("x")),
        ("cl_42 from.kind", |g| g["spec"]["from"][0]["kind"] = json!("X")),
        ("cl_43 from.namespace", |g| {
            g["spec"]["from"][0]["namespace"] = json!("x")
        }),
        ("cl_44 to.group", |g| g["spec"]["to"][0]["group"] = json!("x")),
        ("cl_45 to.kind", |g| g["spec"]["to"][0]["kind"] = json!("X")),
        ("cl_46 to.name", |g| g["spec"]["to"][0]["name"] = json!("x")),
        ("cl_47 empty", |g| g["spec"] = json!({"from": [], "to": []})),
    ];
    for (what, edit) in edits {
        assert_eq!(granting(edit).reason(), Some(R::NotGranted), "{what}");
    }
}

#[test]
fn cl_39_xn_11_xn_12_an_unknown_kind_is_a_populator_s_whatever_is_granted() {
    let source = json!({"kind": "WrongKind", "name": "data", "namespace": "prod"});
    let claim = json!({"metadata": {"namespace": "team", "name": "app"}, "spec": {"dataSourceRef": source}});
    let source = DataSource::of(&serde_json::from_value(claim).unwrap());
    let granted = || across().with(|s| s.claim.source = source.clone());
    assert_eq!(granted().reason(), Some(R::WaitingForPopulator), "xn_12");
    let ungranted = granted().with(|s| s.grants.clear());
    assert_eq!(ungranted.refusal(), granted().refusal(), "xn_11 whoever serves it asks");
}

/// Whatever there is of the source, the answer is the same until its owner consents.
#[test]
fn cl_48_rg_37_without_a_grant_the_answer_is_one_and_the_same_whatever_the_source_is() {
    let denied = || across().with(|s| s.grants.clear());
    let said = denied().refusal().unwrap();
    assert_eq!(said.reason, R::NotGranted);
    for part in ["prod/data", "PersistentVolumeClaim", "team/app"] {
        assert!(said.text.contains(part), "{part} in {}", said.text);
    }
    for s in [
        denied().with(|s| (s.source, s.source_pv) = (None, None)),
        denied().with(|s| s.source_pv = None),
        denied().source(Claim::terminating),
        denied().source(|c| c.with(|c| c.phase = ClaimPhase::Pending)),
        denied().source(|c| c.with(|c| c.class = None)),
        denied().pv(|_| member_pv("prod/data", "else/data")),
        denied().pv(|p| p.with(|p| p.capacity = 900 * GI)),
        denied().with(|s| s.outgrown = true),
        denied().with(|s| s.backends.clear()),
    ] {
        assert_eq!(s.refusal(), Some(said.clone()));
    }
}

#[test]
fn xn_07_xn_09_where_grants_cannot_be_read_that_is_said_and_nothing_is_copied_across() {
    for (served, word) in [
        (Served::NotInstalled, "Gateway API"),
        (Served::Forbidden, "may not read"),
        (Served::Unknown, "not known yet"),
    ] {
        let refusal = across().with(|s| s.served = served).refusal().unwrap();
        assert_eq!(refusal.reason, R::GrantsUnavailable);
        assert!(refusal.text.contains(word), "{}", refusal.text);
        assert!(
            scene().with(|s| s.served = served).begins(),
            "within a namespace nobody is asked"
        );
    }
}

#[test]
fn rg_33_rg_36_cl_34_within_a_namespace_nobody_is_asked() {
    for (row, namespace) in [("cl_34", None), ("rg_33", Some("team")), ("rg_36", Some(""))] {
        let source = json!({"kind": "PersistentVolumeClaim", "name": "data", "namespace": namespace});
        let claim = json!({"metadata": {"namespace": "team", "name": "app"}, "spec": {"dataSourceRef": source}});
        let plan = scene().with(|s| {
            s.claim.source = DataSource::of(&serde_json::from_value(claim).unwrap());
            s.served = Served::NotInstalled;
        });
        let plan = plan.plan();
        let Some(Action::PutToken { note, .. }) = plan.actions.last() else {
            panic!("{row}: {plan}");
        };
        assert_eq!(note.copy().unwrap().consent, None, "{row}");
    }
}

#[test]
fn lp_07_lp_08_lp_24_a_cross_namespace_source_is_as_good_as_a_namespace_in_the_claim_and_needs_the_same_grant() {
    let indirect = || {
        across().with(|s| {
            s.claim.source = DataSource::Indirect { name: "x".into() };
            s.indirect = Some(Source::claim(testing::key("prod/data")));
        })
    };
    assert!(indirect().begins());
    let denied = indirect().with(|s| s.grants.clear());
    assert_eq!(denied.reason(), Some(R::NotGranted));
    assert!(denied.plan().actions.is_empty(), "nothing is made");
    let missing = indirect().with(|s| s.indirect = None).refusal().unwrap();
    assert_eq!(missing.reason, R::SourceNotReady);
    assert!(missing.text.contains("CrossNamespaceSource x"), "{}", missing.text);
    let here = scene().with(|s| {
        s.claim.source = DataSource::Indirect { name: "x".into() };
        s.indirect = Some(Source::claim(testing::key("team/data")));
    });
    assert!(here.begins());
}

/// Trident's annotations, with the order of a share's checks: the admin's word first, and nothing of the source before the owner's.
fn annotated() -> Scene {
    across().with(|s| {
        s.claim = testing::claim("team/app").annotated(&[
            ("trident.netapp.io/cloneFromPVC", "data"),
            ("trident.netapp.io/cloneFromNamespace", "prod"),
        ]);
        s.source = s
            .source
            .take()
            .map(|c| c.annotated(&[("trident.netapp.io/cloneToNamespace", "team")]));
        s.references = vec![testing::reference("team/ref", "prod/data")];
        s.grants.clear();
        s.served = Served::NotInstalled;
    })
}

#[test]
fn annotations_need_a_reference_and_the_owner_s_word_and_no_grant() {
    assert!(annotated().begins());
    assert_eq!(
        annotated().with(|s| s.references.clear()).reason(),
        Some(R::ReferenceMissing)
    );
    let unshared = annotated().source(|c| c.with(|c| c.annotations = Default::default()));
    let said = unshared.refusal().unwrap();
    assert_eq!(said.reason, R::NotShared);
    let missing = annotated().with(|s| (s.source, s.source_pv) = (None, None));
    assert_eq!(missing.refusal(), Some(said), "as if it did not exist");
}

#[test]
fn consent_to_a_share_is_none_to_a_copy_and_a_grant_is_none_to_annotations() {
    let shared = annotated().source(|c| {
        c.with(|c| c.annotations = Default::default())
            .annotated(&[("tombolo.dev/shareToNamespace", "*")])
    });
    assert_eq!(shared.reason(), Some(R::NotShared));
    let granted = annotated().with(|s| {
        s.references.clear();
        (s.grants, s.served) = (vec![testing::grant("prod", "team")], Served::Yes);
    });
    assert_eq!(granted.reason(), Some(R::ReferenceMissing));
    let by_field = across().with(|s| {
        s.grants.clear();
        s.source = annotated().source;
        s.references = annotated().references;
    });
    assert_eq!(by_field.reason(), Some(R::NotGranted), "nor is the annotation a grant");
}

#[test]
fn xn_05_consent_to_a_copy_that_has_begun_ends_only_when_somebody_takes_it_back() {
    let claim = testing::key("team/app");
    let source = Source::claim(testing::key("prod/data"));
    let granted = [testing::grant("prod", "team")];
    let owner = testing::claim("prod/data").annotated(&[("tombolo.dev/cloneToNamespace", "team")]);
    let silent = testing::claim("prod/data");
    let references = [testing::reference("team/ref", "prod/data")];
    let by_grant = |namespace, grants: &[Grant], served| {
        let agreeing = Agreeing {
            grants,
            served,
            ..Agreeing::default()
        };
        is_withdrawn(
            &claim,
            &source,
            AskedBy::DataSource,
            &StillAgreeing { namespace, agreeing },
        )
    };
    let live = Some(false);
    assert!(by_grant(live, &[], Served::Yes));
    assert!(!by_grant(live, &granted, Served::Yes));
    assert!(
        !by_grant(live, &[], Served::NotInstalled),
        "the kind went, not the consent"
    );
    assert!(!by_grant(live, &[], Served::Forbidden));
    assert!(!by_grant(Some(true), &[], Served::Yes), "it goes with its namespace");
    assert!(!by_grant(None, &[], Served::Yes));
    let by_annotation = |owner, references: &[Reference]| {
        let agreeing = Agreeing {
            references,
            owner,
            ..Agreeing::default()
        };
        let s = StillAgreeing {
            namespace: live,
            agreeing,
        };
        is_withdrawn(&claim, &source, AskedBy::Annotation, &s)
    };
    assert!(!by_annotation(Some(&owner), &references));
    assert!(by_annotation(Some(&silent), &references));
    assert!(by_annotation(Some(&owner), &[]));
    assert!(
        !by_annotation(None, &references),
        "the owner has gone, and took nothing back"
    );
}
