//! Records from objects alone.

use super::*;
use crate::domain::access::MountMode;
use crate::domain::change::check;
use crate::domain::record::State;
use crate::plan::testing::{id, member_pv, pv, record};

#[test]
fn every_volume_is_found_with_its_members() {
    let found = records(&[
        member_pv("team/app", "prod/data"),
        pv("prod/data"),
        pv("prod/other").released(),
        member_pv("team/late", "prod/other").released(),
    ]);
    let expected = [
        record("prod/data").member("team/app"),
        record("prod/other").state(State::SoftDeleted).member("team/late"),
    ];
    assert_eq!(found, expected);
    assert!(found.iter().all(|r| check(r).is_ok()));
}

#[test]
fn who_mounts_whom_is_known_from_the_objects() {
    let found = records(&[
        pv("prod/data"),
        member_pv("team/app", "prod/data").with(|p| p.mount = MountMode::Csi),
        pv("prod/other").with(|p| p.mount = MountMode::Csi),
        member_pv("team/late", "prod/other"),
    ]);
    let modes = found
        .iter()
        .map(|r| (r.terms.mount, r.members.values().map(|m| m.mount).collect::<Vec<_>>()));
    let expected = [
        (MountMode::Kubelet, vec![MountMode::Csi]),
        (MountMode::Csi, vec![MountMode::Kubelet]),
    ];
    assert_eq!(modes.collect::<Vec<_>>(), expected);
}

#[test]
fn what_a_volume_that_grows_was_promised_is_counted() {
    let growing = pv("prod/data").ours(|o| o.promised = Some(20 << 30));
    let [found] = &records(&[growing])[..] else {
        panic!("one record")
    };
    assert_eq!(found.bytes, 20 << 30);
}

#[test]
fn stripped_labels_are_made_up_for() {
    let stripped = |pv: Pv| pv.ours(|o| (o.volume, o.backend, o.intact) = (None, None, false));
    let found = records(&[
        stripped(pv("prod/data")),
        stripped(member_pv("team/app", "prod/data")),
        pv("prod/other"),
    ]);
    assert_eq!(found, [record("prod/data").member("team/app"), record("prod/other")]);
}

#[test]
fn the_handle_and_not_the_label_says_whose_member_it_is() {
    let astray = member_pv("team/app", "prod/data").ours(|o| o.volume = Some(id("prod/other")));
    let found = records(&[pv("prod/data"), pv("prod/other"), astray]);
    assert_eq!(found, [record("prod/data").member("team/app"), record("prod/other")]);
}

/// So a live look asks for whoever mounts the data besides whoever the ledger names.
#[test]
fn a_member_that_names_no_claim_is_in_no_record_whatever_it_mounts() {
    let cleared = member_pv("team/app", "prod/data").with(|p| p.claim = None);
    assert_eq!(records(&[pv("prod/data"), cleared]), [record("prod/data")]);
}

#[test]
fn strangers_and_members_of_volumes_that_are_gone_make_no_record() {
    let stranger = pv("prod/data").with(|p| p.ours = None);
    assert_eq!(records(&[stranger, member_pv("team/app", "prod/data")]), []);
    assert_eq!(
        records(&[pv("prod/data").with(|p| p.claim = None)]),
        [],
        "free for anybody: nobody's volume"
    );
}
