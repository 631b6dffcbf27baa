//! Rows SS-01 to SS-21.

use super::*;

#[test]
fn ss_01_one_that_was_not_ready_is_asked_for_again_and_is_ready_when_the_backend_has_it() {
    let unready = ContentStatus {
        ready: false,
        ..ready()
    };
    let v = live().with(|v| (v.content.status, v.content.being_created) = (Some(unready), true));
    assert!(matches!(decide(&v), Step::Take(_)));
    let there = v.with(|v| v.found = Found::There(on_backend()));
    assert_eq!(decide(&there), Step::Report(own_handle(), on_backend()));
    let said = there.with(|v| v.content.status = Some(ready()));
    assert_eq!(decide(&said), Step::Over { left: false });
    assert_eq!(decide(&said.with(|v| v.content.being_created = false)), Step::Nothing);
}

#[test]
fn ss_02_a_new_one_is_marked_then_taken_under_a_name_of_its_uid_then_reported_and_the_mark_goes() {
    assert!(matches!(decide(&live()), Step::Begin(take) if take.handle == own_handle()));
    let marked = live().with(|v| v.content.being_created = true);
    let Step::Take(take) = decide(&marked) else {
        panic!("{:?}", decide(&marked));
    };
    assert!(
        take.handle.id.as_str().starts_with(&format!("snapshot-{UID}-")),
        "{}",
        take.handle
    );
    assert_eq!(
        (take.of, take.bytes, take.drop_set_id),
        (on_backend().of, pv("team/data").capacity, false)
    );
    let taken = marked.with(|v| v.found = Found::There(on_backend()));
    assert_eq!(decide(&taken), Step::Report(own_handle(), on_backend()));
}

#[test]
fn ss_03_what_fails_is_said_once_and_tried_again() {
    let failed = live().with(|v| {
        v.content.being_created = true;
        v.failed = Some(Failed {
            text: "no room".into(),
            over: false,
        });
    });
    let failure = failed.failure();
    assert_eq!((failure.reason, failure.said), (R::SnapshotCreationFailed, false));
    assert_eq!(failure.text, "Failed to create snapshot: no room");
    let said = failed.with(|v| v.content.status = Some(status_of(&failure)));
    assert!(said.failure().said, "an identical error is not written again");
    // The mark stays until the outcome is known: a deletion waits for it.
    assert!(matches!(decide(&said.with(|v| v.failed = None)), Step::Take(_)));
}

#[test]
fn ss_03_ss_05_where_there_is_a_status_already_another_reason_says_so() {
    let no_class = live().with(|v| v.class = Class::Missing);
    assert_eq!(no_class.failure().reason, R::SnapshotCreationFailed);
    let again = no_class.with(|v| v.content.status = Some(ContentStatus::default()));
    let failure = again.failure();
    assert_eq!(
        (failure.reason, failure.said),
        (R::SnapshotContentCheckandUpdateFailed, false)
    );
    assert!(
        failure
            .text
            .starts_with("Failed to check and update snapshot content: its VolumeSnapshotClass"),
        "{}",
        failure.text
    );
    let known = again.with(|v| v.content.status = Some(status_of(&failure)));
    assert!(known.failure().said);
}

fn status_of(failure: &Failure) -> ContentStatus {
    ContentStatus {
        error: Some(failure.text.clone()),
        ..ContentStatus::default()
    }
}

#[test]
fn ss_03_what_fails_for_good_loses_its_mark_when_that_was_said() {
    let over = live().with(|v| {
        v.content.being_created = true;
        v.failed = Some(Failed {
            text: "too large".into(),
            over: true,
        });
    });
    let failure = over.failure();
    let said = over.with(|v| v.content.status = Some(status_of(&failure)));
    assert_eq!(decide(&said), Step::Over { left: true });
}

#[test]
fn ss_05_without_a_class_nothing_is_taken() {
    for class in [Class::Unnamed, Class::Missing] {
        let v = live().with(|v| v.class = class.clone());
        let failure = v.failure();
        assert_eq!(failure.reason, R::SnapshotCreationFailed, "{class:?}");
        assert!(failure.text.contains("VolumeSnapshotClass"), "{}", failure.text);
    }
    let unknown = live().with(|v| v.class = Class::Unknown);
    assert_eq!(decide(&unknown), Step::Nothing, "whoever lists them wakes it");
}

#[test]
fn ss_05_what_has_begun_comes_to_its_end_without_its_class() {
    for class in [Class::Unnamed, Class::Missing, Class::Unknown] {
        for going in [false, true] {
            let marked = live().with(|v| {
                (v.content.terminating, v.content.being_deleted) = (going, going);
                (v.class, v.content.being_created) = (class.clone(), true);
            });
            match (decide(&marked), going) {
                (Step::Take(_), false) | (Step::Over { left: true }, true) => {}
                (step, _) => panic!("{class:?} {going}: {step:?}"),
            }
            let taken = marked.with(|v| v.found = Found::There(on_backend()));
            assert_eq!(decide(&taken), Step::Report(own_handle(), on_backend()));
            let said = taken.with(|v| v.content.status = Some(ready()));
            assert_eq!(
                decide(&said),
                Step::Over { left: false },
                "a mark must not keep it for ever"
            );
        }
    }
}

#[test]
fn ss_06_ss_07_one_that_is_not_done_goes_on() {
    let marked = live().with(|v| v.content.being_created = true);
    for _ in 0..2 {
        assert!(matches!(decide(&marked), Step::Take(_)));
    }
    let away = marked.with(|v| (v.found, v.backend) = (Found::NotAsked, None));
    assert!(away.failure().text.contains("goes on when it can"));
}

#[test]
fn ss_08_what_is_not_being_deleted_is_not_deleted() {
    assert!(!should_delete(&Content {
        being_deleted: true,
        ..content()
    }));
}

