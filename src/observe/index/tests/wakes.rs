//! Every kind of object, and every change of it that could alter a verdict: whom it wakes, all of them and nobody else.
//!
//! The rows are those of the handshake and of consent after the join. Backends are not here: they are in no cache of this one, and
//! `controllers::backends` wakes everybody who waits for one.

use super::*;
use crate::domain::ids::ClassName;
use crate::domain::pv::PvPhase;
use crate::plan::testing::{
    self, GI, claim as plain, class, going, key, member_pv, namespace, pv_name, read_only, reference,
};

mod holds;
mod snapshots;
mod sources;
mod volumes;

/// The owner `prod/data` shares with `team`: `team/app` asks, `team/old` has joined, `far/deep` asks for what `team/old` has. Besides
/// there are claims and references that have nothing to do with it.
fn world() -> Index {
    let mut index = Index::default();
    for name in ["prod", "team", "far"] {
        index.put_namespace(namespace(name), Some(NamespaceView::default()));
    }
    index.put_class(ClassName::new("gold"), Some(class("gold")));
    index.reset_references(
        ReferenceKind::Volume,
        vec![reference("team/ref", "prod/data"), reference("far/ref", "far/away")],
    );
    for claim in [
        plain("prod/data").bound().shares("team"),
        plain("prod/own"),
        plain("team/app").asks("prod/data"),
        plain("team/old").asks("prod/data").bound(),
        plain("team/own").bound(),
        plain("far/deep").asks("team/old"),
    ] {
        index.put_claim(claim);
    }
    index.put_pv(testing::pv("prod/data"));
    index.put_pv(testing::pv("team/own"));
    index.put_pv(member_pv("team/old", "prod/data"));
    index
}

fn words(wake: &Wake) -> Vec<String> {
    let word = |work: &Work| match work {
        Work::Claim(key) => format!("claim {key}"),
        Work::Volume(volume) => format!("volume {volume}"),
        Work::Member(name) => format!("member {name}"),
        Work::SharedVolume(volume) => format!("shared {volume}"),
        Work::CrossSource(key) => format!("cross source {key}"),
        Work::Reference(key) => format!("reference {}/{}", key.namespace, key.name),
        Work::Exports(name) => format!("exports {name}"),
        Work::Snapshot(key) => format!("snapshot {key}"),
        Work::Content(name) => format!("content {name}"),
        Work::Backend(_) | Work::Trash(_) | Work::Sweep => panic!("{work:?}"),
    };
    wake.iter().map(word).collect()
}

