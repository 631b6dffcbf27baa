//! How many copies of one source may have begun at once, and for whom.
//!
//! Nobody remembers who has waited how long: whoever is looked at first when a place is free would have it, and again, the same few for ever.
//! So a place is for whoever has fewer copies than there are places left. The last one is then for a namespace without any, and whoever has
//! many makes room for who has few, until of `n` namespaces that want all they can get each has about one part in `n + 1`.

use super::{Examined, refuse};
use crate::api::reasons::ClaimReason as R;
use crate::domain::token::{Note, Token, TokenKind};
use crate::plan::Plan;
use std::collections::BTreeMap;

/// Copies of one volume or snapshot that may have begun. A token and its note are a kilobyte, of 256 that the API server lets annotations
/// have.
const MOST_COPIES: usize = 64;
/// The same for one namespace. While there are fewer, nobody is refused.
pub const MOST_COPIES_OF_NAMESPACE: usize = 16;

/// Whether one more may begin for a namespace.
const fn may_begin(all: usize, of_namespace: usize) -> bool {
    of_namespace < MOST_COPIES_OF_NAMESPACE && of_namespace < MOST_COPIES.saturating_sub(all)
}

/// Each copy that waits or runs is written on the source's object, which has room for so many, and whose end waits for them all.
pub(super) fn room_for_a_token(
    e: &Examined<'_>,
    tokens: &BTreeMap<Token, Option<Note>>,
    told: &str,
) -> Result<(), Plan> {
    let copying = tokens.iter().filter(|(token, _)| token.kind == TokenKind::Copying);
    let own = |note: &Option<Note>| {
        note.as_ref()
            .is_some_and(|note| note.claim().namespace == e.claim.key.namespace)
    };
    let (all, of_namespace) = (copying.clone().count(), copying.filter(|(_, note)| own(note)).count());
    if may_begin(all, of_namespace) {
        return Ok(());
    }
    let text = format!(
        "{told} is being copied for {of_namespace} claims of this namespace, and what room is left is kept for whoever has fewer; this claim \
         goes on when one of those copies is done"
    );
    refuse(R::LimitReached, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whose the places are that are taken, the oldest first. Everybody always has more to do.
    #[derive(Default)]
    struct Source {
        begun: Vec<usize>,
    }

    impl Source {
        fn of(&self, namespace: usize) -> usize {
            self.begun.iter().filter(|n| **n == namespace).count()
        }

        /// They begin what they may, in this order; who has begun.
        fn wake(&mut self, namespaces: impl Iterator<Item = usize> + Clone) -> Vec<usize> {
            let from = self.begun.len();
            for namespace in namespaces {
                while may_begin(self.begun.len(), self.of(namespace)) {
                    self.begun.push(namespace);
                }
            }
            self.begun[from..].to_vec()
        }
    }

    const LATE: usize = 1000;

    #[test]
    fn who_comes_late_waits_only_for_those_that_have_none_either_and_has_its_part_soon() {
        for greedy in [1, 2, 5, 20, 62] {
            let mut source = Source::default();
            source.wake(0..greedy);
            let without = (0..greedy).filter(|n| source.of(*n) == 0).count();
            let parts = MOST_COPIES / (greedy + 2);
            let (mut before, mut others) = (None, 0);
            while source.of(LATE) < parts.min(MOST_COPIES_OF_NAMESPACE) {
                let begun = source.wake((0..greedy).chain([LATE]));
                let first = begun.iter().position(|n| *n == LATE);
                before = before.or(first.map(|first| others + first));
                others += begun.iter().filter(|n| **n != LATE).count();
                assert!(
                    others <= 2 * MOST_COPIES && !source.begun.is_empty(),
                    "{greedy}: {others} others"
                );
                source.begun.remove(0);
            }
            // Where there are almost as many namespaces as places, some lose their only one and are without again.
            let most = if greedy <= 20 { without } else { MOST_COPIES };
            assert!(
                before.unwrap() <= most,
                "{greedy}: {before:?} others, of whom {without} had none"
            );
        }
    }

    #[test]
    fn of_several_that_come_late_each_has_its_first_before_anybody_has_another() {
        let mut source = Source::default();
        source.wake(0..5);
        let late = LATE..LATE + 20;
        let mut begun = Vec::new();
        // The greedy are woken first each time a copy ends.
        while late.clone().any(|n| source.of(n) == 0) {
            begun.extend(source.wake((0..5).chain(late.clone())));
            source.begun.remove(0);
            assert!(begun.len() <= 3 * MOST_COPIES, "{begun:?}");
        }
        let greedy = begun.iter().filter(|n| **n < LATE).count();
        assert!(
            greedy <= 5,
            "{greedy} of those that had some began before the last that had none"
        );
    }

    #[test]
    fn while_few_ask_each_has_all_that_one_may() {
        for (namespaces, each) in [(1, 16), (3, 16), (4, 8)] {
            let mut source = Source::default();
            source.wake(0..namespaces);
            assert!((0..namespaces).all(|n| source.of(n) >= each), "{:?}", source.begun);
        }
    }
}
