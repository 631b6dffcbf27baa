//! A member has what its owner has.

use super::*;

/// A member of a volume that had 10Gi; it asks for `request`, and its owner has `owner` by now.
fn member(request: u64, owner: u64) -> Scene {
    asks(request).with(|s| {
        s.claim = claim("team/app").bound().with(|c| {
            c.request = Some(request);
            c.growth.capacity = Some(10 * GI);
        });
        s.pv = member_pv("team/app", "prod/data");
        s.owner = Some(pv("prod/data").with(|p| p.capacity = owner));
        s.record.bytes = owner;
    })
}

#[test]
fn a_member_follows_its_owner_in_object_and_status_and_is_told_only_if_it_asked() {
    let follows = member(10 * GI, 20 * GI);
    assert!(!follows.is_quiet());
    let done = follows.run();
    has(&done, 20 * GI);
    assert_eq!(
        done.done,
        [
            "cluster  grant 21474836480 bytes on pv pvc-team-app",
            "cluster  mark claim team/app as having 21474836480 bytes"
        ]
    );
    let asked = member(15 * GI, 20 * GI).run();
    let told = "tell     team/app: VolumeResizeSuccessful: Resize volume succeeded: the shared volume has 20Gi";
    assert_eq!(asked.done.last().unwrap(), told);
    assert_eq!(asked.told, None, "a member has nothing to be made");
}

#[test]
fn a_member_may_ask_for_as_much_as_its_owner_has_and_is_told_how_much_that_is_beyond() {
    assert!(member(10 * GI, 10 * GI).is_quiet());
    let beyond = member(15 * GI, 10 * GI).run();
    assert_eq!(beyond.claim.growth.step, Some(GrowthStep::Infeasible));
    let refusal = beyond.refusal();
    assert_eq!(refusal.reason, ClaimReason::TooLarge);
    assert!(
        refusal.text.contains("asks for 15Gi, the shared volume has 10Gi"),
        "{refusal}"
    );
    assert_eq!(beyond.claim.growth.error, Some(refusal.to_string()));
    assert!(beyond.plan().actions.is_empty(), "it is written once");

    let grown = beyond.with(|s| s.owner.as_mut().unwrap().capacity = 15 * GI);
    has(&grown.run(), 15 * GI);
}

#[test]
fn a_member_that_wants_more_than_its_owner_grows_to_gets_what_there_is_and_waits_for_the_rest() {
    let beyond = member(30 * GI, 10 * GI).run();
    let s = beyond.with(|s| s.owner.as_mut().unwrap().capacity = 20 * GI).run();
    assert_eq!((s.claim.growth.capacity, s.pv.capacity), (Some(20 * GI), 20 * GI));
    assert!(s.refusal().text.contains("the shared volume has 20Gi"));
}

#[test]
fn what_a_member_has_is_never_taken_away_and_nobody_elses_object_says_what_it_has() {
    let smaller = member(10 * GI, 5 * GI);
    assert!(smaller.is_quiet() && smaller.plan() == Plan::settled());
    let not: [fn(&mut Scene); 4] = [
        |s| s.owner = None,
        |s| s.owner.as_mut().unwrap().terminating = true,
        |s| s.owner = Some(pv("else/where").with(|p| p.capacity = 20 * GI)),
        |s| s.owner = Some(member_pv("team/other", "prod/data").with(|p| p.capacity = 20 * GI)),
    ];
    for edit in not {
        let s = member(15 * GI, 20 * GI).with(edit);
        assert!(s.is_quiet() && s.plan() == Plan::settled());
    }
}

#[test]
fn whoever_has_a_members_object_without_consent_is_given_nothing() {
    let s = member(15 * GI, 20 * GI).with(|s| {
        s.claim = claim("else/where").bound_to("pvc-team-app").with(|c| {
            c.request = Some(15 * GI);
            c.growth.capacity = Some(10 * GI);
        });
        s.pv = s.pv.clone().bound_to("else/where");
    });
    assert!(s.is_quiet() && s.plan() == Plan::settled());
}
