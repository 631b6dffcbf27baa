//! Copies: tokens, and what is there when one comes off.

use super::arbitrary::{claim_scene, live_volume};
use super::deciding::decide;
use crate::domain::claim::ClaimPhase;
use crate::domain::grant::{Referent, Referrer, permitted};
use crate::domain::record::{Intent, Record, State};
use crate::domain::token::{Token, TokenKind};
use crate::plan::copy::Origin;
use crate::plan::volume::{Fate, TokenClaim, fate, wanted};
use crate::plan::{Action, rules, volume};
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_token_comes_off_only_when_its_claim_is_gone_or_served_or_its_member_was_made(v in live_volume()) {
        let plan = volume::decide(&v);
        for action in &plan.actions {
            let Action::TakeToken { token, .. } = action else { continue };
            let done = matches!(v.tokens.get(token), Some(TokenClaim::Gone | TokenClaim::Served));
            let made = plan.actions.iter().any(|a| matches!(a, Action::CreatePv(pv) if pv.name == token.claim.pv_name()));
            let over = v.copies.of_this.get(token).is_some_and(|known| {
                let ending = |r: &Record| r.state == State::Deleting || matches!(r.intent, Some(Intent::Discard { .. }));
                let another = |r: &Record| r.state == State::Creating && match &r.intent {
                    Some(Intent::Copy { from }) => *from != v.volume,
                    Some(Intent::Create) => true,
                    _ => false,
                };
                known.given_up || known.record.as_ref().is_some_and(|r| ending(r) || another(r))
            });
            prop_assert!(done || made || over, "{}", plan);
        }
    }

    #[test]
    fn what_is_copied_is_kept_waited_for_and_of_this_volume(v in live_volume()) {
        let plan = volume::decide(&v);
        for copy in wanted(&v) {
            prop_assert_eq!(rules::check(&copy.actions), Ok(()));
            prop_assert_eq!(fate(&v, &copy.token), Fate::Wanted);
            let record = v.copies.of_this.get(&copy.token).and_then(|known| known.record.as_ref());
            let begins = |r: &Record| r.intent == Some(Intent::Copy { from: v.volume.clone() });
            let none = |r: &Record| !matches!(r.intent, Some(Intent::Copy { .. } | Intent::Create));
            let fits = record.is_none_or(|r| begins(r) || none(r));
            prop_assert!(fits, "in the place of something else");
            let pv = v.pv.as_ref().unwrap();
            prop_assert!(pv.is_owner() && pv.tokens.contains_key(&copy.token) && copy.source == Origin::Volume(pv.name.clone()));
            // Nothing that this very look does takes from the copy what it reads, or what it makes.
            let ends = |a: &Action| match a {
                Action::Discard { volume, .. } => *volume == v.volume || volume.pv_name() == copy.token.claim.pv_name(),
                Action::TakeToken { token, .. } => *token == copy.token,
                Action::DeletePv(_) | Action::Unprotect { .. } => true,
                _ => false,
            };
            prop_assert!(!plan.actions.iter().any(ends), "{}", plan);
        }
    }

    #[test]
    fn a_copy_begins_only_on_live_reads_with_consent_and_of_a_claim_that_is_in_order(s in claim_scene()) {
        let plan = decide(&s);
        for action in &plan.actions {
            let Action::PutToken { pv, token, note } = action else { continue };
            if token.kind == TokenKind::Joining {
                continue;
            }
            let (source, owner) = (s.source.as_ref().unwrap(), s.source_pv.as_ref().unwrap());
            let note = note.copy().unwrap();
            prop_assert!(s.live && !s.outgrown && s.claim.is_unbound());
            prop_assert!(source.phase == ClaimPhase::Bound && !source.terminating && !owner.terminating && owner.is_owner());
            prop_assert_eq!(owner.claim.as_ref().and_then(|c| c.uid.as_ref()), Some(&source.uid));
            prop_assert_eq!((&pv.version, &pv.uid), (&owner.version, &owner.uid));
            prop_assert!(note.bytes >= owner.capacity && Some(note.bytes) == s.claim.request);
            prop_assert_eq!(token, &Token::copying(s.claim.uid.clone()));
            let across = source.key.namespace != s.claim.key.namespace;
            prop_assert_eq!(note.consent.is_some(), across);
            let (from, to) = (Referrer::claims_of(&s.claim.key.namespace), Referent::claim(&source.key));
            let annotated = s.claim.annotations.clone_from().is_some();
            prop_assert!(!across || annotated || permitted(&s.grants, from, to).is_some());
        }
    }
}
