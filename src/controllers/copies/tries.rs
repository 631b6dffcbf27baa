//! How often a copy was tried in vain.

use crate::plan::copy::outcome::Answer;

/// Attempts that came to nothing, one after another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tries {
    /// All of them.
    pub(super) in_a_row: u32,
    /// Those of them, the last among them, in which the backend did nothing at all.
    pub(super) refusals: u32,
    /// Those of them that the backend objected to.
    pub(super) in_vain: u32,
}

impl Tries {
    pub(super) fn and_one_more(self, answer: Answer) -> Self {
        Self {
            in_a_row: self.in_a_row.saturating_add(1),
            refusals: match answer {
                Answer::Refused => self.refusals.saturating_add(1),
                Answer::Objected | Answer::Nothing => 0,
            },
            in_vain: match answer {
                Answer::Objected => self.in_vain.saturating_add(1),
                Answer::Refused | Answer::Nothing => self.in_vain,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(answers: &[Answer]) -> Tries {
        let one_more = |tries: Tries, answer: &Answer| tries.and_one_more(*answer);
        answers.iter().fold(Tries::default(), one_more)
    }

    #[test]
    fn refusals_count_only_one_after_another() {
        use Answer::{Nothing, Refused};
        let tries = |answers: &[Answer]| (after(answers).in_a_row, after(answers).refusals);
        assert_eq!(tries(&[Refused, Refused]), (2, 2));
        assert_eq!(tries(&[Refused, Refused, Nothing]), (3, 0));
        assert_eq!(tries(&[Nothing, Refused]), (2, 1));
    }

    #[test]
    fn an_outage_is_nothing_that_was_tried_in_vain() {
        use Answer::{Nothing, Objected, Refused};
        assert_eq!(after(&[Nothing, Refused, Nothing, Nothing, Nothing]).in_vain, 0);
        assert_eq!(after(&[Objected, Nothing, Objected]).in_vain, 2);
    }
}
