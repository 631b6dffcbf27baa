//! Copies of a volume: begun, under way, over; and the volume that is a copy.

use super::*;
use crate::domain::pv::ReclaimPolicy;
use crate::plan::testing::{copied, copier};

fn token() -> Token {
    Token::copying(uid("team/copy"))
}

/// A volume with the token of a copy, of whose claim this has become.
fn copying(v: LiveVolume, claim: TokenClaim) -> LiveVolume {
    v.with(|v| {
        v.tokens.extend([(token(), claim)]);
        v.backend = Some(copier("nas1"));
    })
    .object(|pv| pv.copying("team/copy"))
}

fn known(v: LiveVolume, known: Known) -> LiveVolume {
    v.with(|v| v.copies.of_this = [(token(), known)].into())
}

fn recorded(record: Record) -> Known {
    Known {
        record: Some(record),
        ..Known::default()
    }
}

/// The volume of each stage, for what holds in all of them.
fn stages() -> [LiveVolume; 5] {
    let by_hand = volume().object(Pv::terminating);
    [volume(), orphaned(), ending(), by_hand, volume().unrecorded()]
}

fn begins(v: &LiveVolume) -> bool {
    let begun = |a: &Action| match a {
        Action::Record(changes) => matches!(&changes[..], [Change::Begin(r)] if *r == copied("team/copy", "prod/data")),
        _ => false,
    };
    planned(v).actions.iter().any(begun)
}

/// What is there of the copy is cleared away, its token last.
fn clears(v: &LiveVolume) -> bool {
    let plan = planned(v);
    let words: Vec<_> = plan
        .actions
        .iter()
        .map(|a| match a {
            Action::Record(_) => "record",
            Action::AbandonCopy { .. } => "abandon",
            Action::Discard { volume, .. } if *volume == id("team/copy") => "discard",
            Action::TakeToken { .. } => "take",
            other => panic!("{other}"),
        })
        .collect();
    plan.verdict == Verdict::Continue && words == ["record", "abandon", "discard", "record", "take"]
}

#[test]
fn a_copy_that_is_waited_for_is_written_down_and_wanted_whatever_has_happened_to_its_source() {
    for v in stages() {
        let v = copying(v, TokenClaim::Waiting);
        assert!(begins(&v));
        assert!(!deletes_object(&v) && discards(&v).is_none());
        let all = wanted(&v);
        assert_eq!(all.len(), 1);
        assert_eq!(rules::check(&all[0].actions), Ok(()));
        assert_eq!(fate(&v, &token()), Fate::Wanted);
        let begun = known(v, recorded(copied("team/copy", "prod/data")));
        assert!(!begins(&begun));
        assert_eq!(wanted(&begun), all);
    }
}

#[test]
fn while_a_copy_reads_it_the_ledger_follows_the_volume_and_nothing_ends() {
    let gone = known(
        copying(orphaned(), TokenClaim::Waiting),
        recorded(copied("team/copy", "prod/data")),
    );
    let soft = Change::SetState {
        volume: id("prod/data"),
        state: State::SoftDeleted,
    };
    assert_eq!(notes(&gone), [soft]);
    let used = gone.with(|v| v.owners = vec![testing::claim("prod/data").bound()]);
    assert!(rests(&used), "released does not mean unused");
}

#[test]
fn a_join_does_not_wait_for_a_copy() {
    let both = copying(volume(), TokenClaim::Waiting).token("team/app", TokenClaim::Waiting);
    let joins = |a: &Action| matches!(a, Action::CreatePv(pv) if pv.name == pv_name("team/app"));
    assert!(planned(&both).actions.iter().any(joins));
    assert_eq!(wanted(&both).len(), 1);
}

#[test]
fn a_copy_s_token_comes_off_when_its_object_exists_and_its_task_may_end_in_peace() {
    for v in stages() {
        let v = copying(v, TokenClaim::Served);
        assert!(matches!(planned(&v).actions[..], [Action::TakeToken { .. }]));
        assert!(wanted(&v).is_empty());
        assert_eq!(fate(&v, &token()), Fate::Finishing);
    }
}

#[test]
fn a_copy_nobody_waits_for_is_cleared_away_with_or_without_a_record() {
    for v in stages() {
        let v = copying(v, TokenClaim::Gone);
        assert!(clears(&v));
        assert_eq!((wanted(&v).len(), fate(&v, &token())), (0, Fate::Stopped));
        let begun = copied("team/copy", "prod/data");
        assert!(clears(&known(v.clone(), recorded(begun.clone()))));
        let ending = Record {
            intent: Some(Intent::Discard { how: OnDelete::Delete }),
            ..begun.state(State::Deleting)
        };
        assert!(clears(&known(v.clone(), recorded(ending))));
        let unreadable = v.object(|p| p.with(|p| p.tokens.values_mut().for_each(|n| *n = None)));
        assert!(clears(&unreadable));
    }
}

#[test]
fn a_copy_that_does_not_fit_or_whose_end_has_begun_is_over_although_its_claim_waits() {
    let given_up = Known {
        given_up: true,
        ..recorded(copied("team/copy", "prod/data"))
    };
    let ending = Record {
        intent: Some(Intent::Discard { how: OnDelete::Delete }),
        ..copied("team/copy", "prod/data").state(State::Deleting)
    };
    for over in [given_up, recorded(ending)] {
        let v = known(copying(volume(), TokenClaim::Waiting), over);
        assert!(clears(&v));
        assert_eq!((wanted(&v).len(), fate(&v, &token())), (0, Fate::Stopped));
    }
}

