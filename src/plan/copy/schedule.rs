//! Which copy is next: so many of a namespace, so many in all, and first whoever has the fewest.

use crate::domain::ids::Namespace;

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

/// Which of `waiting` begins next while copies for the namespaces `running` are made: one of the namespace with the fewest, and of
/// several such the one that has waited longest, in the order given. `None`: as many as may are under way, or nothing waits.
pub fn next<'a, K>(
    bounds: Bounds,
    running: &[Namespace],
    waiting: impl IntoIterator<Item = (K, &'a Namespace)>,
) -> Option<K> {
    if running.len() >= bounds.in_all {
        return None;
    }
    let of = |namespace: &Namespace| running.iter().filter(|r| *r == namespace).count();
    let counted = waiting.into_iter().map(|(key, namespace)| (key, of(namespace)));
    let may = counted.filter(|(_, count)| *count < bounds.per_namespace);
    may.min_by_key(|(_, count)| *count).map(|(key, _)| key)
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
        next(Bounds::default(), &namespaces(running), waiting.iter().enumerate())
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

    proptest! {
        #[test]
        fn no_bound_is_ever_passed_and_no_slot_is_left_empty(
            waiting in prop::collection::vec(0u8..4, 0..40), per_namespace in 1usize..4, in_all in 1usize..9,
        ) {
            let bounds = Bounds { per_namespace, in_all };
            let mut waiting: Vec<Namespace> = waiting.iter().map(|n| Namespace::new(format!("ns-{n}"))).collect();
            let mut running = Vec::new();
            while let Some(at) = next(bounds, &running, waiting.iter().enumerate()) {
                running.push(waiting.remove(at));
            }
            let of = |n: &Namespace| running.iter().filter(|r| *r == n).count();
            prop_assert!(running.len() <= in_all && running.iter().all(|n| of(n) <= per_namespace));
            let stuck = running.len() == in_all || waiting.iter().all(|n| of(n) == per_namespace);
            prop_assert!(stuck, "{:?} wait beside {:?}", waiting, running);
        }
    }
}
