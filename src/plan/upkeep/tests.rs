//! What a claim that has its volume still needs.

use super::*;
use crate::plan::action::Told;
use crate::plan::rules;
use crate::plan::testing::{self, claim_ref, member_pv, pv};

fn upkeep(claim: &Claim, pv: Option<&Pv>, members: usize, consent: Option<Consent>) -> Vec<Action> {
    let actions = plan(&ForUpkeep {
        claim,
        pv,
        members,
        consent,
    });
    assert_eq!(rules::check(&actions), Ok(()));
    actions
}

fn reasons(actions: &[Action]) -> Vec<R> {
    let reason = |a: &Action| match a {
        Action::Tell(a) => match a.reason {
            Told::Claim(reason) | Told::Refused(reason) => Some(reason),
            Told::SharedVolume(_) => None,
        },
        _ => None,
    };
    actions.iter().filter_map(reason).collect()
}

fn owner() -> Claim {
    testing::claim("prod/data").bound()
}

fn member() -> Claim {
    testing::claim("team/app").asks("prod/data").bound()
}

#[test]
fn the_hold_is_on_exactly_while_the_volume_has_a_member_or_a_token() {
    let holds = pv("prod/data").ours(|o| o.on_owner_delete = OnOwnerDelete::Hold);
    let joining = holds.clone().token("team/app");
    let put = vec![Action::PutHold(claim_ref("prod/data"))];
    let take = vec![Action::TakeHold(claim_ref("prod/data"))];
    for (what, pv, members, held, terminating, expected) in [
        ("alone", &holds, 0, false, false, vec![]),
        ("a member", &holds, 1, false, false, put.clone()),
        ("a token", &joining, 0, false, false, put.clone()),
        ("held already", &holds, 1, true, false, vec![]),
        ("nobody left", &holds, 0, true, false, take.clone()),
        ("nobody left and waiting to go", &holds, 0, true, true, take.clone()),
        ("still needed while it waits to go", &holds, 1, true, true, vec![]),
        ("too late to be put on", &holds, 1, false, true, vec![]),
        (
            "the volume was not made for it",
            &testing::pv("prod/data"),
            1,
            true,
            false,
            take.clone(),
        ),
        ("nor needs it", &testing::pv("prod/data"), 1, false, false, vec![]),
    ] {
        let claim = owner().with(|c| (c.held, c.terminating) = (held, terminating));
        assert_eq!(upkeep(&claim, Some(pv), members, None), expected, "{what}");
    }
}

#[test]
fn an_owner_learns_what_is_wrong_with_its_lists() {
    let bad = owner().shares("team,B@d,Worse!");
    let said = upkeep(&bad, Some(&pv("prod/data")), 0, None);
    assert_eq!(reasons(&said), [R::InvalidShareTo]);
    assert!(format!("{}", said[0]).contains("(and 1 more)"));
    assert!(upkeep(&owner().shares("team"), Some(&pv("prod/data")), 0, None).is_empty());
}

#[test]
fn a_typo_on_a_bound_claim_is_a_warning_only() {
    let typo = owner().annotated(&[("tombolo.dev/shareToNamespaces", "team")]);
    assert_eq!(
        reasons(&upkeep(&typo, Some(&pv("prod/data")), 0, None)),
        [R::UnknownAnnotation]
    );
    assert!(
        upkeep(&typo, None, 0, None).is_empty(),
        "nor is a stranger's claim corrected"
    );
    assert!(upkeep(&typo, Some(&pv("prod/data").with(|p| p.ours = None)), 0, None).is_empty());
}

#[test]
fn a_member_whose_request_was_edited_keeps_what_it_has_and_is_told() {
    let object = member_pv("team/app", "prod/data");
    let say = |claim: Claim| reasons(&upkeep(&claim, Some(&object), 0, Some(Consent::Given)));
    assert!(say(member()).is_empty());
    assert!(say(member().annotated(&[("trident.netapp.io/shareFromPVC", "prod/data")])).is_empty());
    assert_eq!(say(member().asks("prod/other")), [R::ShareFromChanged]);
    assert_eq!(
        say(member().asks("od/data")),
        [R::ShareFromChanged],
        "a suffix is another name"
    );
    assert_eq!(say(member().asks("nonsense")), [R::ShareFromChanged]);
    assert_eq!(say(member().annotated(&[])), [R::ShareFromChanged]);
    assert!(
        say(testing::claim("team/app").asks("prod/other")).is_empty(),
        "before it is bound, the claim's own plan speaks"
    );
}

#[test]
fn a_member_learns_that_its_consent_has_ended() {
    let object = member_pv("team/app", "prod/data");
    for (consent, expected) in [
        (None, vec![]),
        (Some(Consent::Given), vec![]),
        (Some(Consent::Unknown), vec![]),
        (Some(Consent::WithdrawnByOwner), vec![R::ConsentWithdrawn]),
        (Some(Consent::WithdrawnByReference), vec![R::ConsentWithdrawn]),
        (Some(Consent::ReadOnlyNow), vec![R::ConsentWithdrawn]),
    ] {
        assert_eq!(
            reasons(&upkeep(&member(), Some(&object), 0, consent)),
            expected,
            "{consent:?}"
        );
    }
}
