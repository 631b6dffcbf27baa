//! Snapshots of other namespaces, asked for by annotations: what is said before their owner consents tells nothing of them.

use super::*;

/// `dev/app` is to be made from `team/before`, which is of `team/data`, by annotations: with consent.
fn by_annotations(with_claim: Option<&str>) -> Scene {
    let mut annotations = vec![
        ("trident.netapp.io/cloneFromSnapshot", "before"),
        ("trident.netapp.io/cloneFromNamespace", "team"),
    ];
    annotations.extend(with_claim.map(|name| ("trident.netapp.io/cloneFromPVC", name)));
    restoring().with(|s| {
        s.claim = testing::claim("dev/app").annotated(&annotations);
        let owner = testing::claim("team/data").bound();
        s.source = Some(owner.annotated(&[("tombolo.dev/cloneToNamespace", "dev")]));
        s.references = vec![testing::reference("dev/ref", "team/data")];
    })
}

/// All that a stranger could find out about, if answers differed: each edit is of the world, none of what the stranger wrote.
fn worlds() -> Vec<fn(&mut Scene)> {
    vec![
        |_| {},
        |s| (s.snapshot, s.content, s.source) = (None, None, None),
        |s| s.content = None,
        |s| s.snapshot.as_mut().unwrap().ready = Some(false),
        |s| s.snapshot.as_mut().unwrap().terminating = true,
        |s| s.snapshot.as_mut().unwrap().of = Some(testing::key("team/other")),
        |s| s.content.as_mut().unwrap().ours = false,
        |s| s.readable = Served::NotInstalled,
        |s| s.source = None,
        |s| s.source.as_mut().unwrap().volume_name = Some(testing::pv_name("team/later")),
        |s| s.source.as_mut().unwrap().terminating = true,
        |s| {
            // Of another claim, which the caches know.
            s.snapshot.as_mut().unwrap().of = Some(testing::key("team/other"));
            s.source = Some(testing::claim("team/other"));
        },
    ]
}

/// What is told to somebody who has these references, in each of the worlds; of the owner's consent there is none.
fn told(with_claim: Option<&str>, references: &[&str]) -> Vec<Option<crate::plan::Refusal>> {
    let scene = |edit: fn(&mut Scene)| {
        by_annotations(with_claim).with(edit).with(|s| {
            s.references = references
                .iter()
                .map(|claim| testing::reference("dev/ref", claim))
                .collect();
            if let Some(source) = &mut s.source {
                source.annotations = Default::default();
            }
        })
    };
    worlds().into_iter().map(|edit| scene(edit).refusal()).collect()
}

#[test]
fn before_its_owner_consents_nobody_finds_out_whether_there_is_a_snapshot_or_of_which_claim_it_is() {
    let answers = [
        told(None, &[]),
        told(None, &["team/data"]),
        told(None, &["team/other"]),
        told(None, &["team/data", "team/other"]),
    ]
    .concat();
    assert_eq!(answers[0].as_ref().unwrap().reason, R::NotShared);
    assert!(answers.iter().all(|said| *said == answers[0]), "{answers:#?}");
    assert!(!answers[0].as_ref().unwrap().text.contains("data"));
}

#[test]
fn whoever_names_the_claim_is_told_what_is_missing_and_nothing_that_depends_on_the_snapshot() {
    for (references, reason) in [
        (&[][..], R::ReferenceMissing),
        (&["team/other"], R::ReferenceMissing),
        (&["team/data"], R::NotShared),
    ] {
        let answers = told(Some("data"), references);
        assert_eq!(answers[0].as_ref().unwrap().reason, reason);
        assert!(answers.iter().all(|said| *said == answers[0]), "{answers:#?}");
    }
}

#[test]
fn consent_is_that_of_the_claim_that_is_named_or_else_of_the_one_that_it_was_taken_of() {
    for named in [None, Some("data")] {
        assert!(begins_with_the_content(&by_annotations(named)), "{named:?}");
    }
    // The one that is named agrees, but the snapshot is another one's, who does not.
    let s = by_annotations(Some("data")).snapshot(|snapshot| snapshot.of = Some(testing::key("team/other")));
    assert_eq!(s.reason(), Some(R::SourceNotReady));
    // The caches have the snapshot's own claim, which agrees, and the claim names another one.
    let s = by_annotations(Some("other"));
    assert_eq!(s.reason(), Some(R::ReferenceMissing));
    let s = s.with(|s| s.references.push(testing::reference("dev/other", "team/other")));
    assert_eq!(s.reason(), Some(R::NotShared));
}

#[test]
fn a_claim_of_the_name_of_the_one_that_it_was_taken_of_consents_to_nothing() {
    for (named, reason) in [(None, R::NotShared), (Some("data"), R::SourceNotReady)] {
        for volume in [Some(testing::pv_name("team/later")), None] {
            let s = by_annotations(named).with(|s| s.source.as_mut().unwrap().volume_name = volume);
            assert_eq!(s.reason(), Some(reason), "{named:?}");
        }
        // Of what an admin has given a name to, nobody knows what it was taken of.
        let s =
            by_annotations(named).content(|content| content.source = ContentSource::Snapshot(own_handle().to_string()));
        assert_eq!(s.reason(), Some(reason), "{named:?}");
    }
    // At home nobody is asked, and a snapshot outlives its claim.
    let at_home = by_annotations(Some("data")).with(|s| {
        s.claim = testing::claim("team/app").annotated(&[
            ("trident.netapp.io/cloneFromSnapshot", "before"),
            ("trident.netapp.io/cloneFromPVC", "data"),
        ]);
        s.source = None;
    });
    assert!(begins_with_the_content(&at_home));
}
