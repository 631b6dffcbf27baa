//! Simple quotas: what limits stop, and who is charged.

use super::*;
use std::fs;
use tombolo_btrfs::SubvolumeId;
use tombolo_btrfs::quota::{self, Charged, Qgroups, Quotas};
use tombolo_btrfs::subvolume::{Writable, info};

fn charged(image: &Image, id: SubvolumeId) -> Charged {
    image.sync();
    Qgroups::of(dir(&image.path())).unwrap().charged(id).unwrap().unwrap()
}

fn limited(image: &Image, name: &str, bytes: u64) -> (OwnedFd, SubvolumeId) {
    let made = made(image, name);
    let id = info(&made).unwrap().id;
    quota::limit(&made, id, bytes).unwrap();
    (made, id)
}

fn is_quota<T: std::fmt::Debug>(answer: Result<T, Errno>) {
    let errno = answer.unwrap_err();
    assert!(matches!(errno, Errno::DQUOT | Errno::NOSPC), "{errno:?}");
}

#[test]
fn simple_quotas_are_switched_on_once_and_told_from_full_ones() {
    let Some(image) = image(256 * MIB) else { return };
    let top = dir(&image.path());
    let groups = Qgroups::of(&top).unwrap();
    assert_eq!(groups.kind(), Ok(Quotas::Off));
    quota::enable(&top).unwrap();
    assert_eq!(groups.kind(), Ok(Quotas::Simple));
    quota::enable(&top).unwrap();
    assert_eq!(groups.kind(), Ok(Quotas::Simple));
    let Some(full) = self::image(256 * MIB) else { return };
    let enabled = std::process::Command::new("btrfs")
        .args(["quota", "enable"])
        .arg(full.path())
        .status();
    assert!(enabled.unwrap().success());
    assert_eq!(Qgroups::of(dir(&full.path())).unwrap().kind(), Ok(Quotas::Full));
    quota::enable(dir(&full.path())).unwrap();
    assert_eq!(Qgroups::of(dir(&full.path())).unwrap().kind(), Ok(Quotas::Full));
    assert_eq!(Qgroups::of(dir(Path::new("/proc"))).unwrap_err(), Errno::NOTTY);
}

#[test]
fn a_limit_stops_its_own_writers_and_nobody_else() {
    let Some(image) = image_with_quotas(512 * MIB) else {
        return;
    };
    let (_one, id) = limited(&image, "one", 20 * MIB);
    let (_two, _) = limited(&image, "two", 100 * MIB);
    assert_eq!(charged(&image, id).limit, Some(20 * MIB));
    is_quota(fill(&image.path().join("one/file"), 30 * MIB));
    let used = charged(&image, id).used;
    assert!((15 * MIB..=20 * MIB).contains(&used), "{used}");
    fill(&image.path().join("two/file"), 30 * MIB).unwrap();
    // A larger limit holds at once.
    quota::limit(dir(&image.path()), id, 60 * MIB).unwrap();
    fill(&image.path().join("one/more"), 20 * MIB).unwrap();
    assert_eq!(charged(&image, id).limit, Some(60 * MIB));
}

#[test]
fn rewriting_and_taking_snapshots_in_a_loop_stays_within_the_limit() {
    let Some(image) = image_with_quotas(1024 * MIB) else {
        return;
    };
    let (one, id) = limited(&image, "one", 50 * MIB);
    let mut refused = 0;
    for n in 0..8 {
        if let Err(errno) = fill(&image.path().join("one/file"), 20 * MIB) {
            is_quota(Err::<(), _>(errno));
            refused += 1;
        }
        subvolume::snapshot(&one, dir(&image.path()), &format!("then-{n}"), Writable::No).unwrap();
    }
    assert!(refused >= 5, "{refused} of 8 were refused");
    let all = Qgroups::of(dir(&image.path())).unwrap().all().unwrap();
    let everything: u64 = all.iter().map(|charged| charged.used).sum();
    let used = charged(&image, id).used;
    assert!(used <= 50 * MIB, "{used}");
    // Snapshots are charged nothing but their own blocks.
    assert!(everything - used < 2 * MIB, "{everything} - {used}");
}

#[test]
fn a_clone_is_charged_what_it_writes_and_what_is_left_of_its_source_is_found() {
    let Some(image) = image_with_quotas(512 * MIB) else {
        return;
    };
    let top = dir(&image.path());
    let (source, source_id) = limited(&image, "source", 100 * MIB);
    fill(&image.path().join("source/file"), 30 * MIB).unwrap();
    subvolume::snapshot(&source, &top, "clone", Writable::Yes).unwrap();
    let clone = info(subvolume::open(&top, "clone").unwrap()).unwrap().id;
    let before = charged(&image, clone);
    assert_eq!(before.limit, None, "a limit is not inherited");
    assert!(before.used < MIB, "{before:?}");
    fill(&image.path().join("clone/own"), 10 * MIB).unwrap();
    assert!((10 * MIB..12 * MIB).contains(&charged(&image, clone).used));
    assert_eq!(quota::left_behind(&top).unwrap(), []);

    drop(source);
    subvolume::destroy(&top, source_id).unwrap();
    let pinned = || {
        quota::left_behind(&top)
            .unwrap()
            .iter()
            .map(|left| left.used)
            .sum::<u64>()
    };
    cleaned_up(&image);
    image.sync();
    assert!((30 * MIB..31 * MIB).contains(&pinned()), "{}", pinned());
    assert_eq!(quota::forget_empty(&top).unwrap(), 0);
    // The clone lets go of it.
    fs::remove_file(image.path().join("clone/file")).unwrap();
    until("the source's end", || {
        subvolume::sync(&top).unwrap();
        pinned() == 0
    });
    quota::forget_empty(&top).unwrap();
    let ids: Vec<_> = Qgroups::of(&top).unwrap().all().unwrap().iter().map(|c| c.id).collect();
    assert!(!ids.contains(&source_id) && ids.contains(&clone), "{ids:?}");
}

#[test]
fn a_renamed_subvolume_keeps_its_account_and_its_limit() {
    let Some(image) = image_with_quotas(256 * MIB) else {
        return;
    };
    let (one, id) = limited(&image, "one", 50 * MIB);
    fill(&image.path().join("one/file"), 10 * MIB).unwrap();
    let before = charged(&image, id);
    fs::create_dir(image.path().join("trash")).unwrap();
    fs::rename(image.path().join("one"), image.path().join("trash/two")).unwrap();
    assert_eq!(info(&one).unwrap().id, id);
    let after = charged(&image, id);
    assert_eq!((before.limit, after.limit), (Some(50 * MIB), Some(50 * MIB)));
    assert!(after.used.abs_diff(before.used) < MIB, "{before:?} {after:?}");
}

#[test]
fn a_subvolume_without_quotas_has_no_account() {
    let Some(image) = image(256 * MIB) else { return };
    let one = made(&image, "one");
    let id = info(&one).unwrap().id;
    assert_eq!(Qgroups::of(&one).unwrap().charged(id), Ok(None));
    assert!(quota::limit(&one, id, MIB).is_err());
}
