//! Which lost objects are made again, and as what.

use super::*;
use crate::domain::access::{MountMode, OnDelete};
use crate::domain::pv::ReclaimPolicy;
use crate::plan::rules;
use crate::plan::testing::{self, GI, claim_ref, pv, pv_name, record, uid};

fn made(actions: &[Action]) -> Option<&NewPv> {
    assert_eq!(rules::check(actions), Ok(()));
    actions.iter().find_map(|a| match a {
        Action::CreatePv(pv) => Some(&**pv),
        _ => None,
    })
}

/// The ledger takes every change.
fn legal(record: &Record, actions: &[Action]) {
    let mut record = Some(record.clone());
    for action in actions {
        if let Action::Record(changes) | Action::Note(changes) = action {
            for change in changes {
                record = crate::domain::change::apply(record, change).unwrap();
            }
        }
    }
}

fn owner_of(claim: &Claim, record: &Record, data: bool) -> Vec<Action> {
    let actions = owner(&LostOwner {
        claim,
        record,
        data,
        limit: None,
    });
    legal(record, &actions);
    actions
}

#[test]
fn an_owner_s_object_is_made_again_under_its_name_while_its_data_is_there() {
    let claim = testing::claim("prod/data").lost();
    for state in [State::Live, State::SoftDeleted] {
        let actions = owner_of(&claim, &record("prod/data").state(state), true);
        let pv = made(&actions).unwrap();
        assert_eq!(
            (pv.name.clone(), pv.claim.clone(), pv.bytes),
            (pv_name("prod/data"), claim_ref("prod/data"), 10 * GI)
        );
        assert_eq!(pv.handle, record("prod/data").handle);
        assert!(pv.joined.is_none() && !actions.iter().any(Action::touches_data));
    }
}

#[test]
fn an_object_that_is_made_again_says_no_more_than_its_backend_enforces() {
    let claim = testing::claim("prod/data").lost();
    let mut growing = record("prod/data");
    growing.bytes = 20 * GI;
    for (limit, expected) in [
        (None, 20),
        (Some(10 * GI), 10),
        (Some(20 * GI), 20),
        (Some(30 * GI), 20),
    ] {
        let actions = owner(&LostOwner {
            claim: &claim,
            record: &growing,
            data: true,
            limit,
        });
        assert_eq!(made(&actions).unwrap().bytes, expected * GI, "{limit:?}");
    }
}

#[test]
fn nothing_is_made_again_without_data_without_the_ledger_s_word_or_during_a_delete() {
    let claim = testing::claim("prod/data").lost();
    let none = |record: Record, data| made(&owner_of(&claim, &record, data)).is_none();
    assert!(none(record("prod/data"), false));
    assert!(none(record("prod/data").state(State::Creating), true));
    assert!(none(record("prod/data").state(State::Deleting), true));
    assert!(
        none(
            Record {
                owner: claim_ref("prod/new"),
                ..record("prod/data")
            },
            true
        ),
        "it was given to another claim"
    );
}

#[test]
fn an_object_comes_back_on_the_terms_it_had_last_whatever_its_class_says_now() {
    let claim = testing::claim("prod/data").lost();
    let by_hand = pv("prod/data")
        .policy(ReclaimPolicy::Retain)
        .with(|p| p.mount = MountMode::Csi)
        .ours(|o| o.on_delete = OnDelete::Archive);
    let known = Record {
        terms: by_hand.terms().unwrap(),
        ..record("prod/data")
    };
    let actions = owner_of(&claim, &known, true);
    let again = made(&actions).unwrap();
    assert_eq!(
        (again.policy, again.on_delete),
        (ReclaimPolicy::Retain, OnDelete::Archive)
    );
    assert_eq!(again.mount_options, by_hand.mount_options);
    assert_eq!(again.mount, MountMode::Csi);
}

#[test]
fn a_reclaimed_volume_comes_back_under_its_own_name_for_its_new_owner() {
    let claim = testing::claim("new/one").with(|c| {
        c.phase = crate::domain::claim::ClaimPhase::Lost;
        c.volume_name = Some(pv_name("prod/data"));
    });
    let given = Record {
        owner: claim_ref("new/one"),
        ..record("prod/data")
    };
    let actions = owner_of(&claim, &given, true);
    let again = made(&actions).unwrap();
    assert_eq!(
        (again.name.clone(), again.claim.clone()),
        (pv_name("prod/data"), claim_ref("new/one"))
    );
}

