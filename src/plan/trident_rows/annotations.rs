//! Rows M and P (annotations) and R (references).

use crate::api::reasons::{ClaimReason as R, ReferenceReason};
use crate::domain::access::Access;
use crate::domain::claim::{Claim, ClaimPhase};
use crate::domain::class::Class;
use crate::domain::consent::{Grants, Labels};
use crate::domain::ids::{ClaimKey, ClassName};
use crate::domain::reference::{Reference, ReferenceKey, ReferenceKind};
use crate::plan::claim::{self, ForClaim};
use crate::plan::copy::asked::{Asked, asked};
use crate::plan::handshake::{Handshake, examine, wanted};
use crate::plan::reference::{ForReference, accepted};
use crate::plan::testing::{self, backend, class, namespace, pv, reference};
use crate::plan::{Action, Plan, Verdict};

fn matches(list: &str, wanting: &str) -> bool {
    let owner = testing::claim("prod/data").shares(list);
    Grants::of(&owner.annotations).to(&namespace(wanting), &Labels::new()) == Some(Access::ReadWrite)
}

#[test]
fn m01_exact_name() {
    assert!(matches("test-ns", "test-ns"));
}

#[test]
fn m02_wildcard() {
    assert!(matches("*", "any"));
}

#[test]
fn m03_m04_m05_first_middle_and_last_of_a_list() {
    for namespace in ["ns1", "ns2", "ns3"] {
        assert!(matches("ns1,ns2,ns3", namespace));
    }
}

#[test]
fn m06_a_list_with_a_wildcard() {
    assert!(matches("ns1,*,ns3", "any"));
}

#[test]
fn m07_no_match() {
    assert!(!matches("ns1,ns2,ns3", "other-ns"));
}

#[test]
fn m08_m09_an_empty_list_or_namespace() {
    assert!(!matches("", "test-ns"));
    assert!(!matches("test-ns", ""));
}

#[test]
fn m10_both_empty_is_denied_unlike_the_original() {
    assert!(!matches("", ""));
}

#[test]
fn beyond_the_table_blanks_are_trimmed_and_there_are_no_globs() {
    assert!(matches("ns1, ns2 ", "ns2"));
    assert!(!matches("team-*", "team-a") && !matches("NS2", "ns2"));
}

/// What `shareFromPVC` is read as.
fn asks(value: &str) -> Option<Result<ClaimKey, R>> {
    wanted(&testing::claim("team/app").asks(value)).map(|w| w.map_err(|refusal| refusal.reason))
}

fn planned(claim: &Claim) -> Plan {
    of_class(claim, Some(&class("gold")))
}

fn of_class(claim: &Claim, class: Option<&Class>) -> Plan {
    let nas = [backend("nas1")];
    let labels = Labels::new();
    let handshake = Handshake {
        claim,
        class,
        namespace_labels: &labels,
        references: &[],
        source: None,
        grants: &[],
        source_namespace_terminating: false,
        source_pv: None,
        backend: None,
    };
    claim::decide(&ForClaim {
        copy: None,
        promised: None,
        claim,
        class,
        own_pv: None,
        other_pv: None,
        record: None,
        registration: Default::default(),
        backends: &nas,
        handshake: wanted(claim).map(|_| handshake),
        live: true,
    })
}

fn refusal(claim: &Claim) -> Option<R> {
    match planned(claim).verdict {
        Verdict::Refused(refusal) => Some(refusal.reason),
        _ => None,
    }
}

fn is_ordinary(claim: &Claim) -> bool {
    planned(claim).actions.iter().any(Action::touches_data)
}

#[test]
fn p01_p04_p10_p11_no_annotation_is_an_ordinary_volume() {
    assert_eq!(wanted(&testing::claim("team/app")), None);
    assert!(is_ordinary(&testing::claim("team/app")));
    assert!(is_ordinary(&testing::claim("team/app").annotated(&[])));
}

#[test]
fn p02_an_empty_value_is_malformed_unlike_the_original() {
    assert_eq!(refusal(&testing::claim("team/app").asks("")), Some(R::InvalidShareFrom));
}

#[test]
fn p03_p09_a_single_component() {
    assert_eq!(asks("invalid-format"), Some(Err(R::InvalidShareFrom)));
    assert_eq!(asks("source-pvc-only"), Some(Err(R::InvalidShareFrom)));
}

#[test]
fn p05_a_well_formed_value_goes_on_to_the_reference() {
    assert_eq!(
        asks("source-ns/source-pvc"),
        Some(Ok(ClaimKey::new("source-ns", "source-pvc")))
    );
    assert_eq!(
        refusal(&testing::claim("team/app").asks("source-ns/source-pvc")),
        Some(R::ReferenceMissing)
    );
}

