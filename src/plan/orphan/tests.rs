//! Every condition for removing a directory, alone.

use super::*;
use tombolo_backend_api::VolumePath;

const NOON: Timestamp = Timestamp::UNIX_EPOCH;

fn directory(name: &str) -> Listed {
    Listed {
        path: VolumePath::parse(name).unwrap(),
        modified: NOON - SignedDuration::from_hours(2),
    }
}

/// Of an old directory that nothing accounts for, after an edit.
fn fate(name: &str, edit: impl FnOnce(&mut ForOrphan<'_>, &mut Listed)) -> Fate {
    let listed = directory(name);
    let mut edited = listed.clone();
    let mut o = ForOrphan {
        directory: &listed,
        claim: false,
        pv: false,
        handle: false,
        record: false,
        now: NOON,
    };
    edit(&mut o, &mut edited);
    decide(&ForOrphan {
        directory: &edited,
        ..o
    })
}

const OURS: &str = "pvc-0b1e6d7c-1f5a-4c39-8a43-6f2f5b1f7d10";

#[test]
fn an_old_directory_of_which_nothing_is_known_goes_if_it_is_empty() {
    assert_eq!(fate(OURS, |_, _| ()), Fate::RemovedIfEmpty);
}

#[test]
fn what_anything_accounts_for_belongs() {
    assert_eq!(fate(OURS, |o, _| o.claim = true), Fate::Belongs);
    assert_eq!(fate(OURS, |o, _| o.pv = true), Fate::Belongs);
    assert_eq!(fate(OURS, |o, _| o.handle = true), Fate::Belongs);
    assert_eq!(fate(OURS, |o, _| o.record = true), Fate::Belongs);
    assert_eq!(fate("archive-2019", |o, _| o.handle = true), Fate::Belongs);
}

#[test]
fn what_is_younger_than_an_hour_stays() {
    let aged = |seconds| fate(OURS, move |_, d| d.modified = NOON - SignedDuration::from_secs(seconds));
    assert_eq!(aged(0), Fate::Reported);
    assert_eq!(aged(3599), Fate::Reported);
    assert_eq!(aged(3600), Fate::RemovedIfEmpty);
}

#[test]
fn a_server_whose_clock_is_ahead_makes_nothing_old() {
    let ahead = fate(OURS, |_, d| d.modified = NOON + SignedDuration::from_hours(2));
    assert_eq!(ahead, Fate::Reported);
    assert_eq!(fate(OURS, |_, d| d.modified = Timestamp::MAX), Fate::Reported);
    assert_eq!(fate(OURS, |_, d| d.modified = Timestamp::MIN), Fate::RemovedIfEmpty);
}

#[test]
fn a_name_that_no_volume_of_ours_begins_with_stays() {
    for name in ["data", "pvc-", "pvc", "team-pvc-1", "PVC-1", "team/pvc-1"] {
        assert_eq!(fate(name, |_, _| ()), Fate::Reported, "{name}");
    }
}

#[test]
fn the_place_of_a_restored_volume_is_not_a_volume_s_first_place() {
    assert_eq!(fate(&format!("{OURS}.6f2f5b1f-0b1e"), |_, _| ()), Fate::Reported);
}

#[test]
fn a_snapshot_is_nobody_s_only_if_nothing_accounts_for_it_and_it_is_old_and_its_name_is_one_of_ours() {
    use crate::plan::testing::snapshots::on_backend;
    use tombolo_backend_api::SnapshotId;
    let snapshot = on_backend();
    let orphan = ForSnapshot {
        snapshot: &snapshot,
        of: false,
        content: false,
        imported: false,
        now: snapshot.taken + ORPHANED,
    };
    assert!(is_nobodys(&orphan));
    let foreign = Snapshot {
        id: SnapshotId::parse("before-the-upgrade").unwrap(),
        ..snapshot.clone()
    };
    for spared in [
        ForSnapshot {
            of: true,
            ..orphan.clone()
        },
        ForSnapshot {
            content: true,
            ..orphan.clone()
        },
        ForSnapshot {
            imported: true,
            ..orphan.clone()
        },
        ForSnapshot {
            now: snapshot.taken,
            ..orphan.clone()
        },
        ForSnapshot {
            snapshot: &foreign,
            ..orphan.clone()
        },
    ] {
        assert!(!is_nobodys(&spared), "{spared:?}");
    }
}
