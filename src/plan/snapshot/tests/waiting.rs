//! What a content that cannot be taken waits for: time, or a change.

use super::*;

#[test]
fn nothing_is_taken_for_a_content_that_could_vanish_with_what_was_taken() {
    let bare = || live().with(|v| v.content.finalizers.clear());
    for quota in [true, false] {
        let v = bare().with(|v| v.backend.as_mut().unwrap().capabilities.quota = quota);
        assert_eq!(decide(&v), Step::Nothing, "the snapshot-controller's finalizer wakes");
    }
    let begun = bare().with(|v| v.content.being_created = true);
    assert!(
        matches!(decide(&begun), Step::Take(_)),
        "what has begun comes to its end"
    );
    assert!(matches!(decide(&live()), Step::Begin(_)));
}

#[test]
fn only_what_no_watch_shows_is_looked_at_again_in_a_while() {
    let member = Origin {
        pv: Some(testing::member_pv("team/data", "prod/data")),
        ..live().origin
    };
    let another = || Class::Is(SnapshotClass { ours: false, ..class() });
    let hopeless = [
        live().with(|v| v.origin = member),
        live().with(|v| v.origin = Origin::default()),
        live().with(|v| v.snapshot = None),
        live().with(|v| v.content.name = crate::domain::ids::ContentName::new("mine")),
        live().with(|v| v.class = another()),
        live().with(|v| v.class = Class::Missing),
        live().with(|v| {
            let b = v.backend.as_mut().unwrap();
            (b.limits.bytes, b.used.bytes) = (Some(1), 1);
        }),
        live().with(|v| v.content.source = ContentSource::Snapshot(own_handle().to_string())),
    ];
    for v in hopeless {
        assert!(!v.failure().passes, "{}", v.failure().text);
    }
    let passing = [
        live().with(|v| (v.backend, v.found) = (None, Found::NotAsked)),
        live().with(|v| {
            v.failed = Some(Failed {
                text: "no room".into(),
                over: false,
            })
        }),
        live().deleted().with(|v| v.backend = None),
    ];
    for v in passing {
        assert!(v.failure().passes, "{}", v.failure().text);
    }
}