#[test]
fn p06_p07_an_empty_part() {
    assert_eq!(asks("/source-pvc"), Some(Err(R::InvalidShareFrom)));
    assert_eq!(asks("source-ns/"), Some(Err(R::InvalidShareFrom)));
}

#[test]
fn p08_three_components() {
    assert_eq!(asks("extra/source-ns/source-pvc"), Some(Err(R::InvalidShareFrom)));
}

#[test]
fn p12_to_p17_clone_annotations_that_name_nothing_are_refused_and_others_name_a_source() {
    for key in ["cloneFromPVC", "cloneFromSnapshot"] {
        let asks = |value| {
            let claim = testing::claim("team/app").annotated(&[(&format!("trident.netapp.io/{key}"), value)]);
            asked(&claim).map_err(|refusal| refusal.reason)
        };
        assert_eq!(asks(""), Err(R::InvalidCloneFrom), "{key}");
        assert!(
            matches!(asks("source-pvc"), Ok(Some(Asked::Annotated(source))) if source.name == "source-pvc"),
            "{key}"
        );
    }
    assert_eq!(asked(&testing::claim("team/app")), Ok(None));
}

#[test]
fn p18_a_claim_that_is_not_pending() {
    for phase in [ClaimPhase::Bound, ClaimPhase::Lost] {
        assert_eq!(
            planned(&testing::claim("team/app").with(|c| c.phase = phase)),
            Plan::settled()
        );
    }
}

#[test]
fn p19_a_claim_without_a_size() {
    assert_eq!(
        refusal(&testing::claim("team/app").with(|c| c.request = None)),
        Some(R::InvalidParameters)
    );
}

#[test]
fn p20_a_class_that_is_not_there_is_nobody_s_so_the_claim_is_not_ours_unlike_the_original() {
    for claim in [testing::claim("team/app"), testing::claim("team/app").asks("prod/data")] {
        assert_eq!(claim.class, Some(ClassName::new("gold")), "it names one");
        assert_eq!(of_class(&claim, None), Plan::not_ours());
    }
}

/// Whether `team/app` may join `prod/data` with these references.
fn joins(references: &[Reference]) -> Result<Access, R> {
    let (claim, source) = (
        testing::claim("team/app").asks("prod/data"),
        testing::claim("prod/data").bound().shares("team"),
    );
    let (pv, backend, labels) = (pv("prod/data"), backend("nas1"), Labels::new());
    let class = class("gold");
    let handshake = Handshake {
        claim: &claim,
        class: Some(&class),
        namespace_labels: &labels,
        references,
        source: Some(&source),
        grants: &[],
        source_namespace_terminating: false,
        source_pv: Some(&pv),
        backend: Some(&backend),
    };
    examine(&handshake)
        .verdict
        .map(|a| a.access)
        .map_err(|refusal| refusal.reason)
}

fn compatible(namespace_name: Option<&str>, name: Option<&str>) -> Reference {
    let key = ReferenceKey {
        kind: ReferenceKind::Trident,
        namespace: namespace("team"),
        name: "tvr".into(),
    };
    Reference::new(key, false, namespace_name, name, Access::ReadWrite)
}

#[test]
fn r02_a_compatible_reference_names_its_source() {
    let tvr = compatible(Some("default"), Some("test-pvc"));
    assert_eq!(tvr.source, Some(ClaimKey::new("default", "test-pvc")));
    assert_eq!(tvr.key.to_string(), "TridentVolumeReference team/tvr");
}

#[test]
fn r03_r04_a_reference_with_an_empty_name_has_no_effect_and_breaks_nothing() {
    for tvr in [
        compatible(Some("prod"), Some("")),
        compatible(Some(""), Some("data")),
        compatible(None, None),
    ] {
        let labels = Labels::new();
        let (reason, _) = accepted(&ForReference {
            grants: &[],
            reference: &tvr,
            labels: &labels,
            source: None,
        });
        assert_eq!(reason, ReferenceReason::NoEffect);
        assert_eq!(
            joins(&[tvr, compatible(Some("prod"), Some("data"))]),
            Ok(Access::ReadWrite)
        );
    }
}

#[test]
fn r06_one_reference() {
    assert_eq!(joins(&[compatible(Some("prod"), Some("data"))]), Ok(Access::ReadWrite));
    assert_eq!(joins(&[reference("team/ref", "prod/data")]), Ok(Access::ReadWrite));
}

#[test]
fn r07_no_reference() {
    assert_eq!(joins(&[]), Err(R::ReferenceMissing));
    assert_eq!(
        joins(&[compatible(Some("prod"), Some("other"))]),
        Err(R::ReferenceMissing)
    );
}

#[test]
fn r08_two_references_for_one_source_are_harmless_unlike_the_original() {
    let tvr = compatible(Some("prod"), Some("data"));
    assert_eq!(
        joins(&[tvr.clone(), tvr, reference("team/ref", "prod/data")]),
        Ok(Access::ReadWrite)
    );
}
