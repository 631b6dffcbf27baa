//! Members whose owner consents by a ReferenceGrant, which shares read-only.

use super::*;
use crate::domain::access::OnRevoke;

/// A reader that came by a grant, whose owner has no annotations.
fn by_grant(by_grant: ByGrant) -> Scene {
    scene().with(|s| {
        s.owner = Some(testing::claim("prod/data").bound());
        (s.by_grant, s.access) = (by_grant, Access::ReadOnly);
    })
}

#[test]
fn a_grant_keeps_a_reader_and_its_deletion_withdraws() {
    assert_eq!(by_grant(ByGrant::Permits).state(), Consent::Given);
    assert_eq!(by_grant(ByGrant::No).state(), Consent::WithdrawnByOwner);
    assert_eq!(
        by_grant(ByGrant::Unknown).state(),
        Consent::Given,
        "the kind went, not the consent"
    );
    let annotated = by_grant(ByGrant::No).annotated(&[("tombolo.dev/shareReadOnlyToNamespace", "team")]);
    assert_eq!(annotated.state(), Consent::Given);
}

#[test]
fn of_a_writer_a_grant_leaves_reading() {
    let writer = by_grant(ByGrant::Permits).with(|s| s.access = Access::ReadWrite);
    assert_eq!(writer.state(), Consent::ReadOnlyNow(Side::Owner));
}

#[test]
fn an_owner_who_goes_takes_nothing_back_that_a_grant_gave() {
    for s in [
        by_grant(ByGrant::No).with(|s| s.owner = None),
        by_grant(ByGrant::No).with(|s| s.owner = s.owner.take().map(Claim::terminating)),
    ] {
        assert_eq!(s.state(), Consent::Given);
    }
}

#[test]
fn what_cannot_be_told_of_grants_is_unknown_and_where_there_are_none_there_is_none() {
    let joined = |via: &str| Joined {
        via: via.into(),
        source_uid: uid("prod/data"),
        on_revoke: OnRevoke::Keep,
    };
    let (granted, annotated) = (
        joined("VolumeReference team/ref; ReferenceGrant g of prod/data"),
        joined("VolumeReference team/ref; annotation of prod/data"),
    );
    assert_eq!(granted.source(), Some(testing::key("prod/data")));
    let of = |grants: Known<'_>, going, joined: &Joined| {
        ByGrant::of(grants, going, joined, &namespace("team"), &testing::key("prod/data"))
    };
    let sharing = [testing::share_grant("prod", "team")];
    let copies = [testing::grant("prod", "team")];
    for joined in [&granted, &annotated] {
        assert_eq!(of(Known::All(&sharing), false, joined), ByGrant::Permits);
        assert_eq!(
            of(Known::All(&copies), false, joined),
            ByGrant::No,
            "a grant for copies shares nothing"
        );
        assert_eq!(of(Known::All(&[]), false, joined), ByGrant::No);
        assert_eq!(
            of(Known::All(&[]), true, joined),
            ByGrant::Unknown,
            "they go with their namespace"
        );
        assert_eq!(
            of(Known::Unreadable, false, joined),
            ByGrant::Unknown,
            "the owner may have changed to one since"
        );
    }
    assert_eq!(of(Known::NotInstalled, false, &granted), ByGrant::Unknown);
    assert_eq!(of(Known::NotInstalled, false, &annotated), ByGrant::No);
}
