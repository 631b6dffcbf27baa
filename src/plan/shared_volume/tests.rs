//! When a SharedVolume exists, and what it says.

use super::*;
use crate::domain::cut::Side;
use crate::plan::testing::{id, member_pv, pv, record, uid};
use std::sync::Arc;

mod cuts;

type Members = [(Arc<Pv>, Option<Consent>)];

fn members(n: usize, consent: Consent) -> Vec<(Arc<Pv>, Option<Consent>)> {
    (0..n)
        .map(|i| {
            (
                Arc::new(member_pv(&format!("team-{i:04}/app"), "prod/data")),
                Some(consent),
            )
        })
        .collect()
}

fn wanted(pv: &Pv, members: &Members, record: Option<&Record>, holding: bool) -> Option<Wanted> {
    describe(&ForSharedVolume {
        volume: &id("prod/data"),
        pv: Some(pv),
        members,
        record,
        holding,
        cleanup: Cleanup::NotDue,
        backend: None,
        revokes: None,
    })
}

/// Phase and reasons of the conditions that hold.
fn says(
    pv: &Pv,
    members: &Members,
    record: Option<&Record>,
    holding: bool,
) -> Option<(SharedVolumePhase, Vec<&'static str>)> {
    let wanted = wanted(pv, members, record, holding)?;
    Some((
        wanted.status.phase?,
        wanted.conditions.iter().map(|c| c.reason).collect(),
    ))
}

#[test]
fn there_is_none_for_a_volume_of_which_there_is_nothing_to_say() {
    let live = record("prod/data");
    assert_eq!(says(&pv("prod/data"), &[], Some(&live), false), None);
    assert_eq!(
        says(
            &pv("prod/data").released().policy(ReclaimPolicy::Retain),
            &[],
            Some(&live),
            false
        ),
        None
    );
    assert_eq!(says(&pv("prod/data").with(|p| p.ours = None), &[], None, false), None);
    let nothing = ForSharedVolume {
        volume: &id("prod/data"),
        pv: None,
        members: &members(1, Consent::Given),
        record: None,
        holding: false,
        cleanup: Cleanup::NotDue,
        backend: None,
        revokes: None,
    };
    assert_eq!(describe(&nothing), None);
}

#[test]
fn phases_follow_the_owner_and_the_ledger() {
    use SharedVolumePhase::{Deleting, Shared, SoftDeleted};
    let one = members(1, Consent::Given);
    let deleting = record("prod/data").state(State::Deleting);
    for (what, pv, members, record, expected) in [
        ("shared", pv("prod/data"), &one[..], None, Shared),
        (
            "the owner has gone",
            pv("prod/data").released(),
            &one,
            None,
            SoftDeleted,
        ),
        (
            "Failed counts as Released",
            pv("prod/data").phase(PvPhase::Failed),
            &one,
            None,
            SoftDeleted,
        ),
        ("about to go", pv("prod/data").released(), &[], None, SoftDeleted),
        (
            "deleted by hand under a live owner",
            pv("prod/data").terminating(),
            &one,
            None,
            Shared,
        ),
        (
            "going",
            pv("prod/data").released().terminating(),
            &[],
            Some(&deleting),
            Deleting,
        ),
        (
            "retained, being deleted",
            pv("prod/data").released().terminating().policy(ReclaimPolicy::Retain),
            &[],
            None,
            SoftDeleted,
        ),
        (
            "retained, with members",
            pv("prod/data").released().policy(ReclaimPolicy::Retain),
            &one,
            None,
            SoftDeleted,
        ),
    ] {
        assert_eq!(says(&pv, members, record, false).map(|s| s.0), Some(expected), "{what}");
    }
}

#[test]
fn an_object_deleted_by_hand_does_not_say_that_its_live_owner_has_gone() {
    let (_, said) = says(&pv("prod/data").terminating(), &members(2, Consent::Given), None, false).unwrap();
    assert!(said.is_empty(), "{said:?}");
    let (_, said) = says(&pv("prod/data").released(), &members(2, Consent::Given), None, false).unwrap();
    assert_eq!(said, ["SoftDeleted"]);
}

#[test]
fn a_claim_that_nobody_recorded_is_said_even_without_members() {
    let unexpected = |pv: &Pv| says(pv, &[], None, false).is_some_and(|s| s.1 == ["UnexpectedClaim"]);
    assert!(unexpected(&pv("prod/data").phase(PvPhase::Available)));
    let given = pv("prod/data")
        .phase(PvPhase::Available)
        .bound_to("new/one")
        .ours(|o| o.owner_uid = Some(uid("new/one")));
    assert!(!unexpected(&given), "about to be bound");
    assert!(unexpected(&pv("prod/data").bound_to("else/where")));
    assert!(unexpected(
        &pv("prod/data").ours(|o| o.owner_uid = Some(uid("new/one")))
    ));
    assert!(!unexpected(
        &pv("prod/data")
            .bound_to("new/one")
            .ours(|o| o.owner_uid = Some(uid("new/one")))
    ));
    assert!(
        !unexpected(&pv("prod/data").bound_to("new/one").with(|p| p.populated = true)),
        "about to be recorded"
    );
    assert!(!unexpected(&pv("prod/data")));
}

