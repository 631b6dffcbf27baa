//! Making, taking snapshots of and removing.

use super::*;
use std::fs;
use std::os::unix::fs::symlink;
use tombolo_btrfs::subvolume::Writable;

#[test]
fn a_subvolume_is_told_from_a_directory_and_from_other_file_systems() {
    let Some(image) = image(256 * MIB) else { return };
    let made = made(&image, "one");
    fs::create_dir(image.path().join("plain")).unwrap();
    assert!(subvolume::is_subvolume(&made).unwrap());
    assert!(subvolume::is_subvolume(dir(&image.path())).unwrap());
    assert!(!subvolume::is_subvolume(dir(&image.path().join("plain"))).unwrap());
    assert!(subvolume::is_on_btrfs(dir(&image.path().join("plain"))).unwrap());
    let elsewhere = dir(Path::new("/proc"));
    assert!(!subvolume::is_on_btrfs(&elsewhere).unwrap() && !subvolume::is_subvolume(&elsewhere).unwrap());
    assert_eq!(subvolume::file_system(&elsewhere), Err(Errno::NOTTY));
    assert_eq!(
        subvolume::file_system(&made).unwrap(),
        subvolume::file_system(dir(&image.path())).unwrap()
    );
}

#[test]
fn names_are_single_components_and_links_are_not_followed() {
    let Some(image) = image(256 * MIB) else { return };
    let top = dir(&image.path());
    drop(made(&image, "one"));
    fs::create_dir(image.path().join("plain")).unwrap();
    symlink("one", image.path().join("link")).unwrap();
    for bad in ["", ".", "..", "a/b", "/a", "a\0b"] {
        assert_eq!(subvolume::create(&top, bad), Err(Errno::INVAL), "{bad:?}");
    }
    assert_eq!(subvolume::create(&top, &"n".repeat(256)), Err(Errno::NAMETOOLONG));
    assert_eq!(subvolume::create(&top, &"n".repeat(5000)), Err(Errno::NAMETOOLONG));
    subvolume::create(&top, &"n".repeat(255)).unwrap();
    for taken in ["one", "plain", "link"] {
        assert_eq!(subvolume::create(&top, taken), Err(Errno::EXIST), "{taken}");
    }
    for none in ["plain", "link"] {
        assert_eq!(subvolume::open(&top, none).unwrap_err(), Errno::NOTDIR, "{none}");
    }
    assert_eq!(subvolume::open(&top, "nothing").unwrap_err(), Errno::NOENT);
}

#[test]
fn a_read_only_snapshot_stays_as_it_was_while_a_writer_goes_on() {
    let Some(image) = image(256 * MIB) else { return };
    let source = made(&image, "one");
    let mut writer = File::create(image.path().join("one/file")).unwrap();
    writer.write_all(b"before").unwrap();
    subvolume::snapshot(&source, dir(&image.path()), "then", Writable::No).unwrap();
    writer.write_all(b" and after").unwrap();

    let then = subvolume::open(dir(&image.path()), "then").unwrap();
    assert_eq!(fs::read(image.path().join("then/file")).unwrap(), b"before");
    assert_eq!(fs::read(image.path().join("one/file")).unwrap(), b"before and after");
    let refused = fs::write(image.path().join("then/file"), "x").unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ReadOnlyFilesystem);
    let (one, then_info) = (subvolume::info(&source).unwrap(), subvolume::info(&then).unwrap());
    assert_eq!(then_info.snapshot_of, Some(one.uuid));
    assert_eq!((one.read_only, then_info.read_only), (false, true));
    assert_eq!(one.parent, Some(tombolo_btrfs::SubvolumeId::TOP_LEVEL));
    assert!(then_info.created >= one.created && then_info.id > one.id);

    subvolume::set_writable(&then, Writable::Yes).unwrap();
    fs::write(image.path().join("then/file"), "x").unwrap();
    subvolume::set_writable(&then, Writable::No).unwrap();
    assert!(subvolume::info(&then).unwrap().read_only);
    // Whoever has a file open for writing goes on.
    subvolume::set_writable(&source, Writable::No).unwrap();
    writer.write_all(b"!").unwrap();
    assert!(fs::write(image.path().join("one/file"), "x").is_err());
}

#[test]
fn only_a_whole_subvolume_has_snapshots() {
    let Some(image) = image(256 * MIB) else { return };
    fs::create_dir(image.path().join("plain")).unwrap();
    let plain = dir(&image.path().join("plain"));
    let answer = subvolume::snapshot(&plain, dir(&image.path()), "then", Writable::No);
    assert_eq!(answer, Err(Errno::INVAL));
    assert!(!image.path().join("then").exists());
}

#[test]
fn destroying_takes_what_lies_inside_with_it_and_nothing_else() {
    let Some(image) = image(256 * MIB) else { return };
    let one = made(&image, "one");
    let kept = subvolume::info(made(&image, "kept")).unwrap().id;
    let id = subvolume::info(&one).unwrap().id;
    let (mut inside, mut nested) = (one, vec![]);
    for depth in 0..20 {
        subvolume::create(&inside, "wide").unwrap();
        fs::create_dir(format!(
            "/proc/self/fd/{}/dir",
            std::os::fd::AsRawFd::as_raw_fd(&inside)
        ))
        .unwrap();
        let directory =
            rustix::fs::openat(&inside, "dir", rustix::fs::OFlags::DIRECTORY, rustix::fs::Mode::empty()).unwrap();
        subvolume::create(&directory, "deep").unwrap();
        inside = subvolume::open(&directory, "deep").unwrap();
        nested.push((depth, subvolume::info(&inside).unwrap().id));
    }
    assert_eq!(subvolume::all(&inside).unwrap().len(), 42);
    assert!(subvolume::destroy(dir(&image.path()), id).unwrap());
    assert!(!image.path().join("one").exists() && image.path().join("kept").exists());
    assert_eq!(subvolume::all(dir(&image.path())).unwrap(), [kept]);
    // A repeated one finds nothing to do.
    assert!(!subvolume::destroy(dir(&image.path()), id).unwrap());
    drop(inside);
    cleaned_up(&image);
}

#[test]
fn fifty_are_made_opened_and_removed_in_a_moment() {
    let Some(image) = image(512 * MIB) else { return };
    let top = dir(&image.path());
    let began = Instant::now();
    for n in 0..50 {
        drop(made(&image, &format!("pvc-{n}")));
    }
    assert!(began.elapsed() < 50 * Duration::from_secs(1), "{:?}", began.elapsed());
    let all = subvolume::all(&top).unwrap();
    assert_eq!(all.len(), 50);
    for id in all {
        subvolume::destroy(&top, id).unwrap();
    }
    assert_eq!(subvolume::all(&top).unwrap(), []);
}

#[test]
fn more_subvolumes_than_one_answer_of_the_kernel_holds_are_all_found() {
    let Some(image) = image(512 * MIB) else { return };
    let parent = made(&image, "parent");
    // A key takes 58 bytes and the name; an answer holds fewer than 3992.
    for n in 0..150 {
        subvolume::create(&parent, &format!("a-rather-long-name-of-a-subvolume-{n}")).unwrap();
    }
    assert_eq!(subvolume::all(&parent).unwrap().len(), 151);
    subvolume::destroy(dir(&image.path()), subvolume::info(&parent).unwrap().id).unwrap();
    assert_eq!(subvolume::all(dir(&image.path())).unwrap(), []);
}
