//! What is withdrawal and what only looks like it.

use super::*;
use crate::plan::testing::{self, going, labels, namespace, read_only, reference, uid};

mod granted;
mod leaving;
mod taken;

/// The member `team/app` of `prod/data`, with everything in order; tests edit it.
struct Scene {
    labels: Option<Labels>,
    namespace_terminating: bool,
    references: Option<Vec<Reference>>,
    source: Option<ClaimKey>,
    owner_uid: ClaimUid,
    owner: Option<Claim>,
    by_grant: ByGrant,
    access: Access,
    cut: Option<Cut>,
}

fn scene() -> Scene {
    Scene {
        labels: Some(labels(&[("tier", "gold")])),
        namespace_terminating: false,
        references: Some(vec![reference("team/ref", "prod/data")]),
        source: Some(testing::key("prod/data")),
        owner_uid: uid("prod/data"),
        owner: Some(testing::claim("prod/data").bound().shares("team")),
        by_grant: ByGrant::No,
        access: Access::ReadWrite,
        cut: None,
    }
}

impl Scene {
    fn with(mut self, edit: impl FnOnce(&mut Self)) -> Self {
        edit(&mut self);
        self
    }

    fn annotated(self, pairs: &[(&str, &str)]) -> Self {
        self.with(|s| s.owner = s.owner.take().map(|o| o.annotated(pairs)))
    }

    fn state(&self) -> Consent {
        state(&Membership {
            namespace: &namespace("team"),
            labels: self.labels.as_ref(),
            namespace_terminating: self.namespace_terminating,
            references: self.references.as_deref(),
            source_uid: &uid("prod/data"),
            source: self.source.as_ref(),
            owner_uid: Some(&self.owner_uid),
            owner: self.owner.as_ref(),
            by_grant: self.by_grant,
            access: self.access,
            cut: self.cut.as_ref(),
        })
    }
}

#[test]
fn consent_stands_while_owner_and_reference_stand() {
    assert_eq!(scene().state(), Consent::Given);
    assert_eq!(
        scene()
            .annotated(&[("tombolo.dev/shareToNamespaceSelector", "tier=gold")])
            .state(),
        Consent::Given
    );
    assert_eq!(
        scene()
            .annotated(&[("trident.netapp.io/shareToNamespace", "*")])
            .state(),
        Consent::Given
    );
}

#[test]
fn an_edit_of_the_owner_s_live_claim_is_withdrawal() {
    for pairs in [
        &[][..],
        &[("tombolo.dev/shareToNamespace", "other")],
        &[("tombolo.dev/shareToNamespace", "")],
    ] {
        assert_eq!(scene().annotated(pairs).state(), Consent::WithdrawnByOwner, "{pairs:?}");
    }
    let moved = scene()
        .annotated(&[("tombolo.dev/shareToNamespaceSelector", "tier=gold")])
        .with(|s| s.labels = Some(Labels::new()));
    assert_eq!(moved.state(), Consent::WithdrawnByOwner, "the namespace lost its label");
}

#[test]
fn deleting_the_owner_is_soft_delete_and_not_withdrawal() {
    let going = scene()
        .annotated(&[])
        .with(|s| s.owner.as_mut().unwrap().terminating = true);
    assert_eq!(going.state(), Consent::Given);
    assert_eq!(scene().with(|s| s.owner = None).state(), Consent::Given);
}

#[test]
fn another_claim_under_the_owner_s_name_neither_gives_nor_withdraws() {
    let again = |pairs| {
        scene()
            .annotated(pairs)
            .with(|s| s.owner.as_mut().unwrap().uid = uid("made/again"))
    };
    assert_eq!(again(&[]).state(), Consent::Given);
    assert_eq!(
        again(&[("tombolo.dev/shareToNamespace", "other")]).state(),
        Consent::Given
    );
    let unreferenced = again(&[("tombolo.dev/shareToNamespace", "team")]).with(|s| s.references = Some(Vec::new()));
    assert_eq!(
        unreferenced.state(),
        Consent::WithdrawnByReference,
        "an admin can still revoke"
    );
}

#[test]
fn the_owner_of_a_reclaimed_volume_is_not_the_one_that_references_name() {
    assert_eq!(reclaimed().state(), Consent::Given);
}

/// The volume has been given to `other/new`, which shares nothing yet.
fn reclaimed() -> Scene {
    scene().with(|s| {
        s.owner_uid = uid("other/new");
        s.owner = Some(testing::claim("other/new").bound_to("pvc-prod-data"));
    })
}

#[test]
fn a_new_owner_is_heard_as_soon_as_it_says_anything_about_sharing() {
    for (pairs, expected) in [
        (&[("tombolo.dev/shareToNamespace", "team")][..], Consent::Given),
        (&[("tombolo.dev/shareToNamespace", "other")], Consent::WithdrawnByOwner),
        (&[("tombolo.dev/shareToNamespace", "")], Consent::WithdrawnByOwner),
        (
            &[("trident.netapp.io/shareToNamespace", "other")],
            Consent::WithdrawnByOwner,
        ),
        (
            &[("tombolo.dev/shareReadOnlyToNamespace", "team")],
            Consent::ReadOnlyNow(Side::Owner),
        ),
        (&[("tombolo.dev/shareToNamespaceSelector", "tier=gold")], Consent::Given),
        (&[("tombolo.dev/onRevoke", "Cut")], Consent::Given),
    ] {
        assert_eq!(reclaimed().annotated(pairs).state(), expected, "{pairs:?}");
    }
    let leaving = reclaimed()
        .annotated(&[("tombolo.dev/shareToNamespace", "other")])
        .with(|s| s.owner.as_mut().unwrap().terminating = true);
    assert_eq!(leaving.state(), Consent::Given, "it is soft delete then, too");
}

