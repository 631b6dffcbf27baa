//! What was taken stays taken until whoever took it speaks again.

use super::*;

/// What was taken from the member.
fn taken(left: Left, by: Side) -> Scene {
    let since = jiff::Timestamp::UNIX_EPOCH;
    scene().with(|s| s.cut = Some(Cut { since, left, by }))
}

#[test]
fn what_was_taken_comes_back_when_who_took_it_says_so() {
    for (left, by) in [
        (Left::Nothing, Side::Owner),
        (Left::Nothing, Side::Reference),
        (Left::ReadOnly, Side::Owner),
        (Left::ReadOnly, Side::Reference),
    ] {
        assert_eq!(taken(left, by).state(), Consent::Given, "{left:?} {by:?}");
    }
}

#[test]
fn a_member_that_was_cut_off_stays_so_when_its_owner_goes_or_cannot_be_heard() {
    for (left, expected) in [
        (Left::Nothing, Consent::WithdrawnByOwner),
        (Left::ReadOnly, Consent::ReadOnlyNow(Side::Owner)),
    ] {
        let taken = || taken(left, Side::Owner);
        let ways: [(&str, Scene); 5] = [
            ("deleted", taken().with(|s| s.owner = None)),
            (
                "going away",
                taken().with(|s| s.owner.as_mut().unwrap().terminating = true),
            ),
            (
                "another of its name",
                taken().with(|s| s.owner.as_mut().unwrap().uid = uid("made/again")),
            ),
            (
                "a new owner who has said nothing",
                taken().with(|s| {
                    s.owner_uid = uid("other/new");
                    s.owner = Some(testing::claim("other/new").bound_to("pvc-prod-data"));
                }),
            ),
            (
                "half a list",
                taken().annotated(&[("tombolo.dev/shareToNamespace", "te am")]),
            ),
        ];
        for (way, scene) in ways {
            assert_eq!(scene.state(), expected, "{way}");
        }
    }
    let half = taken(Left::Nothing, Side::Owner).annotated(&[("tombolo.dev/shareToNamespace", "te am,team")]);
    assert_eq!(half.state(), Consent::Given, "what is good in it grants");
}

#[test]
fn a_member_that_was_cut_off_stays_so_when_its_namespace_goes() {
    for (left, by, expected) in [
        (Left::Nothing, Side::Owner, Consent::WithdrawnByOwner),
        (Left::Nothing, Side::Reference, Consent::WithdrawnByReference),
        (Left::ReadOnly, Side::Reference, Consent::ReadOnlyNow(Side::Reference)),
    ] {
        let leaving = taken(left, by).with(|s| (s.namespace_terminating, s.references) = (true, Some(Vec::new())));
        assert_eq!(leaving.state(), expected);
    }
}

#[test]
fn a_kind_that_is_not_served_gives_nothing_back_either() {
    for by in [Side::Owner, Side::Reference] {
        let unread = taken(Left::Nothing, by).with(|s| s.references = None);
        assert_eq!(unread.state(), Consent::Unknown, "{by:?}");
        let narrowed = taken(Left::Nothing, by)
            .annotated(&[("tombolo.dev/shareReadOnlyToNamespace", "team")])
            .with(|s| s.references = None);
        assert_eq!(narrowed.state(), Consent::Unknown, "{by:?}");
    }
}

#[test]
fn an_admin_who_took_access_away_gives_it_back_with_the_owner_gone() {
    let gone =
        |references| taken(Left::Nothing, Side::Reference).with(|s| (s.owner, s.references) = (None, Some(references)));
    assert_eq!(gone(Vec::new()).state(), Consent::WithdrawnByReference);
    assert_eq!(gone(vec![reference("team/ref", "prod/data")]).state(), Consent::Given);
    let by_owner = taken(Left::Nothing, Side::Owner).with(|s| s.owner = None);
    assert_eq!(
        by_owner.state(),
        Consent::WithdrawnByOwner,
        "its owner's word is not an admin's"
    );
}