/// A change, and whom it wakes.
type Row = (&'static str, fn(&mut Index) -> Wake, &'static [&'static str]);

fn check(rows: &[Row]) {
    for (what, change, expected) in rows {
        assert_eq!(words(&change(&mut world())), *expected, "{what}");
    }
}

fn namespace_is(index: &mut Index, name: &str, labels: &[(&str, &str)], terminating: bool) -> Wake {
    let view = NamespaceView {
        labels: testing::labels(labels),
        terminating,
    };
    index.put_namespace(namespace(name), Some(view))
}

/// Whoever asks in the namespace, whoever has joined there, what is said of that one's volume, and the reference.
const CONSUMERS: &[&str] = &[
    "claim team/app",
    "claim team/old",
    "shared pvc-prod-data",
    "reference team/ref",
];

#[test]
fn r19_references() {
    const ANOTHER: &[&str] = &[
        "claim team/app",
        "claim team/old",
        "shared pvc-prod-data",
        "reference team/new",
    ];
    check(&[
        ("made", |i| i.put_reference(reference("team/new", "prod/data")), ANOTHER),
        (
            "made, and a near miss",
            |i| i.put_reference(reference("team/new", "prod/date")),
            ANOTHER,
        ),
        (
            "made elsewhere",
            |i| i.put_reference(reference("far/new", "prod/data")),
            &["claim far/deep", "reference far/new"],
        ),
        (
            "made where nobody asks",
            |i| i.put_reference(reference("prod/new", "prod/data")),
            &["reference prod/new"],
        ),
        (
            "narrowed",
            |i| i.put_reference(read_only(reference("team/ref", "prod/data"))),
            CONSUMERS,
        ),
        (
            "going away",
            |i| i.put_reference(going(reference("team/ref", "prod/data"))),
            CONSUMERS,
        ),
        (
            "made to name another",
            |i| i.put_reference(reference("team/ref", "prod/date")),
            CONSUMERS,
        ),
        (
            "removed",
            |i| i.remove_reference(&reference("team/ref", "prod/data").key),
            CONSUMERS,
        ),
        (
            "vanished in a gap",
            |i| i.reset_references(ReferenceKind::Volume, vec![reference("far/ref", "far/away")]),
            CONSUMERS,
        ),
        ("the same", |i| i.put_reference(reference("team/ref", "prod/data")), &[]),
    ]);
}

/// While a kind cannot be read, nobody can say whether consent stands; when it can be again, somebody has to.
#[test]
fn kinds_of_references() {
    const JOINED: &[&str] = &["claim team/old", "shared pvc-prod-data"];
    fn all(index: &mut Index) -> Wake {
        index.reset_references(
            ReferenceKind::Volume,
            vec![reference("team/ref", "prod/data"), reference("far/ref", "far/away")],
        )
    }
    check(&[
        (
            "not served any more",
            |i| i.references_not_served(ReferenceKind::Volume),
            JOINED,
        ),
        (
            "served again",
            |i| {
                i.references_not_served(ReferenceKind::Volume);
                all(i)
            },
            JOINED,
        ),
        ("listed again", all, &[]),
        (
            "still not served",
            |i| {
                i.references_not_served(ReferenceKind::Volume);
                i.references_not_served(ReferenceKind::Volume)
            },
            &[],
        ),
        ("never served", |i| i.references_not_served(ReferenceKind::Trident), &[]),
    ]);
}

#[test]
fn classes() {
    const PENDING: &[&str] = &["claim far/deep", "claim prod/own", "claim team/app"];
    check(&[
        ("gone", |i| i.put_class(ClassName::new("gold"), None), PENDING),
        ("vanished in a gap", |i| i.reset_classes(vec![]), PENDING),
        (
            "edited",
            |i| {
                i.put_class(
                    ClassName::new("gold"),
                    Some(class("gold").with(|c| c.waits_for_consumer = true)),
                )
            },
            PENDING,
        ),
        (
            "made again",
            |i| {
                i.put_class(ClassName::new("gold"), None);
                i.put_class(ClassName::new("gold"), Some(class("gold")))
            },
            PENDING,
        ),
        (
            "the same",
            |i| i.put_class(ClassName::new("gold"), Some(class("gold"))),
            &[],
        ),
        ("listed again", |i| i.reset_classes(vec![class("gold")]), &[]),
        (
            "another one",
            |i| i.put_class(ClassName::new("silver"), Some(class("silver"))),
            &[],
        ),
        (
            "another provisioner's",
            |i| i.put_class(ClassName::new("foreign"), None),
            &[],
        ),
    ]);
}

#[test]
fn namespaces() {
    const ASKING: &[&str] = &["claim team/app", "claim team/old"];
    check(&[
        (
            "the consumers' has another label",
            |i| namespace_is(i, "team", &[("tier", "gold")], false),
            CONSUMERS_AND_ASKED,
        ),
        (
            "the consumers' goes",
            |i| namespace_is(i, "team", &[], true),
            CONSUMERS_AND_ASKED,
        ),
        ("the owner's goes", |i| namespace_is(i, "prod", &[], true), ASKING),
        (
            "the owner's has gone",
            |i| i.put_namespace(namespace("prod"), None),
            ASKING,
        ),
        ("nobody's", |i| namespace_is(i, "new", &[], false), &[]),
        ("the same", |i| namespace_is(i, "team", &[], false), &[]),
    ]);
}

/// Of `team`, in which a source lies too, if only one that cannot be joined.
const CONSUMERS_AND_ASKED: &[&str] = &[
    "claim far/deep",
    "claim team/app",
    "claim team/old",
    "shared pvc-prod-data",
    "reference team/ref",
];
