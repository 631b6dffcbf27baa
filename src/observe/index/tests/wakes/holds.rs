//! The finalizers that show a use: putting one on and taking it off wakes nobody who does not decide by it.

use super::*;
use crate::domain::hold::Hold;
use crate::domain::snapshot::Snapshot;
use crate::plan::testing::snapshots::{content, snapshot};

fn leaving() -> NamespaceView {
    NamespaceView {
        terminating: true,
        ..NamespaceView::default()
    }
}

fn data() -> Claim {
    plain("prod/data").bound().shares("team")
}

fn carrying(hold: Hold) -> Claim {
    data().with(|c| c.holds = [hold].into())
}

/// `world` with a snapshot, its content behind it.
fn with_snapshot(finalizers: &[&str]) -> (Index, Snapshot) {
    let mut index = world();
    let snapshot = Snapshot {
        content: Some(content().name),
        ready: Some(true),
        finalizers: finalizers.iter().map(|f| (*f).to_owned()).collect(),
        ..snapshot()
    };
    index.put_content(content());
    index.put_snapshot(snapshot.clone());
    (index, snapshot)
}

#[test]
fn the_one_of_copies_on_a_claim_concerns_only_the_claim() {
    let mut index = world();
    assert_eq!(words(&index.put_claim(carrying(Hold::Copies))), ["claim prod/data"]);
    assert!(index.claim(&key("prod/data")).unwrap().holds.contains(&Hold::Copies));
    assert_eq!(words(&index.put_claim(data())), ["claim prod/data"]);
    // Who asks waits for the other one.
    let wake = words(&index.put_claim(carrying(Hold::Members)));
    assert!(wake.contains(&"claim team/app".to_owned()), "{wake:?}");
    let more = carrying(Hold::Members).with(|c| {
        c.holds = Hold::ALL.into();
        c.terminating = true;
    });
    assert!(
        words(&index.put_claim(more)).len() > 1,
        "something else has changed, too"
    );
}

#[test]
fn finalizers_of_a_snapshot_concern_only_the_snapshot() {
    let (mut index, snapshot) = with_snapshot(&[]);
    let held = Snapshot {
        finalizers: vec![Hold::Copies.finalizer().to_owned()],
        ..snapshot.clone()
    };
    let only = Wake::from([Work::Snapshot(snapshot.key.clone())]);
    assert_eq!(index.put_snapshot(held.clone()), only);
    assert!(index.snapshot(&snapshot.key).unwrap().is_held());
    assert_eq!(index.put_snapshot(snapshot), only);
    let going = Snapshot {
        terminating: true,
        ..held
    };
    assert!(index.put_snapshot(going).contains(&Work::Content(content().name)));
}

#[test]
fn a_namespace_that_begins_to_go_wakes_what_is_held_there() {
    let (mut index, snapshot) = with_snapshot(&[Hold::Copies.finalizer()]);
    index.put_claim(carrying(Hold::Copies));
    let wake = words(&index.put_namespace(namespace("prod"), Some(leaving())));
    assert!(wake.contains(&"claim prod/data".to_owned()), "{wake:?}");
    let wake = index.put_namespace(namespace("team"), Some(leaving()));
    assert!(wake.contains(&Work::Snapshot(snapshot.key)), "{wake:?}");
    assert!(!wake.contains(&Work::Claim(key("team/own"))), "it carries none");
}

#[test]
fn a_target_that_goes_wakes_what_shows_that_it_is_copied() {
    let (mut index, snapshot) = with_snapshot(&[]);
    index.put_pv(
        testing::pv("prod/data")
            .copying("team/own")
            .with(|pv| pv.claim = testing::pv("prod/data").bound_to("prod/data").claim),
    );
    let mut read = content();
    read.tokens.insert(Token::copying(testing::uid("team/own")), None);
    index.put_content(read);
    let wake = index.remove_claim(&key("team/own"));
    assert!(wake.contains(&Work::Claim(key("prod/data"))), "{wake:?}");
    assert!(wake.contains(&Work::Snapshot(snapshot.key)), "{wake:?}");
}
