//! Restores that have begun, by the tokens on a content.

use super::forged::other;
use super::*;

/// What stands on a content when the copy for a claim has begun.
fn note(s: &Scene) -> CopyNote {
    s.plan()
        .actions
        .iter()
        .find_map(|a| match a {
            Action::KeepSnapshot { note, .. } => note.copy().cloned(),
            _ => None,
        })
        .unwrap()
}

pub(super) fn with_token(s: &Scene) -> Content {
    let token = Token::copying(s.claim.uid.clone());
    Content {
        tokens: [(token, Some(Note::Copy(note(s))))].into(),
        ..content()
    }
}

/// The content with the token of a claim, looked at.
fn kept(s: &Scene, claim: TokenClaim) -> (LiveContent, Token) {
    let token = Token::copying(s.claim.uid.clone());
    let v = LiveContent {
        content: with_token(s),
        snapshot: s.snapshot.clone(),
        origin: Taken::default(),
        class: Class::Unnamed,
        backend: Some(taker()),
        imports: Imports::default(),
        shared: false,
        found: Found::NotAsked,
        tokens: [(token.clone(), claim)].into(),
        copies: Default::default(),
        failed: None,
    };
    (v, token)
}

fn checked(v: &LiveContent) -> Vec<Action> {
    let actions = reading::plan(v);
    assert_eq!(rules::check(&actions), Ok(()), "{actions:?}");
    actions
}

#[test]
fn a_restore_that_has_begun_is_made_from_the_content_alone_even_while_that_is_being_deleted() {
    for terminating in [false, true] {
        let (mut v, token) = kept(&restoring(), TokenClaim::Waiting);
        (v.content.terminating, v.content.being_deleted, v.snapshot) = (terminating, terminating, None);
        assert!(matches!(&checked(&v)[..], [Action::Record(_)]));
        let wanted = reading::wanted(&v);
        assert_eq!(wanted.len(), 1);
        assert_eq!(rules::check(&wanted[0].actions), Ok(()));
        let reads = wanted[0].actions.iter().any(|a| {
            matches!(a, Action::Copy { from: Data::Snapshot(handle), drop_set_id: false, .. } if *handle == own_handle())
        });
        assert!(reads, "{:?}", wanted[0]);
        assert_eq!(reading::fate(&v, &token), keeping::Fate::Wanted);
        if terminating {
            assert!(matches!(decide(&v), Step::Wait(_)), "the data waits for it");
        }
    }
}

#[test]
fn a_claim_of_another_namespace_needs_a_consent_that_is_asked_for_again() {
    let (v, _) = kept(&elsewhere(), TokenClaim::Waiting);
    let wanted = reading::wanted(&v);
    assert!(wanted[0].consent.is_some());
    assert!(
        wanted[0]
            .actions
            .iter()
            .any(|a| matches!(a, Action::Copy { drop_set_id: true, .. }))
    );
    let edits: [fn(&mut CopyNote); 3] = [
        |n| n.consent = None,
        |n| n.consent.as_mut().unwrap().source.name = "other".into(),
        |n| n.consent.as_mut().unwrap().source.kind = SourceKind::Claim,
    ];
    for edit in edits {
        let (mut v, token) = kept(&elsewhere(), TokenClaim::Waiting);
        let mut forged = note(&elsewhere());
        edit(&mut forged);
        v.content.tokens.insert(token, Some(Note::Copy(forged)));
        assert_eq!(reading::wanted(&v), Vec::new());
    }
}

#[test]
fn a_token_on_a_forged_content_is_taken_off_and_nothing_is_read() {
    let (mut v, token) = kept(&restoring(), TokenClaim::Waiting);
    v.content.status.as_mut().unwrap().handle = Some(other("victims", "victim").to_string());
    assert_eq!(reading::wanted(&v), Vec::new());
    assert_eq!(reading::fate(&v, &token), keeping::Fate::Stopped);
    assert!(matches!(&checked(&v)[..], [Action::LetSnapshotGo { .. }]));
}

#[test]
fn when_the_object_is_there_the_token_comes_off() {
    let (v, _) = kept(&restoring(), TokenClaim::Served);
    assert!(matches!(&checked(&v)[..], [Action::LetSnapshotGo { .. }]));
}

#[test]
fn when_the_claim_is_gone_only_what_the_ledger_calls_its_copy_is_cleared_away() {
    let discards = |record: Option<Record>| {
        let (mut v, token) = kept(&restoring(), TokenClaim::Gone);
        let known = keeping::Known {
            record,
            ..Default::default()
        };
        v.copies.insert(token, known);
        let actions = checked(&v);
        assert!(
            matches!(actions.last(), Some(Action::LetSnapshotGo { .. })),
            "{actions:?}"
        );
        actions.iter().any(|a| matches!(a, Action::Discard { .. }))
    };
    let (v, _) = kept(&restoring(), TokenClaim::Waiting);
    let begun = checked(&v).into_iter().find_map(|a| match a {
        Action::Record(changes) => changes.into_iter().find_map(|c| match c {
            crate::domain::change::Change::Begin(record) => Some(record),
            _ => None,
        }),
        _ => None,
    });
    assert!(discards(begun));
    assert!(!discards(None), "it may be a kept volume");
    assert!(!discards(Some(testing::record("team/app"))));
    assert!(
        !discards(Some(copied("team/app", "team/data"))),
        "a copy of something else"
    );
    assert_eq!(content_name(&SnapshotUid::new(snaps::UID)), content().name);
}
