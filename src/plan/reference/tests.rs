//! What the condition of a reference says.

use super::*;
use crate::domain::access::Access;
use crate::domain::reference::{Reference, ReferenceKey, ReferenceKind};
use crate::plan::testing::{self, labels, namespace, read_only, reference};

fn said(reference: &Reference, source: Option<&Claim>) -> (ReferenceReason, String) {
    accepted(&ForReference {
        reference,
        labels: &labels(&[("tier", "gold")]),
        source,
        grants: &[],
    })
}

#[test]
fn a_reference_to_a_shared_claim_is_in_effect_with_the_narrower_access() {
    let shared = testing::claim("prod/data").bound().shares("team");
    let (reason, text) = said(&reference("team/ref", "prod/data"), Some(&shared));
    assert_eq!(
        (reason, text.as_str()),
        (
            ReferenceReason::Accepted,
            "claims of this namespace may join prod/data, ReadWrite"
        )
    );
    let (_, text) = said(&read_only(reference("team/ref", "prod/data")), Some(&shared));
    assert!(text.ends_with("ReadOnly"));
    let selected = testing::claim("prod/data").annotated(&[("tombolo.dev/shareToNamespaceSelector", "tier=gold")]);
    assert_eq!(
        said(&reference("team/ref", "prod/data"), Some(&selected)).0,
        ReferenceReason::Accepted
    );
}

#[test]
fn whether_a_claim_is_missing_unready_or_not_shared_is_one_text() {
    let missing = said(&reference("team/ref", "prod/data"), None);
    assert_eq!(missing.0, ReferenceReason::NotShared);
    for claim in [
        testing::claim("prod/data"),
        testing::claim("prod/data").bound(),
        testing::claim("prod/data").lost().terminating(),
        testing::claim("prod/data").bound().shares("other"),
        testing::claim("prod/data").bound().shares("te am"),
    ] {
        assert_eq!(said(&reference("team/ref", "prod/data"), Some(&claim)), missing);
    }
}

#[test]
fn a_reference_that_can_never_have_an_effect_says_so() {
    let own = testing::claim("team/data").bound().shares("*");
    assert_eq!(
        said(&reference("team/ref", "team/data"), Some(&own)).0,
        ReferenceReason::NoEffect
    );
    let key = ReferenceKey {
        kind: ReferenceKind::Trident,
        namespace: namespace("team"),
        name: "ref".into(),
    };
    for (ns, name) in [
        (None, None),
        (Some("prod"), None),
        (Some(""), Some("")),
        (Some("Prod"), Some("data")),
        (Some("a/b"), Some("c")),
    ] {
        let broken = Reference::new(key.clone(), false, ns, name, Access::ReadWrite);
        assert_eq!(said(&broken, None).0, ReferenceReason::NoEffect, "{ns:?}/{name:?}");
    }
}

#[test]
fn a_grant_to_references_is_in_effect_read_only_and_one_for_copies_is_not() {
    let silent = testing::claim("prod/data").bound();
    let said = |grants: &[crate::domain::grant::Grant]| {
        accepted(&ForReference {
            reference: &reference("team/ref", "prod/data"),
            labels: &labels(&[]),
            source: Some(&silent),
            grants,
        })
    };
    let (reason, text) = said(&[testing::share_grant("prod", "team")]);
    assert_eq!(reason, ReferenceReason::Accepted);
    assert!(text.ends_with("ReadOnly"), "{text}");
    assert_eq!(said(&[testing::grant("prod", "team")]).0, ReferenceReason::NotShared);
}
