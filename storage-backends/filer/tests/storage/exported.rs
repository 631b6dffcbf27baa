//! Mounts and exports: never of what has no limit, gone before a discard, and mended after anything.

use super::*;
use crate::stage::Told;

pub(super) fn shown(stage: &Stage) -> Vec<String> {
    let table = fs::read_to_string("/proc/self/mounts").unwrap();
    let points = table.lines().filter_map(|line| line.split(' ').nth(1));
    let below = format!("{}/", stage.exports_dir().display());
    let mut shown: Vec<_> = points
        .filter_map(|at| at.strip_prefix(&below))
        .map(str::to_owned)
        .collect();
    shown.sort();
    shown
}

#[tokio::test]
async fn what_was_not_wholly_made_is_not_exported_until_the_next_create() {
    let Some(stage) = stage(512 * MIB) else { return };
    let filer = marked(&stage).await;
    // As a crash leaves it.
    tombolo_btrfs::subvolume::create(dir(&stage.root()), "pvc-1").unwrap();
    stage.exports.forget();
    let refused = kind(filer.mount(&key("pvc-1", "team")).await);
    assert_eq!(refused, (Class::Transient, Certainty::NotDone));
    let refused = filer
        .revoke()
        .unwrap()
        .admit(&key("pvc-1", "team"), Admission::Full)
        .await;
    assert_eq!(kind(refused), (Class::Transient, Certainty::NotDone));
    assert_eq!((stage.exports.told(), shown(&stage)), (vec![], vec![]));
    let made = filer.create(&volume("pvc-1", 8 * MIB)).await.unwrap();
    assert_eq!(made.enforced_bytes, Some(8 * MIB));
    filer.mount(&key("pvc-1", "team")).await.unwrap();
    assert_eq!(shown(&stage), ["pvc-1"]);
}

#[tokio::test]
async fn an_old_create_that_comes_late_does_not_shrink_a_volume() {
    let Some(stage) = stage(512 * MIB) else { return };
    let filer = marked(&stage).await;
    filer.create(&volume("pvc-1", 8 * MIB)).await.unwrap();
    filer
        .resize()
        .unwrap()
        .resize_volume(&path("pvc-1"), 32 * MIB)
        .await
        .unwrap();
    let made = filer.create(&volume("pvc-1", 8 * MIB)).await.unwrap();
    assert_eq!(made.enforced_bytes, Some(32 * MIB));
}

#[tokio::test]
async fn a_discard_takes_exports_and_mount_away_before_it_renames() {
    let Some(stage) = stage(512 * MIB) else { return };
    let filer = marked(&stage).await;
    filer.create(&volume("team/pvc-1", 8 * MIB)).await.unwrap();
    filer.mount(&key("team/pvc-1", "one")).await.unwrap();
    filer.mount(&key("team/pvc-1", "two")).await.unwrap();
    assert_eq!(shown(&stage), ["team/pvc-1"]);

    stage.exports.set_away(true);
    let answer = filer.discard(&path("team/pvc-1"), &trash("t")).await;
    assert_eq!(kind(answer), (Class::Waiting, Certainty::MaybeDone));
    assert!(stage.root().join("team/pvc-1").exists());
    stage.exports.set_away(false);

    // A place that is taken is seen before anything is taken away.
    fs::create_dir(stage.root().join(".tombolo/trash/taken")).unwrap();
    stage.exports.forget();
    let answer = filer.discard(&path("team/pvc-1"), &trash("taken")).await;
    assert_eq!(kind(answer), (Class::Invalid, Certainty::NotDone));
    assert_eq!(
        (stage.exports.told(), shown(&stage)),
        (vec![], vec!["team/pvc-1".to_owned()])
    );

    filer.discard(&path("team/pvc-1"), &trash("t")).await.unwrap();
    assert_eq!(stage.exports.told(), [Told::ReleaseVolume(path("team/pvc-1"))]);
    assert_eq!(shown(&stage), [] as [String; 0]);
    assert_eq!(fs::read_dir(stage.exports_dir()).unwrap().count(), 0);
}

