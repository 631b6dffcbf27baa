//! Tokens: each is finished or taken off before anything else is decided.

use super::*;
use crate::domain::access::Access;

fn finishes(v: &LiveVolume) -> Option<PvName> {
    planned(v).actions.iter().find_map(|a| match a {
        Action::CreatePv(pv) => Some(pv.name.clone()),
        _ => None,
    })
}

fn takes(v: &LiveVolume) -> bool {
    let plan = planned(v);
    matches!(plan.actions.last(), Some(Action::TakeToken { .. })) && plan.verdict == Verdict::Continue
}

/// The volume of each stage, for what holds in all of them.
fn stages() -> [LiveVolume; 5] {
    let by_hand = volume().object(Pv::terminating);
    [volume(), orphaned(), ending(), by_hand, volume().unrecorded()]
}

#[test]
fn a_token_whose_claim_is_gone_or_served_comes_off() {
    for v in stages() {
        assert!(takes(&v.clone().token("team/app", TokenClaim::Gone)));
        assert!(takes(&v.token("team/app", TokenClaim::Served)));
    }
}

#[test]
fn a_token_whose_claim_waits_is_finished_whatever_has_happened_to_the_owner() {
    for v in stages() {
        let waiting = v.token("team/app", TokenClaim::Waiting);
        assert_eq!(finishes(&waiting), Some(pv_name("team/app")));
        assert_eq!(planned(&waiting).verdict, Verdict::Continue);
        assert!(!deletes_object(&waiting) && discards(&waiting).is_none());
    }
}

#[test]
fn a_token_that_cannot_be_finished_is_waited_for_and_nothing_is_deleted() {
    let unreadable = |v: LiveVolume| {
        v.token("team/app", TokenClaim::Waiting)
            .object(|p| p.with(|p| p.tokens.values_mut().for_each(|n| *n = None)))
    };
    let copying = |v: LiveVolume| {
        let token = Token {
            kind: TokenKind::Copying,
            claim: uid("team/copy"),
        };
        v.with(|v| v.tokens.extend([(token.clone(), TokenClaim::Waiting)]))
            .object(|p| p.with(|p| drop(p.tokens.insert(token, None))))
    };
    let unseen = |v: LiveVolume| {
        v.object(|p| p.token("team/app"))
            .object(|p| p.with(|p| p.tokens.values_mut().for_each(|n| *n = None)))
    };
    for v in stages() {
        assert!(rests(&unreadable(v.clone())));
        // That takes as long as it takes, and what else happens to the volume is written down.
        let _ = notes(&copying(v.clone()));
        assert!(rests(&unseen(v)));
    }
}

#[test]
fn a_token_that_was_not_looked_up_counts_as_waiting() {
    let unseen = ending().object(|p| p.token("team/app"));
    assert_eq!(finishes(&unseen), Some(pv_name("team/app")));
}

#[test]
fn a_copy_s_token_comes_off_like_any_other() {
    let token = Token {
        kind: TokenKind::Copying,
        claim: uid("team/copy"),
    };
    let done = ending()
        .with(|v| v.tokens.extend([(token.clone(), TokenClaim::Gone)]))
        .object(|p| p.with(|p| drop(p.tokens.insert(token, None))));
    assert!(takes(&done));
}

#[test]
fn one_token_at_a_time_and_finished_ones_first() {
    let two = volume()
        .token("a/waits", TokenClaim::Waiting)
        .token("b/gone", TokenClaim::Gone);
    assert!(takes(&two));
    let both = volume()
        .token("b/late", TokenClaim::Waiting)
        .token("a/early", TokenClaim::Waiting);
    assert_eq!(finishes(&both), Some(pv_name("a/early")), "in the order of their names");
    let damaged = both.object(|p| p.with(|p| *p.tokens.get_mut(&Token::joining(uid("a/early"))).unwrap() = None));
    assert_eq!(
        finishes(&damaged),
        Some(pv_name("b/late")),
        "one that cannot be read stops no other"
    );
}

/// The ledger takes one open step: another join would be refused as busy for ever.
#[test]
fn the_join_that_a_crash_interrupted_goes_first() {
    let open = Intent::Join { pv: pv_name("b/late") };
    let both = volume()
        .token("b/late", TokenClaim::Waiting)
        .token("a/early", TokenClaim::Waiting);
    assert_eq!(finishes(&both.record(|r| r.intends(open))), Some(pv_name("b/late")));
}

#[test]
fn a_step_left_open_ends_with_its_token() {
    let open = || Intent::Join {
        pv: pv_name("team/app"),
    };
    for claim in [TokenClaim::Gone, TokenClaim::Served] {
        let v = volume().record(|r| r.intends(open())).token("team/app", claim);
        let plan = planned(&v);
        assert!(
            matches!(plan.actions.as_slice(), [Action::Note(c), Action::TakeToken { .. }]
            if matches!(c.as_slice(), [Change::Settle { intent, .. }] if *intent == open())),
            "{plan}"
        );
    }
    let other = volume()
        .record(|r| r.intends(open()))
        .token("else/where", TokenClaim::Served);
    assert!(matches!(planned(&other).actions.as_slice(), [Action::TakeToken { .. }]));
}

/// Whatever the ledger says, a promised join can be written into it.
#[test]
fn a_join_is_finished_from_every_record_that_a_crash_can_leave() {
    for state in [State::Creating, State::Live, State::SoftDeleted] {
        for intent in [
            None,
            Some(Intent::Create),
            Some(Intent::Join {
                pv: pv_name("team/app"),
            }),
            Some(Intent::Join {
                pv: pv_name("else/where"),
            }),
        ] {
            for v in [volume(), ending()] {
                let v = v
                    .record(|r| Record {
                        intent: intent.clone(),
                        ..r.state(state)
                    })
                    .token("team/app", TokenClaim::Waiting);
                if crate::domain::change::check(v.record.as_ref().unwrap()).is_ok() {
                    assert_eq!(finishes(&v), Some(pv_name("team/app")), "{state} {intent:?}");
                }
            }
        }
    }
}

#[test]
fn a_join_without_record_and_backend_name_waits_for_either() {
    let nameless = volume()
        .unrecorded()
        .object(|p| p.ours(|o| o.backend = None))
        .with(|v| v.backend = None)
        .token("team/app", TokenClaim::Waiting);
    assert!(rests(&nameless));
    assert_eq!(
        finishes(&nameless.with(|v| v.backend = Some(backend("nas1")))),
        Some(pv_name("team/app"))
    );
}

#[test]
fn a_member_joins_with_the_access_of_its_note() {
    let mut v = volume().token("team/app", TokenClaim::Waiting);
    v.pv.as_mut()
        .unwrap()
        .tokens
        .values_mut()
        .for_each(|n| *n = n.as_ref().map(testing::read_only_note));
    let access = planned(&v).actions.iter().find_map(|a| match a {
        Action::CreatePv(pv) => Some(pv.access),
        _ => None,
    });
    assert_eq!(access, Some(Access::ReadOnly));
}
