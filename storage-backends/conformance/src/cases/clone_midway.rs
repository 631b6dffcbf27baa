//! Copies that are not finished: dropped, taken over by a later leader, abandoned.
#![allow(missing_docs, reason = "a case is its name")]

use crate::copying::*;
use crate::plant::*;
use crate::{Copying, Outcome, Skip, Subject};
use std::sync::Arc;
use std::time::Duration;
use tombolo_backend_api::{Backend, BackendError, Certainty, Class, Copied};

/// A backend with a source that takes its time.
async fn copier(subject: &dyn Subject) -> Result<Arc<dyn Backend>, Skip> {
    let backend = able(subject, |declared| declared.clone).await?;
    plant_many(subject, &backend, "pvc-1").await;
    Ok(backend)
}

/// Stops a copy into `into` midway.
async fn caught(subject: &dyn Subject, backend: &Arc<dyn Backend>, into: &str, epoch: u64) -> bool {
    let into = volume(into);
    caught_midway(subject, Copying::Clone, async || {
        copy(backend, "pvc-1", &into, terms(epoch)).await
    })
    .await
}

fn never_caught() -> Skip {
    Skip::because("its copies end too soon to be caught in the midst")
}

async fn abandon(backend: &Arc<dyn Backend>, into: &str) -> Result<(), BackendError> {
    backend.clones().unwrap().abandon_copy(&path(into)).await
}

fn nothing_unfinished(subject: &dyn Subject) {
    assert_eq!(unfinished(subject), [] as [String; 0]);
}

pub async fn a_clone_dropped_midway_is_finished_by_the_next(subject: &dyn Subject) -> Outcome {
    let backend = copier(subject).await?;
    for (n, epochs) in [(1, 1), (1, 2), (3, 3)].into_iter().enumerate() {
        let into = format!("clone-{n}");
        caught(subject, &backend, &into, epochs.0).await;
        let other = subject.backend().await;
        copy(&other, "pvc-1", &volume(&into), terms(epochs.1)).await.unwrap();
        assert!(has_many(subject, &into), "{into}");
        nothing_unfinished(subject);
    }
    for polls in 1..=12 {
        let into = format!("dropped-{polls}");
        dropped_after(polls, copy(&backend, "pvc-1", &volume(&into), terms(1))).await;
        copy(&backend, "pvc-1", &volume(&into), terms(1)).await.unwrap();
        assert!(has_many(subject, &into), "dropped after {polls} polls");
    }
    nothing_unfinished(subject);
    purge_the_doomed(subject).await;
    Ok(())
}

pub async fn an_unfinished_clone_is_no_volume(subject: &dyn Subject) -> Outcome {
    let backend = copier(subject).await?;
    if !caught(subject, &backend, "pvc-2", 1).await {
        return Err(never_caught());
    }
    // What was dropped may still come to its end in a thread of its own: then it is whole.
    let found = backend.inspect(&path("pvc-2")).await.unwrap();
    assert!(found.is_none() || has_many(subject, "pvc-2"));
    let listed = backend.list().await.unwrap();
    let names: Vec<_> = listed.iter().map(|listed| listed.path.as_str()).collect();
    assert!(names.iter().all(|name| ["pvc-1", "pvc-2"].contains(name)), "{names:?}");
    assert!(found.is_some() || subject.read("pvc-2/0/0/file-0").is_none() || has_many(subject, "pvc-2"));
    // A discard is of volumes, and finds none.
    if found.is_none() {
        abandon(&backend, "pvc-2").await.unwrap();
        nothing_unfinished(subject);
    }
    Ok(())
}

pub async fn an_earlier_epoch_is_refused_and_a_later_one_takes_over(subject: &dyn Subject) -> Outcome {
    let backend = copier(subject).await?;
    if !caught(subject, &backend, "pvc-2", 7).await {
        return Err(never_caught());
    }
    let before = unfinished(subject);
    let other = subject.backend().await;
    match copy(&other, "pvc-1", &volume("pvc-2"), terms(6)).await {
        // What was dropped came to its end in a thread of its own.
        Ok(_) => assert!(has_many(subject, "pvc-2")),
        refused => assert_eq!(refusal(refused), (Class::Transient, Certainty::NotDone), "{before:?}"),
    }
    copy(&other, "pvc-1", &volume("pvc-2"), terms(8)).await.unwrap();
    assert!(has_many(subject, "pvc-2"));
    nothing_unfinished(subject);
    purge_the_doomed(subject).await;
    Ok(())
}