#[test]
fn in_the_place_of_what_was_begun_as_something_else_no_copy_is_made_and_nothing_is_removed() {
    let empty = record("team/copy").state(State::Creating).intends(Intent::Create);
    for another in [empty, copied("team/copy", "team/other")] {
        for v in stages() {
            let v = known(copying(v, TokenClaim::Waiting), recorded(another.clone()));
            assert!(wanted(&v).is_empty());
            let plan = planned(&v);
            assert!(matches!(plan.actions[..], [Action::TakeToken { .. }]), "{plan}");
        }
    }
}

#[test]
fn an_empty_directory_that_the_ledger_has_forgotten_makes_way_for_the_copy() {
    let v = copying(volume(), TokenClaim::Waiting);
    let copy = wanted(&v).remove(0);
    let at = copy
        .actions
        .iter()
        .position(|a| matches!(a, Action::Copy { .. }))
        .unwrap();
    let Action::RemoveEmpty { handle, .. } = &copy.actions[at - 1] else {
        panic!("{}", copy.actions[at - 1]);
    };
    assert_eq!(handle.path.as_str(), "pvc-team-copy");
}

#[test]
fn a_token_waits_for_a_backend_that_is_away_before_anything_is_called_cleared() {
    let away = copying(volume(), TokenClaim::Gone).with(|v| v.backend = None);
    assert!(notes(&away).is_empty());
}

/// As after somebody put a token on by hand: nothing was ever made, and nothing can be asked.
#[test]
fn where_no_copies_are_made_a_dead_token_just_comes_off() {
    let never = copying(volume(), TokenClaim::Gone).with(|v| v.backend = Some(backend("nas1")));
    assert!(matches!(planned(&never).actions[..], [Action::TakeToken { .. }]));
}

#[test]
fn data_that_had_an_object_or_is_another_s_is_no_copy_to_be_cleared_away() {
    let had = recorded(record("team/copy"));
    let twins = Known {
        twins: true,
        ..recorded(copied("team/copy", "prod/data"))
    };
    for stays in [had, twins] {
        let v = known(copying(volume(), TokenClaim::Gone), stays);
        let plan = planned(&v);
        assert!(
            matches!(
                plan.actions[..],
                [Action::AbandonCopy { .. }, Action::Record(_), Action::TakeToken { .. }]
            ),
            "{plan}"
        );
    }
}

/// The volume that is a copy, before it has an object.
fn unmade() -> LiveVolume {
    LiveVolume {
        copies: Copies::default(),
        volume: id("team/copy"),
        twins: false,
        pv: None,
        tokens: BTreeMap::new(),
        owners: Vec::new(),
        members: BTreeSet::new(),
        record: Some(copied("team/copy", "prod/data")),
        backend: Some(copier("nas1")),
    }
}

#[test]
fn a_copy_without_claim_and_token_is_cleared_away_from_its_own_record() {
    let plan = planned(&unmade());
    let [
        Action::Record(_),
        Action::AbandonCopy { .. },
        Action::Discard { .. },
        Action::Record(_),
    ] = &plan.actions[..]
    else {
        panic!("{plan}");
    };
    assert!(
        rests(&unmade().with(|v| v.copies.into_this = true)),
        "its source's token does that"
    );
    assert!(rests(&unmade().with(|v| v.backend = None)), "the backend is away");
    assert!(
        rests(&unmade().owners(&[testing::claim("team/copy")])),
        "it is waited for"
    );
    let twins = planned(&unmade().with(|v| v.twins = true));
    assert!(!twins.actions.iter().any(Action::touches_data), "{twins}");
}

#[test]
fn what_was_being_cleared_away_when_its_token_was_stripped_is_cleared_away_whole() {
    let ending = unmade().record(|r| Record {
        intent: Some(Intent::Discard { how: OnDelete::Delete }),
        ..r.state(State::Deleting)
    });
    let plan = planned(&ending);
    assert!(
        plan.actions.iter().any(|a| matches!(a, Action::AbandonCopy { .. })),
        "{plan}"
    );
    assert!(
        plan.actions.iter().any(|a| matches!(a, Action::Discard { .. })),
        "{plan}"
    );
}

/// Otherwise what a Retain keeps could be taken for a copy that nobody ever mounted.
#[test]
fn a_volume_is_not_let_go_while_its_source_says_that_it_is_being_copied() {
    for policy in [ReclaimPolicy::Delete, ReclaimPolicy::Retain] {
        let v = ending().object(|p| p.policy(policy));
        assert!(rests(&v.clone().with(|v| v.copies.into_this = true)), "{policy:?}");
        assert!(!rests(&v), "{policy:?}");
    }
}

#[test]
fn that_a_volume_was_copied_is_over_on_disk_before_its_object_goes() {
    let made = volume().record(|r| r.state(State::Creating).intends(Intent::Copy { from: id("team/data") }));
    let plan = planned(&made);
    assert!(matches!(plan.actions[..], [Action::Record(_)]), "{plan}");
    let kept = ending()
        .object(|p| p.policy(ReclaimPolicy::Retain))
        .record(|r| r.state(State::Creating).intends(Intent::Copy { from: id("team/data") }));
    let plan = planned(&kept);
    assert!(
        matches!(
            plan.actions[..],
            [Action::Record(_), Action::Unprotect { .. }, Action::Note(_)]
        ),
        "{plan}"
    );
}