#[test]
fn ss_09_one_that_was_never_bound_goes() {
    assert!(should_delete(&Content {
        terminating: true,
        source: ContentSource::Snapshot(own_handle().to_string()),
        of_uid: None,
        ..content()
    }));
}

#[test]
fn ss_10_one_whose_snapshot_is_deleted_goes() {
    assert!(should_delete(&Content {
        terminating: true,
        being_deleted: true,
        ..content()
    }));
}

#[test]
fn ss_11_one_that_an_admin_deleted_while_its_snapshot_is_there_stays() {
    let v = live().deleted().with(|v| v.content.being_deleted = false);
    assert!(!should_delete(&v.content));
    assert_eq!(decide(&v), Step::Nothing);
}

#[test]
fn ss_12_one_that_is_being_taken_waits_for_the_outcome() {
    let v = live().deleted().with(|v| v.content.being_created = true);
    assert!(!should_delete(&v.content));
    assert_eq!(decide(&v), Step::Over { left: false });
    let unknown = live().with(|v| {
        (v.content.terminating, v.content.being_deleted, v.content.being_created) = (true, true, true);
    });
    assert_eq!(
        decide(&unknown),
        Step::Over { left: true },
        "nobody wants what comes of it"
    );
    let found = unknown.clone().with(|v| v.found = Found::There(on_backend()));
    assert!(matches!(decide(&found), Step::Report(..)), "its outcome is known");
    let not_by_its_owner = unknown.clone().with(|v| v.content.being_deleted = false);
    assert!(matches!(decide(&not_by_its_owner), Step::Take(_)));
    let of_nothing = unknown.with(|v| v.origin = Origin::default());
    let failure = of_nothing.failure();
    let said = of_nothing.with(|v| v.content.status = Some(status_of(&failure)));
    assert_eq!(
        decide(&said),
        Step::Over { left: true },
        "a mark must not keep it for ever"
    );
}

#[test]
fn ss_13_with_delete_the_data_goes_then_the_status_then_the_finalizer() {
    let v = live().deleted();
    assert_eq!(decide(&v), Step::Remove(own_handle()));
    let removed = v.with(|v| v.content.status = Some(ContentStatus::default()));
    assert_eq!(decide(&removed), Step::Release { left: None });
    assert_eq!(decide(&removed.with(|v| v.content.finalizers.clear())), Step::Nothing);
}

#[test]
fn ss_14_with_retain_only_the_finalizer_goes() {
    let v = live().deleted().with(|v| v.content.policy = DeletionPolicy::Retain);
    assert_eq!(decide(&v), Step::Release { left: None });
}

#[test]
fn ss_15_while_the_backend_is_away_the_finalizer_stays() {
    let v = live().deleted().with(|v| v.backend = None);
    assert_eq!(v.failure().reason, R::SnapshotDeleteError);
}

#[test]
fn ss_17_what_is_only_bound_or_kept_is_not_deleted() {
    let unbound = live().with(|v| {
        v.content.source = ContentSource::Snapshot(own_handle().to_string());
        v.content.of_uid = None;
        v.imports = Imports::parse(&format!("team/{}", own_handle().id));
        v.found = Found::There(on_backend());
    });
    assert_eq!(decide(&unbound), Step::Report(own_handle(), on_backend()));
    let kept = live().with(|v| {
        v.content.status = Some(ready());
        (v.content.policy, v.content.being_deleted) = (DeletionPolicy::Retain, true);
    });
    assert_eq!(decide(&kept), Step::Nothing);
}

#[test]
fn ss_18_deleting_needs_no_class() {
    for class in [Class::Unnamed, Class::Missing, Class::Unknown] {
        let v = live().deleted().with(|v| v.class = class);
        assert_eq!(decide(&v), Step::Remove(own_handle()));
    }
}

#[test]
fn ss_19_of_a_group_nothing_is_taken_or_removed() {
    let v = live().with(|v| v.content.in_group = true);
    assert_eq!(decide(&v), Step::Nothing);
    let member = ContentStatus {
        in_group: true,
        ..ready()
    };
    let v = live().deleted().with(|v| v.content.status = Some(member));
    assert_eq!(decide(&v), Step::Release { left: None });
}

#[test]
fn ss_20_what_is_of_another_driver_or_of_nothing_is_not_ours() {
    for v in [
        live().with(|v| v.content.ours = false),
        live().with(|v| v.content.source = ContentSource::Nothing),
    ] {
        assert_eq!(decide(&v), Step::NotOurs);
        assert_eq!(decide(&v.deleted()), Step::NotOurs);
    }
}

#[test]
fn ss_17_ss_20_a_class_made_again_for_another_driver_begins_nothing_and_freezes_nothing() {
    let another = || Class::Is(SnapshotClass { ours: false, ..class() });
    let v = live().with(|v| v.class = another());
    assert!(v.failure().text.contains("another driver"));
    let begun = v.clone().with(|v| v.content.being_created = true);
    assert!(matches!(decide(&begun), Step::Take(_)));
    let kept = v.clone().deleted().with(|v| v.content.policy = DeletionPolicy::Retain);
    assert_eq!(decide(&kept), Step::Release { left: None });
    assert_eq!(decide(&v.deleted()), Step::Remove(own_handle()));
}

#[test]
fn ss_21_while_a_volume_is_made_of_it_its_data_stays() {
    let token = Token::copying(testing::uid("team/app"));
    for policy in [DeletionPolicy::Delete, DeletionPolicy::Retain] {
        let v = live().deleted().with(|v| {
            v.content.policy = policy;
            v.content.tokens.insert(token.clone(), None);
        });
        assert!(matches!(decide(&v), Step::Wait(_)));
    }
}
