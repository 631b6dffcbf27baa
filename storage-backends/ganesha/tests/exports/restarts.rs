//! Either side starts anew, and finds what it needs.

use crate::lab::{Lab, admitted, with};
use std::time::Duration;
use tombolo_backend_api::{Access, Admission};
use tombolo_ganesha::Unmended;
use tombolo_ganesha::testing::Options;

/// Waits until an export lets through so much, by itself.
async fn becomes(lab: &Lab, export: &crate::lab::Export, admission: Admission) {
    for _ in 0..400 {
        if admitted(lab, export) == admission {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{} did not come to be {admission:?}", export.path());
}

#[test]
fn exports_and_handles_survive_both_sides() {
    with(Options::default(), async |lab| {
        let exporter = lab.ready().await;
        let full = lab.export(&exporter, "full", "t", Access::ReadWrite).await;
        let reads = lab.export(&exporter, "reads", "t", Access::ReadWrite).await;
        let cut = lab.export(&exporter, "cut", "t", Access::ReadWrite).await;
        reads.admit(&exporter, Admission::ReadOnly).await;
        cut.admit(&exporter, Admission::Cut).await;
        let before = exporter.exports().await.unwrap();
        let kept = lab.server.v4().handle(&full.file()).unwrap();
        drop(exporter);
        lab.server.kill();
        lab.server.resume();
        // Without an exporter: from the files alone.
        let found = [&full, &reads, &cut].map(|export| admitted(&lab, export));
        assert_eq!(found, [Admission::Full, Admission::ReadOnly, Admission::Cut]);
        assert_eq!(lab.server.v4().read(&kept).unwrap(), b"full");
        let exporter = lab.open().await;
        assert_eq!(exporter.exports().await.unwrap(), before);
        let done = exporter.reconcile().await.unwrap();
        assert!(done.is_clean(), "{done:?}");
        assert_eq!((done.unchanged, done.ids_taken), (3, 3));
        cut.admit(&exporter, Admission::Full).await;
        assert_eq!(admitted(&lab, &cut), Admission::Full);
    });
}

#[test]
fn a_server_that_starts_without_our_files_gets_its_exports_by_itself() {
    with(Options::default(), async |lab| {
        let exporter = lab.ready().await;
        let export = lab.export(&exporter, "vol", "t", Access::ReadWrite).await;
        let kept = lab.server.v4().handle(&export.file()).unwrap();
        for _ in 0..2 {
            lab.server.kill();
            std::fs::write(lab.config.config_dir.join("exports.conf"), "# nothing\n").unwrap();
            lab.server.resume();
            becomes(&lab, &export, Admission::Full).await;
            assert_eq!(lab.server.v4().read(&kept).unwrap(), b"vol");
        }
        drop(exporter);
    });
}

#[test]
fn nothing_is_exported_by_itself_before_the_volumes_are_said_to_be_there() {
    with(Options::default(), async |lab| {
        let exporter = lab.ready().await;
        let export = lab.export(&exporter, "vol", "t", Access::ReadWrite).await;
        drop(exporter);
        lab.server.kill();
        std::fs::write(lab.config.config_dir.join("exports.conf"), "# nothing\n").unwrap();
        lab.server.resume();
        let exporter = lab.open().await;
        std::fs::write(lab.config.config_dir.join("exports.conf"), "# nothing\n").unwrap();
        lab.server.kill();
        lab.server.resume();
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(admitted(&lab, &export), Admission::Cut);
        assert_eq!(exporter.reconcile().await.unwrap().added, 1);
        assert_eq!(admitted(&lab, &export), Admission::Full);
    });
}

#[test]
fn files_are_made_from_records_again() {
    with(Options::default(), async |lab| {
        let exporter = lab.ready().await;
        let export = lab.export(&exporter, "vol", "t", Access::ReadWrite).await;
        drop(exporter);
        lab.server.kill();
        std::fs::remove_dir_all(&lab.config.config_dir).unwrap();
        let exporter = lab.open().await;
        lab.server.resume();
        assert_eq!(admitted(&lab, &export), Admission::Full);
        drop(exporter);
    });
}

#[test]
fn a_damaged_record_costs_its_own_export_and_no_other() {
    with(Options::default(), async |lab| {
        let exporter = lab.ready().await;
        let lost = lab.export(&exporter, "lost", "t", Access::ReadWrite).await;
        let id = lab.server.bus().shown().await.into_keys().next().unwrap();
        let kept = lab.server.v4().handle(&lost.file()).unwrap();
        let other = lab.export(&exporter, "other", "t", Access::ReadWrite).await;
        drop(exporter);
        std::fs::write(lab.config.state.join(format!("exports/{id}.json")), "{\"id\":").unwrap();
        let exporter = lab.open().await;
        let done = exporter.reconcile().await.unwrap();
        assert_eq!((done.damaged, done.removed, done.unchanged), (1, 1, 1), "{done:?}");
        assert_eq!(admitted(&lab, &other), Admission::Full);
        lab.export(&exporter, "lost", "t", Access::ReadWrite).await;
        assert_eq!(admitted(&lab, &lost), Admission::Full);
        assert!(!lab.server.bus().shown().await.contains_key(&id));
        assert_eq!(
            lab.server.v4().read(&kept),
            Err(tombolo_ganesha::testing::Status::STALE)
        );
    });
}

#[test]
fn a_volume_that_is_not_there_keeps_neither_the_server_nor_the_others() {
    with(Options::default(), async |lab| {
        let exporter = lab.ready().await;
        let gone = lab.export(&exporter, "gone", "t", Access::ReadWrite).await;
        let other = lab.export(&exporter, "other", "t", Access::ReadWrite).await;
        std::fs::rename(&gone.directory, gone.directory.with_extension("away")).unwrap();
        lab.server.kill();
        lab.server.resume();
        assert_eq!(admitted(&lab, &other), Admission::Full);
        let done = exporter.reconcile().await.unwrap();
        assert_eq!((done.failed.len(), done.unchanged), (1, 1), "{done:?}");
        assert_eq!(done.failed[0].0, Unmended::Export(gone.key.clone()));
        std::fs::rename(gone.directory.with_extension("away"), &gone.directory).unwrap();
        let done = exporter.reconcile().await.unwrap();
        assert_eq!((done.failed.len(), done.added), (0, 1), "{done:?}");
        assert_eq!(admitted(&lab, &gone), Admission::Full);
    });
}

#[test]
fn an_export_whose_directory_has_moved_goes_there_and_keeps_its_id() {
    with(Options::default(), async |lab| {
        let exporter = lab.ready().await;
        let export = lab.export(&exporter, "vol", "t", Access::ReadWrite).await;
        let kept = lab.server.v4().handle(&export.file()).unwrap();
        let moved = export.directory.with_extension("moved");
        std::fs::rename(&export.directory, &moved).unwrap();
        exporter.ensure(&export.key, &moved).await.unwrap();
        assert_eq!(admitted(&lab, &export), Admission::Full);
        assert_eq!(lab.server.v4().read(&kept).unwrap(), b"vol");
    });
}

#[test]
fn a_reload_by_the_admin_changes_nothing() {
    with(Options::default(), async |lab| {
        let exporter = lab.ready().await;
        let full = lab.export(&exporter, "full", "t", Access::ReadWrite).await;
        let reads = lab.export(&exporter, "reads", "t", Access::ReadWrite).await;
        let cut = lab.export(&exporter, "cut", "t", Access::ReadWrite).await;
        reads.admit(&exporter, Admission::ReadOnly).await;
        cut.admit(&exporter, Admission::Cut).await;
        for _ in 0..2 {
            lab.server.reload();
            let found = [&full, &reads, &cut].map(|export| admitted(&lab, export));
            assert_eq!(found, [Admission::Full, Admission::ReadOnly, Admission::Cut]);
            let done = exporter.reconcile().await.unwrap();
            assert!(done.is_clean() && done.unchanged == 3, "{done:?}");
            // The last export that there is.
            exporter.release(&full.key).await.unwrap();
            exporter.ensure(&full.key, &full.directory).await.unwrap();
        }
    });
}
