//! On exactly while it is needed. The names begin with the rows of the table of finalizers on sources that they answer for.

use super::*;
use crate::domain::ids::{ContentName, SnapshotUid};
use crate::domain::snapshot::SnapshotKey;
use crate::plan::testing::snapshots::{self as objects};
use crate::plan::testing::{self, member_pv, pv, uid};

fn source() -> Claim {
    testing::claim("prod/data").bound()
}

/// What is done about the finalizer of a source of copies.
fn step(claim: &Claim, pv: Option<&Pv>) -> Step {
    decide(ForHold::of_claim(Hold::Copies, claim, pv, 0, &all_there()))
}

/// All targets that are spoken of are there, and nobody's namespace goes.
fn all_there() -> Around {
    Around {
        leaving: false,
        targets: ["team/app", "far/app"].map(uid).into(),
    }
}

fn carrying() -> Claim {
    source().with(|c| c.holds = [Hold::Copies].into())
}

#[test]
fn fn_01_a_source_whose_copies_are_made_is_let_go() {
    assert_eq!(step(&carrying().terminating(), Some(&pv("prod/data"))), Step::Take);
}

#[test]
fn fn_02_one_that_is_being_copied_is_kept_while_it_is_deleted() {
    let copied = pv("prod/data").copying("team/app");
    assert_eq!(step(&carrying().terminating(), Some(&copied)), Step::Nothing);
    assert_eq!(step(&carrying(), Some(&copied)), Step::Nothing);
    assert_eq!(step(&source(), Some(&copied)), Step::Put);
}

#[test]
fn fn_03_one_copy_of_two_is_enough() {
    let two = pv("prod/data").copying("team/app").copying("far/app");
    assert_eq!(step(&carrying().terminating(), Some(&two)), Step::Nothing);
    let one = two.with(|pv| drop(pv.tokens.remove(&Token::copying(uid("team/app")))));
    assert_eq!(step(&carrying().terminating(), Some(&one)), Step::Nothing);
}

#[test]
fn fn_04_what_is_copied_elsewhere_under_the_same_name_keeps_nothing() {
    // `far/app` is a copy of `far/data`, and `team/app` one of `prod/data`: each keeps its own.
    let (far, prod) = (pv("far/data").copying("far/app"), pv("prod/data").copying("team/app"));
    assert_eq!(step(&carrying(), Some(&far)), Step::Take);
    assert_eq!(step(&carrying(), Some(&prod)), Step::Nothing);
}

#[test]
fn fn_05_without_copies_it_is_let_go_deleted_or_not() {
    assert_eq!(step(&carrying(), Some(&pv("prod/data"))), Step::Take);
    assert_eq!(
        step(&carrying().terminating(), None),
        Step::Take,
        "its object went before it"
    );
    let joining = pv("prod/data").token("team/app");
    assert_eq!(step(&carrying(), Some(&joining)), Step::Take, "a join is no copy");
    let strangers = pv("prod/data").with(|pv| pv.ours = None);
    assert_eq!(
        step(&carrying(), Some(&strangers)),
        Step::Take,
        "a manifest that was copied with its finalizers"
    );
    let of_another = member_pv("prod/data", "else/data").copying("team/app");
    assert_eq!(
        step(&carrying(), Some(&of_another)),
        Step::Take,
        "a member is no source"
    );
}

#[test]
fn fn_06_without_the_finalizer_there_is_nothing_to_take_off() {
    assert_eq!(step(&source().terminating(), Some(&pv("prod/data"))), Step::Nothing);
    assert_eq!(step(&source(), Some(&pv("prod/data"))), Step::Nothing);
}

#[test]
fn what_is_being_deleted_gets_no_new_one_and_who_strips_it_is_not_fought() {
    let copied = pv("prod/data").copying("team/app");
    assert_eq!(step(&source().terminating(), Some(&copied)), Step::Nothing);
    let stripped = ForHold {
        needed: true,
        on: false,
        terminating: false,
        lately: true,
    };
    assert_eq!(decide(stripped), Step::Later);
    assert_eq!(
        decide(ForHold {
            terminating: true,
            ..stripped
        }),
        Step::Nothing
    );
    for on in [false, true] {
        let unneeded = ForHold {
            needed: false,
            on,
            ..stripped
        };
        assert_eq!(decide(unneeded) == Step::Take, on, "it comes off at once all the same");
    }
}

#[test]
fn whatever_is_seen_a_step_changes_what_is_not_as_it_should_be_and_nothing_else() {
    for bits in 0..16 {
        let [needed, on, terminating, lately] = [1, 2, 4, 8].map(|bit| bits & bit != 0);
        let seen = ForHold {
            needed,
            on,
            terminating,
            lately,
        };
        let step = decide(seen);
        assert_eq!(step == Step::Take, on && !needed, "{seen:?}");
        assert_eq!(step == Step::Put, needed && !on && !terminating && !lately, "{seen:?}");
        assert_eq!(seen.is_left_over(), step == Step::Take);
    }
}

