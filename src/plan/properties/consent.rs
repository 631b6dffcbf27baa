//! What is said to whom nobody has consented.

use super::arbitrary::{ClaimScene, claim_scene};
use crate::plan::handshake::{Handshake, examine};
use crate::plan::testing;
use proptest::prelude::*;

proptest! {
    /// Whoever has neither reference nor grant sees the same, whatever the source is.
    #[test]
    fn before_consent_the_answer_does_not_depend_on_the_source(a in claim_scene(), b in claim_scene()) {
        let labels = testing::labels(&[]);
        let claim = testing::claim("team/app").asks("prod/data");
        let answer = |s: &ClaimScene| {
            let source = s.source.clone().map(|c| c.annotated(&[]));
            let h = Handshake {
                claim: &claim,
                class: s.class.as_ref(),
                namespace_labels: &labels,
                references: &a.references,
                source: source.as_ref(),
                grants: &[],
                source_namespace_terminating: s.going,
                source_pv: s.source_pv.as_ref(),
                backend: s.backends.first(),
            };
            examine(&h).verdict.map(|a| a.via)
        };
        let (one, two) = (answer(&a), answer(&b));
        prop_assert!(one.is_err());
        prop_assert_eq!(one, two);
    }
}