#[test]
fn half_a_list_is_no_evidence() {
    for pairs in [
        &[("tombolo.dev/shareToNamespace", "te am")][..],
        &[("tombolo.dev/shareToNamespace", "other,Team!")],
        &[("tombolo.dev/shareToNamespaceSelector", "tier in (gold)")],
        &[
            ("tombolo.dev/shareToNamespace", "other"),
            ("tombolo.dev/onRevoke", "cut"),
        ],
        &[
            ("tombolo.dev/shareToNamespace", "other"),
            ("trident.netapp.io/shareToNamespace", "team"),
        ],
        &[
            ("tombolo.dev/shareToNamespace", "te am"),
            ("tombolo.dev/shareReadOnlyToNamespace", "team"),
        ],
    ] {
        assert_eq!(scene().annotated(pairs).state(), Consent::Given, "{pairs:?}");
        let gone = scene().annotated(pairs).with(|s| s.references = Some(Vec::new()));
        assert_eq!(
            gone.state(),
            Consent::WithdrawnByReference,
            "the admin's word is whole: {pairs:?}"
        );
    }
}

#[test]
fn a_reference_that_is_gone_is_withdrawal_while_its_kind_is_served() {
    assert_eq!(
        scene().with(|s| s.references = Some(Vec::new())).state(),
        Consent::WithdrawnByReference
    );
    let other = scene().with(|s| s.references = Some(vec![reference("team/ref", "prod/other")]));
    assert_eq!(other.state(), Consent::WithdrawnByReference);
    let terminating = scene().with(|s| s.references = Some(vec![going(reference("team/ref", "prod/data"))]));
    assert_eq!(terminating.state(), Consent::WithdrawnByReference);
    let another = scene().with(|s| {
        s.references = Some(vec![
            going(reference("team/a", "prod/data")),
            reference("team/b", "prod/data"),
        ])
    });
    assert_eq!(another.state(), Consent::Given, "one that is left is enough");
}

#[test]
fn a_kind_that_is_not_served_changes_nothing() {
    assert_eq!(scene().with(|s| s.references = None).state(), Consent::Unknown);
    assert_eq!(
        scene().with(|s| (s.references, s.owner) = (None, None)).state(),
        Consent::Unknown
    );
    let withdrawn = scene().annotated(&[]).with(|s| s.references = None);
    assert_eq!(
        withdrawn.state(),
        Consent::WithdrawnByOwner,
        "the owner's word can be read all the same"
    );
}

#[test]
fn when_the_owner_has_gone_an_admin_revokes_by_deleting_the_reference() {
    let gone = |references: Vec<Reference>| scene().with(|s| (s.owner, s.references) = (None, Some(references)));
    assert_eq!(gone(vec![reference("team/ref", "prod/data")]).state(), Consent::Given);
    assert_eq!(gone(Vec::new()).state(), Consent::WithdrawnByReference);
    assert_eq!(
        gone(vec![going(reference("team/ref", "prod/data"))]).state(),
        Consent::WithdrawnByReference
    );
}

#[test]
fn a_reference_to_another_claim_keeps_nobody_in_a_volume_whose_owner_has_gone() {
    let gone = |source: Option<ClaimKey>| {
        scene().with(|s| {
            s.references = Some(vec![reference("team/else", "prod/other")]);
            (s.owner, s.source) = (None, source);
        })
    };
    assert_eq!(
        gone(Some(testing::key("prod/data"))).state(),
        Consent::WithdrawnByReference
    );
    assert_eq!(gone(None).state(), Consent::Given, "it may be the one: no evidence");
    let reclaimed = reclaimed().with(|s| s.references = Some(vec![reference("team/else", "prod/other")]));
    assert_eq!(reclaimed.state(), Consent::WithdrawnByReference);
}

#[test]
fn a_grant_that_shrinks_is_a_withdrawal_of_writing() {
    let narrowed = || scene().annotated(&[("tombolo.dev/shareReadOnlyToNamespace", "team")]);
    assert_eq!(narrowed().state(), Consent::ReadOnlyNow(Side::Owner));
    assert_eq!(
        narrowed().with(|s| s.references = None).state(),
        Consent::ReadOnlyNow(Side::Owner)
    );
    assert_eq!(
        narrowed().with(|s| s.access = Access::ReadOnly).state(),
        Consent::Given,
        "it never could write"
    );
    let by_reference = scene().with(|s| s.references = Some(vec![read_only(reference("team/ref", "prod/data"))]));
    assert_eq!(by_reference.state(), Consent::ReadOnlyNow(Side::Reference));
    let wider = scene().with(|s| s.access = Access::ReadOnly);
    assert_eq!(wider.state(), Consent::Given, "membership does not grow either");
}