#[test]
fn a_volume_that_became_another_claim_s_holds_the_old_one_no_longer() {
    let given = pv("prod/data").copying("team/app");
    let given = given.with(|pv| pv.claim.as_mut().unwrap().uid = Some(uid("else/where")));
    assert_eq!(step(&carrying().terminating(), Some(&given)), Step::Take);
    let free = pv("prod/data").copying("team/app").with(|pv| pv.claim = None);
    assert_eq!(step(&carrying(), Some(&free)), Step::Take);

    // With members it is the new owner's claim that stays for them: the helper of a populator is done with.
    let shared = pv("prod/data").ours(|o| o.on_owner_delete = OnOwnerDelete::Hold);
    let shared = shared.with(|pv| pv.claim.as_mut().unwrap().uid = Some(uid("else/where")));
    let target = testing::claim("else/where").bound();
    for (claim, expected) in [(source(), false), (target, true)] {
        assert_eq!(needs(Hold::Members, &claim, Some(&shared), 1, &all_there()), expected);
    }
}

#[test]
fn a_hold_for_members_is_needed_exactly_while_the_volume_has_a_member_or_a_join() {
    let holds = pv("prod/data").ours(|o| o.on_owner_delete = OnOwnerDelete::Hold);
    for (what, pv, members, expected) in [
        ("alone", holds.clone(), 0, false),
        ("a member", holds.clone(), 1, true),
        ("a join", holds.clone().token("team/app"), 0, true),
        (
            "a copy, which has a hold of its own",
            holds.copying("team/app"),
            0,
            false,
        ),
        ("the volume was not made for it", pv("prod/data"), 1, false),
    ] {
        assert_eq!(
            needs(Hold::Members, &source(), Some(&pv), members, &all_there()),
            expected,
            "{what}"
        );
    }
    assert!(!needs(Hold::Members, &source(), None, 1, &all_there()));
}

fn snapshot() -> Snapshot {
    let mut snapshot = objects::snapshot();
    snapshot.content = Some(objects::content().name);
    snapshot
}

fn read_for(claims: &[&str]) -> Content {
    let mut content = objects::content();
    for claim in claims {
        content.tokens.insert(Token::copying(uid(claim)), None);
    }
    content
}

#[test]
fn fn_09_a_snapshot_whose_restore_is_done_is_let_go() {
    assert!(!is_restored(&snapshot(), Some(&read_for(&[])), &all_there()));
}

#[test]
fn fn_10_one_that_is_being_restored_is_kept() {
    assert!(is_restored(&snapshot(), Some(&read_for(&["team/app"])), &all_there()));
    assert!(
        is_restored(&snapshot(), Some(&read_for(&["far/app"])), &all_there()),
        "in whichever namespace"
    );
}

#[test]
fn fn_11_one_that_nobody_restores_is_let_go() {
    assert!(!is_restored(&snapshot(), None, &all_there()));
    let unbound = objects::snapshot();
    assert!(!is_restored(&unbound, Some(&read_for(&["team/app"])), &all_there()));
}

#[test]
fn fn_12_one_restore_of_several_is_enough() {
    let mut content = read_for(&["team/app", "far/app"]);
    for (claim, left) in [("team/app", true), ("far/app", false)] {
        assert!(is_restored(&snapshot(), Some(&content), &all_there()));
        content.tokens.remove(&Token::copying(uid(claim)));
        assert_eq!(
            is_restored(&snapshot(), Some(&content), &all_there()),
            left,
            "without {claim}"
        );
    }
}

#[test]
fn a_content_that_is_another_snapshot_s_holds_nobody() {
    let edits: [fn(&mut Content); 4] = [
        |c| c.name = ContentName::new("other"),
        |c| c.of = SnapshotKey::new("else", "before"),
        |c| c.of_uid = Some(SnapshotUid::new("other")),
        |c| c.of_uid = None,
    ];
    for edit in edits {
        let mut content = read_for(&["team/app"]);
        edit(&mut content);
        assert!(!is_restored(&snapshot(), Some(&content), &all_there()), "{content:?}");
    }
}

#[test]
fn what_is_copied_keeps_no_namespace_from_going() {
    let leaving = Around {
        leaving: true,
        ..all_there()
    };
    let copied = pv("prod/data").copying("far/app");
    let step = |claim: &Claim| decide(ForHold::of_claim(Hold::Copies, claim, Some(&copied), 0, &leaving));
    assert_eq!(step(&carrying().terminating()), Step::Take);
    assert_eq!(step(&source()), Step::Nothing, "nor is it put on there");
    assert!(!is_restored(&snapshot(), Some(&read_for(&["far/app"])), &leaving));
    let holds = pv("prod/data").ours(|o| o.on_owner_delete = OnOwnerDelete::Hold);
    assert!(
        needs(Hold::Members, &source(), Some(&holds), 1, &leaving),
        "what its class says is no courtesy"
    );
}

#[test]
fn a_copy_whose_target_went_holds_nothing_while_it_waits_to_be_cleared_away() {
    let copied = pv("prod/data").copying("team/app");
    let step = |pv: &Pv, there: &[&str]| {
        let around = Around {
            targets: there.iter().map(|name| uid(name)).collect(),
            ..Around::default()
        };
        decide(ForHold::of_claim(Hold::Copies, &carrying(), Some(pv), 0, &around))
    };
    assert_eq!(step(&copied, &[]), Step::Take);
    assert_eq!(step(&copied, &["far/app"]), Step::Take);
    assert_eq!(step(&copied.clone().copying("far/app"), &["far/app"]), Step::Nothing);
    let unreadable = copied.with(|pv| drop(pv.tokens.insert(Token::copying(uid("team/app")), None)));
    assert_eq!(step(&unreadable, &[]), Step::Nothing, "whose it is nobody can say");
}