#[test]
fn each_state_of_consent_has_its_condition() {
    for (consent, expected) in [
        (Consent::Given, vec![]),
        (Consent::WithdrawnByOwner, vec!["ConsentWithdrawn"]),
        (Consent::WithdrawnByReference, vec!["ConsentWithdrawn"]),
        (Consent::ReadOnlyNow(Side::Owner), vec!["AccessNotReduced"]),
        (Consent::Unknown, vec!["ConsentUnknown"]),
    ] {
        let (phase, said) = says(&pv("prod/data"), &members(3, consent), None, false).unwrap();
        assert_eq!((phase, said), (SharedVolumePhase::Shared, expected), "{consent:?}");
    }
    let (_, said) = says(&pv("prod/data"), &members(1, Consent::Given), None, true).unwrap();
    assert_eq!(said, ["HoldingOwner"]);
}

#[test]
fn counts_are_whole_and_the_list_is_cut() {
    let mut many = members(MEMBERS_LISTED + 7, Consent::Given);
    many[0].0 = Arc::new(member_pv("team-0000/app", "prod/data").ours(|o| o.access = Access::ReadOnly));
    let status = wanted(&pv("prod/data"), &many, None, false).unwrap().status;
    assert_eq!(status.member_count, i64::try_from(many.len()).ok());
    assert_eq!(status.read_only_member_count, Some(1));
    assert_eq!((status.members.len(), status.truncated), (MEMBERS_LISTED, Some(true)));
    let few = wanted(&pv("prod/data"), &many[..3], None, false).unwrap().status;
    assert_eq!((few.members.len(), few.truncated), (3, Some(false)));
    assert_eq!(few.members[1].namespace, "team-0001");
}

#[test]
fn the_newest_members_are_listed_first_and_those_of_one_moment_by_name() {
    let second = |n| jiff::Timestamp::from_second(n).ok();
    let mut three = members(3, Consent::Given);
    for ((pv, _), created) in three.iter_mut().zip([second(20), second(10), second(20)]) {
        *pv = Arc::new((**pv).clone().with(|pv| pv.created = created));
    }
    let mut same_moment = [three[0].0.name.to_string(), three[2].0.name.to_string()];
    same_moment.sort();
    let listed = |members: &[_]| -> Vec<String> {
        let status = wanted(&pv("prod/data"), members, None, false).unwrap().status;
        status.members.into_iter().map(|m| m.pv).collect()
    };
    let expected = [
        same_moment[0].clone(),
        same_moment[1].clone(),
        three[1].0.name.to_string(),
    ];
    assert_eq!(listed(&three), expected);
    three.reverse();
    assert_eq!(listed(&three), expected, "whatever order they come in");
}

#[test]
fn a_clean_up_that_failed_is_said_and_one_of_which_nothing_is_known_stays_as_it_was() {
    let described = |cleanup| {
        let o = ForSharedVolume {
            volume: &id("prod/data"),
            pv: Some(&pv("prod/data").released().terminating()),
            members: &[],
            record: None,
            holding: false,
            cleanup,
            backend: None,
            revokes: None,
        };
        let wanted = describe(&o).unwrap();
        let said = wanted.conditions.iter().find(|c| c.reason == "CleanupFailed");
        (said.map(|c| c.message.clone()), wanted.open)
    };
    assert_eq!(described(Cleanup::Failed("why")), (Some("why".to_owned()), vec![]));
    assert_eq!(described(Cleanup::UnderWay), (None, vec![R::CleanupFailed]));
    assert_eq!(described(Cleanup::NotDue), (None, vec![]));
}

#[test]
fn consent_that_was_not_read_yet_neither_ends_nor_comes_back() {
    let mut some = members(3, Consent::Given);
    some[1].1 = None;
    let described = wanted(&pv("prod/data"), &some, None, false).unwrap();
    assert!(described.conditions.is_empty());
    assert_eq!(
        described.open,
        [R::ConsentWithdrawn, R::AccessNotReduced, R::ConsentUnknown]
    );
    some[2].1 = Some(Consent::WithdrawnByOwner);
    let described = wanted(&pv("prod/data"), &some, None, false).unwrap();
    assert!(
        described.conditions[0].message.contains("1 members"),
        "of those that were read"
    );
}

#[test]
fn a_volume_that_has_lost_its_labels_and_its_record_is_described_by_where_it_lies() {
    let stripped = pv("prod/data").released().ours(|o| o.backend = None);
    let described = |backend| {
        describe(&ForSharedVolume {
            volume: &id("prod/data"),
            pv: Some(&stripped),
            members: &[],
            record: None,
            holding: false,
            cleanup: Cleanup::NotDue,
            backend,
            revokes: None,
        })
    };
    let nas1 = BackendName::new("nas1");
    assert_eq!(described(Some(&nas1)).map(|w| w.backend), Some(nas1.clone()));
    assert_eq!(described(None), None, "a name that is wrong would stay");
}