/// Why nothing is made again.
fn why(actions: &[Action]) -> String {
    match actions {
        [Action::Tell(told)] => {
            assert_eq!(told.reason, crate::plan::action::Told::Claim(R::VolumeLost));
            told.text.clone()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_claim_whose_object_is_not_made_again_says_why() {
    let claim = testing::claim("prod/data").lost();
    let said = |claim: &Claim, record: Record, data| why(&owner_of(claim, &record, data));
    for (what, text) in [
        ("its data is gone", said(&claim, record("prod/data"), false)),
        (
            "being deleted",
            said(&claim, record("prod/data").state(State::Deleting), true),
        ),
        (
            "another claim's",
            said(
                &claim,
                Record {
                    owner: claim_ref("prod/new"),
                    ..record("prod/data")
                },
                true,
            ),
        ),
        (
            "no class",
            said(&claim.clone().with(|c| c.class = None), record("prod/data"), true),
        ),
        ("remembers no volume", why(&forgotten(&claim))),
    ] {
        assert!(text.contains(what), "{what}: {text}");
        assert!(text.contains("pvc-prod-data"), "{text}");
    }
    let member = testing::claim("team/app").lost();
    let shared = record("prod/data").member("team/app");
    let said = |record: &Record, owner: Option<&Pv>| why(&member_of(&member, record, owner));
    let owner = pv("prod/data");
    for (what, text) in [
        ("does not remember", said(&record("prod/data"), Some(&owner))),
        ("gone, too", said(&shared, None)),
        ("being deleted", said(&shared, Some(&owner.clone().terminating()))),
        (
            "does not say whose",
            said(&shared, Some(&owner.with(|p| p.ours = None))),
        ),
    ] {
        assert!(text.contains(what), "{what}: {text}");
        assert!(!text.contains("prod/data"), "the owner is not named: {text}");
    }
}

#[test]
fn a_claim_whose_object_is_another_s_by_now_says_so_and_one_that_is_about_to_be_bound_says_nothing() {
    let claim = testing::claim("prod/data").lost();
    assert!(taken(&claim, &pv("prod/data")).is_empty());
    assert!(why(&taken(&claim, &pv("prod/data").bound_to("prod/new"))).contains("another claim's"));
    let populated = pv("prod/data").bound_to("prod/new").with(|p| p.populated = true);
    assert!(
        taken(&claim, &populated).is_empty(),
        "a populator's helper is meant to end so"
    );
    assert!(!why(&taken(&claim, &pv("prod/data").with(|p| p.claim = None))).is_empty());
}

fn member_of(claim: &Claim, record: &Record, owner: Option<&Pv>) -> Vec<Action> {
    let actions = member(&LostMember {
        claim,
        record,
        owner,
        on_revoke: OnRevoke::Cut,
    });
    legal(record, &actions);
    actions
}

#[test]
fn a_member_s_object_is_made_again_from_the_ledger_and_the_owner_s_object() {
    let shared = record("prod/data").member("team/app");
    let lost = testing::claim("team/app").lost();
    for (owner, record) in [
        (pv("prod/data").on_node("node-1"), shared.clone()),
        (pv("prod/data").released(), shared.clone().state(State::SoftDeleted)),
    ] {
        let actions = member_of(&lost, &record, Some(&owner));
        let made = made(&actions).unwrap();
        assert_eq!(
            (made.name.clone(), made.claim.clone()),
            (pv_name("team/app"), claim_ref("team/app"))
        );
        assert_eq!(made.node_affinity, owner.node_affinity);
        assert_eq!(made.handle, owner.ours.unwrap().handle);
        assert_eq!((made.policy, made.on_delete), (ReclaimPolicy::Delete, OnDelete::Retain));
        let joined = made.joined.clone().unwrap();
        assert!(joined.source_uid == uid("prod/data") && joined.came_from(&testing::key("prod/data")));
    }
}

#[test]
fn a_member_s_object_is_mounted_as_it_was_whoever_mounts_its_owner_s() {
    let lost = testing::claim("team/app").lost();
    for (theirs, mine) in [
        (MountMode::Kubelet, MountMode::Csi),
        (MountMode::Csi, MountMode::Kubelet),
    ] {
        let mut shared = record("prod/data").member("team/app");
        shared.members.values_mut().for_each(|m| m.mount = mine);
        let owner = pv("prod/data").with(|p| p.mount = theirs);
        assert_eq!(made(&member_of(&lost, &shared, Some(&owner))).unwrap().mount, mine);
    }
}

#[test]
fn a_member_is_not_made_again_while_the_volume_goes_or_when_the_ledger_knows_another() {
    let shared = record("prod/data").member("team/app");
    let lost = testing::claim("team/app").lost();
    let none = |claim: &Claim, record: &Record, owner: &Pv| made(&member_of(claim, record, Some(owner))).is_none();
    assert!(none(&lost, &shared, &pv("prod/data").terminating()));
    assert!(
        none(&lost, &record("prod/data"), &pv("prod/data")),
        "a claim that says it lost a volume proves nothing"
    );
    assert!(none(
        &lost,
        &record("prod/data").state(State::Deleting),
        &pv("prod/data").terminating()
    ));
    let busy = shared.clone().intends(Intent::Join {
        pv: pv_name("other/one"),
    });
    assert!(none(&lost, &busy, &pv("prod/data")), "one step at a time");
    let again = lost.clone().with(|c| c.uid = uid("made/again"));
    assert!(none(&again, &shared, &pv("prod/data")));
    assert!(none(&lost, &shared, &pv("prod/data").with(|p| p.ours = None)));
}
