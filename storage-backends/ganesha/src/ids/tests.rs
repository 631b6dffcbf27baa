use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

const REST: Duration = Duration::from_secs(100);

fn at(second: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(second).unwrap()
}

fn id(id: u16) -> ExportId {
    ExportId::new(id).unwrap()
}

fn nowhere(_: ExportId) -> bool {
    false
}

#[test]
fn ids_ascend_and_a_freed_one_is_not_the_next() {
    let mut ids = Ids::default();
    assert_eq!(ids.take(at(0), REST, nowhere), Ok(id(1)));
    assert_eq!(ids.take(at(0), REST, nowhere), Ok(id(2)));
    ids.rest(id(1), at(0));
    assert_eq!(ids.take(at(1000), REST, nowhere), Ok(id(3)));
}

#[test]
fn after_the_highest_comes_the_lowest_that_has_rested() {
    let used = [
        (id(1), Usage::Resting { since: at(50) }),
        (id(2), Usage::Resting { since: at(0) }),
    ];
    let mut ids = Ids::recorded(used, Some(id(65535)));
    assert_eq!(ids.take(at(120), REST, nowhere), Ok(id(2)));
}

#[test]
fn ids_that_others_use_are_passed_over() {
    let mut ids = Ids::default();
    assert_eq!(ids.take(at(0), REST, |other| other.get() < 7), Ok(id(7)));
}

#[test]
fn when_all_are_taken_or_rest_there_is_none_and_later_there_is_one() {
    let mut ids = Ids::default();
    for _ in 0..u16::MAX {
        ids.take(at(0), REST, nowhere).unwrap();
    }
    assert_eq!(ids.take(at(0), REST, nowhere), Err(Exhausted));
    ids.rest(id(9), at(10));
    assert_eq!(ids.take(at(109), REST, nowhere), Err(Exhausted));
    assert_eq!(ids.take(at(110), REST, nowhere), Ok(id(9)));
}

#[test]
fn a_clock_that_was_put_back_lets_nothing_out_early() {
    let mut ids = Ids::recorded([(id(1), Usage::Resting { since: at(1000) })], Some(id(65535)));
    assert_eq!(ids.take(at(0), REST, nowhere), Ok(id(2)));
    assert!(ids.forget(at(0), REST).is_empty());
}

#[test]
fn the_last_id_is_remembered_however_long_it_has_rested() {
    let mut ids = Ids::default();
    for _ in 0..3 {
        let taken = ids.take(at(0), REST, nowhere).unwrap();
        ids.rest(taken, at(0));
    }
    assert_eq!(ids.forget(at(500), REST), [id(1), id(2)]);
    assert_eq!(ids.take(at(500), REST, nowhere), Ok(id(4)));
}

#[derive(Debug, Clone)]
enum Step {
    Take,
    Leave(usize),
    Pass(u8),
    Forget,
    /// The process ends, and the next one reads what was recorded.
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => Just(Step::Take),
        3 => any::<usize>().prop_map(Step::Leave),
        2 => any::<u8>().prop_map(Step::Pass),
        1 => Just(Step::Forget),
        1 => Just(Step::Restart),
    ];
    proptest::collection::vec(step, 0..200)
}

proptest! {
    // A wrap looks at all ids, so that a few histories say as much as many.
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// Begins near the end of the range, so that it wraps; ids beyond a few are another's, so that it wraps often.
    #[test]
    fn no_id_is_given_twice_within_its_rest(steps in steps(), begin in 1..=30u16) {
        let mut ids = Ids::recorded([], Some(id(begin)));
        let (mut now, mut taken, mut left) = (0i64, vec![], BTreeMap::new());
        for step in steps {
            match step {
                Step::Take => match ids.take(at(now), REST, |other| other.get() > 30) {
                    Ok(new) => {
                        prop_assert!(!taken.contains(&new));
                        if let Some(since) = left.get(&new) {
                            prop_assert!(now - since >= 100);
                        }
                        taken.push(new);
                    }
                    Err(Exhausted) => {
                        let busy: BTreeSet<_> = left.iter().filter(|(_, since)| now - **since < 100).map(|(id, _)| *id).collect();
                        prop_assert_eq!(busy.len() + taken.len(), 30);
                    }
                },
                Step::Leave(which) if !taken.is_empty() => {
                    let gone = taken.swap_remove(which % taken.len());
                    ids.rest(gone, at(now));
                    left.insert(gone, now);
                }
                Step::Leave(_) => {}
                Step::Pass(seconds) => now += i64::from(seconds),
                Step::Forget => {
                    for gone in ids.forget(at(now), REST) {
                        prop_assert!(now - left[&gone] >= 100);
                    }
                }
                Step::Restart => ids = Ids::recorded(ids.used.clone(), ids.last),
            }
            prop_assert_eq!(ids.taken(), taken.len());
        }
    }
}
