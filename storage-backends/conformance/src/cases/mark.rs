//! The mark of a root: first writer wins, everybody learns who that was, and garbage is nobody.
#![allow(missing_docs, reason = "a case is its name")]

use crate::plant::*;
use crate::subject::directory;
use crate::{Outcome, Subject};
use futures::future::join_all;
use tombolo_backend_api::{Class, Disposal};

pub async fn a_fresh_root_has_no_mark(subject: &dyn Subject) -> Outcome {
    assert_eq!(subject.backend().await.read_mark().await.unwrap(), None);
    assert_eq!(subject.everything().len(), 0, "reading must not write");
    Ok(())
}

pub async fn a_placed_mark_is_read_back(subject: &dyn Subject) -> Outcome {
    let backend = subject.backend().await;
    assert_eq!(backend.place_mark(&mark("one")).await.unwrap(), mark("one"));
    assert_eq!(backend.read_mark().await.unwrap(), Some(mark("one")));
    assert_eq!(subject.backend().await.read_mark().await.unwrap(), Some(mark("one")));
    Ok(())
}

pub async fn the_first_mark_stays(subject: &dyn Subject) -> Outcome {
    let backend = subject.backend().await;
    backend.place_mark(&mark("one")).await.unwrap();
    assert_eq!(backend.place_mark(&mark("two")).await.unwrap(), mark("one"));
    assert_eq!(
        subject.backend().await.place_mark(&mark("three")).await.unwrap(),
        mark("one")
    );
    assert_eq!(backend.read_mark().await.unwrap(), Some(mark("one")));
    Ok(())
}

pub async fn eight_writers_learn_one_winner(subject: &dyn Subject) -> Outcome {
    let mut writers = Vec::new();
    for n in 0..8 {
        let backend = subject.backend().await;
        writers.push(tokio::spawn(async move {
            backend.place_mark(&mark(&format!("writer-{n}"))).await
        }));
    }
    let learnt: Vec<_> = join_all(writers)
        .await
        .into_iter()
        .map(|answer| answer.unwrap().unwrap())
        .collect();
    let read = subject.backend().await.read_mark().await.unwrap().unwrap();
    assert!(
        learnt.iter().all(|winner| *winner == read),
        "{read:?} is marked, but they learnt {learnt:?}"
    );
    assert_eq!(
        contents(subject),
        [".tombolo/backend.json".to_owned()].into(),
        "the losers left something"
    );
    Ok(())
}

pub async fn an_unreadable_mark_is_an_error_and_stays(subject: &dyn Subject) -> Outcome {
    let backend = marked(subject).await;
    for garbage in [
        &b""[..],
        b"{",
        b"[]",
        b"\xff\xfe",
        br#"{"backendID":7,"clusterID":"c"}"#,
    ] {
        subject.write(".tombolo/backend.json", garbage);
        assert_eq!(refusal(backend.read_mark().await).0, Class::Waiting);
        assert_eq!(refusal(backend.place_mark(&mark("new")).await).0, Class::Waiting);
        assert_eq!(subject.read(".tombolo/backend.json").as_deref(), Some(garbage));
    }
    Ok(())
}

pub async fn the_private_directory_is_private(subject: &dyn Subject) -> Outcome {
    directory(subject)?;
    let backend = stocked(subject, "a", 1).await;
    backend.create(&volume("b")).await.unwrap();
    backend.discard(&path("a"), &trash("t")).await.unwrap();
    backend
        .discard(&path("b"), &Disposal::Archive { id: id("t") })
        .await
        .unwrap();
    assert_eq!(
        subject.mode(""),
        0o711,
        "whoever mounts the root may go through it, not read it"
    );
    for private in [".tombolo", ".tombolo/trash", ".tombolo/archive"] {
        assert_eq!(subject.mode(private), 0o700, "{private}");
    }
    for file in [".tombolo/backend.json", ".tombolo/trash/t.json"] {
        assert_eq!(subject.mode(file) & 0o077, 0, "{file}");
    }
    Ok(())
}

pub async fn a_root_that_is_away_is_waiting(subject: &dyn Subject) -> Outcome {
    let backend = stocked(subject, "pvc-1", 1).await;
    subject.put_away()?;
    for backend in [backend, subject.backend().await] {
        let away = Class::Waiting;
        assert_eq!(refusal(backend.read_mark().await).0, away);
        assert_eq!(refusal(backend.inspect(&path("pvc-1")).await).0, away);
        assert_eq!(refusal(backend.create(&volume("pvc-2")).await).0, away);
        assert_eq!(refusal(backend.discard(&path("pvc-1"), &trash("t")).await).0, away);
        assert_eq!(refusal(backend.list().await).0, away);
        assert_eq!(refusal(backend.remove_empty(&path("pvc-1")).await).0, away);
        assert_eq!(refusal(backend.trash().await).0, away);
        assert_eq!(refusal(backend.restore(&id("t"), &path("pvc-2")).await).0, away);
        assert_eq!(refusal(backend.purge(&id("t"), &()).await).0, away);
        assert_eq!(refusal(backend.space().await).0, away);
    }
    Ok(())
}
