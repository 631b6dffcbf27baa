//! Rows B: what a restart makes of what it finds. There, records are loaded and members linked to them; here, records are made from
//! the PersistentVolumes whenever the ledger is not trusted.

use crate::domain::pv::Pv;
use crate::domain::record::Record;
use crate::plan::rebuild;
use crate::plan::testing::{id, member_pv, pv, pv_name, record};
use crate::plan::volume::{self, LiveVolume};
use crate::plan::{Plan, member};

#[test]
fn b01_b03_members_are_linked_to_their_volume() {
    let found = rebuild::records(&[member_pv("team/app", "prod/data"), pv("prod/data")]);
    assert_eq!(found, [record("prod/data").member("team/app")]);
}

#[test]
fn b02_b04_a_member_whose_volume_is_missing_is_skipped_and_is_no_error() {
    assert_eq!(rebuild::records(&[member_pv("team/app", "prod/data")]), []);
}

/// A member as it may be found: whole, or with one of the marks that say it is a member taken off by somebody.
fn found() -> [Pv; 2] {
    let whole = member_pv("team/app", "prod/data");
    let stripped = whole
        .clone()
        .ours(|o| (o.volume, o.backend, o.intact) = (None, None, false));
    [whole, stripped]
}

#[test]
fn b05_a_member_that_is_loaded_stays_a_member_and_becomes_no_volume() {
    for member in found() {
        let records = rebuild::records(&[member.clone(), pv("prod/data")]);
        let volumes: Vec<_> = records.iter().map(|r| r.volume.clone()).collect();
        assert_eq!(volumes, [id("prod/data")], "it has no record of its own");
        let own = volume::decide(&LiveVolume {
            copies: Default::default(),
            volume: id("team/app"),
            twins: false,
            pv: Some(member),
            tokens: Default::default(),
            owners: Vec::new(),
            members: Default::default(),
            record: None,
            backend: None,
        });
        assert_eq!(own, Plan::not_ours(), "nor is it treated as one");
    }
}

/// What is planned for a member in a ledger of this record.
fn looked_at(member: &Pv, record: &Record) -> Plan {
    member::decide(&member::LiveMember {
        name: pv_name("team/app"),
        pv: Some(member.clone()),
        claims: Vec::new(),
        volume: Some(record.volume.clone()),
        record: Some(record.clone()),
    })
}

#[test]
fn b07_reloading_again_and_again_changes_nothing() {
    let [whole, _] = found();
    let once = rebuild::records(&[whole.clone(), pv("prod/data")]);
    assert_eq!(
        rebuild::records(&[pv("prod/data"), whole.clone()]),
        once,
        "in whatever order"
    );
    assert_eq!(
        looked_at(&whole, &once[0]),
        Plan::settled(),
        "and there is nothing to be done about it"
    );
}
