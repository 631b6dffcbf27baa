//! What a filer refuses to work on.

use super::*;
use crate::stage::Recording;
use std::process::Command;
use std::sync::Arc;
use tombolo_backend_filer::{Config, QuotaMode};

const REFUSED: (Class, Certainty) = (Class::Invalid, Certainty::NotDone);

fn refusal(answer: Result<Filer, BackendError>) -> ((Class, Certainty), String) {
    let Err(error) = answer else {
        panic!("it was not refused")
    };
    ((error.class, error.certainty), error.to_string())
}

#[tokio::test]
async fn the_file_system_of_the_host_is_refused() {
    let (scratch, stage) = (tempfile::tempdir().unwrap(), Recording::default());
    for root in [scratch.path().to_owned(), scratch.path().join("not-there-yet")] {
        let exports = scratch.path().with_extension("exports");
        let config = Config::parse(root.to_str().unwrap(), exports.to_str().unwrap(), "nas").unwrap();
        let (kind, said) = refusal(Filer::open(config, Arc::new(stage.clone())).await);
        assert_eq!(kind, REFUSED);
        assert!(said.contains("file system of /"), "{said}");
        assert!(!exports.exists());
    }
}

#[tokio::test]
async fn a_file_system_that_holds_something_else_is_refused() {
    let Some(stage) = stage(256 * MIB) else { return };
    fs::create_dir(stage.image.path().join("home")).unwrap();
    let (kind, said) = refusal(stage.open_with(stage.config()).await);
    assert_eq!(kind, REFUSED);
    assert!(said.contains("/home"), "{said}");
    fs::remove_dir(stage.image.path().join("home")).unwrap();
    stage.open().await;
}

#[tokio::test]
async fn a_part_of_a_file_system_is_refused() {
    let Some(stage) = stage(256 * MIB) else { return };
    tombolo_btrfs::subvolume::create(dir(&stage.root()), "part").unwrap();
    let at = stage.image.scratch().join("part");
    fs::create_dir(&at).unwrap();
    let bound = Command::new("mount")
        .arg("--bind")
        .arg(stage.root().join("part"))
        .arg(&at)
        .status();
    assert!(bound.unwrap().success());
    let exports = stage.exports_dir();
    let config = Config::parse(at.to_str().unwrap(), exports.to_str().unwrap(), "nas").unwrap();
    let (kind, said) = refusal(stage.open_with(config).await);
    assert_eq!(kind, REFUSED);
    assert!(said.contains("only"), "{said}");
}

#[tokio::test]
async fn a_root_that_is_missing_with_what_is_above_it_is_waited_for() {
    let Some(stage) = stage(256 * MIB) else { return };
    let far = stage.root().join("a/b");
    let config = Config::parse(far.to_str().unwrap(), stage.exports_dir().to_str().unwrap(), "nas").unwrap();
    assert_eq!(
        refusal(stage.open_with(config).await).0,
        (Class::Waiting, Certainty::NotDone)
    );
    // The root alone is made by its mark.
    fs::remove_dir(stage.root()).unwrap();
    marked(&stage).await.create(&volume("pvc-1", MIB)).await.unwrap();
}

#[tokio::test]
async fn full_quota_groups_are_refused_unless_configured() {
    let Some(stage) = stage(256 * MIB) else { return };
    let full = || stage.config().with_quota(QuotaMode::Full);
    assert_eq!(refusal(stage.open_with(full()).await).0, REFUSED, "none are on");
    let enabled = Command::new("btrfs")
        .args(["quota", "enable"])
        .arg(stage.image.path())
        .status();
    assert!(enabled.unwrap().success());
    let (kind, said) = refusal(stage.open_with(stage.config()).await);
    assert_eq!(kind, REFUSED);
    assert!(said.contains("quota: Full"), "{said}");
    let filer = stage.open_with(full()).await.unwrap();
    filer.place_mark(&mark()).await.unwrap();
    let made = filer.create(&volume("pvc-1", MIB)).await.unwrap();
    assert_eq!(made.enforced_bytes, Some(MIB));
    assert!(filer.notice().is_some());
}

#[tokio::test]
async fn without_a_btrfs_nothing_is_declared_that_does_not_hold() {
    let Some(image) = image(Image::ext4(64 * MIB)) else {
        return;
    };
    let filer = marked(&Stage::on(image)).await;
    let declared = filer.capabilities();
    assert!(declared.share && declared.revoke && declared.read_only_enforced);
    assert!(!declared.quota && !declared.resize);
    assert!(filer.quota().is_none() && filer.resize().is_none() && filer.notice().is_some());
}

/// The capabilities that a column of the backends' document says more of than "no".
fn said(column: &str) -> Vec<String> {
    let document = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md")).unwrap();
    let table: Vec<Vec<&str>> = document
        .lines()
        .skip_while(|line| !line.starts_with("| capability |"))
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    let place = table[0].iter().position(|name| *name == column).unwrap();
    let there = table.iter().skip(2).filter(|row| row[place] != "no");
    there.map(|row| row[1].trim_matches('`').to_owned()).collect()
}

#[tokio::test]
async fn the_document_says_what_is_declared() {
    let Some(stage) = stage(256 * MIB) else { return };
    assert_eq!(stage.open().await.capabilities().names(), said("`filer`, btrfs"));
    let Some(image) = image(Image::ext4(64 * MIB)) else {
        return;
    };
    let declared = Stage::on(image).open().await.capabilities().names();
    assert_eq!(declared, said("`filer`, directories"));
}
