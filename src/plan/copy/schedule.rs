//! Which copy is next: so many of a namespace, so many in all, and first whoever has the fewest; of several such, whose turn is longest ago.

use crate::domain::ids::Namespace;
use std::collections::{BTreeMap, BTreeSet};

/// How many copies there may be at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// For claims of one namespace.
    pub per_namespace: usize,
    /// In all.
    pub in_all: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            per_namespace: 2,
            in_all: 8,
        }
    }
}

/// In which order namespaces had their last turns. Without it, as many namespaces as there are places would keep everyone else out
/// until their long lines are done: whose copy has ended has the fewest again, and waited first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Turns {
    last: BTreeMap<Namespace, u64>,
    given: u64,
}

impl Turns {
    /// This namespace has one now. Those of which nothing is `in_line`, waiting or under way, are forgotten.
    pub fn give<'a>(&mut self, namespace: &Namespace, in_line: impl IntoIterator<Item = &'a Namespace>) {
        let in_line: BTreeSet<_> = in_line.into_iter().collect();
        self.last.retain(|known, _| in_line.contains(known));
        self.given += 1;
        self.last.insert(namespace.clone(), self.given);
    }

    /// Less for whoever had one longer ago, or never.
    fn last(&self, namespace: &Namespace) -> u64 {
        self.last.get(namespace).copied().unwrap_or_default()
    }
}

/// Which of `waiting` begins next while copies for the namespaces `running` are made: one of the namespace with the fewest; of several
/// such, of the one whose turn is longest ago; and of its own the one that has waited longest, in the order given. `None`: as many as
/// may are under way, or nothing waits.
pub fn next<'a, K>(
    bounds: Bounds,
    running: &[Namespace],
    turns: &Turns,
    waiting: impl IntoIterator<Item = (K, &'a Namespace)>,
) -> Option<K> {
    if running.len() >= bounds.in_all {
        return None;
    }
    let of = |namespace: &Namespace| running.iter().filter(|r| *r == namespace).count();
    let ranked = waiting
        .into_iter()
        .map(|(key, namespace)| (key, (of(namespace), turns.last(namespace))));
    let may = ranked.filter(|(_, (count, _))| *count < bounds.per_namespace);
    may.min_by_key(|(_, rank)| *rank).map(|(key, _)| key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn namespaces(names: &[&str]) -> Vec<Namespace> {
        names.iter().map(|n| Namespace::new(*n)).collect()
    }

    fn chosen(running: &[&str], waiting: &[&str]) -> Option<usize> {
        let waiting = namespaces(waiting);
        next(
            Bounds::default(),
            &namespaces(running),
            &Turns::default(),
            waiting.iter().enumerate(),
        )
    }

    #[test]
    fn who_has_the_fewest_goes_first_and_then_who_waits_longest() {
        for (running, waiting, expected) in [
            (&[][..], &[][..], None),
            (&[], &["a", "b"], Some(0)),
            (&["a"], &["a", "b", "c"], Some(1)),
            (&["a", "b"], &["a", "b"], Some(0)),
            (&["a", "a"], &["a", "a"], None),
            (&["a", "a"], &["a", "b"], Some(1)),
            (&["a", "a", "b", "b", "c", "c", "d", "d"], &["e"], None),
        ] {
            assert_eq!(chosen(running, waiting), expected, "{running:?} {waiting:?}");
        }
    }

    /// How many copies end, with as many under way as may be, until one for `late` begins: it asks after `crowds` namespaces that each
    /// have so many in line.
    fn ends_until_late_begins(crowds: usize, each: usize) -> usize {
        let late = Namespace::new("late");
        let crowd = |n: usize| Namespace::new(format!("crowd-{n}"));
        let mut waiting: Vec<Namespace> = (0..crowds).flat_map(|n| vec![crowd(n); each]).collect();
        let (mut running, mut turns) = (Vec::new(), Turns::default());
        let mut begin = |waiting: &mut Vec<Namespace>, running: &mut Vec<Namespace>| {
            while let Some(at) = next(Bounds::default(), running, &turns, waiting.iter().enumerate()) {
                let namespace = waiting.remove(at);
                turns.give(&namespace, waiting.iter().chain(running.iter()));
                running.push(namespace);
            }
        };
        begin(&mut waiting, &mut running);
        waiting.push(late.clone());
        let ended = (1..).find(|_| {
            running.remove(0);
            begin(&mut waiting, &mut running);
            running.contains(&late)
        });
        ended.unwrap()
    }

    #[test]
    fn who_comes_late_waits_for_no_other_s_line() {
        for (crowds, each) in [(1, 100), (8, 100), (20, 100)] {
            let ends = ends_until_late_begins(crowds, each);
            // Those that had none yet either, and were there before, come first.
            let before = crowds.saturating_sub(Bounds::default().in_all);
            assert!(ends <= before + 1, "{ends} copies ended before, of {crowds} namespaces");
        }
    }

    #[test]
    fn who_has_none_in_line_is_forgotten_and_everyone_else_keeps_their_turn() {
        let mut turns = Turns::default();
        let (a, b) = (Namespace::new("a"), Namespace::new("b"));
        let next = |turns: &Turns| next(Bounds::default(), &[], turns, [(1, &b), (2, &a)]);
        turns.give(&a, [&a, &b]);
        turns.give(&b, [&a, &b]);
        assert_eq!(next(&turns), Some(2), "whose turn is longer ago");
        turns.give(&a, [&a]);
        assert_eq!(next(&turns), Some(1), "who is new had none");
    }

    proptest! {
        #[test]
        fn no_bound_is_ever_passed_and_no_slot_is_left_empty(
            waiting in prop::collection::vec(0u8..4, 0..40), per_namespace in 1usize..4, in_all in 1usize..9,
        ) {
            let bounds = Bounds { per_namespace, in_all };
            let mut waiting: Vec<Namespace> = waiting.iter().map(|n| Namespace::new(format!("ns-{n}"))).collect();
            let (mut running, mut turns) = (Vec::new(), Turns::default());
            while let Some(at) = next(bounds, &running, &turns, waiting.iter().enumerate()) {
                let namespace = waiting.remove(at);
                turns.give(&namespace, &waiting);
                running.push(namespace);
            }
            let of = |n: &Namespace| running.iter().filter(|r| *r == n).count();
            prop_assert!(running.len() <= in_all && running.iter().all(|n| of(n) <= per_namespace));
            let stuck = running.len() == in_all || waiting.iter().all(|n| of(n) == per_namespace);
            prop_assert!(stuck, "{:?} wait beside {:?}", waiting, running);
        }
    }
}
