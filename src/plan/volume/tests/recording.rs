//! The ledger follows the object: while it lives, after it was lost, and when it is gone.

use super::*;
use crate::domain::access::MountMode;
use crate::domain::ids::ClaimRef;
use crate::domain::pv::ReclaimPolicy;

#[test]
fn the_ledger_follows_what_is_bound() {
    let grown = volume().object(|p| p.with(|p| p.capacity = 20 * GI));
    assert_eq!(
        notes(&grown),
        [Change::SetBytes {
            volume: id("prod/data"),
            bytes: 20 * GI
        }]
    );

    let growing = |counted: u64| {
        volume()
            .object(|p| p.ours(|o| o.promised = Some(20 * GI)))
            .record(|mut r| {
                r.bytes = counted;
                r
            })
    };
    assert_eq!(notes(&growing(10 * GI)), notes(&grown), "what is promised is counted");
    assert!(
        notes(&growing(20 * GI)).is_empty(),
        "and stays so until it is granted or taken back"
    );

    let kept = volume().object(|p| p.policy(ReclaimPolicy::Retain));
    assert!(
        matches!(notes(&kept).as_slice(), [Change::SetTerms { terms, .. }] if terms.policy == ReclaimPolicy::Retain)
    );

    let by_plugin = volume().object(|p| p.with(|p| p.mount = MountMode::Csi));
    assert!(
        matches!(notes(&by_plugin).as_slice(), [Change::SetTerms { terms, .. }] if terms.mount == MountMode::Csi),
        "somebody made it again by hand, as another kind of volume"
    );

    let soft = orphaned()
        .members(&["team/app"])
        .record(|r| r.state(State::SoftDeleted))
        .object(|p| p.policy(ReclaimPolicy::Retain));
    assert!(
        matches!(notes(&soft).as_slice(), [Change::SetTerms { .. }]),
        "also when the owner has gone"
    );

    let shrunk = orphaned().members(&["team/app"]).record(|r| Record {
        bytes: 30 * GI,
        ..r.state(State::SoftDeleted)
    });
    assert!(
        matches!(notes(&shrunk).as_slice(), [Change::SetBytes { bytes, .. }] if *bytes == 10 * GI),
        "nobody is charged for more than was promised"
    );

    let made = volume().record(|r| r.state(State::Creating).intends(Intent::Create));
    assert_eq!(notes(&made).len(), 2, "settled, and live");

    let back = volume().record(|r| r.state(State::SoftDeleted));
    assert_eq!(
        notes(&back),
        [Change::SetState {
            volume: id("prod/data"),
            state: State::Live
        }]
    );

    let renamed = volume().record(|r| Record {
        owner: claim_ref("old/one"),
        ..r
    });
    assert_eq!(
        notes(&renamed),
        [Change::SetOwner {
            volume: id("prod/data"),
            owner: claim_ref("prod/data")
        }]
    );
}

#[test]
fn an_open_step_that_nobody_takes_is_settled() {
    let join = || Intent::Join {
        pv: pv_name("team/app"),
    };
    let settled = |changes: &[Change]| matches!(changes, [Change::Settle { intent, .. }, ..] if *intent == join());
    assert!(settled(&notes(&volume().record(|r| r.intends(join())))));
    assert!(settled(&notes(
        &orphaned().members(&["a/b"]).record(|r| r.intends(join()))
    )));
    let discarding = Intent::Discard { how: OnDelete::Delete };
    assert!(
        rests(&volume().record(|r| r.intends(discarding))),
        "only its own plan knows whether that was done"
    );
}

#[test]
fn a_record_of_a_volume_under_deletion_does_not_come_back_to_life() {
    let discarding = Intent::Discard { how: OnDelete::Delete };
    assert!(rests(
        &volume().record(|r| r.state(State::Deleting).intends(discarding))
    ));
}

#[test]
fn a_restored_volume_has_nothing_of_the_one_that_was_being_deleted() {
    let discarding = Intent::Discard { how: OnDelete::Delete };
    let old = volume().record(|r| r.state(State::Deleting).intends(discarding));
    let anew = old.clone().object(|p| {
        p.bound_to("new/one").ours(|o| {
            o.owner_uid = Some(uid("new/one"));
            o.handle = testing::handle(&pv_name("new/place"));
        })
    });
    let anew = anew.owners(&[testing::claim("new/one").bound_to("pvc-prod-data")]);
    let changes = notes(&anew);
    assert!(
        matches!(changes.as_slice(), [Change::Settle { .. }, Change::Forget { .. }, Change::Restore(r)]
            if r.owner == claim_ref("new/one") && r.state == State::Live),
        "{changes:?}"
    );
}

