//! What was begun and came to nothing, or whose content goes midway: nothing of it stays behind for good.

use super::*;
use crate::domain::ids::ContentUid;
use tombolo_backend_api::BackendId;

/// Begun, given up, and its VolumeSnapshot deleted; of its volume nothing is left.
fn given_up() -> LiveContent {
    live().with(|v| {
        v.content.taking = Some(own_handle().to_string());
        (v.content.terminating, v.content.being_deleted) = (true, true);
        (v.origin, v.shared) = (Origin::default(), Some(false));
    })
}

#[test]
fn what_a_take_has_left_goes_with_its_content_under_either_policy() {
    for policy in [DeletionPolicy::Delete, DeletionPolicy::Retain] {
        let v = given_up().with(|v| v.content.policy = policy);
        assert_eq!(decide(&v), Step::Remove(own_handle()), "{policy:?}");
        let cleared = v.with(|v| v.content.taking = None);
        assert_eq!(decide(&cleared), Step::Release { left: None });
    }
    let there = given_up().with(|v| v.found = Found::There(on_backend()));
    assert_eq!(decide(&there), Step::Remove(own_handle()));
    let kept = there.with(|v| v.content.policy = DeletionPolicy::Retain);
    assert_eq!(decide(&kept), Step::Release { left: None }, "it is whole, and retained");
}

#[test]
fn while_the_backend_is_away_what_a_take_has_left_keeps_its_content() {
    for policy in [DeletionPolicy::Delete, DeletionPolicy::Retain] {
        let away = given_up().with(|v| (v.content.policy, v.backend, v.found) = (policy, None, Found::NotAsked));
        assert_eq!(away.failure().reason, R::SnapshotDeleteError, "{policy:?}");
    }
}

#[test]
fn where_no_snapshots_are_taken_any_more_what_a_take_has_left_keeps_nothing_that_is_retained() {
    let lacking = given_up().with(|v| {
        v.backend.as_mut().unwrap().capabilities.snapshot = false;
        (v.content.policy, v.found) = (DeletionPolicy::Retain, Found::NotAsked);
    });
    let Step::Release { left: Some(text) } = decide(&lacking) else {
        panic!("{:?}", decide(&lacking));
    };
    assert!(text.contains("stays there"), "{text}");
}

#[test]
fn a_forged_note_of_what_was_begun_removes_nothing() {
    let edits: [fn(&mut Content); 4] = [
        |c| c.taking = Some(own_handle().to_string().replace(UID, "victim")),
        |c| c.name = content_name(&SnapshotUid::new("another")),
        |c| c.of.namespace = testing::namespace("other"),
        |c| c.taking = Some("../x".into()),
    ];
    for edit in edits {
        let v = given_up().with(|v| edit(&mut v.content));
        assert_eq!(decide(&v), Step::Release { left: None }, "{:?}", v.content);
    }
}

#[test]
fn where_its_data_lies_is_known_when_its_volume_and_its_claim_are_gone() {
    let imports = Imports::default();
    let nothing = Origin::default();
    let known = |c: &Content| handle(c, None, &nothing, &imports);
    assert_eq!(known(&given_up().content), Some(own_handle()));
    // A deletion that failed once has said that it is not ready any more.
    let failed = live()
        .deleted()
        .with(|v| v.content.status.as_mut().unwrap().ready = false);
    assert_eq!(known(&failed.content), Some(own_handle()));
    assert_eq!(known(&content()), None);
}

#[test]
fn whoever_shares_what_was_begun_keeps_it() {
    let other = Content {
        name: crate::domain::ids::ContentName::new("by-hand"),
        uid: ContentUid::new("other"),
        source: ContentSource::Snapshot(own_handle().to_string()),
        ..content()
    };
    let imports = Imports::parse(&format!("team/{}", own_handle().id));
    assert!(shares(&given_up().content, &other, &imports));
    assert!(says(&other, &own_handle()) && lies_on(&other, &own_handle().backend));
    assert!(lies_on(&given_up().content, &own_handle().backend) && !lies_on(&content(), &own_handle().backend));
    let foreign = Content { ours: false, ..other };
    assert!(!says(&foreign, &own_handle()) && !lies_on(&foreign, &own_handle().backend));
}

