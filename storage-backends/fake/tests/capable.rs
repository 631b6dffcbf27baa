//! The fake can be caught in the midst of a copy, and its exports outlive nothing that they should not.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use tombolo_backend_api::*;
use tombolo_backend_fake::{Denial, Fake, Fault, Moment, Op};

fn path(text: &str) -> VolumePath {
    VolumePath::parse(text).unwrap()
}

fn volume(text: &str) -> CreateVolume {
    CreateVolume {
        path: path(text),
        mode: 0o777,
        bytes: 1000,
    }
}

fn terms(epoch: u64) -> CopyTerms {
    CopyTerms {
        epoch,
        drop_set_id: false,
        max_entries: 100,
    }
}

fn export(tenant: &str) -> ExportKey {
    ExportKey {
        path: path("a"),
        tenant: Tenant::parse(tenant).unwrap(),
        access: Access::ReadWrite,
    }
}

fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Completes at the first poll, without a runtime, or the fake cannot serve a simulation.
fn now<F: Future>(future: F) -> F::Output {
    match poll(pin!(future)) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("a call that nothing holds did not complete at once"),
    }
}

fn kind<T: std::fmt::Debug>(answer: Result<T, BackendError>) -> (Class, Certainty) {
    let error = answer.unwrap_err();
    (error.class, error.certainty)
}

/// A fake with a volume of four files.
fn stocked() -> Fake {
    let fake = Fake::default();
    now(fake.create(&volume("a"))).unwrap();
    (0..4).for_each(|n| fake.write(&format!("a/{n}"), "bytes"));
    fake
}

fn copies(fake: &Fake) -> Vec<String> {
    let tree = fake.tree();
    let all = tree.paths().filter(|path| path.starts_with(".tombolo/copies/"));
    all.map(str::to_owned).collect()
}

#[test]
fn an_interrupted_copy_has_half_of_the_files_and_is_finished_by_the_next() {
    let fake = stocked();
    fake.fail_next(Op::CloneVolume, Fault::Interrupted(Class::Transient));
    let wanted = volume("b");
    let interrupted = now(fake.clone_volume(&path("a"), &wanted, &terms(1), &()));
    assert_eq!(kind(interrupted), (Class::Transient, Certainty::MaybeDone));
    assert_eq!(copies(&fake).len(), 1 + 2);
    assert_eq!(now(fake.inspect(&path("b"))).unwrap(), None);
    let copied = now(fake.clone_volume(&path("a"), &wanted, &terms(1), &())).unwrap();
    assert_eq!((copied.files, copied.directories, copied.bytes), (4, 1, 20));
    assert_eq!(copies(&fake), [] as [String; 0]);
}

#[test]
fn a_lost_request_copies_nothing_and_a_lost_answer_all() {
    for (fault, done) in [
        (Fault::Refused(Class::Waiting), false),
        (Fault::LostRequest(Class::Waiting), false),
        (Fault::LostAnswer(Class::Waiting), true),
    ] {
        let fake = stocked();
        fake.fail_next(Op::CloneVolume, fault);
        assert!(now(fake.clone_volume(&path("a"), &volume("b"), &terms(1), &())).is_err());
        assert_eq!(fake.read("b/3").is_some(), done, "{fault:?}");
        assert_eq!(copies(&fake), [] as [String; 0]);
    }
}

/// It sleeps in the midst, and wakes up after another has finished its work, or put it away.
#[test]
fn the_last_step_of_a_former_leader_fails() {
    for abandoned in [false, true] {
        let fake = stocked();
        let gate = fake.gate(Op::CloneVolume, Moment::Midway);
        let (from, wanted, early) = (path("a"), volume("b"), terms(1));
        let mut former = pin!(fake.clone_volume(&from, &wanted, &early, &()));
        assert!(poll(former.as_mut()).is_pending());
        assert_eq!(copies(&fake).len(), 1 + 2);
        if abandoned {
            now(fake.abandon_copy(&path("b"))).unwrap();
        } else {
            // A later one takes it over, is held as well, and goes.
            let late = terms(2);
            assert!(poll(pin!(fake.clone_volume(&from, &wanted, &late, &()))).is_pending());
        }
        gate.open();
        let Poll::Ready(answer) = poll(former.as_mut()) else {
            panic!("the gate is open");
        };
        assert_eq!(kind(answer), (Class::Transient, Certainty::MaybeDone));
        assert_eq!(now(fake.inspect(&path("b"))).unwrap(), None);
        now(fake.clone_volume(&from, &wanted, &terms(2), &())).unwrap();
        assert_eq!(fake.read("b/3").as_deref(), Some(&b"bytes"[..]));
    }
}

#[test]
fn a_full_fake_copies_nothing() {
    let fake = stocked();
    fake.set_full(true);
    let answer = now(fake.clone_volume(&path("a"), &volume("b"), &terms(1), &()));
    assert_eq!(kind(answer), (Class::Full, Certainty::NotDone));
    assert_eq!(copies(&fake), [] as [String; 0]);
}

#[test]
fn what_a_mount_holds_is_never_another_export() {
    let fake = stocked();
    let key = export("ns");
    let source = now(fake.mount(&key)).unwrap();
    let mount = fake.through(&source).unwrap();
    assert_eq!(mount.read("0").unwrap(), b"bytes");
    now(fake.release(&key)).unwrap();
    assert_eq!(fake.through(&source).unwrap_err(), Denial::Missing);
    assert_eq!(now(fake.mount(&key)).unwrap(), source);
    assert_eq!(mount.read("0"), Err(Denial::Stale));
    assert_eq!(fake.through(&source).unwrap().read("0").unwrap(), b"bytes");
}

#[test]
fn a_mount_lets_through_what_the_server_does() {
    let fake = stocked();
    let key = export("ns");
    let mount = fake.through(&now(fake.mount(&key)).unwrap()).unwrap();
    assert_eq!(mount.write("large", &[0; 2000]), Err(Denial::NoSpace));
    mount.write("dir/file", &[0; 900]).unwrap();
    assert_eq!(mount.write("dir/file", &[1; 981]), Err(Denial::NoSpace));
    assert_eq!(
        mount.read("dir/file").unwrap(),
        [0; 900],
        "a refused write left what was there"
    );
    assert_eq!(mount.list("dir").unwrap(), ["file".to_owned()].into());
    assert_eq!(mount.read("dir"), Err(Denial::Missing));
    now(fake.admit(&key, Admission::ReadOnly)).unwrap();
    assert_eq!(mount.write("dir/file", b""), Err(Denial::ReadOnly));
    fake.set_full(true);
    now(fake.admit(&key, Admission::Full)).unwrap();
    assert_eq!(mount.write("dir/file", b""), Err(Denial::NoSpace));
    now(fake.admit(&key, Admission::Cut)).unwrap();
    assert_eq!(mount.list(""), Err(Denial::Stale));
}