#[test]
fn a_lost_record_is_made_again_from_the_object() {
    let restored = |v: &LiveVolume| match notes(v).as_slice() {
        [Change::Restore(record)] => record.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(restored(&volume().unrecorded()), record("prod/data"));
    let soft = restored(&orphaned().members(&["team/app"]).unrecorded());
    assert_eq!(soft.state, State::SoftDeleted);
    assert!(soft.members.is_empty(), "members are added by their own");
    let reclaimed = volume()
        .unrecorded()
        .object(|p| p.bound_to("new/one").ours(|o| o.owner_uid = Some(uid("new/one"))));
    assert_eq!(restored(&reclaimed).owner, claim_ref("new/one"));
    let stolen = volume().unrecorded().object(|p| p.bound_to("else/where"));
    assert_eq!(
        said(&stolen),
        Some(SharedVolumeReason::UnexpectedClaim),
        "and nothing is recorded"
    );
}

#[test]
fn a_record_made_from_a_stolen_object_does_not_make_the_thief_its_owner() {
    let stolen = pv("prod/data").bound_to("else/where");
    let record = record_of(&stolen, stolen.ours.as_ref().unwrap(), BackendName::new("nas1")).unwrap();
    assert_eq!(record.owner.uid, uid("prod/data"));
    assert!(!expected_owner(&stolen, Some(&record)).contains(&uid("else/where")));
    let free = stolen.clone().with(|p| p.claim = None);
    assert_eq!(
        record_of(&free, free.ours.as_ref().unwrap(), BackendName::new("nas1")),
        None
    );
    let odd = pv("prod/data").with(|p| p.name = PvName::new("adopted"));
    let owner = record_of(&odd, odd.ours.as_ref().unwrap(), BackendName::new("nas1"))
        .unwrap()
        .owner;
    assert_eq!(
        owner,
        ClaimRef {
            ..claim_ref("prod/data")
        },
        "a name that is no UID says nothing"
    );
}

#[test]
fn without_an_object_only_the_ledger_is_cleared_and_only_when_nobody_is_left() {
    let bare = |v: LiveVolume| v.with(|v| v.pv = None);
    assert!(rests(&bare(volume())), "its claim is Lost or waits");
    assert!(rests(&bare(volume().unrecorded())));
    assert!(rests(&bare(orphaned().members(&["team/app"]))));
    assert_eq!(
        notes(&bare(orphaned().record(|r| r.member("left/long-ago")))).len(),
        2,
        "it leaves, and all is forgotten"
    );
    let elsewhere = testing::claim("prod/data").bound_to("pv-of-a-stranger");
    for v in [orphaned(), orphaned().owners(&[elsewhere])] {
        for state in [State::Live, State::SoftDeleted, State::Deleting] {
            let changes = notes(&bare(v.clone().record(|r| r.state(state))));
            assert_eq!(
                changes,
                [Change::Forget {
                    volume: id("prod/data")
                }]
            );
        }
    }
}

#[test]
fn a_directory_that_nobody_ever_mounted_is_removed_if_it_is_empty() {
    let begun = orphaned()
        .with(|v| v.pv = None)
        .record(|r| r.state(State::Creating).intends(Intent::Create));
    let plan = planned(&begun);
    assert!(
        matches!(plan.actions.as_slice(), [Action::RemoveEmpty { .. }, Action::Note(c)] if c.len() == 2),
        "{plan}"
    );
    let waiting = begun.owners(&[testing::claim("prod/data")]);
    assert!(rests(&waiting), "its claim's own plan goes on");
}

#[test]
fn a_handle_that_was_stripped_is_put_back_from_the_ledger() {
    let bare = volume().object(|p| p.with(|p| (p.bare, p.ours) = (true, None)));
    let plan = planned(&bare);
    assert!(
        matches!(plan.actions.as_slice(), [Action::Mend { handle, member: false, .. }] if *handle == record("prod/data").handle),
        "{plan}"
    );
    assert_eq!(
        planned(&bare.clone().unrecorded()),
        Plan::not_ours(),
        "nothing remembers it"
    );
    let foreign = bare.object(|p| p.with(|p| p.bare = false));
    assert_eq!(planned(&foreign), Plan::not_ours());
}
