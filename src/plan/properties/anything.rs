//! One plan each, from anything.

use super::arbitrary::{claim_scene, live_member, live_volume, odd_uid};
use super::deciding::decide;
use super::kind::kind;
use crate::domain::change::{self, Change};
use crate::domain::claim::ClaimPhase;
use crate::domain::ids::VolumeId;
use crate::domain::record::{Intent, Record, State};
use crate::domain::token::Token;
use crate::plan::handshake;
use crate::plan::{Action, Plan, Verdict, glance, member, rules, testing, volume};
use proptest::prelude::*;

/// The changes of a plan to one volume, one after the other, are legal for the record that was seen.
pub(super) fn legal(volume: &VolumeId, record: Option<&Record>, plan: &Plan) -> Result<(), String> {
    let mut record = record.cloned();
    for action in &plan.actions {
        let (Action::Record(changes) | Action::Note(changes)) = action else {
            continue;
        };
        for change in changes.iter().filter(|c| c.volume() == volume) {
            record = change::apply(record, change).map_err(|e| format!("{e}\n{plan}"))?;
        }
    }
    Ok(())
}

/// Whether the data of this very volume is discarded.
fn discards(of: &VolumeId, plan: &Plan) -> bool {
    plan.actions
        .iter()
        .any(|a| matches!(a, Action::Discard { volume, .. } if volume == of))
}

