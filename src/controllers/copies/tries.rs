//! How often a copy was tried in vain.

/// Attempts that came to nothing, one after another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tries {
    /// All of them.
    pub(super) in_a_row: u32,
    /// Those of them, the last among them, in which the backend did nothing at all.
    pub(super) refusals: u32,
}

impl Tries {
    pub(super) fn and_one_more(self, refused: bool) -> Self {
        Self {
            in_a_row: self.in_a_row.saturating_add(1),
            refusals: if refused { self.refusals.saturating_add(1) } else { 0 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_count_only_one_after_another() {
        let after = |answers: &[bool]| {
            answers
                .iter()
                .fold(Tries::default(), |tries, refused| tries.and_one_more(*refused))
        };
        let tries = |in_a_row, refusals| Tries { in_a_row, refusals };
        assert_eq!(after(&[true, true]), tries(2, 2));
        assert_eq!(after(&[true, true, false]), tries(3, 0));
        assert_eq!(after(&[false, true]), tries(2, 1));
    }
}
