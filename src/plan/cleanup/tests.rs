//! When a removal is due, and when it has failed.

use super::*;
use crate::domain::pv::PvPhase;
use crate::plan::testing::{handle, pv, pv_name, record};
use crate::plan::volume;
use crate::plan::volume::LiveVolume;
use crate::plan::{Action, testing};

fn ending() -> Pv {
    pv("prod/data").released().terminating()
}

fn of(pv: &Pv, record: Option<&Record>) -> ForCleanup<'static> {
    ForCleanup {
        pv: Box::leak(Box::new(pv.clone())),
        record: record.map(|r| &*Box::leak(Box::new(r.clone()))),
        backend: None,
        twins: false,
        used: false,
        members: 0,
        failed_attempts: 0,
    }
}

#[test]
fn nothing_is_due_while_anybody_is_there_or_the_data_is_to_be_kept() {
    let due = || of(&ending(), None);
    assert_eq!(state(&due()), Cleanup::UnderWay);
    assert_eq!(state(&ForCleanup { used: true, ..due() }), Cleanup::NotDue);
    assert_eq!(state(&ForCleanup { members: 1, ..due() }), Cleanup::NotDue);
    assert_eq!(state(&of(&ending().token("team/app"), None)), Cleanup::NotDue);
    assert_eq!(state(&of(&pv("prod/data"), None)), Cleanup::NotDue);
    let kept = pv("prod/data").released().policy(ReclaimPolicy::Retain);
    assert_eq!(state(&of(&kept, None)), Cleanup::NotDue);
    assert_eq!(
        state(&of(&pv("prod/data").phase(PvPhase::Failed), None)),
        Cleanup::UnderWay
    );
}

#[test]
fn attempts_that_fail_are_a_failure_only_of_what_is_due() {
    let failing = |pv: &Pv| {
        state(&ForCleanup {
            failed_attempts: 1,
            ..of(pv, None)
        })
    };
    assert!(matches!(failing(&ending()), Cleanup::Failed(_)));
    assert!(matches!(failing(&pv("prod/data").released()), Cleanup::Failed(_)));
    assert_eq!(failing(&pv("prod/data")), Cleanup::NotDue, "whatever failed is over");
}

/// The plan of the same volume, and the words in which it gives up.
fn told(pv: &Pv, record: Option<&Record>) -> Option<String> {
    let plan = volume::decide(&LiveVolume {
        copies: Default::default(),
        volume: testing::id("prod/data"),
        twins: false,
        pv: Some(pv.clone()),
        tokens: Default::default(),
        owners: Vec::new(),
        members: Default::default(),
        record: record.cloned(),
        backend: None,
    });
    plan.actions.iter().find_map(|action| match action {
        Action::Tell(announcement) => Some(announcement.text.clone()),
        _ => None,
    })
}

#[test]
fn a_removal_that_waits_for_a_person_is_a_failure_in_the_words_of_its_plan() {
    let moved = ending().ours(|o| o.handle = handle(&pv_name("else/where")));
    let nobody_s = ending().with(|p| p.claim = None);
    let recorded = record("prod/data");
    for (what, pv, record) in [
        ("its handle was edited", &moved, Some(&recorded)),
        ("nothing says whose it was", &nobody_s, None),
    ] {
        let Cleanup::Failed(words) = state(&of(pv, record)) else {
            panic!("{what}: not said");
        };
        assert_eq!(told(pv, record).as_deref(), Some(words), "{what}");
    }
    let retained = moved.policy(ReclaimPolicy::Retain);
    assert_eq!(
        state(&of(&retained, Some(&recorded))),
        Cleanup::UnderWay,
        "only the object goes"
    );
    assert_eq!(told(&retained, Some(&recorded)), None);
}
