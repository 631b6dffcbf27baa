//! What a claim that has its volume still needs.

use super::*;
use crate::domain::cut::{Cut, Left, Side};
use crate::plan::action::Told;
use crate::plan::rules;
use crate::plan::testing::{self, backend, member_pv, pv};

fn upkeep(claim: &Claim, pv: Option<&Pv>, consent: Option<Consent>) -> Vec<Action> {
    planned(&ForUpkeep {
        claim,
        ours: false,
        pv,
        consent,
        backend: None,
        kept: false,
    })
}

fn planned(o: &ForUpkeep<'_>) -> Vec<Action> {
    let actions = plan(o);
    assert_eq!(rules::check(&actions), Ok(()));
    actions
}

/// A claim of one of our classes, with or without a volume that is ours.
fn of_our_class(claim: &Claim, pv: Option<&Pv>) -> Vec<R> {
    reasons(&planned(&ForUpkeep {
        claim,
        ours: true,
        pv,
        consent: None,
        backend: None,
        kept: false,
    }))
}

fn reasons(actions: &[Action]) -> Vec<R> {
    let reason = |a: &Action| match a {
        Action::Tell(a) => match a.reason {
            Told::Claim(reason) | Told::Refused(reason) => Some(reason),
            Told::SharedVolume(_) | Told::Snapshot(_) => None,
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
fn an_owner_learns_what_is_wrong_with_its_lists() {
    let bad = owner().shares("team,B@d,Worse!");
    let said = upkeep(&bad, Some(&pv("prod/data")), None);
    assert_eq!(reasons(&said), [R::InvalidShareTo]);
    assert!(format!("{}", said[0]).contains("(and 1 more)"));
    assert!(upkeep(&owner().shares("team"), Some(&pv("prod/data")), None).is_empty());
}

#[test]
fn a_typo_on_a_bound_claim_is_a_warning_only() {
    let typo = owner().annotated(&[("tombolo.dev/shareToNamespaces", "team")]);
    assert_eq!(
        reasons(&upkeep(&typo, Some(&pv("prod/data")), None)),
        [R::UnknownAnnotation]
    );
    assert!(
        upkeep(&typo, None, None).is_empty(),
        "nor is a stranger's claim corrected"
    );
    assert!(upkeep(&typo, Some(&pv("prod/data").with(|p| p.ours = None)), None).is_empty());
}

#[test]
fn a_typo_on_a_claim_of_our_class_is_told_whosever_its_volume_is() {
    let typo = owner().annotated(&[("tombolo.dev/shareFromPvc", "prod/data")]);
    let foreign = pv("prod/data").with(|p| p.ours = None);
    assert_eq!(of_our_class(&typo, Some(&foreign)), [R::UnknownAnnotation]);
    assert_eq!(
        of_our_class(&typo, None),
        [R::UnknownAnnotation],
        "nor does it matter whether its object is seen"
    );
    let waits = testing::claim("prod/data").annotated(&[("tombolo.dev/shareFromPvc", "prod/data")]);
    assert!(of_our_class(&waits, None).is_empty(), "that one's own verdict says it");
    assert!(of_our_class(&owner(), Some(&foreign)).is_empty());
}

#[test]
fn an_owner_that_waits_for_its_volume_learns_what_is_wrong_with_its_lists_already() {
    let waits = testing::claim("prod/data").shares("team,B@d");
    assert_eq!(of_our_class(&waits, None), [R::InvalidShareTo]);
    assert!(
        upkeep(&waits, None, None).is_empty(),
        "a stranger's claim is a stranger's"
    );
}

#[test]
fn a_cut_that_the_backend_cannot_make_is_no_secret() {
    let cut = |on_revoke: &str| {
        owner().annotated(&[
            ("tombolo.dev/shareToNamespace", "team"),
            ("tombolo.dev/onRevoke", on_revoke),
        ])
    };
    let said = |claim: &Claim, backend: Option<&Backend>| {
        reasons(&planned(&ForUpkeep {
            claim,
            ours: true,
            pv: Some(&pv("prod/data")),
            consent: None,
            backend,
            kept: false,
        }))
    };
    let keeps = backend("nas1");
    let cuts = backend("nas1").with(|b| b.capabilities.revoke = true);
    assert_eq!(said(&cut("Cut"), Some(&keeps)), [R::CutNotEnforced]);
    assert!(said(&cut("Cut"), Some(&cuts)).is_empty());
    assert!(said(&cut("Cut"), None).is_empty(), "nobody knows yet what it can do");
    assert!(said(&cut("Keep"), Some(&keeps)).is_empty());
}

#[test]
fn a_member_whose_access_was_to_be_cut_is_told_that_it_stays_and_why() {
    let joined = |on_revoke: OnRevoke| {
        member_pv("team/app", "prod/data").ours(|ours| {
            if let Role::Member(joined) = &mut ours.role {
                joined.on_revoke = on_revoke;
            }
        })
    };
    let text = |on_revoke, revoke, consent| {
        let (pv, backend) = (
            joined(on_revoke),
            backend("nas1").with(|b| b.capabilities.revoke = revoke),
        );
        let o = ForUpkeep {
            claim: &member(),
            ours: true,
            pv: Some(&pv),
            consent: None,
            backend: Some(&backend),
            kept: false,
        };
        ended(consent, &o).unwrap().text
    };
    for consent in [Consent::WithdrawnByOwner, Consent::WithdrawnByReference] {
        assert!(
            text(OnRevoke::Cut, false, consent)
                .ends_with("access stays, because the storage backend cannot take it away")
        );
        assert!(text(OnRevoke::Keep, false, consent).ends_with("the data stays reachable"));
    }
}

#[test]
fn a_member_whose_request_was_edited_keeps_what_it_has_and_is_told() {
    let object = member_pv("team/app", "prod/data");
    let say = |claim: Claim| reasons(&upkeep(&claim, Some(&object), Some(Consent::Given)));
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
        (Some(Consent::ReadOnlyNow(Side::Owner)), vec![R::ConsentWithdrawn]),
    ] {
        assert_eq!(
            reasons(&upkeep(&member(), Some(&object), consent)),
            expected,
            "{consent:?}"
        );
    }
}

#[test]
fn a_member_whose_access_was_taken_is_told_so_whatever_is_known_of_its_consent_by_now() {
    let object = |left, by| {
        let since = jiff::Timestamp::UNIX_EPOCH;
        member_pv("team/app", "prod/data").ours(|ours| ours.cut = Some(Cut { since, left, by }))
    };
    for (left, by, words) in [
        (Left::Nothing, Side::Owner, "the owner no longer shares"),
        (Left::Nothing, Side::Reference, "no reference in this namespace permits"),
        (Left::ReadOnly, Side::Owner, "the owner lets this namespace only read"),
        (
            Left::ReadOnly,
            Side::Reference,
            "the reference in this namespace permits only to read",
        ),
    ] {
        for consent in [Consent::WithdrawnByOwner, Consent::Unknown] {
            let said = upkeep(&member(), Some(&object(left, by)), Some(consent));
            assert_eq!(reasons(&said), [R::AccessCut]);
            assert!(said[0].to_string().contains(words), "{}", said[0]);
        }
        let back = upkeep(&member(), Some(&object(left, by)), Some(Consent::Given));
        assert!(back.is_empty(), "who gives it back says so");
    }
}

#[test]
fn a_member_who_is_to_be_cut_is_told_whether_that_will_be() {
    let cuts = member_pv("team/app", "prod/data").ours(|ours| {
        if let Role::Member(joined) = &mut ours.role {
            joined.on_revoke = OnRevoke::Cut;
        }
    });
    let able = backend("nas1").with(|b| b.capabilities.revoke = true);
    let text = |kept| {
        let o = ForUpkeep {
            claim: &member(),
            ours: true,
            pv: Some(&cuts),
            consent: None,
            backend: Some(&able),
            kept,
        };
        ended(Consent::WithdrawnByOwner, &o).unwrap().text
    };
    assert!(text(false).ends_with("access is about to be cut"));
    assert!(text(true).ends_with("because another claim in this namespace has it on other terms"));
}
