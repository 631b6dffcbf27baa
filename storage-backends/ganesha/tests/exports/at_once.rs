//! Many callers at once, and callers that do not wait for the end.

use crate::lab::{admitted, key, with};
use std::collections::BTreeSet;
use std::time::Duration;
use tombolo_backend_api::{Access, Admission};
use tombolo_ganesha::testing::Options;

#[test]
fn forty_callers_at_once_all_get_their_export() {
    with(Options::default(), async |lab| {
        let exporter = lab.ready().await;
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..40 {
            // Each export is asked for twice.
            let volume = format!("vol-{}", number / 2);
            let directory = lab.server.directory().join("volumes").join(&volume);
            if !directory.exists() {
                lab.server.volume(&volume);
            }
            let exporter = exporter.clone();
            tasks.spawn(async move { exporter.ensure(&key(&volume, "t", Access::ReadWrite), &directory).await });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap().unwrap();
        }
        let shown = lab.server.bus().shown().await;
        let paths: BTreeSet<_> = shown.values().collect();
        assert_eq!((shown.len(), paths.len()), (20, 20));
        assert!(exporter.reconcile().await.unwrap().is_clean());
    });
}

#[test]
fn what_a_caller_does_not_wait_for_is_finished_all_the_same() {
    with(Options::default(), async |lab| {
        let exporter = lab.ready().await;
        for (number, wait) in [0, 1, 2, 5, 10, 20, 40].into_iter().enumerate() {
            let volume = format!("vol-{number}");
            let directory = lab.server.volume(&volume);
            let wanted = key(&volume, "t", Access::ReadWrite);
            let impatient = exporter.ensure(&wanted, &directory);
            let _ = tokio::time::timeout(Duration::from_millis(wait), impatient).await;
            let impatient = exporter.admit(&wanted, &directory, Admission::ReadOnly);
            let _ = tokio::time::timeout(Duration::from_millis(wait), impatient).await;
            let export = crate::lab::Export { key: wanted, directory };
            export.admit(&exporter, Admission::Full).await;
            assert_eq!(admitted(&lab, &export), Admission::Full);
        }
        let done = exporter.reconcile().await.unwrap();
        assert!(
            done.is_clean() && done.unchanged == 7 && done.ids_taken == 7,
            "{done:?}"
        );
    });
}
