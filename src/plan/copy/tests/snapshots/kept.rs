//! Restores that have begun, by the tokens on a content.

use super::forged::other;
use super::*;
use crate::domain::snapshot::content::DeletionPolicy;
use crate::plan::copy::outcome::Attempts;

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
        shared: None,
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
fn whose_an_imported_snapshot_was_nobody_can_tell_and_privileges_do_not_come_across() {
    let (mut v, _) = kept(&restoring(), TokenClaim::Waiting);
    v.content.source = crate::domain::snapshot::content::ContentSource::Snapshot(own_handle().to_string());
    v.imports = Imports::parse(&format!("team/{}", own_handle().id));
    let wanted = reading::wanted(&v);
    let dropped = |a: &Action| matches!(a, Action::Copy { drop_set_id: true, .. });
    assert!(wanted[0].actions.iter().any(dropped), "{:?}", wanted[0]);
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

/// What a look does about a stranger's restore after these attempts, while `edit` is true of its source.
fn looked_at(edit: fn(&mut LiveContent), attempts: Attempts) -> (Vec<Action>, keeping::Fate) {
    let (mut v, token) = kept(&elsewhere(), TokenClaim::Waiting);
    edit(&mut v);
    let begun = checked(&v).into_iter().find_map(|a| match a {
        Action::Record(changes) => changes.into_iter().find_map(|c| match c {
            crate::domain::change::Change::Begin(record) => Some(record),
            _ => None,
        }),
        _ => None,
    });
    let known = keeping::Known {
        record: begun,
        given_up: reading::is_given_up(&v, &token, attempts),
        ..Default::default()
    };
    v.copies.insert(token.clone(), known);
    let fate = reading::fate(&v, &token);
    (checked(&v), fate)
}

#[test]
fn a_stranger_s_restore_that_comes_to_nothing_does_not_keep_a_snapshot_that_is_being_deleted() {
    let goes: [fn(&mut LiveContent); 3] = [
        |v| v.content.terminating = true,
        |v| v.content.being_deleted = true,
        |v| v.snapshot.as_mut().unwrap().terminating = true,
    ];
    let attempts = |in_vain, running| Attempts { in_vain, running };
    for edit in goes {
        let (actions, fate) = looked_at(edit, attempts(u32::MAX, false));
        assert_eq!(fate, keeping::Fate::Stopped);
        assert!(
            actions.iter().any(|a| matches!(a, Action::Discard { .. })),
            "{actions:?}"
        );
        assert!(
            matches!(actions.last(), Some(Action::LetSnapshotGo { .. })),
            "{actions:?}"
        );
        // One that runs is finished, and so is one that has still to begin, as after a restart.
        for attempts in [attempts(u32::MAX, true), attempts(0, false), attempts(1, false)] {
            assert_eq!(looked_at(edit, attempts), (Vec::new(), keeping::Fate::Wanted));
        }
    }
    // While nobody deletes anything, it may try for as long as it likes.
    assert_eq!(
        looked_at(|_| {}, attempts(u32::MAX, false)),
        (Vec::new(), keeping::Fate::Wanted)
    );
    // The VolumeSnapshot is held while it is restored, whatever becomes of the data.
    let retained: fn(&mut LiveContent) = |v| {
        (v.content.being_deleted, v.content.policy) = (true, DeletionPolicy::Retain);
    };
    assert_eq!(looked_at(retained, attempts(u32::MAX, false)).1, keeping::Fate::Stopped);
    let another: fn(&mut LiveContent) = |v| {
        let snapshot = v.snapshot.as_mut().unwrap();
        (snapshot.uid, snapshot.terminating) = (SnapshotUid::new("another"), true);
    };
    assert_eq!(looked_at(another, attempts(u32::MAX, false)).1, keeping::Fate::Wanted);
}

#[test]
fn the_owner_s_own_restore_is_never_given_up() {
    let (mut v, token) = kept(&restoring(), TokenClaim::Waiting);
    v.content.terminating = true;
    let hopeless = Attempts {
        in_vain: u32::MAX,
        running: false,
    };
    assert!(!reading::is_given_up(&v, &token, hopeless));
}

#[test]
fn a_token_without_consent_keeps_no_snapshot_that_is_being_deleted() {
    let (mut v, token) = kept(&elsewhere(), TokenClaim::Waiting);
    let forged = CopyNote {
        consent: None,
        ..note(&elsewhere())
    };
    v.content.tokens.insert(token.clone(), Some(Note::Copy(forged)));
    let given_up = |v: &LiveContent| reading::is_given_up(v, &token, Attempts::default());
    assert!(!given_up(&v));
    v.content.terminating = true;
    assert!(given_up(&v));
    v.content.tokens.insert(token.clone(), None);
    assert!(!given_up(&v), "it cannot be read, and may be a later version's");
}
