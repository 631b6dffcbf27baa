//! Rows A: adding a member. Rows A21 to A38 repeat A01 to A19 for Trident's concurrent core and assert besides that a refusal
//! changes nothing; here every refusal is checked for that.

use crate::api::reasons::ClaimReason as R;
use crate::domain::backend::Backend;
use crate::domain::claim::Claim;
use crate::domain::consent::Labels;
use crate::domain::ids::ClassName;
use crate::domain::pv::Pv;
use crate::plan::claim::{self, ForClaim};
use crate::plan::handshake::{Handshake, wanted};
use crate::plan::testing::{self, GI, backend, class, member_pv, pv, pv_name, reference};
use crate::plan::{Action, Plan, Verdict};
use k8s_openapi::api::core::v1::PersistentVolume;

/// `team/app` asks for `prod/data`, everything in order; rows edit it.
struct Scene {
    claim: Claim,
    own_pv: Option<Pv>,
    source: Option<Claim>,
    source_pv: Option<Pv>,
    backend: Option<Backend>,
}

fn adding(edit: impl FnOnce(&mut Scene)) -> Plan {
    let mut s = Scene {
        claim: testing::claim("team/app").asks("prod/data"),
        own_pv: None,
        source: Some(testing::claim("prod/data").bound().shares("team")),
        source_pv: Some(pv("prod/data")),
        backend: Some(backend("nas1")),
    };
    edit(&mut s);
    let labels = Labels::new();
    let class = class("gold");
    let handshake = Handshake {
        claim: &s.claim,
        class: Some(&class),
        namespace_labels: &labels,
        references: &[reference("team/ref", "prod/data")],
        source: s.source.as_ref(),
        grants: &[],
        source_namespace_terminating: false,
        source_pv: s.source_pv.as_ref(),
        backend: s.backend.as_ref(),
    };
    claim::decide(&ForClaim {
        copy: None,
        promised: None,
        claim: &s.claim,
        class: Some(&class),
        own_pv: s.own_pv.as_ref(),
        other_pv: None,
        record: None,
        registration: Default::default(),
        backends: s.backend.as_slice(),
        handshake: wanted(&s.claim).map(|_| handshake),
        live: true,
    })
}

/// Refused for this reason, with nothing done.
fn refused(plan: &Plan, reason: R) {
    assert!(
        matches!(&plan.verdict, Verdict::Refused(refusal) if refusal.reason == reason),
        "{plan}"
    );
    assert!(plan.actions.is_empty(), "{plan}");
}

#[test]
fn a01_a22_the_name_is_a_volume_already() {
    assert_eq!(adding(|s| s.own_pv = Some(pv("team/app"))), Plan::settled());
}

#[test]
fn a02_a23_the_name_is_a_member_already() {
    assert_eq!(
        adding(|s| s.own_pv = Some(member_pv("team/app", "prod/data"))),
        Plan::settled()
    );
}

#[test]
fn a03_a18_a28_there_is_no_source() {
    refused(&adding(|s| (s.source, s.source_pv) = (None, None)), R::NotShared);
}

#[test]
fn a04_a29_the_source_is_not_managed_by_us() {
    refused(&adding(|s| s.source_pv.as_mut().unwrap().ours = None), R::NotAdoptable);
}

#[test]
fn a05_a08_a31_a33_the_source_s_backend_is_not_there() {
    refused(&adding(|s| s.backend = None), R::BackendUnavailable);
}

#[test]
fn a06_a32_the_source_is_being_deleted() {
    refused(
        &adding(|s| s.source_pv = Some(pv("prod/data").terminating())),
        R::SourceTerminating,
    );
    refused(
        &adding(|s| s.source = s.source.take().map(Claim::terminating)),
        R::SourceTerminating,
    );
    refused(
        &adding(|s| s.source_pv = Some(pv("prod/data").released())),
        R::SourceNotBound,
    );
}

#[test]
fn a07_a30_another_class() {
    refused(
        &adding(|s| s.claim.class = Some(ClassName::new("silver"))),
        R::ClassMismatch,
    );
}

#[test]
fn a09_a34_a_backend_that_cannot_share() {
    refused(
        &adding(|s| s.backend.as_mut().unwrap().capabilities.share = false),
        R::BackendCannotShare,
    );
}

#[test]
fn a10_a24_a_size_that_cannot_be_read() {
    refused(&adding(|s| s.claim.request = None), R::TooLarge);
}

#[test]
fn a11_a35_a_source_whose_size_cannot_be_read_has_none() {
    let odd = serde_json::json!({"metadata": {"name": "x", "uid": "u"}, "spec": {"capacity": {"storage": "absurd"}}});
    let read = Pv::of(&serde_json::from_value::<PersistentVolume>(odd).unwrap()).unwrap();
    assert_eq!(read.capacity, 0);
    refused(
        &adding(|s| s.source_pv.as_mut().unwrap().capacity = read.capacity),
        R::TooLarge,
    );
}

#[test]
fn a12_a36_more_than_the_source_has() {
    refused(&adding(|s| s.source_pv.as_mut().unwrap().capacity = GI), R::TooLarge);
}

#[test]
fn a13_a25_a_share_and_a_clone() {
    let both = [
        ("tombolo.dev/shareFromPVC", "prod/data"),
        ("trident.netapp.io/cloneFromPVC", "other"),
    ];
    refused(
        &adding(|s| s.claim = s.claim.clone().annotated(&both)),
        R::ConflictingSource,
    );
}

#[test]
fn a15_a27_a_share_and_an_import() {
    refused(
        &adding(|s| s.claim.volume_name = Some(pv_name("x/y"))),
        R::ConflictingSource,
    );
}

#[test]
fn a16_a21_equal_size_and_class() {
    let plan = adding(|_| ());
    assert!(matches!(plan.actions.last(), Some(Action::PutToken { .. })), "{plan}");
}

#[test]
fn a19_a38_an_ordinary_claim_whose_name_is_a_member_gets_no_volume() {
    let plan = adding(|s| {
        s.claim = testing::claim("team/app");
        s.own_pv = Some(member_pv("team/app", "prod/data"));
    });
    assert_eq!(plan, Plan::settled());
}
