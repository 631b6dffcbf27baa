//! Rows D: deleting, counting, soft delete.

use crate::domain::access::OnDelete;
use crate::domain::backend::Health;
use crate::domain::claim::Claim;
use crate::domain::pv::Pv;
use crate::domain::record::{Intent, Record, State};
use crate::plan::member::{self, LiveMember};
use crate::plan::retire::{Left, may_go};
use crate::plan::testing::{self, backend, id, member_pv, pv, pv_name, record};
use crate::plan::volume::{self, LiveVolume};
use crate::plan::{Action, Plan, Verdict};

/// The member `team/app` of `prod/data`, whose claim has gone.
fn leaving(pv: Option<Pv>, record: Option<Record>) -> Plan {
    member::decide(&LiveMember {
        name: pv_name("team/app"),
        pv,
        claims: Vec::new(),
        volume: Some(id("prod/data")),
        record,
    })
}

fn going() -> Option<Pv> {
    Some(member_pv("team/app", "prod/data").released().terminating())
}

fn lets_go(plan: &Plan) -> bool {
    plan.actions.iter().any(|a| matches!(a, Action::Unprotect { .. }))
}

/// The volume of `prod/data`.
fn parent(pv: Pv, owners: &[Claim], members: &[&str], record: Option<Record>) -> LiveVolume {
    LiveVolume {
        copies: Default::default(),
        volume: id("prod/data"),
        twins: false,
        pv: Some(pv),
        tokens: Default::default(),
        owners: owners.to_vec(),
        members: members.iter().map(|m| pv_name(m)).collect(),
        record,
        backend: Some(backend("nas1")),
    }
}

fn soft() -> Option<Record> {
    Some(record("prod/data").state(State::SoftDeleted))
}

fn discards(v: &LiveVolume) -> bool {
    volume::decide(v)
        .actions
        .iter()
        .any(|a| matches!(a, Action::Discard { .. }))
}

#[test]
fn d01_an_unknown_member() {
    assert_eq!(leaving(None, None), Plan::settled());
}

#[test]
fn d03_d08_the_source_is_unknown() {
    assert!(lets_go(&leaving(going(), None)));
}

#[test]
fn d04_a_member_leaves_whatever_becomes_of_the_source() {
    let plan = leaving(going(), soft().map(|r| r.member("team/app")));
    assert!(
        lets_go(&plan) && !plan.actions.iter().any(Action::touches_data),
        "the source is another plan's: {plan}"
    );
}

#[test]
fn d06_the_source_is_live() {
    assert!(lets_go(&leaving(going(), Some(record("prod/data").member("team/app")))));
    let owner = [testing::claim("prod/data").bound()];
    assert_eq!(
        volume::decide(&parent(pv("prod/data"), &owner, &[], Some(record("prod/data")))),
        Plan::settled()
    );
}

#[test]
fn d09_d21_the_last_one_of_a_soft_deleted_volume_takes_the_data_with_it() {
    let released = parent(pv("prod/data").released(), &[], &[], soft());
    let plan = volume::decide(&released);
    assert!(matches!(plan.actions.as_slice(), [Action::DeletePv(_)]) && plan.verdict == Verdict::Continue);
    assert!(discards(&parent(
        pv("prod/data").released().terminating(),
        &[],
        &[],
        soft()
    )));
}

#[test]
fn d10_another_one_remains() {
    for pv in [pv("prod/data").released(), pv("prod/data").released().terminating()] {
        let plan = volume::decide(&parent(pv, &[], &["other/app"], soft()));
        assert!(plan.actions.is_empty(), "{plan}");
    }
}

#[test]
fn d15_d25_deleting_an_owner_with_members_is_soft() {
    let plan = volume::decide(&parent(
        pv("prod/data").released(),
        &[],
        &["team/app"],
        Some(record("prod/data")),
    ));
    assert!(
        matches!(plan.actions.as_slice(), [Action::Note(_)]) && plan.verdict == Verdict::Settled,
        "{plan}"
    );
}

#[test]
fn d17_d27_without_its_backend_the_object_waits_with_the_record_unlike_the_original() {
    let mut v = parent(pv("prod/data").released().terminating(), &[], &[], soft());
    v.backend = None;
    let plan = volume::decide(&v);
    let order = |wanted: fn(&Action) -> bool| plan.actions.iter().position(wanted);
    let (discard, unprotect) = (
        order(|a| matches!(a, Action::Discard { .. })),
        order(|a| matches!(a, Action::Unprotect { .. })),
    );
    assert!(
        discard.is_some() && discard < unprotect,
        "a discard that cannot be carried out stops the plan before the object goes"
    );
}

#[test]
fn d28_a_discard_that_failed_is_planned_again_just_so() {
    let v = parent(pv("prod/data").released().terminating(), &[], &[], soft());
    let tried = Record {
        intent: Some(Intent::Discard { how: OnDelete::Delete }),
        ..record("prod/data").state(State::Deleting)
    };
    assert!(
        discards(&v)
            && discards(&LiveVolume {
                copies: Default::default(),
                record: Some(tried),
                ..v
            })
    );
}

#[test]
fn d31_a_backend_that_takes_nothing_new_still_gives_up_what_it_has() {
    let mut v = parent(pv("prod/data").released().terminating(), &[], &[], soft());
    v.backend = Some(backend("nas1").with(|b| b.health = Health::Terminating(None)));
    assert!(discards(&v));
}

/// Trident's serial core replays a delete before it knows the members, and deletes the data under them.
#[test]
fn d36_a_delete_that_a_crash_interrupted_is_decided_again_with_the_members_in_view() {
    let begun = Record {
        intent: Some(Intent::Discard { how: OnDelete::Delete }),
        ..record("prod/data").state(State::Deleting)
    };
    for record in [Some(begun), None, soft()] {
        let v = parent(pv("prod/data").released().terminating(), &[], &["team/app"], record);
        assert!(!discards(&v) && !lets_go(&volume::decide(&v)));
    }
}

const EMPTY: Left = Left {
    recorded: false,
    objects: false,
    trash: Some(0),
    exports: false,
    snapshots: false,
    marked: true,
};

#[test]
fn d20_a_backend_under_deletion_is_kept_by_its_trash_unlike_the_original() {
    assert!(!may_go(&Left {
        trash: Some(1),
        ..EMPTY
    }));
}

#[test]
fn d31_a_backend_under_deletion_goes_with_its_last_volume_and_not_before() {
    assert!(may_go(&EMPTY));
    assert!(!may_go(&Left {
        recorded: true,
        ..EMPTY
    }));
    assert!(!may_go(&Left { objects: true, ..EMPTY }));
}
