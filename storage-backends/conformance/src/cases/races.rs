//! Two controllers on one root: each race has one winner, and a file is never lost to the loser.
#![allow(missing_docs, reason = "a case is its name")]

use crate::plant::*;
use crate::{Outcome, Subject};
use tombolo_backend_api::Purged;

const FILES: usize = 20;

fn files_at(subject: &dyn Subject, at: &str) -> usize {
    (0..FILES)
        .filter(|n| subject.read(&format!("{at}/file-{n}")).is_some())
        .count()
}

pub async fn restore_and_purge_have_one_winner(subject: &dyn Subject) -> Outcome {
    let (one, two) = (marked(subject).await, subject.backend().await);
    for round in 0..12 {
        let (at, entry) = (format!("pvc-{round}"), format!("t-{round}"));
        one.create(&volume(&at)).await.unwrap();
        (0..FILES).for_each(|n| subject.write(&format!("{at}/file-{n}"), b"x"));
        one.discard(&path(&at), &trash(&entry)).await.unwrap();
        let (restorer, purger) = (one.clone(), two.clone());
        let (to, from, doomed) = (path(&at), id(&entry), id(&entry));
        let restored = tokio::spawn(async move { restorer.restore(&from, &to).await });
        let purged = tokio::spawn(async move { purger.purge(&doomed, &()).await });
        let (restored, purged) = (restored.await.unwrap(), purged.await.unwrap().unwrap());
        match restored {
            Ok(()) => {
                assert_eq!(files_at(subject, &at), FILES, "restored, but not whole");
                assert_eq!(purged, Purged::default());
            }
            error => {
                invalid(error);
                assert_eq!(one.inspect(&path(&at)).await.unwrap(), None);
                counted(purged, FILES as u64, 1);
            }
        }
        nothing_left(subject, &entry).await;
    }
    Ok(())
}

/// The sweep of empty directories meets a volume that is being written and discarded.
pub async fn discard_and_remove_empty_lose_no_file(subject: &dyn Subject) -> Outcome {
    let (one, two) = (marked(subject).await, subject.backend().await);
    for round in 0..12 {
        let (at, entry) = (format!("pvc-{round}"), format!("t-{round}"));
        one.create(&volume(&at)).await.unwrap();
        subject.write(&format!("{at}/file-0"), b"x");
        let (sweeper, discarder) = (one.clone(), two.clone());
        let (swept, gone, to) = (path(&at), path(&at), trash(&entry));
        let swept = tokio::spawn(async move { sweeper.remove_empty(&swept).await });
        let discarded = tokio::spawn(async move { discarder.discard(&gone, &to).await });
        assert!(!swept.await.unwrap().unwrap());
        discarded.await.unwrap().unwrap();
        assert_eq!(files_at(subject, &format!(".tombolo/trash/{entry}")), 1);
    }
    Ok(())
}