proptest! {
    #[test]
    fn a_volume_s_plan_keeps_the_rules_and_the_ledger_takes_it(v in live_volume()) {
        let plan = volume::decide(&v);
        prop_assert_eq!(rules::check_plan(&plan), Ok(()), "{}", plan);
        // A discard that the ledger has begun, under an object on which a token waits, is a contradiction that the API server
        // excludes; nothing could be legal there.
        let contradiction = v.record.as_ref().is_some_and(|r| {
            r.state == State::Deleting || matches!(r.intent, Some(Intent::Discard { .. }))
        });
        if !contradiction || discards(&v.volume, &plan) {
            prop_assert_eq!(legal(&v.volume, v.record.as_ref(), &plan), Ok(()));
        }
        for (token, known) in &v.copies.of_this {
            prop_assert_eq!(legal(&VolumeId::from(&token.claim.pv_name()), known.record.as_ref(), &plan), Ok(()));
        }
        prop_assert_eq!(plan, volume::decide(&v), "planning twice gives the same plan");
    }

    #[test]
    fn data_is_discarded_only_when_nobody_at_all_is_left(v in live_volume()) {
        let plan = volume::decide(&v);
        // Without the object: a discard that was begun, and whose object somebody took away by force; or a copy that never had one.
        if discards(&v.volume, &plan) && v.pv.is_none() {
            prop_assert!(v.members.is_empty() && !v.twins);
            prop_assert!(v.owners.iter().all(|c| c.is_bound_elsewhere(&v.volume.pv_name())));
            let record = v.record.as_ref().unwrap();
            let copied = matches!(record.intent, Some(Intent::Copy { .. }));
            prop_assert!(record.state == State::Deleting || (copied && !v.copies.into_this));
        } else if discards(&v.volume, &plan) {
            let pv = v.pv.as_ref().unwrap();
            prop_assert!(pv.terminating && pv.is_owner());
            prop_assert!(pv.tokens.is_empty() && v.tokens.is_empty() && !v.copies.into_this);
            prop_assert!(v.members.is_empty());
            prop_assert!(v.owners.iter().all(|c| c.phase == ClaimPhase::Bound && c.volume_name.as_ref() != Some(&pv.name)));
            prop_assert_eq!(pv.policy, crate::domain::pv::ReclaimPolicy::Delete);
            prop_assert!(v.record.as_ref().is_none_or(|r| Some(&r.handle) == pv.ours.as_ref().map(|o| &o.handle)));
        }
    }

    #[test]
    fn an_object_is_let_go_or_deleted_only_when_nobody_is_left(v in live_volume()) {
        let plan = volume::decide(&v);
        let ends = plan.actions.iter().any(|a| matches!(a, Action::DeletePv(_) | Action::Unprotect { .. }));
        if ends {
            let pv = v.pv.as_ref().unwrap();
            prop_assert!(v.members.is_empty() && pv.tokens.is_empty());
            prop_assert!(v.owners.iter().all(|c| c.is_bound_elsewhere(&pv.name)));
            prop_assert!(pv.is_let_go());
        }
    }

    #[test]
    fn a_quiet_volume_has_nothing_to_be_done(v in live_volume()) {
        let mut v = v;
        // What an API server shows: the owner is named as it is, and every token was looked up.
        if let (Some(record), Some(claim)) = (&mut v.record, v.pv.as_ref().and_then(|p| p.claim.as_ref()))
            && claim.uid.as_ref() == Some(&record.owner.uid)
        {
            record.owner.key = claim.key.clone();
        }
        let used = v.owners.iter().any(|claim| !claim.is_bound_elsewhere(&v.volume.pv_name()));
        if glance::volume_is_quiet(&v.volume, v.pv.as_ref(), v.record.as_ref(), used) {
            prop_assert!(volume::decide(&v).actions.is_empty());
        }
    }

    #[test]
    fn a_member_s_plan_keeps_the_rules_and_never_touches_data(m in live_member()) {
        let plan = member::decide(&m);
        prop_assert_eq!(rules::check_plan(&plan), Ok(()), "{}", plan);
        prop_assert!(!plan.actions.iter().any(Action::touches_data));
        let own = m.record.as_ref().filter(|r| r.volume.pv_name() != m.name);
        let volume = m.record.as_ref().map(|r| &r.volume);
        prop_assert_eq!(volume.map_or(Ok(()), |volume| legal(volume, own, &plan)), Ok(()));
        prop_assert_eq!(plan, member::decide(&m), "planning twice gives the same plan");
    }

    #[test]
    fn a_member_leaves_only_when_no_claim_uses_it(m in live_member()) {
        let plan = member::decide(&m);
        let lets_go = |a: &Action| match a {
            Action::Unprotect { .. } => true,
            Action::Note(changes) => changes.iter().any(|c| matches!(c, Change::Leave { .. })),
            _ => false,
        };
        if plan.actions.iter().any(lets_go) {
            let uses = |c: &&crate::domain::claim::Claim| c.phase != ClaimPhase::Pending && !c.is_bound_elsewhere(&m.name);
            prop_assert_eq!(m.claims.iter().find(uses), None);
        }
    }

    #[test]
    fn a_quiet_member_has_nothing_to_be_done(m in live_member()) {
        let stray = m.claims.iter().any(|c| c.is_bound_elsewhere(&m.name));
        if !stray && glance::member_is_quiet(&m.name, m.pv.as_ref(), m.volume.as_ref(), m.record.as_ref()) {
            prop_assert!(member::decide(&m).actions.is_empty());
        }
    }

    #[test]
    fn a_claim_s_plan_keeps_the_rules(s in claim_scene()) {
        let plan = decide(&s);
        prop_assert_eq!(rules::check_plan(&plan), Ok(()), "{}", plan);
        // Nobody joins a volume that no claim was ever bound to: what is open then is another's, and waited for.
        // No empty volume is made where the record of a copy is open: that is not legal.
        let contradicts = |r: &Record| matches!(r.intent, Some(Intent::Join { .. }));
        if !s.record.as_ref().is_some_and(contradicts) {
            prop_assert_eq!(legal(&testing::id("team/app"), s.record.as_ref(), &plan), Ok(()));
        }
        prop_assert_eq!(plan, decide(&s), "planning twice gives the same plan");
    }

    #[test]
    fn a_claim_s_data_is_made_only_for_a_claim_that_asked_for_nothing_else(s in claim_scene()) {
        if decide(&s).actions.iter().any(Action::touches_data) {
            let c = &s.claim;
            prop_assert!(c.is_unbound() && c.volume_name.is_none() && !c.selector && c.attributes_class.is_none());
            prop_assert_eq!(&c.source, &crate::domain::source::DataSource::None);
            prop_assert!(handshake::wanted(c).is_none() && c.annotations.clone_from().is_none() && c.annotations.unknown().is_none());
        }
    }

    #[test]
    fn a_claim_s_token_is_the_end_of_deciding(s in claim_scene()) {
        let plan = decide(&s);
        prop_assert!(plan.actions.is_empty() || s.promised.is_none_or(|promised| !promised.noted), "{}", plan);
        let empty = plan.actions.iter().any(Action::touches_data);
        prop_assert!(!empty || s.promised.is_none(), "{}", plan);
    }

    #[test]
    fn a_join_begins_only_on_live_reads_and_with_consent(s in claim_scene()) {
        let plan = decide(&s);
        let token = plan.actions.iter().find_map(|a| match a {
            Action::PutToken { pv, token, note } if note.join().is_some() => Some((pv, token, note)),
            _ => None,
        });
        if let Some((pv, token, note)) = token {
            let note = note.join().unwrap();
            let (source, owner) = (s.source.as_ref().unwrap(), s.source_pv.as_ref().unwrap());
            prop_assert!(s.live && s.claim.is_unbound() && !s.going);
            prop_assert!(!source.terminating && !owner.terminating && owner.is_owner());
            prop_assert_eq!(owner.claim.as_ref().and_then(|c| c.uid.as_ref()), Some(&source.uid));
            prop_assert!(s.references.iter().any(|r| r.names(&source.key) && r.access >= note.access));
            prop_assert_eq!((&pv.version, &pv.uid), (&owner.version, &owner.uid));
            prop_assert_eq!((&token.claim, &note.claim, &note.source_uid), (&s.claim.uid, &s.claim.key, &source.uid));
        }
    }

    #[test]
    fn a_refusal_serves_nobody_and_its_words_are_few(s in claim_scene()) {
        if let Plan { actions, verdict: Verdict::Refused(refusal) } = decide(&s) {
            let harmless = matches!(actions[..], [] | [Action::Reschedule { .. }]);
            prop_assert!(harmless);
            prop_assert!(!refusal.text.is_empty() && refusal.text.len() < 1000);
        }
    }

    #[test]
    fn tokens_of_any_uid_read_back(uid in odd_uid()) {
        let token = Token::joining(uid.clone());
        let read = Token::of_finalizer(&token.finalizer());
        prop_assert_eq!(read, (!uid.as_str().is_empty()).then_some(token));
    }
}

/// The properties above would hold of observations that lead to nothing, too.
#[test]
fn the_observations_lead_to_every_kind_of_action_and_verdict() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..12_000 {
        let volume = live_volume().new_tree(&mut runner).unwrap().current();
        let member = live_member().new_tree(&mut runner).unwrap().current();
        let claim = claim_scene().new_tree(&mut runner).unwrap().current();
        for plan in [volume::decide(&volume), member::decide(&member), decide(&claim)] {
            seen.extend(plan.actions.iter().map(kind));
            seen.insert(match plan.verdict {
                Verdict::Settled => "settled",
                Verdict::Continue => "continue",
                Verdict::AskLive => "ask live",
                Verdict::NotOurs => "not ours",
                Verdict::Refused(_) => "refused",
            });
        }
    }
    let expected = "abandon copy, ask live, continue, create, delete, discard, make, mend, not ours, note, put hold, put token, \
                    record, record owner, refused, remove empty, reschedule, set retain, settled, take token, tell, unprotect";
    assert_eq!(seen.into_iter().collect::<Vec<_>>().join(", "), expected);
}
