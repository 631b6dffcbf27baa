//! When a member's object stays, goes, or is put right; what becomes of it in the ledger.

use super::*;
use crate::plan::rules;
use crate::plan::testing::{self, id, member_pv, pv, pv_name, record};

/// The member `team/app` of the volume of `prod/data`.
fn member(pv: Option<Pv>, claims: &[Claim]) -> LiveMember {
    LiveMember {
        name: pv_name("team/app"),
        pv,
        claims: claims.to_vec(),
        volume: Some(id("prod/data")),
        record: Some(record("prod/data").member("team/app")),
    }
}

fn app() -> Claim {
    testing::claim("team/app").bound()
}

fn object() -> Pv {
    member_pv("team/app", "prod/data")
}

fn planned(m: &LiveMember) -> Plan {
    let plan = decide(m);
    assert_eq!(rules::check_plan(&plan), Ok(()), "{plan}");
    assert_eq!(plan, decide(m), "planning twice gives the same plan");
    assert!(
        !plan.actions.iter().any(Action::touches_data),
        "a member has no data to touch"
    );
    plan
}

fn deletes(m: &LiveMember) -> bool {
    let plan = planned(m);
    matches!(plan.actions.as_slice(), [Action::DeletePv(_)])
}

fn leaves(m: &LiveMember) -> bool {
    matches!(
        planned(m).actions.as_slice(),
        [Action::Unprotect { .. }, Action::Note(_), ..]
    )
}

fn rests(m: &LiveMember) -> bool {
    planned(m) == Plan::settled()
}

#[test]
fn a_bound_member_rests() {
    assert!(rests(&member(Some(object()), &[app()])));
    assert!(rests(&member(
        Some(object().phase(PvPhase::Pending)),
        &[testing::claim("team/app")]
    )));
}

#[test]
fn the_ledger_follows_a_member_that_exists() {
    let mut unknown = member(Some(object()), &[app()]);
    unknown.record = Some(record("prod/data"));
    let plan = planned(&unknown);
    let [Action::Note(changes)] = plan.actions.as_slice() else {
        panic!("{plan}")
    };
    assert!(matches!(changes.as_slice(), [Change::Join { pv, member, .. }]
        if *pv == pv_name("team/app") && member.claim == testing::claim_ref("team/app")));
    for state in [State::Creating, State::Deleting] {
        unknown.record = Some(record("prod/data").state(state));
        assert!(rests(&unknown), "a {state} record takes no member");
    }
    let discard = Intent::Discard {
        how: crate::domain::access::OnDelete::Delete,
    };
    unknown.record = Some(record("prod/data").intends(discard));
    assert!(rests(&unknown), "nor one whose data goes");
    unknown.record = None;
    assert!(rests(&unknown));
}

#[test]
fn a_member_whose_claim_has_gone_is_deleted_and_then_leaves() {
    assert!(deletes(&member(Some(object().released()), &[])));
    assert!(deletes(&member(Some(object().phase(PvPhase::Failed)), &[])));
    assert!(leaves(&member(Some(object().released().terminating()), &[])));
}

#[test]
fn a_member_leaves_whatever_the_owner_s_state_is() {
    for state in [State::Live, State::SoftDeleted] {
        let mut m = member(Some(object().released().terminating()), &[]);
        m.record = m.record.map(|r| r.state(state));
        assert!(leaves(&m), "{state}");
        let told = planned(&m).actions.iter().any(|a| matches!(a, Action::Tell(_)));
        assert_eq!(told, state == State::Live, "an owner that has gone is not told");
    }
    let mut alone = member(Some(object().released().terminating()), &[]);
    (alone.volume, alone.record) = (None, None);
    assert!(
        matches!(planned(&alone).actions.as_slice(), [Action::Unprotect { .. }]),
        "even without a ledger"
    );
}

#[test]
fn released_does_not_mean_unused() {
    let using = member(Some(object().released()), &[app()]);
    assert!(rests(&using));
    let lost = member(Some(object().released()), &[testing::claim("team/app").lost()]);
    assert!(rests(&lost), "a lost claim may have pods");
}

#[test]
fn a_member_deleted_by_hand_stays_while_its_claim_lives() {
    for claim in [
        app(),
        app().terminating(),
        testing::claim("team/app").lost(),
        testing::claim("team/app"),
    ] {
        assert!(rests(&member(Some(object().terminating()), &[claim])));
    }
}

#[test]
fn a_member_that_is_free_for_anybody_is_deleted_at_once() {
    for policy in [ReclaimPolicy::Delete, ReclaimPolicy::Retain] {
        let free = object()
            .phase(PvPhase::Available)
            .policy(policy)
            .with(|p| p.claim = None);
        assert!(deletes(&member(Some(free.clone()), &[])));
        assert!(
            deletes(&member(Some(free), &[app()])),
            "it then stays terminating until its claim has gone"
        );
    }
}