/// The former leader does not know yet that it is one.
pub async fn a_later_epoch_wins_over_one_that_still_copies(subject: &dyn Subject) -> Outcome {
    let (one, two) = (copier(subject).await?, subject.backend().await);
    for (n, head_start) in [0, 1, 5, 20].into_iter().enumerate() {
        let into = format!("clone-{n}");
        let (former, target) = (one.clone(), volume(&into));
        let former = tokio::spawn(async move { copy(&former, "pvc-1", &target, terms(1)).await });
        tokio::time::sleep(Duration::from_millis(head_start)).await;
        copy(&two, "pvc-1", &volume(&into), terms(2)).await.unwrap();
        assert!(has_many(subject, &into), "{into}");
        // Whatever the former one says, it has made nothing else of it.
        let former: Result<Copied, _> = former.await.unwrap();
        assert!(has_many(subject, &into), "{former:?}");
        abandon(&two, &into).await.unwrap();
        nothing_unfinished(subject);
        purge_the_doomed(subject).await;
    }
    Ok(())
}

pub async fn an_abandoned_clone_is_under_purge(subject: &dyn Subject) -> Outcome {
    let backend = copier(subject).await?;
    if !caught(subject, &backend, "team/pvc-2", 5).await {
        return Err(never_caught());
    }
    let other = subject.backend().await;
    abandon(&other, "team/pvc-2").await.unwrap();
    nothing_unfinished(subject);
    abandon(&other, "team/pvc-2").await.unwrap();
    purge_the_doomed(subject).await;
    // Nobody's epoch stands in the way of an earlier one any more.
    copy(&other, "pvc-1", &volume("team/pvc-2"), terms(1)).await.unwrap();
    assert!(has_many(subject, "team/pvc-2"));
    Ok(())
}

pub async fn abandoning_spares_what_is_finished_and_what_is_another(subject: &dyn Subject) -> Outcome {
    let backend = copier(subject).await?;
    abandon(&backend, "pvc-2").await.unwrap();
    abandon(&backend, "absent/too").await.unwrap();
    copy(&backend, "pvc-1", &volume("pvc-2"), terms(1)).await.unwrap();
    abandon(&backend, "pvc-2").await.unwrap();
    assert!(has_many(subject, "pvc-2"));
    // Names that begin alike, because a prefix is no match.
    let caught = caught(subject, &backend, "team/pvc-3", 1).await;
    let before = unfinished(subject);
    for at in [
        "team",
        "team/pvc",
        "team/pvc-33",
        "pvc-3",
        "team/pvc-3/x",
        "team-pvc-3",
        "team.pvc-3",
        "team_pvc-3",
    ] {
        abandon(&backend, at).await.unwrap();
    }
    if caught {
        assert!(
            !unfinished(subject).is_empty() || has_many(subject, "team/pvc-3"),
            "{before:?}"
        );
    }
    assert_eq!(backend.trash().await.unwrap(), []);
    copy(&backend, "pvc-1", &volume("team/pvc-3"), terms(1)).await.unwrap();
    Ok(())
}

pub async fn an_abandon_and_a_clone_at_once_agree(subject: &dyn Subject) -> Outcome {
    let (one, two) = (copier(subject).await?, subject.backend().await);
    for (n, head_start) in [0, 0, 1, 5, 20].into_iter().enumerate() {
        let into = format!("clone-{n}");
        let (copier, target) = (one.clone(), volume(&into));
        let copier = tokio::spawn(async move { copy(&copier, "pvc-1", &target, terms(1)).await });
        tokio::time::sleep(Duration::from_millis(head_start)).await;
        abandon(&two, &into).await.unwrap();
        match copier.await.unwrap() {
            Ok(_) => assert!(has_many(subject, &into), "{into}"),
            Err(error) => {
                assert_eq!(one.inspect(&path(&into)).await.unwrap(), None, "{error}");
                assert_eq!(error.class, Class::Transient, "{error}");
            }
        }
        abandon(&two, &into).await.unwrap();
        nothing_unfinished(subject);
        purge_the_doomed(subject).await;
    }
    Ok(())
}
