//! The fake does what a test commands it to do.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use tombolo_backend_api::*;
use tombolo_backend_fake::{Call, Fake, Fault, Moment, Op, Tree};

fn path(text: &str) -> VolumePath {
    VolumePath::parse(text).unwrap()
}

fn id(text: &str) -> TrashId {
    TrashId::parse(text).unwrap()
}

fn volume(text: &str) -> CreateVolume {
    CreateVolume {
        path: path(text),
        mode: 0o777,
        bytes: 1,
    }
}

fn export(text: &str) -> ExportKey {
    ExportKey {
        path: path(text),
        tenant: Tenant::parse("ns").unwrap(),
        access: Access::ReadWrite,
    }
}

fn trash(text: &str) -> Disposal {
    Disposal::Trash {
        id: id(text),
        record: serde_json::json!({ "was": text }),
    }
}

/// Completes at the first poll, without a runtime, or the fake cannot serve a simulation.
fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("a call that nothing holds did not complete at once"),
    }
}

fn kind<T: std::fmt::Debug>(answer: Result<T, BackendError>) -> (Class, Certainty) {
    let error = answer.unwrap_err();
    (error.class, error.certainty)
}

#[test]
fn the_nth_call_fails_and_the_others_do_not() {
    let fake = Fake::default();
    fake.fail_after(Op::Create, 1, Fault::Refused(Class::Transient));
    now(fake.create(&volume("a"))).unwrap();
    assert_eq!(
        kind(now(fake.create(&volume("b")))),
        (Class::Transient, Certainty::NotDone)
    );
    assert_eq!(fake.pending_faults(), 0);
    now(fake.create(&volume("c"))).unwrap();
    assert_eq!(fake.tree().paths().collect::<Vec<_>>(), ["a", "c"]);
}

#[test]
fn a_lost_request_and_a_lost_answer_look_alike_to_the_caller_only() {
    for (fault, done) in [
        (Fault::LostRequest(Class::Waiting), false),
        (Fault::LostAnswer(Class::Waiting), true),
    ] {
        let fake = Fake::default();
        fake.fail_next(Op::Create, fault);
        assert_eq!(
            kind(now(fake.create(&volume("a")))),
            (Class::Waiting, Certainty::MaybeDone)
        );
        assert_eq!(now(fake.inspect(&path("a"))).unwrap().is_some(), done);
    }
}

#[test]
fn an_interrupted_purge_can_only_be_finished() {
    let fake = Fake::default();
    now(fake.create(&volume("a"))).unwrap();
    (0..4).for_each(|n| fake.write(&format!("a/{n}"), "x"));
    now(fake.discard(&path("a"), &trash("t"))).unwrap();
    fake.fail_next(Op::Purge, Fault::Interrupted(Class::Transient));
    assert_eq!(
        kind(now(fake.purge(&id("t"), &()))),
        (Class::Transient, Certainty::MaybeDone)
    );
    assert_eq!(
        kind(now(fake.restore(&id("t"), &path("a")))),
        (Class::Invalid, Certainty::NotDone)
    );
    assert_eq!(now(fake.trash()).unwrap()[0].remains, Remains::Purging);
    assert_eq!(
        now(fake.purge(&id("t"), &())).unwrap(),
        Purged {
            files: 2,
            directories: 1
        }
    );
    assert_eq!(now(fake.trash()).unwrap(), []);
}

#[test]
fn an_interrupted_discard_leaves_the_volume_and_is_finished_by_the_next() {
    let fake = Fake::default();
    now(fake.create(&volume("a"))).unwrap();
    fake.fail_next(Op::Discard, Fault::Interrupted(Class::Transient));
    kind(now(fake.discard(&path("a"), &trash("t"))));
    assert_eq!(now(fake.trash()).unwrap()[0].remains, Remains::RecordOnly);
    now(fake.discard(&path("a"), &trash("t"))).unwrap();
    assert_eq!(now(fake.trash()).unwrap().len(), 1);
}

#[test]
fn away_means_waiting_for_everything_but_the_mount_of_a_mere_path() {
    let fake = Fake::default();
    fake.set_away(true);
    assert_eq!(kind(now(fake.read_mark())), (Class::Waiting, Certainty::NotDone));
    assert_eq!(
        kind(now(fake.create(&volume("a")))),
        (Class::Waiting, Certainty::NotDone)
    );
    assert_eq!(
        kind(now(fake.mount(&export("a")))),
        (Class::Waiting, Certainty::NotDone)
    );
    fake.set_away(false);
    assert_eq!(now(fake.read_mark()).unwrap(), None);

    let paths = Fake::new("paths", Capabilities::default());
    paths.set_away(true);
    now(paths.mount(&export("a"))).unwrap();
}

#[test]
fn a_swapped_root_comes_back_as_it_was() {
    let fake = Fake::default();
    now(fake.create(&volume("a"))).unwrap();
    let disk = fake.swap_root(Tree::default());
    assert_eq!(now(fake.inspect(&path("a"))).unwrap(), None);
    let _ = fake.swap_root(disk);
    assert!(now(fake.inspect(&path("a"))).unwrap().is_some());
}

#[test]
fn a_full_root_takes_no_volume_but_still_lets_one_go() {
    let fake = Fake::default();
    now(fake.create(&volume("a"))).unwrap();
    fake.set_full(true);
    assert_eq!(kind(now(fake.create(&volume("b")))), (Class::Full, Certainty::NotDone));
    assert_eq!(now(fake.space()).unwrap().free, 0);
    let at = "2024-01-01T00:00:00Z".parse().unwrap();
    fake.set_now(at);
    now(fake.discard(&path("a"), &trash("t"))).unwrap();
    assert_eq!(
        now(fake.trash()).unwrap(),
        [TrashEntry {
            id: id("t"),
            record: None,
            remains: Remains::Whole,
            since: at,
        }]
    );
}

#[test]
fn calls_are_recorded_in_order() {
    let fake = Fake::default();
    now(fake.create(&volume("a"))).unwrap();
    now(fake.list()).unwrap();
    assert_eq!(fake.take_calls(), [Call::Create(volume("a")), Call::List]);
    assert_eq!(fake.calls(), []);
}

#[test]
fn a_gate_holds_a_call_before_or_after_its_effect() {
    for (moment, done) in [(Moment::Before, false), (Moment::After, true)] {
        let fake = Fake::default();
        let gate = fake.gate(Op::Create, moment);
        let wanted = volume("a");
        let mut call = pin!(fake.create(&wanted));
        let mut context = Context::from_waker(Waker::noop());
        assert!(call.as_mut().poll(&mut context).is_pending());
        now(gate.arrived(1));
        assert_eq!(fake.tree().mode("a").is_some(), done);
        now(fake.inspect(&path("b"))).unwrap();
        gate.open();
        assert!(matches!(call.as_mut().poll(&mut context), Poll::Ready(Ok(_))));
    }
}

#[test]
fn a_call_dropped_at_a_gate_has_happened_only_after_it() {
    for (moment, done) in [(Moment::Before, false), (Moment::After, true)] {
        let fake = Fake::default();
        let gate = fake.gate(Op::Create, moment);
        {
            let wanted = volume("a");
            let mut call = pin!(fake.create(&wanted));
            assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        gate.open();
        assert_eq!(fake.tree().mode("a").is_some(), done);
    }
}