#[test]
fn a_member_whose_claim_has_another_volume_is_deleted_at_once() {
    let stray = [testing::claim("team/app").bound_to("pv-of-a-stranger")];
    for pv in [object(), object().released(), object().phase(PvPhase::Pending)] {
        assert!(deletes(&member(Some(pv), &stray)));
    }
    assert!(deletes(&member(
        Some(object().released().policy(ReclaimPolicy::Retain)),
        &stray
    )));
}

#[test]
fn a_member_that_another_claim_got_hold_of_is_deleted_at_once_and_waits_for_it() {
    let thief = testing::claim("else/where").bound_to("pvc-team-app");
    let taken = object().bound_to("else/where");
    assert!(deletes(&member(Some(taken.clone()), std::slice::from_ref(&thief))));
    assert!(
        !leaves(&member(Some(taken.terminating()), &[thief])),
        "pods may run on it"
    );
}

#[test]
fn a_retained_member_stays_a_member_until_its_object_goes() {
    let kept = object().released().policy(ReclaimPolicy::Retain);
    assert!(rests(&member(Some(kept.clone()), &[])));
    assert!(leaves(&member(Some(kept.terminating()), &[])));
}

#[test]
fn a_recycled_member_would_erase_everybody_s_data_and_is_set_back() {
    for pv in [object(), object().released(), object().terminating()] {
        let plan = planned(&member(Some(pv.policy(ReclaimPolicy::Recycle)), &[]));
        assert!(
            matches!(plan.actions.as_slice(), [Action::SetRetain(_), Action::Tell(_)]),
            "{plan}"
        );
    }
}

#[test]
fn what_somebody_stripped_is_put_back_unless_the_object_is_going() {
    let stripped = || object().ours(|o| (o.intact, o.backend) = (false, None));
    let plan = planned(&member(Some(stripped()), &[app()]));
    let [
        Action::Mend {
            volume,
            backend,
            member: true,
            ..
        },
    ] = plan.actions.as_slice()
    else {
        panic!("{plan}")
    };
    assert_eq!((volume.clone(), backend.as_str()), (id("prod/data"), "nas1"));
    assert!(leaves(&member(Some(stripped().terminating()), &[])));

    let mut nameless = member(Some(stripped()), &[app()]);
    nameless.record = None;
    assert!(rests(&nameless), "a wrong name would stay");
    let mut homeless = member(Some(stripped()), &[app()]);
    homeless.volume = None;
    assert!(rests(&homeless));
}

/// kube-controller-manager calls a claim Lost only seconds after its object went; its pods run on.
#[test]
fn a_member_without_an_object_counts_while_its_claim_was_bound_to_it() {
    for claim in [
        app(),
        app().terminating(),
        testing::claim("team/app").lost(),
        testing::claim("team/app").lost().terminating(),
    ] {
        assert!(rests(&member(None, std::slice::from_ref(&claim))), "{claim:?}");
    }
    let left = |m: &LiveMember| matches!(planned(m).actions.as_slice(), [Action::Note(c)] if matches!(c.as_slice(), [Change::Leave { .. }]));
    assert!(left(&member(None, &[])));
    assert!(left(&member(
        None,
        &[testing::claim("team/app").bound_to("pv-of-a-stranger")]
    )));
    assert!(
        left(&member(None, &[testing::claim("team/app")])),
        "a claim that never had it asks again"
    );
    let mut unknown = member(None, &[]);
    unknown.record = Some(record("prod/data").intends(Intent::Create));
    assert!(rests(&unknown));
}

#[test]
fn owners_and_strangers_are_not_members() {
    let mut owner = member(Some(pv("team/app")), &[]);
    assert_eq!(planned(&owner), Plan::not_ours());
    owner.pv = Some(object().with(|p| p.ours = None));
    assert_eq!(planned(&owner), Plan::not_ours());
}

#[test]
fn a_member_that_somebody_labelled_as_another_volume_s_is_put_right() {
    let astray = object().ours(|o| o.volume = Some(id("else/where")));
    let plan = planned(&member(Some(astray), &[app()]));
    assert!(
        matches!(plan.actions.as_slice(), [Action::Mend { volume, member: true, .. }] if *volume == id("prod/data")),
        "{plan}"
    );
}

#[test]
fn a_member_s_handle_that_was_stripped_is_put_back_from_the_ledger() {
    let bare = object().with(|p| (p.bare, p.ours) = (true, None));
    let plan = planned(&member(Some(bare.clone()), &[app()]));
    assert!(
        matches!(plan.actions.as_slice(), [Action::Mend { handle, member: true, .. }] if *handle == record("prod/data").handle),
        "{plan}"
    );
    let mut stranger = member(Some(bare), &[app()]);
    stranger.record = Some(record("prod/data"));
    assert_eq!(planned(&stranger), Plan::not_ours(), "nobody remembers it as a member");
}
