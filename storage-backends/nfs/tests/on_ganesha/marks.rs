//! The mark: one winner, never half of it, and no mark where there is none.

use crate::{Ground, both_versions, mark};
use std::{fs, os::unix::fs::PermissionsExt};
use tombolo_backend_api::{Backend, Certainty, Class};

both_versions!(
    one_of_eight_writers_wins_and_all_learn_which,
    a_root_that_is_not_there_is_waited_for,
    a_broken_mark_is_no_missing_mark
);

async fn one_of_eight_writers_wins_and_all_learn_which(ground: Ground) {
    let writers = (0..8).map(|n| {
        let backend = ground.backend();
        tokio::spawn(async move { backend.place_mark(&mark(&format!("writer-{n}"))).await })
    });
    let mut learnt = Vec::new();
    for writer in writers.collect::<Vec<_>>() {
        learnt.push(writer.await.unwrap().unwrap());
    }
    let backend = ground.backend();
    let winner = backend.read_mark().await.unwrap().unwrap();
    assert_eq!(learnt, vec![winner.clone(); 8]);
    assert_eq!(backend.place_mark(&mark("late")).await.unwrap(), winner);

    let private = ground.behind().join(".tombolo");
    let names: Vec<_> = fs::read_dir(&private)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["backend.json"], "drafts are left behind");
    assert_eq!(fs::metadata(&private).unwrap().permissions().mode() & 0o7777, 0o700);
    assert_eq!(
        fs::metadata(ground.behind()).unwrap().permissions().mode() & 0o7777,
        0o711
    );
    assert_eq!(backend.notice(), None);
}

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
