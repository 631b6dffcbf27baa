//! What is promised together never exceeds the budget.

use super::*;

const FULL: (Class, Certainty) = (Class::Full, Certainty::NotDone);

#[tokio::test]
async fn limits_together_stay_within_the_budget_and_the_trash_counts() {
    let Some(stage) = stage(512 * MIB) else { return };
    let filer = stage.open_with(stage.config().with_bytes(100 * MIB)).await.unwrap();
    filer.place_mark(&mark()).await.unwrap();
    filer.create(&volume("pvc-1", 40 * MIB)).await.unwrap();
    filer.create(&volume("pvc-2", 40 * MIB)).await.unwrap();
    assert_eq!(kind(filer.create(&volume("pvc-3", 40 * MIB)).await), FULL);
    assert!(!stage.root().join("pvc-3").exists());
    let clones = filer.clones().unwrap();
    let clone = clones
        .clone_volume(&path("pvc-1"), &volume("pvc-3", 40 * MIB), &TERMS, &())
        .await;
    assert_eq!(kind(clone), FULL);
    let resized = filer.resize().unwrap().resize_volume(&path("pvc-1"), 80 * MIB).await;
    assert_eq!(kind(resized), FULL);

    filer.discard(&path("pvc-1"), &trash("t")).await.unwrap();
    assert_eq!(
        kind(filer.create(&volume("pvc-3", 40 * MIB)).await),
        FULL,
        "it can be restored"
    );
    filer.purge(&id("t"), &()).await.unwrap();
    filer.create(&volume("pvc-3", 40 * MIB)).await.unwrap();
    filer.create(&volume("pvc-4", 16 * MIB)).await.unwrap();
    assert_eq!(filer.notice(), None);
}

#[tokio::test]
async fn overcommitting_is_for_whoever_asks_and_is_told() {
    let Some(stage) = stage(512 * MIB) else { return };
    let filer = stage
        .open_with(stage.config().with_bytes(100 * MIB).with_overcommit(true))
        .await
        .unwrap();
    filer.place_mark(&mark()).await.unwrap();
    for name in ["pvc-1", "pvc-2"] {
        filer.create(&volume(name, 90 * MIB)).await.unwrap();
    }
    filer.settle().await.unwrap();
    assert!(filer.notice().unwrap().contains("volumes may fill"));
}

#[tokio::test]
async fn a_subvolume_that_an_admin_made_in_a_volume_is_purged_with_it() {
    let Some(stage) = stage(512 * MIB) else { return };
    let filer = marked(&stage).await;
    filer.create(&volume("pvc-1", 8 * MIB)).await.unwrap();
    fs::create_dir(stage.root().join("pvc-1/dir")).unwrap();
    tombolo_btrfs::subvolume::create(dir(&stage.root().join("pvc-1/dir")), "inner").unwrap();
    fs::write(stage.root().join("pvc-1/dir/inner/file"), "x").unwrap();
    filer.discard(&path("pvc-1"), &trash("t")).await.unwrap();
    filer.purge(&id("t"), &()).await.unwrap();
    assert_eq!(tombolo_btrfs::subvolume::all(dir(&stage.root())).unwrap(), []);
    // Its account goes with the last of its bytes.
    for _ in 0..600 {
        tombolo_btrfs::subvolume::sync(dir(&stage.root())).unwrap();
        filer.settle().await.unwrap();
        if tombolo_btrfs::quota::left_behind(dir(&stage.root()))
            .unwrap()
            .is_empty()
        {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("accounts of deleted subvolumes are left");
}
