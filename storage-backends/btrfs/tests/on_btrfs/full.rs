//! On a full file system what frees room still works.

use super::*;
use std::fs;
use tombolo_btrfs::subvolume::{Writable, info};

#[test]
fn on_a_full_file_system_renaming_taking_snapshots_and_destroying_still_work() {
    let Some(image) = image_with_quotas(256 * MIB) else {
        return;
    };
    let (one, top) = (made(&image, "one"), dir(&image.path()));
    fs::create_dir(image.path().join("trash")).unwrap();
    assert_eq!(fill(&image.path().join("one/file"), 1024 * MIB), Err(Errno::NOSPC));
    subvolume::snapshot(&one, &top, "then", Writable::No).unwrap();
    fs::rename(image.path().join("one"), image.path().join("trash/one")).unwrap();
    let then = info(subvolume::open(&top, "then").unwrap()).unwrap().id;
    subvolume::destroy(&top, then).unwrap();
    subvolume::destroy(&top, info(&one).unwrap().id).unwrap();
    drop(one);
    cleaned_up(&image);
    image.sync();
    drop(made(&image, "two"));
    fill(&image.path().join("two/file"), 32 * MIB).unwrap();
}
