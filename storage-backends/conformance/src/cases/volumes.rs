//! Making volumes: idempotent, at once, interrupted, with the mode that was asked for.
#![allow(missing_docs, reason = "a case is its name")]

use crate::plant::*;
use crate::{Outcome, Subject};
use futures::future::join_all;
use tombolo_backend_api::CreateVolume;

pub async fn creating_twice_is_creating_once(subject: &dyn Subject) -> Outcome {
    let backend = marked(subject).await;
    let first = backend.create(&volume("pvc-1")).await.unwrap();
    let second = subject.backend().await.create(&volume("pvc-1")).await.unwrap();
    assert_eq!(first, second);
    assert_eq!(backend.list().await.unwrap().len(), 1);
    Ok(())
}

pub async fn creating_again_sets_the_mode_again(subject: &dyn Subject) -> Outcome {
    let backend = marked(subject).await;
    backend
        .create(&CreateVolume {
            mode: 0o700,
            ..volume("pvc-1")
        })
        .await
        .unwrap();
    backend.create(&volume("pvc-1")).await.unwrap();
    assert_eq!(subject.mode("pvc-1"), 0o777);
    Ok(())
}

pub async fn creating_again_leaves_the_contents_alone(subject: &dyn Subject) -> Outcome {
    let backend = stocked(subject, "pvc-1", 2).await;
    backend.create(&volume("pvc-1")).await.unwrap();
    assert_eq!(subject.read("pvc-1/file-1").as_deref(), Some(&b"bytes of 1"[..]));
    Ok(())
}

pub async fn inspecting_tells_what_was_done(subject: &dyn Subject) -> Outcome {
    let backend = marked(subject).await;
    let other = subject.backend().await;
    assert_eq!(other.inspect(&path("pvc-1")).await.unwrap(), None);
    let made = backend.create(&volume("pvc-1")).await.unwrap();
    assert_eq!(other.inspect(&path("pvc-1")).await.unwrap(), Some(made));
    backend.discard(&path("pvc-1"), &trash("t")).await.unwrap();
    assert_eq!(other.inspect(&path("pvc-1")).await.unwrap(), None);
    Ok(())
}

pub async fn a_create_dropped_midway_is_finished_by_the_next(subject: &dyn Subject) -> Outcome {
    let backend = marked(subject).await;
    for polls in 1..=8 {
        let wanted = volume(&format!("pvc-{polls}"));
        dropped_after(polls, backend.create(&wanted)).await;
        backend.create(&wanted).await.unwrap();
        assert!(backend.inspect(&wanted.path).await.unwrap().is_some());
        assert_eq!(
            subject.mode(wanted.path.as_str()),
            wanted.mode,
            "dropped after {polls} polls"
        );
    }
    Ok(())
}

pub async fn ten_creates_of_one_volume_at_once_all_succeed(subject: &dyn Subject) -> Outcome {
    let backends = [marked(subject).await, subject.backend().await];
    let creates = (0..10).map(|n| {
        let backend = backends[n % 2].clone();
        tokio::spawn(async move { backend.create(&volume("team/pvc-1")).await })
    });
    let answers = join_all(creates)
        .await
        .into_iter()
        .map(|answer| answer.unwrap().unwrap());
    let answers: Vec<_> = answers.collect();
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
    Ok(())
}

pub async fn forty_volumes_at_once_are_forty_volumes(subject: &dyn Subject) -> Outcome {
    let backend = marked(subject).await;
    let creates = (0..40).map(|n| {
        let backend = backend.clone();
        tokio::spawn(async move { backend.create(&volume(&format!("pvc-{n}"))).await })
    });
    for answer in join_all(creates).await {
        answer.unwrap().unwrap();
    }
    assert_eq!(backend.list().await.unwrap().len(), 40);
    Ok(())
}

pub async fn the_mode_is_as_asked_whatever_the_umask(subject: &dyn Subject) -> Outcome {
    let backend = marked(subject).await;
    for wanted in [0o777, 0o755, 0o700, 0o2770] {
        let at = format!("pvc-{wanted:o}");
        backend
            .create(&CreateVolume {
                mode: wanted,
                ..volume(&at)
            })
            .await
            .unwrap();
        assert_eq!(subject.mode(&at), wanted, "{wanted:o}");
    }
    Ok(())
}
