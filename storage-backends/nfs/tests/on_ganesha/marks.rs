//! Roots without a mark, and marks that are none. How one is placed is in the conformance suite.

use crate::{Ground, both_versions, mark};
use std::fs;
use tombolo_backend_api::{Backend, Certainty, Class};

both_versions!(a_root_that_is_not_there_is_waited_for, a_broken_mark_is_no_missing_mark);

async fn a_root_that_is_not_there_is_waited_for(ground: Ground) {
    let backend = ground.backend();
    let error = backend.read_mark().await.unwrap_err();
    assert_eq!(
        (error.class, error.certainty),
        (Class::Waiting, Certainty::NotDone),
        "{error}"
    );
    assert_eq!(
        backend.inspect(&crate::path("x")).await.unwrap_err().class,
        Class::Waiting
    );
    assert_eq!(
        backend
            .discard(&crate::path("x"), &crate::into_trash("x"))
            .await
            .unwrap_err()
            .class,
        Class::Waiting
    );
    fs::create_dir(ground.behind()).unwrap();
    assert_eq!(backend.read_mark().await.unwrap(), None);
}

async fn a_broken_mark_is_no_missing_mark(ground: Ground) {
    let private = ground.behind().join(".tombolo");
    fs::create_dir_all(&private).unwrap();
    let file = private.join("backend.json");
    let backend = ground.backend();
    for text in ["", "{\"backendID\": \"a", "{}", &"x".repeat(100_000)] {
        fs::write(&file, text).unwrap();
        assert_eq!(
            backend.read_mark().await.unwrap_err().class,
            Class::Waiting,
            "{text:.20}"
        );
        assert_eq!(
            backend.place_mark(&mark("new")).await.unwrap_err().class,
            Class::Waiting,
            "{text:.20}"
        );
    }
    fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", &file).unwrap();
    assert_eq!(backend.read_mark().await.unwrap_err().class, Class::Waiting);
}
