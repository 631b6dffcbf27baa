//! Who is counted before anything is cut.

use super::*;
use crate::plan::revocation::Loss;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// Members of an export that lets through as much, who are counted: of what is wanted, and of what was done, since when.
fn counted(users: Vec<User>, from: Admission) -> Vec<(String, Option<Timestamp>)> {
    let o = ForExports {
        found: &BTreeMap::from([(export("team"), from)]),
        users: &BTreeMap::from([(export("team"), users)]),
        terms: TERMS,
    };
    let name = |loss: Loss| (loss.member.to_string(), loss.since);
    let now = Timestamp::from_second(1).unwrap();
    losses(&o, &decide(&o), now).into_iter().map(name).collect()
}

fn app(since: Option<Timestamp>) -> Vec<(String, Option<Timestamp>)> {
    vec![("pvc-team-app".into(), since)]
}

fn cut() -> Member {
    member("team/app").gone(0).cut(Left::Nothing, Side::Owner)
}

#[test]
fn what_was_decided_before_is_no_new_loss() {
    let cuts = |members: Vec<Member>| {
        let change = Change {
            export: export("team"),
            from: Some(Admission::Full),
            to: Admission::Cut,
        };
        is_news(&change, &BTreeMap::from([(export("team"), users(members))]))
    };
    assert!(!cuts(vec![cut()]));
    assert!(cuts(vec![cut(), member("team/new").gone(OLD)]));
    let reads = member("team/app").gone(OLD).cut(Left::ReadOnly, Side::Owner);
    assert!(cuts(vec![reads]), "there was more to lose");
}

#[test]
fn what_is_due_and_what_will_be_is_wanted_also_if_it_only_seems_to_have_ended() {
    for wanted in [
        member("team/app").gone(OLD),
        member("team/app").gone(YOUNG),
        member("team/app"),
    ] {
        assert_eq!(counted(users([wanted]), Admission::Full), app(None));
    }
    let mut leaving = member("team/app");
    leaving.claim = None;
    for other in [
        leaving,
        member("team/app").consent(Consent::Given, 0),
        member("team/app").consent(Consent::Unknown, 0),
        member("team/app").keeps().gone(OLD),
    ] {
        assert_eq!(counted(users([other]), Admission::Full), []);
    }
    let kept = users([member("team/app"), member("team/late").consent(Consent::Given, 0)]);
    assert_eq!(counted(kept, Admission::Full), [], "one who has it keeps it for both");
}

#[test]
fn what_was_cut_counts_since_it_was_written_and_before_that_from_now_on() {
    assert_eq!(counted(users([cut()]), Admission::Cut), app(Some(NOW)));
    let unwritten = users([member("team/app").gone(0)]);
    assert_eq!(
        counted(unwritten, Admission::Cut),
        app(Some(Timestamp::from_second(1).unwrap()))
    );
    let given = users([member("team/app").consent(Consent::Given, 0)]);
    assert_eq!(counted(given, Admission::Cut), [], "it is about to be given back");
}

#[test]
fn nobody_is_sure_while_consent_of_one_who_has_something_to_lose_is_not_known() {
    let unsure = |member: Member| unsure(&BTreeMap::from([(export("team"), users([member]))]), TERMS);
    assert!(unsure(member("team/app")));
    assert!(unsure(member("team/app").consent(Consent::Unknown, 0)));
    let reads = member("team/app").cut(Left::ReadOnly, Side::Owner);
    assert!(unsure(reads));
    for sure in [
        cut().consent(Consent::Unknown, 0),
        member("team/app").keeps(),
        member("team/app").gone(0),
        member("team/app").consent(Consent::Given, 0),
    ] {
        assert!(!unsure(sure));
    }
    let mut leaving = member("team/app");
    leaving.claim = None;
    assert!(!unsure(leaving), "and nobody will read it");
}
