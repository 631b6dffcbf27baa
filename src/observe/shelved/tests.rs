//! What snapshots count, from their beginning until nothing of them is left, and when there is room again.

use super::*;
use crate::domain::snapshot::handle::id_for;
use tombolo_backend_api::VolumePath;

fn id(uid: &str, namespace: &str) -> SnapshotId {
    id_for(&SnapshotUid::new(uid), &Namespace::new(namespace)).unwrap()
}

fn there(id: SnapshotId, bytes: u64) -> Snapshot {
    Snapshot {
        id,
        of: VolumePath::parse("data").unwrap(),
        taken: jiff::Timestamp::UNIX_EPOCH,
        bytes,
    }
}

fn used(all: &Shelved, by: &[Option<&str>]) -> Vec<u64> {
    let bytes = |by: &Option<&str>| all.usage(&nas(), by.map(Namespace::new).as_ref()).bytes;
    by.iter().map(bytes).collect()
}

fn nas() -> BackendName {
    BackendName::new("nas1")
}

const WHO: &[Option<&str>] = &[None, Some("team"), Some("dev")];

#[test]
fn each_counts_for_the_namespace_that_it_was_taken_for_and_what_has_no_such_name_for_the_backend() {
    let all = Shelved::default();
    assert!(!all.is_known(&nas()));
    let began = all.begin(&nas());
    let foreign = SnapshotId::parse("by-hand").unwrap();
    let listed = [there(id("a", "team"), 5), there(id("b", "dev"), 7), there(foreign, 100)];
    assert!(!all.found(&nas(), began, &listed));
    assert!(all.is_known(&nas()));
    assert_eq!(used(&all, WHO), [112, 5, 7]);
    all.removed(&nas(), &id("a", "team"));
    assert_eq!(used(&all, WHO), [107, 0, 7]);
    let began = all.begin(&nas());
    assert!(all.found(&nas(), began, &listed[1..2]), "there is room again");
    let began = all.begin(&nas());
    assert!(!all.found(&nas(), began, &listed[1..2]), "which was said");
    assert_eq!(used(&all, WHO), [7, 0, 7]);
    all.remove(&nas());
    assert_eq!(used(&all, WHO), [0, 0, 0]);
}

#[test]
fn what_is_being_taken_counts_at_once_never_twice_and_until_a_listing_that_could_have_seen_it() {
    let (all, new) = (Shelved::default(), id("a", "team"));
    all.taking(&nas(), &new, 5);
    all.taking(&nas(), &new, 5);
    assert_eq!(used(&all, WHO), [5, 5, 0]);
    let early = all.begin(&nas());
    all.took(&nas(), &new);
    all.found(&nas(), early, &[]);
    assert_eq!(used(&all, WHO), [5, 5, 0], "that listing had begun before it was there");
    let late = all.begin(&nas());
    all.found(&nas(), late, &[there(new.clone(), 5)]);
    assert_eq!(used(&all, WHO), [5, 5, 0]);
    all.taking(&nas(), &id("b", "team"), 3);
    all.took(&nas(), &id("b", "team"));
    let after = all.begin(&nas());
    all.found(&nas(), after, &[there(new, 5)]);
    assert_eq!(used(&all, WHO), [5, 5, 0], "it came to nothing");
    all.found(&nas(), late, &[]);
    assert_eq!(used(&all, WHO), [5, 5, 0], "an older listing knows less");
    all.taking(&nas(), &id("c", "team"), 3);
    all.is_not_taken(&SnapshotUid::new("c"));
    assert_eq!(used(&all, WHO), [5, 5, 0], "it was not begun");
}

#[test]
fn what_came_and_went_between_two_listings_leaves_room_as_well() {
    type End = fn(&Shelved, &SnapshotId);
    let removed: End = |all, id| all.removed(&nas(), id);
    let failed: End = |all, id| all.took(&nas(), id);
    let not_begun: End = |all, id| drop(all.is_not_taken(&uid_of(id).unwrap()));
    for end in [removed, failed, not_begun] {
        let (all, stays) = (Shelved::default(), there(id("a", "team"), 5));
        let listing = |with: &[Snapshot]| all.found(&nas(), all.begin(&nas()), with);
        assert!(!listing(std::slice::from_ref(&stays)));
        let new = id("b", "team");
        all.taking(&nas(), &new, 3);
        end(&all, &new);
        assert!(listing(std::slice::from_ref(&stays)));
        assert_eq!(used(&all, WHO), [5, 5, 0]);
    }
}

#[test]
fn room_of_one_namespace_is_room_although_another_has_taken_as_much() {
    let all = Shelved::default();
    let listing = |with: Snapshot| all.found(&nas(), all.begin(&nas()), &[with]);
    assert!(!listing(there(id("a", "team"), 5)));
    assert!(listing(there(id("b", "dev"), 5)));
    assert_eq!(used(&all, WHO), [5, 0, 5]);
}

#[test]
fn sizes_that_no_number_holds_are_more_than_any_limit_and_come_off_again() {
    let all = Shelved::default();
    let listed = [there(id("a", "team"), u64::MAX), there(id("b", "dev"), u64::MAX)];
    all.found(&nas(), all.begin(&nas()), &listed);
    assert_eq!(used(&all, WHO), [u64::MAX, u64::MAX, u64::MAX]);
    all.removed(&nas(), &id("a", "team"));
    assert_eq!(used(&all, WHO), [u64::MAX, 0, u64::MAX]);
}
