//! Exports that are not ours, and some that no longer are.

use crate::lab::{Lab, admitted, key, with};
use std::path::PathBuf;
use tombolo_backend_api::{Access, Admission};
use tombolo_ganesha::testing::{Options, Status};
use tombolo_ganesha::{ExportId, Unmended};

/// Adds an export past the exporter.
async fn add(lab: &Lab, id: u16, pseudo: &str, volume: &str) -> PathBuf {
    let directory = lab.server.directory().join("volumes").join(volume);
    if !directory.exists() {
        lab.server.volume(volume);
    }
    let file = lab.server.directory().join(format!("other-{id}.conf"));
    let text = format!(
        "EXPORT {{ Export_Id = {id}; Path = {}; Pseudo = {pseudo}; Access_Type = RW; Squash = None; Protocols = 4; \
         FSAL {{ Name = VFS; }} }}\n",
        directory.display()
    );
    std::fs::write(&file, text).unwrap();
    lab.server.bus().add(&file, id).await.unwrap();
    directory
}

#[test]
fn exports_of_others_are_left_alone_and_their_ids_are_passed_over() {
    with(Options::default(), async |lab| {
        let exporter = lab.ready().await;
        let first = lab.export(&exporter, "first", "t", Access::ReadWrite).await;
        let id = lab.server.bus().shown().await.into_keys().next().unwrap();
        add(&lab, id + 1, "/theirs", "theirs").await;
        let second = lab.export(&exporter, "second", "t", Access::ReadWrite).await;
        let shown = lab.server.bus().shown().await;
        assert_eq!(shown[&(id + 1)], "/theirs");
        assert_eq!(shown[&(id + 2)], second.path());
        let done = exporter.reconcile().await.unwrap();
        // The root of the pseudo file system is one of them.
        assert!(done.is_clean() && done.foreign == 2, "{done:?}");
        exporter.release(&first.key).await.unwrap();
        assert_eq!(lab.server.utility(4).read("/theirs/file").unwrap(), b"theirs");
    });
}

#[test]
fn an_id_of_ours_that_another_has_is_an_error_and_not_a_theft() {
    with(Options::default(), async |lab| {
        let exporter = lab.ready().await;
        let export = lab.export(&exporter, "vol", "t", Access::ReadWrite).await;
        let id = lab.server.bus().shown().await.into_keys().next().unwrap();
        export.admit(&exporter, Admission::Cut).await;
        add(&lab, id, "/theirs", "theirs").await;
        let error = exporter
            .admit(&export.key, &export.directory, Admission::Full)
            .await
            .unwrap_err();
        assert!(error.to_string().contains("/theirs"), "{error}");
        let other = lab.export(&exporter, "other", "t", Access::ReadWrite).await;
        let done = exporter.reconcile().await.unwrap();
        assert_eq!((done.failed.len(), done.unchanged), (1, 1), "{done:?}");
        exporter.release(&other.key).await.unwrap();
        export.admit(&exporter, Admission::Cut).await;
        exporter.release(&export.key).await.unwrap();
        assert_eq!(lab.server.utility(4).read("/theirs/file").unwrap(), b"theirs");
    });
}

#[test]
fn stale_exports_of_ours_go_and_their_ids_rest() {
    with(Options::default(), async |lab| {
        let exporter = lab.ready().await;
        let key = key("stale", "t", Access::ReadWrite);
        add(&lab, 40_000, "/tombolo/stale/t/rw", "stale").await;
        add(&lab, 40_001, "/tombolo/strange", "strange").await;
        let kept = lab.server.v4().handle("/tombolo/stale/t/rw/file").unwrap();
        let done = exporter.reconcile().await.unwrap();
        assert_eq!((done.removed, done.ids_resting), (2, 2), "{done:?}");
        assert!(lab.server.bus().shown().await.is_empty());
        exporter
            .ensure(&key, &lab.server.directory().join("volumes/stale"))
            .await
            .unwrap();
        assert_eq!(lab.server.v4().read(&kept), Err(Status::STALE));
    });
}

#[test]
fn a_stale_export_that_cannot_be_removed_keeps_no_other_from_being_mended() {
    with(Options::default(), async |lab| {
        let exporter = lab.ready().await;
        let export = lab.export(&exporter, "vol", "t", Access::ReadWrite).await;
        let id = lab.server.bus().shown().await.into_keys().next().unwrap();
        lab.server.bus().remove(id).await.unwrap();
        for stale in [40_000, 40_001] {
            add(&lab, stale, &format!("/tombolo/strange-{stale}"), "strange").await;
        }
        // What the first is to be recorded in cannot be written.
        let blocked = lab.config.state.join("exports/40000.json");
        std::fs::create_dir_all(blocked.join("x")).unwrap();
        let done = exporter.reconcile().await.unwrap();
        let stale = Unmended::Stale(ExportId::new(40_000).unwrap());
        assert!(matches!(&*done.failed, [(what, _)] if *what == stale), "{done:?}");
        assert_eq!((done.removed, done.added), (1, 1), "{done:?}");
        assert_eq!(admitted(&lab, &export), Admission::Full);
        std::fs::remove_dir_all(blocked).unwrap();
        assert_eq!(exporter.reconcile().await.unwrap().removed, 1);
        assert!(exporter.reconcile().await.unwrap().is_clean());
    });
}

#[test]
fn an_id_that_the_server_uses_for_another_of_ours_is_given_up() {
    with(Options::default(), async |lab| {
        let exporter = lab.ready().await;
        let export = lab.export(&exporter, "vol", "t", Access::ReadWrite).await;
        let id = lab.server.bus().shown().await.into_keys().next().unwrap();
        // As when the records come from an old backup.
        lab.server.bus().remove(id).await.unwrap();
        add(&lab, id, "/tombolo/younger/t/rw", "younger").await;
        let kept = lab.server.v4().handle("/tombolo/younger/t/rw/file").unwrap();
        let done = exporter.reconcile().await.unwrap();
        assert_eq!((done.removed, done.added, done.failed.len()), (1, 1, 0), "{done:?}");
        assert_eq!(admitted(&lab, &export), Admission::Full);
        assert!(!lab.server.bus().shown().await.contains_key(&id));
        assert_eq!(lab.server.v4().read(&kept), Err(Status::STALE));
        assert!(exporter.reconcile().await.unwrap().is_clean());
    });
}

#[test]
fn what_somebody_changed_is_changed_back() {
    with(Options::default(), async |lab| {
        let exporter = lab.ready().await;
        let export = lab.export(&exporter, "vol", "t", Access::ReadOnly).await;
        let id = lab.server.bus().shown().await.into_keys().next().unwrap();
        // Open to everybody, for writing.
        lab.server.bus().remove(id).await.unwrap();
        add(&lab, id, &export.path(), "vol").await;
        assert_eq!(admitted(&lab, &export), Admission::Full);
        let done = exporter.reconcile().await.unwrap();
        assert_eq!((done.updated, done.failed.len()), (1, 0), "{done:?}");
        assert_eq!(admitted(&lab, &export), Admission::ReadOnly);
        // Somewhere else.
        lab.server.bus().remove(id).await.unwrap();
        add(&lab, id, &export.path(), "elsewhere").await;
        assert_eq!(exporter.reconcile().await.unwrap().updated, 1);
        assert_eq!(lab.server.utility(4).read(&export.file()).unwrap(), b"vol");
        // Away.
        lab.server.bus().remove(id).await.unwrap();
        assert_eq!(exporter.reconcile().await.unwrap().added, 1);
        assert!(exporter.reconcile().await.unwrap().is_clean());
    });
}
