//! A mount of its own for a subvolume.

use super::*;
use std::fs;
use std::os::unix::fs::MetadataExt;
use tombolo_btrfs::mounts::{below, mount, unmount_at};

#[test]
fn a_subvolume_is_mounted_by_descriptor_listed_and_unmounted() {
    let Some(image) = image(256 * MIB) else { return };
    let one = made(&image, "one");
    fs::write(image.path().join("one/file"), "x").unwrap();
    let exports = image.scratch().join("ex ports\n\\");
    let target = exports.join("one");
    fs::create_dir_all(&target).unwrap();
    assert_eq!(below(&exports).unwrap(), []);
    mount(&one, dir(&target)).unwrap();
    assert_eq!(fs::read(target.join("file")).unwrap(), b"x");
    let same = |a: &Path, b: &Path| {
        let (a, b) = (fs::metadata(a).unwrap(), fs::metadata(b).unwrap());
        (a.dev(), a.ino()) == (b.dev(), b.ino())
    };
    assert!(same(&target, &image.path().join("one")));
    let [found] = &below(&exports).unwrap()[..] else {
        panic!("one mount")
    };
    assert_eq!(
        (found.at.as_path(), found.kind.to_str()),
        (target.as_path(), Some("btrfs"))
    );
    assert_eq!(found.root, "/one");
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let line = table.lines().find(|line| line.contains("/ex\\040ports")).unwrap();
    assert!(line.contains("nosuid,nodev,noexec"), "{line}");
    // The file system's own mount stays as it was.
    let own = table
        .lines()
        .find(|line| line.contains(image.path().to_str().unwrap()))
        .unwrap();
    assert!(!own.contains("noexec"), "{own}");

    // Also with a file open in it.
    let open = File::open(target.join("file")).unwrap();
    unmount_at(&target).unwrap();
    assert_eq!(below(&exports).unwrap(), []);
    assert_eq!(fs::read_dir(&target).unwrap().count(), 0);
    assert_eq!(unmount_at(&target), Err(Errno::INVAL));
    drop(open);
}

#[test]
fn a_renamed_and_a_destroyed_subvolume_are_seen_in_the_list() {
    let Some(image) = image(256 * MIB) else { return };
    let one = made(&image, "one");
    let exports = image.scratch().join("exports");
    fs::create_dir_all(exports.join("one")).unwrap();
    mount(&one, dir(&exports.join("one"))).unwrap();
    fs::rename(image.path().join("one"), image.path().join("two")).unwrap();
    assert_eq!(below(&exports).unwrap()[0].root, "/two");
    // A mount does not keep it from being destroyed.
    subvolume::destroy(dir(&image.path()), subvolume::info(&one).unwrap().id).unwrap();
    assert!(!image.path().join("two").exists());
    assert_eq!(below(&exports).unwrap().len(), 1);
    unmount_at(&exports.join("one")).unwrap();
}