#[test]
fn a_take_is_wanted_by_its_own_content_and_by_no_other_of_its_name() {
    let marked = live().with(|v| v.content.being_created = true);
    let Step::Take(take) = decide(&marked) else {
        panic!("{:?}", decide(&marked));
    };
    let content = marked.content;
    assert!(take.is_wanted(Some(&content)) && !take.is_wanted(None));
    let edits: [fn(&mut Content); 3] = [
        |c| c.uid = ContentUid::new("made-again"),
        |c| c.being_created = false,
        |c| c.status = Some(ready()),
    ];
    for edit in edits {
        let mut content = content.clone();
        edit(&mut content);
        assert!(!take.is_wanted(Some(&content)), "{content:?}");
    }

    let none = Imports::default();
    assert!(take.is_nobodys(true, None, &[], &none));
    assert!(
        !take.is_nobodys(true, Some(&snapshot()), &[], &none),
        "it may get another content"
    );
    assert!(!take.is_nobodys(true, None, std::slice::from_ref(&content), &none));
    let by_hand = Content {
        name: crate::domain::ids::ContentName::new("by-hand"),
        source: ContentSource::Snapshot(own_handle().to_string()),
        ..content
    };
    assert!(!take.is_nobodys(true, None, &[by_hand], &none), "an admin has found it");
    let another = Snapshot {
        uid: SnapshotUid::new("another"),
        ..snapshot()
    };
    assert!(take.is_nobodys(true, Some(&another), &[], &none));
}

#[test]
fn what_is_retained_or_imported_is_no_stale_take_s_to_remove() {
    let taken = |policy| {
        let marked = live().with(|v| (v.content.being_created, v.content.policy) = (true, policy));
        match decide(&marked) {
            Step::Take(take) => take,
            step => panic!("{step:?}"),
        }
    };
    let none = Imports::default();
    assert!(taken(DeletionPolicy::Delete).is_nobodys(true, None, &[], &none));
    let retained = taken(DeletionPolicy::Retain);
    assert!(!retained.is_nobodys(true, None, &[], &none));
    assert!(
        retained.is_nobodys(false, None, &[], &none),
        "what is not whole nobody keeps"
    );
    assert!(!retained.is_nobodys(false, Some(&snapshot()), &[], &none));
    let imported = Imports::parse(&format!("dev/{}", own_handle().id));
    assert!(!taken(DeletionPolicy::Delete).is_nobodys(true, None, &[], &imported));
}

#[test]
fn what_failed_while_its_content_goes_is_over_and_what_it_left_goes_along() {
    let failed = Failed {
        text: "the storage backend has no room left; ask your admin".into(),
        over: false,
    };
    let going = live().with(|v| {
        (v.content.terminating, v.content.being_created, v.content.being_deleted) = (true, true, true);
        v.content.taking = Some(own_handle().to_string());
        v.failed = Some(failed);
    });
    assert_eq!(decide(&going), Step::Over { left: true });
    let stays = going.clone().with(|v| v.content.terminating = false);
    assert!(matches!(decide(&stays), Step::Fail(_)), "it is tried again");
    let given_up = going.with(|v| (v.content.being_created, v.failed, v.shared) = (false, None, Some(false)));
    assert_eq!(decide(&given_up), Step::Remove(own_handle()));
}

#[test]
fn where_it_is_deleted_from_is_where_its_data_was_said_to_be_whatever_its_claim_is_bound_to_by_now() {
    let imports = Imports::default();
    let elsewhere = SnapshotHandle {
        backend: BackendId::parse("ffff").unwrap(),
        ..own_handle()
    };
    let v = given_up().with(|v| {
        v.content.taking = Some(elsewhere.to_string());
        v.origin = live().origin;
    });
    let asked = handle(&v.content, v.snapshot.as_ref(), &v.origin, &imports);
    assert_eq!(asked, Some(elsewhere.clone()));
    assert_eq!(decide(&v), Step::Remove(elsewhere));
}
