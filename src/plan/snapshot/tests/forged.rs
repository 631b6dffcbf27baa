//! Contents that somebody has made up: nothing is taken, read or removed because of one.

use super::*;
use crate::domain::ids::{ContentName, ContentUid, PvName};

fn other(uid: &str, namespace: &str) -> SnapshotHandle {
    SnapshotHandle {
        id: id_for(&SnapshotUid::new(uid), &testing::namespace(namespace)).unwrap(),
        ..own_handle()
    }
}

/// A content that names a snapshot itself, for a VolumeSnapshot of `team`.
fn naming(handle: &str) -> LiveContent {
    live().with(|v| {
        v.imports = Imports::parse(&format!("team/{}", own_handle().id));
        v.content.name = ContentName::new("imported");
        v.content.source = ContentSource::Snapshot(handle.to_owned());
        v.found = Found::There(on_backend());
    })
}

#[test]
fn a_handle_counts_only_for_the_snapshot_and_the_namespace_that_it_was_taken_for() {
    let none = Imports::default();
    let said = |handle: &str| Content {
        status: Some(ContentStatus {
            handle: Some(handle.to_owned()),
            ..ready()
        }),
        ..content()
    };
    assert_eq!(trust::tied(&said(&own_handle().to_string()), &none), Ok(own_handle()));
    for forged in [
        other("another", "team").to_string(),
        other(UID, "victim").to_string(),
        format!("{}:snapshot-{UID}", own_handle().backend),
        "not a handle".to_owned(),
        String::new(),
    ] {
        assert!(trust::tied(&said(&forged), &none).is_err(), "{forged}");
    }
    // The victim's own UID, told for a VolumeSnapshot of one's own namespace.
    let stolen = Content {
        of_uid: Some(SnapshotUid::new("victims")),
        name: content_name(&SnapshotUid::new("victims")),
        ..said(&other("victims", "victim").to_string())
    };
    assert!(trust::tied(&stolen, &none).is_err());
    // A second content beside the one that a VolumeSnapshot has.
    let second = Content {
        name: ContentName::new("second"),
        ..said(&own_handle().to_string())
    };
    assert!(trust::tied(&second, &none).is_err());
}

#[test]
fn one_that_names_a_snapshot_may_name_what_an_admin_imports_and_nothing_else() {
    // The namespace that it was taken in may have been deleted, and be another tenant's by now.
    for handle in [own_handle(), other("x", "victim")] {
        let v = naming(&handle.to_string()).with(|v| v.imports = Imports::default());
        let failure = v.failure();
        assert_eq!(failure.reason, R::SnapshotContentCheckandUpdateFailed);
        assert!(failure.text.contains("tombolo.dev/importSnapshots"), "{}", failure.text);
        let elsewhere = v
            .clone()
            .with(|v| v.imports = Imports::parse(&format!("dev/{}", handle.id)));
        assert_eq!(elsewhere.failure().text, failure.text);
        let imported = v
            .clone()
            .with(|v| v.imports = Imports::parse(&format!("team/{}", handle.id)));
        assert_eq!(decide(&imported), Step::Report(handle, on_backend()));
        let deleted = v.deleted().with(|v| v.content.status = None);
        assert_eq!(
            decide(&deleted),
            Step::Release { left: None },
            "nothing was said to be there"
        );
    }
}

#[test]
fn one_that_says_two_things_says_nothing() {
    let v = naming(&own_handle().to_string()).with(|v| {
        v.content.status = Some(ContentStatus {
            ready: false,
            handle: Some(other("x", "team").to_string()),
            ..ready()
        });
    });
    assert_eq!(v.failure().reason, R::SnapshotContentCheckandUpdateFailed);
}

#[test]
fn a_snapshot_that_the_backend_does_not_have_is_never_ready() {
    let absent = naming(&own_handle().to_string()).with(|v| v.found = Found::Absent);
    assert!(absent.failure().text.contains("no snapshot of this handle"));
    let elsewhere = naming(&own_handle().to_string()).with(|v| (v.found, v.backend) = (Found::NotAsked, None));
    assert!(elsewhere.failure().text.contains("none of this cluster's"));
}

#[test]
fn deleting_a_forged_one_removes_nobody_s_data_and_does_not_keep_it() {
    for forged in [other("x", "team"), other(UID, "victim")] {
        let v = live().deleted().with(|v| {
            v.content.status = Some(ContentStatus {
                handle: Some(forged.to_string()),
                ..ready()
            });
        });
        assert!(
            matches!(decide(&v), Step::Release { left: Some(_) }),
            "{:?}",
            decide(&v)
        );
    }
    let v = naming(&other("x", "victim").to_string()).deleted().with(|v| {
        v.content.status = Some(ContentStatus {
            handle: Some(other("x", "victim").to_string()),
            ..ready()
        });
    });
    assert!(matches!(decide(&v), Step::Release { left: Some(_) }));
}