#[tokio::test]
async fn settling_mounts_what_is_exported_and_unmounts_the_rest() {
    let Some(stage) = stage(512 * MIB) else { return };
    let filer = marked(&stage).await;
    for name in ["kept", "gone", "stale"] {
        filer.create(&volume(name, 8 * MIB)).await.unwrap();
        filer.mount(&key(name, "team")).await.unwrap();
    }
    let settled = filer.settle().await.unwrap();
    assert_eq!((settled.mounted, settled.unmounted, settled.failed), (0, 0, vec![]));

    // Behind its back: a mount went, a volume was exchanged, an export was taken away.
    tombolo_btrfs::mounts::unmount_at(&stage.exports_dir().join("kept")).unwrap();
    fs::rename(stage.root().join("gone"), stage.root().join("elsewhere")).unwrap();
    stage.exports.lose(&path("stale"));
    stage.exports.forget();
    let settled = filer.settle().await.unwrap();
    assert_eq!((settled.mounted, settled.unmounted), (1, 1));
    let failed: Vec<_> = settled.failed.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(failed, ["gone"]);
    assert_eq!(shown(&stage), ["kept"]);
    // Nothing was taken from a volume that is not there: it may come back.
    assert_eq!(stage.exports.told(), [Told::Reconcile]);
    fs::rename(stage.root().join("elsewhere"), stage.root().join("gone")).unwrap();
    assert_eq!(filer.settle().await.unwrap().mounted, 1);
    assert_eq!(shown(&stage), ["gone", "kept"]);
}

#[tokio::test]
async fn a_root_without_its_mark_is_not_settled() {
    let Some(stage) = stage(512 * MIB) else { return };
    let filer = marked(&stage).await;
    filer.create(&volume("pvc-1", 8 * MIB)).await.unwrap();
    filer.mount(&key("pvc-1", "team")).await.unwrap();
    fs::rename(stage.root().join(".tombolo"), stage.root().join("hidden")).unwrap();
    assert_eq!(kind(filer.settle().await), (Class::Waiting, Certainty::NotDone));
    assert_eq!(shown(&stage), ["pvc-1"]);
}

#[tokio::test]
async fn a_volume_made_anew_under_an_old_path_is_mounted_in_the_place_of_the_old_one() {
    let Some(stage) = stage(512 * MIB) else { return };
    let filer = marked(&stage).await;
    filer.create(&volume("pvc-1", 8 * MIB)).await.unwrap();
    filer.mount(&key("pvc-1", "team")).await.unwrap();
    fs::rename(stage.root().join("pvc-1"), stage.root().join("old")).unwrap();
    filer.create(&volume("pvc-1", 8 * MIB)).await.unwrap();
    fs::write(stage.root().join("pvc-1/new"), "x").unwrap();
    filer.mount(&key("pvc-1", "team")).await.unwrap();
    assert!(stage.exports_dir().join("pvc-1/new").exists());
    assert_eq!(shown(&stage), ["pvc-1"]);
}

#[tokio::test]
async fn a_volume_lies_in_no_other() {
    let Some(stage) = stage(512 * MIB) else { return };
    let filer = marked(&stage).await;
    filer.create(&volume("pvc-1", 8 * MIB)).await.unwrap();
    fs::create_dir(stage.root().join("pvc-1/dir")).unwrap();
    let invalid = (Class::Invalid, Certainty::NotDone);
    for at in ["pvc-1/inner", "pvc-1/dir/inner"] {
        assert_eq!(kind(filer.create(&volume(at, 8 * MIB)).await), invalid, "{at}");
        assert_eq!(kind(filer.inspect(&path(at)).await), invalid, "{at}");
        assert_eq!(kind(filer.mount(&key(at, "team")).await), invalid, "{at}");
    }
    assert_eq!(fs::read_dir(stage.root().join("pvc-1/dir")).unwrap().count(), 0);
}
