//! Claims that were edited after something had begun for them.

use super::*;
use crate::domain::record::{Intent, State};
use crate::domain::token::TokenKind;
use crate::plan::testing::copied;
use begun::Promised;

/// The ways in which a claim can ask, by annotations that may be edited at any time.
fn asking() -> [(&'static str, Claim); 4] {
    let plain = || testing::claim("team/app");
    [
        ("nothing", plain()),
        (
            "a copy",
            plain().annotated(&[("trident.netapp.io/cloneFromPVC", "data")]),
        ),
        (
            "a copy of a snapshot",
            plain().annotated(&[("trident.netapp.io/cloneFromSnapshot", "snap")]),
        ),
        ("a share", plain().asks("prod/data")),
    ]
}

fn empty() -> Record {
    record("team/app").state(State::Creating).intends(Intent::Create)
}

fn told(scene: &Scene) -> Option<String> {
    match scene.plan().verdict {
        Verdict::Refused(refusal) if refusal.reason == R::ConflictingSource => Some(refusal.text),
        _ => None,
    }
}

#[test]
fn whose_token_is_on_anything_waits_for_what_that_promises_whatever_it_asks_for_by_now() {
    for kind in [TokenKind::Copying, TokenKind::Joining] {
        for (what, claim) in asking() {
            for record in [None, Some(copied("team/app", "team/data")), Some(empty())] {
                let edited = ordinary().with(|s| {
                    s.claim = claim.clone();
                    s.promised = Some(Promised { kind, noted: true });
                    s.record = record;
                });
                assert!(settled(&edited), "{kind:?}, and asks for {what} by now");
            }
        }
    }
}

#[test]
fn without_what_finishing_needs_beside_it_a_token_still_keeps_everything_else_from_being_made() {
    for (what, claim) in asking() {
        let edited = |kind| {
            ordinary().with(|s| {
                s.claim = claim.clone();
                s.promised = Some(Promised { kind, noted: false });
            })
        };
        let by_copy = told(&edited(TokenKind::Copying)).is_some_and(|text| text.contains("was begun as a copy"));
        assert_eq!(by_copy, !what.contains("copy"), "{what}");
        let by_share = told(&edited(TokenKind::Joining)).is_some_and(|text| text.contains("was begun as a share"));
        assert_eq!(by_share, what != "a share", "{what}");
    }
}

#[test]
fn a_volume_that_was_begun_empty_becomes_no_copy_and_no_member() {
    for (what, claim) in asking() {
        let edited = ordinary().with(|s| {
            s.claim = claim;
            s.record = Some(empty());
        });
        let Some(text) = told(&edited) else {
            assert_eq!((what, edited.provisions()), ("nothing", true), "it is finished");
            continue;
        };
        assert_ne!(what, "nothing");
        assert!(
            text.contains("begun as an empty one") && text.contains("make it again"),
            "{text}"
        );
    }
}

#[test]
fn a_volume_that_was_begun_as_a_copy_is_finished_as_nothing_else() {
    for (what, claim) in asking().into_iter().filter(|(what, _)| !what.contains("copy")) {
        let edited = ordinary().with(|s| {
            s.claim = claim;
            s.record = Some(copied("team/app", "team/data"));
        });
        let text = told(&edited).unwrap();
        assert!(text.contains("begun as a copy"), "{what}: {text}");
    }
}