type Edit = fn(&mut LiveContent);

#[test]
fn only_the_volume_of_the_snapshot_s_own_claim_is_taken_whatever_a_content_says() {
    let edits: [(&str, Edit); 9] = [
        ("another volume", |v| {
            v.content.source = ContentSource::Volume(PvName::new("pvc-victims"))
        }),
        ("no snapshot", |v| v.snapshot = None),
        ("another snapshot", |v| {
            v.snapshot.as_mut().unwrap().uid = SnapshotUid::new("new")
        }),
        ("another name", |v| v.content.name = ContentName::new("mine")),
        ("no uid", |v| v.content.of_uid = None),
        ("a claim of another name", |v| {
            v.origin.claim = Some(testing::claim("team/other").bound())
        }),
        ("a claim without a volume", |v| {
            v.origin.claim = Some(testing::claim("team/data"))
        }),
        ("a claim that was made again", |v| {
            v.origin.claim.as_mut().unwrap().uid = testing::uid("team/again");
        }),
        ("a volume of others", |v| v.origin.pv.as_mut().unwrap().ours = None),
    ];
    for (what, edit) in edits {
        for being_created in [false, true] {
            let v = live().with(|v| v.content.being_created = being_created).with(edit);
            assert!(matches!(decide(&v), Step::Fail(_)), "{what}: {:?}", decide(&v));
        }
    }
}

#[test]
fn a_snapshot_of_the_name_but_of_another_volume_is_not_taken_for_it() {
    let v = live().with(|v| {
        v.found = Found::There(api::Snapshot {
            of: VolumePath::parse("pvc-other").unwrap(),
            ..on_backend()
        });
    });
    assert!(v.failure().text.contains("another snapshot of its name"));
}

#[test]
fn data_that_another_content_has_too_goes_with_the_last_of_them() {
    let gone = live().deleted();
    assert_eq!(
        decide(&gone.clone().with(|v| v.shared = Some(true))),
        Step::Release { left: None }
    );
    let imports = Imports::parse(&format!("team/{}", own_handle().id));
    let shares = |own: &Content, other: &Content| shares(own, other, &imports);
    let imported = naming(&own_handle().to_string()).content;
    let imported = Content {
        uid: ContentUid::new("another"),
        ..imported
    };
    assert!(shares(&gone.content, &imported));
    assert!(!shares(&gone.content, &gone.content), "it is no other");
    let going = Content {
        terminating: true,
        ..imported.clone()
    };
    assert!(
        !shares(&gone.content, &going),
        "two that go at once do not leave it to each other"
    );
    let read = with_token_of(&going);
    assert!(shares(&gone.content, &read));
    let elsewhere = Content {
        source: ContentSource::Snapshot(other("x", "team").to_string()),
        ..imported
    };
    assert!(!shares(&gone.content, &elsewhere));
}

#[test]
fn others_are_looked_at_where_data_is_about_to_go_and_nowhere_else() {
    let unknown = |v: LiveContent| v.with(|v| v.shared = None);
    let gone = unknown(live().deleted());
    assert_eq!(decide(&gone), Step::AskOthers);
    let edits: [Edit; 5] = [
        |v| v.content.policy = DeletionPolicy::Retain,
        |v| v.backend = None,
        |v| v.content = with_token_of(&v.content),
        |v| v.content.status = Some(ContentStatus::default()),
        |v| v.content.of.namespace = testing::namespace("victim"),
    ];
    for edit in edits {
        let v = gone.clone().with(edit);
        assert_ne!(decide(&v), Step::AskOthers, "{:?}", v.content);
    }
}

#[test]
fn what_merely_says_that_it_has_the_data_keeps_nobody_from_removing_it() {
    let gone = live().deleted().content;
    let none = Imports::default();
    let claims = |edit: fn(&mut Content)| {
        let mut other = Content {
            uid: ContentUid::new("another"),
            name: ContentName::new("another"),
            ..content()
        };
        edit(&mut other);
        other
    };
    let untied: [fn(&mut Content); 3] = [
        |c| c.status = Some(ready()),
        |c| c.taking = Some(own_handle().to_string()),
        |c| c.source = ContentSource::Snapshot(other(UID, "team").to_string()),
    ];
    for edit in untied {
        assert!(!shares(&gone, &claims(edit), &none), "{:?}", claims(edit));
    }
    let its_own = claims(|c| (c.name, c.status) = (content().name, Some(ready())));
    assert!(shares(&gone, &its_own, &none), "made again under the name that counts");
}

fn with_token_of(content: &Content) -> Content {
    let token = crate::domain::token::Token::copying(crate::domain::ids::ClaimUid::new("reader"));
    Content {
        tokens: [(token, None)].into(),
        ..content.clone()
    }
}
