//! The steps of a change: in which order, and what each person is told.

use super::*;
use crate::plan::testing::ROOT;
use crate::plan::{Action, rules};
use tombolo_backend_api::BackendId;

fn steps(change: &Change, users: &[User]) -> Vec<String> {
    let now = Timestamp::from_second(1).unwrap();
    let actions = actions(change, users, &BackendId::parse(ROOT).unwrap(), now);
    assert_eq!(rules::check(&actions), Ok(()));
    actions.iter().map(ToString::to_string).collect()
}

fn planned(from: Admission, users: Vec<User>) -> Vec<String> {
    steps(&change(&export("team"), &users, Some(from), TERMS), &users)
}

#[test]
fn a_cut_is_made_then_written_down_then_told() {
    assert_eq!(
        planned(
            Admission::Full,
            users([member("team/app").gone(OLD), member("team/late").gone(OLD)])
        ),
        [
            "backend  admit Cut to pvc-prod-data for team (ReadWrite)",
            "cluster  note on pv pvc-team-app: Cut",
            "tell     team/app: AccessCut: the owner no longer shares this volume with this namespace, and access has been cut: reads \
             and writes fail. When the owner shares it again, the same path works again",
            "cluster  note on pv pvc-team-late: Cut",
            "tell     team/late: AccessCut: the owner no longer shares this volume with this namespace, and access has been cut: reads \
             and writes fail. When the owner shares it again, the same path works again",
        ]
    );
}

#[test]
fn access_comes_back_then_is_told_and_only_then_forgotten() {
    let back = || {
        users([member("team/app")
            .consent(Consent::Given, 0)
            .cut(Left::Nothing, Side::Owner)])
    };
    let said = [
        "tell     team/app: AccessRestored: consent is given again, and access over the same path is back; pods that still get errors \
         have to be restarted",
        "cluster  note on pv pvc-team-app: whole again",
    ];
    let first = "backend  admit Full to pvc-prod-data for team (ReadWrite)";
    assert_eq!(planned(Admission::Cut, back()), [&[first][..], &said].concat());
    // Whoever began it failed, or died, at or after the first: nobody knows what the server has heard.
    assert_eq!(planned(Admission::Full, back()), [&[first][..], &said].concat());
}

#[test]
fn nothing_is_left_to_do_where_all_is_as_it_should_be() {
    let cut = member("team/app").gone(OLD).cut(Left::Nothing, Side::Owner);
    for (users, from) in [
        (app(Consent::Given, 0), Admission::Full),
        (app(Consent::Unknown, 0), Admission::Cut),
        (users([cut]), Admission::Cut),
        (users([member("team/app").keeps().gone(OLD)]), Admission::Full),
    ] {
        assert_eq!(outlook(users, Some(from)), Outlook::default(), "{from:?}");
    }
}

#[test]
fn who_took_it_last_is_written_and_since_when_stays() {
    let moved = member("team/app")
        .consent(Consent::WithdrawnByReference, 0)
        .cut(Left::Nothing, Side::Owner);
    let users = users([moved]);
    let change = change(&export("team"), &users, Some(Admission::Cut), TERMS);
    let now = Timestamp::from_second(1).unwrap();
    let actions = actions(&change, &users, &BackendId::parse(ROOT).unwrap(), now);
    let written = actions.iter().find_map(|action| match action {
        Action::NoteCut { cut, .. } => cut.clone(),
        _ => None,
    });
    assert!(
        !actions.iter().any(|action| matches!(action, Action::Admit { .. })),
        "the server was told when the first was written"
    );
    let expected = Cut {
        since: Timestamp::UNIX_EPOCH,
        left: Left::Nothing,
        by: Side::Reference,
    };
    assert_eq!(written, Some(expected));
}

#[test]
fn one_who_reads_where_others_lost_all_is_told_that_reading_is_left() {
    let mixed = users([
        member("team/app").gone(OLD),
        member("team/late").consent(Consent::ReadOnlyNow(Side::Owner), OLD),
    ]);
    let said = planned(Admission::Full, mixed);
    assert_eq!(said[0], "backend  admit ReadOnly to pvc-prod-data for team (ReadWrite)");
    assert_eq!(
        said.iter().filter(|line| line.ends_with(": ReadOnly")).count(),
        2,
        "{said:?}"
    );
}

#[test]
fn a_member_is_kept_by_those_of_its_namespace_and_access_alone() {
    let pv = |member: Member| (*member.pv).clone();
    let app = pv(member("team/app"));
    let kept = |other: Pv| kept_by_one_of(&app, [&app, &other].into_iter());
    assert!(kept(pv(member("team/old").keeps())));
    assert!(!kept(pv(member("team/old"))));
    assert!(!kept(pv(member("else/old").keeps())));
    assert!(!kept(
        pv(member("team/old").keeps()).ours(|ours| ours.access = Access::ReadOnly)
    ));
}

#[test]
fn a_controller_that_died_between_the_cut_and_its_word_takes_nothing_back_and_says_it_later() {
    // Its evidence is gone with it, and is young again.
    let look = outlook(app(Consent::WithdrawnByOwner, 0), Some(Admission::Cut));
    let [change] = &look.wider[..] else { panic!("{look:?}") };
    assert_eq!((change.from, change.to), (Some(Admission::Cut), Admission::Cut));
    let said = steps(change, &app(Consent::WithdrawnByOwner, 0));
    assert_eq!(said.len(), 3, "{said:?}");
    assert_eq!(
        said[..2],
        [
            "backend  admit Cut to pvc-prod-data for team (ReadWrite)",
            "cluster  note on pv pvc-team-app: Cut"
        ],
        "the server may not have heard of it"
    );
    assert!(said[2].starts_with("tell     team/app: AccessCut: the owner no longer shares"));
}
