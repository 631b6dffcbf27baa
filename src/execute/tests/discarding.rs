//! The end of data: whatever goes wrong, the object that leads back to it stays.

use super::*;
use tombolo_backend_api::VolumePath;

const DIRECTORY: &str = "pvc-prod-data";

/// The plan that removes the data of `prod/data`, on a backend where it is.
async fn with_data() -> (Watched, Vec<Action>) {
    let w = watched(None).await;
    make(&w).await;
    w.fake.write("pvc-prod-data/file", "bytes");
    (w, plans().remove("delete-data").unwrap().actions)
}

async fn make(w: &Watched) {
    let volume = CreateVolume {
        path: VolumePath::parse(DIRECTORY).unwrap(),
        mode: WORLD,
        bytes: 0,
    };
    w.fake.create(&volume).await.unwrap();
    let _ = w.fake.take_calls();
}

fn object_stays(w: &Watched) {
    let taken = w.steps.taken();
    assert_eq!(
        taken,
        ["record", "backend"],
        "no finalizer comes off, and no record goes"
    );
}

#[tokio::test]
async fn data_goes_into_the_trash_before_its_object_is_let_go() {
    let (w, plan) = with_data().await;
    run(&plan, &w.ports).await.unwrap();
    assert_eq!(w.steps.taken(), ["record", "backend", "unprotect", "note"]);
    assert_eq!(w.fake.read("pvc-prod-data/file"), None);
    assert!(w.fake.read(".tombolo/trash/pvc-prod-data/file").is_some());
}

#[tokio::test]
async fn d04_d28_d34_data_that_could_not_be_removed_keeps_its_object() {
    for class in [Class::Denied, Class::Waiting, Class::Transient, Class::Full, Class::Bug] {
        for fault in [
            Fault::Refused(class),
            Fault::LostRequest(class),
            Fault::Interrupted(class),
            Fault::LostAnswer(class),
        ] {
            let (w, plan) = with_data().await;
            w.fake.fail_next(Op::Discard, fault);
            let failure = run(&plan, &w.ports).await.unwrap_err();
            assert!(matches!(failure, Failure::Backend(_)), "{fault:?}: {failure}");
            object_stays(&w);
            // The next look does the same again, whether or not it was done.
            run(&plan, &w.ports).await.unwrap();
            assert_eq!(w.fake.read("pvc-prod-data/file"), None, "{fault:?}");
            assert!(w.fake.read(".tombolo/trash/pvc-prod-data/file").is_some(), "{fault:?}");
        }
    }
}

#[tokio::test]
async fn d17_d27_without_its_backend_everything_stays() {
    let plan = plans().remove("delete-data").unwrap().actions;
    let w = watched(Some(1)).await;
    let failure = run(&plan, &w.ports).await.unwrap_err();
    assert!(matches!(failure, Failure::NoBackend), "{failure}");
    object_stays(&w);
    assert!(w.fake.calls().is_empty());
}

#[tokio::test]
async fn d29_under_another_mark_everything_stays() {
    let (w, plan) = with_data().await;
    let there = w.fake.swap_root(tombolo_backend_fake::Tree::default());
    let failure = run(&plan, &w.ports).await.unwrap_err();
    assert!(matches!(failure, Failure::Backend(_)), "{failure}");
    object_stays(&w);
    let _ = w.fake.swap_root(there);
    assert!(w.fake.read("pvc-prod-data/file").is_some());
}

#[tokio::test]
async fn d14_d30_a_record_that_could_not_be_forgotten_leads_to_nothing_twice() {
    let plan = plans().remove("delete-data").unwrap().actions;
    let w = watched(Some(3)).await;
    let failure = run(&plan, &w.ports).await.unwrap_err();
    assert!(matches!(failure, Failure::Ledger(_)), "{failure}");
    assert_eq!(w.steps.taken(), ["record", "backend", "unprotect", "note"]);
    let w = watched(None).await;
    run(&plan, &w.ports).await.unwrap();
    assert!(
        w.fake.read(".tombolo/trash/pvc-prod-data/file").is_none(),
        "absent is done"
    );
}

/// An earlier volume of this name has its place in the trash, as after a controller that slept made the directory once more.
#[tokio::test]
async fn a_place_that_is_taken_is_no_reason_to_keep_an_empty_directory() {
    let plan = plans().remove("delete-data").unwrap().actions;
    let w = watched(None).await;
    make(&w).await;
    w.fake.fail_next(Op::Discard, Fault::Refused(Class::Invalid));
    run(&plan, &w.ports).await.unwrap();
    assert_eq!(w.steps.taken(), ["record", "backend", "unprotect", "note"]);
    assert!(w.fake.tree().mode(DIRECTORY).is_none());
    assert!(w.fake.calls().iter().any(|call| matches!(call, Call::RemoveEmpty(_))));
}

#[tokio::test]
async fn a_place_that_is_taken_keeps_data_and_object() {
    let (w, plan) = with_data().await;
    w.fake.fail_next(Op::Discard, Fault::Refused(Class::Invalid));
    let failure = run(&plan, &w.ports).await.unwrap_err();
    assert!(
        matches!(&failure, Failure::Backend(error) if error.class == Class::Invalid),
        "{failure}"
    );
    object_stays(&w);
    assert!(w.fake.read("pvc-prod-data/file").is_some());
}
