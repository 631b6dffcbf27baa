//! Who owns a volume whose claimRef was rewritten: a populator's target, a reclaim's claim, or somebody unexpected.

use super::*;

/// A populator made the volume for its helper claim `pop/helper` and has rebound it to `team/wanted`.
fn populated() -> LiveVolume {
    LiveVolume {
        copies: Default::default(),
        volume: id("pop/helper"),
        twins: false,
        pv: Some(pv("pop/helper").bound_to("team/wanted").with(|p| p.populated = true)),
        tokens: BTreeMap::new(),
        owners: vec![
            testing::claim("team/wanted").bound_to("pvc-pop-helper"),
            testing::claim("pop/helper").lost(),
        ],
        members: BTreeSet::new(),
        record: Some(record("pop/helper")),
        backend: Some(backend("nas1")),
    }
}

fn takes_over(v: &LiveVolume) -> bool {
    let plan = planned(v);
    matches!(plan.actions.as_slice(), [Action::RecordOwner { owner, .. }] if *owner == uid("team/wanted"))
        && plan.verdict == Verdict::Continue
}

fn unexpected(v: &LiveVolume) -> bool {
    said(v) == Some(SharedVolumeReason::UnexpectedClaim)
}

#[test]
fn a_populator_s_target_is_recorded_as_the_owner() {
    assert!(takes_over(&populated()));
    assert!(
        takes_over(&populated().owners(&[testing::claim("team/wanted").bound_to("pvc-pop-helper")])),
        "the helper is gone"
    );
    assert!(takes_over(&populated().unrecorded()));
    let quick = populated().record(|r| r.state(State::Creating).intends(Intent::Create));
    assert!(takes_over(&quick), "before the ledger has seen it live");
}

#[test]
fn each_condition_of_a_populator_s_rewrite_alone_refuses_it() {
    for (missing, v) in [
        (
            "no annotation of a populator",
            populated().object(|p| p.with(|p| p.populated = false)),
        ),
        ("a member", populated().members(&["x/y"])),
        ("soft-deleted", populated().record(|r| r.state(State::SoftDeleted))),
        (
            "the old claim lives",
            populated().owners(&[testing::claim("pop/helper").bound(), testing::claim("team/wanted")]),
        ),
        (
            "the old claim waits",
            populated().owners(&[testing::claim("pop/helper")]),
        ),
        (
            "the old claim is going",
            populated().owners(&[testing::claim("pop/helper").bound().terminating()]),
        ),
    ] {
        assert!(unexpected(&v), "{missing}");
    }
    let joining = populated().token("x/y", TokenClaim::Waiting);
    assert!(!takes_over(&joining), "a token");
    let owned = populated().object(|p| p.ours(|o| o.owner_uid = Some(uid("some/other"))));
    assert!(unexpected(&owned), "a recorded owner is not replaced by a populator");
}

#[test]
fn the_ledger_follows_the_recorded_owner() {
    let recorded = populated().object(|p| p.ours(|o| o.owner_uid = Some(uid("team/wanted"))));
    let changes = notes(&recorded);
    assert_eq!(
        changes,
        [Change::SetOwner {
            volume: id("pop/helper"),
            owner: claim_ref("team/wanted")
        }]
    );
}

#[test]
fn a_target_deleted_in_the_middle_waits_for_the_helper() {
    let released = |owners: &[Claim]| populated().owners(owners).object(Pv::released);
    assert!(rests(&released(&[testing::claim("pop/helper").bound()])));
    assert!(deletes_object(&released(&[])));
}

#[test]
fn a_reclaimed_volume_is_live_again_with_its_members() {
    let reclaimed = |phase: PvPhase| {
        orphaned()
            .members(&["team/app"])
            .record(|r| r.state(State::SoftDeleted).member("team/app"))
            .object(|p| {
                p.phase(phase)
                    .bound_to("prod/new")
                    .ours(|o| o.owner_uid = Some(uid("prod/new")))
            })
            .owners(&[testing::claim("prod/new").with(|c| c.volume_name = Some(pv_name("prod/data")))])
    };
    assert!(
        rests(&reclaimed(PvPhase::Released)),
        "until it is bound its claim counts as a user"
    );
    let changes = notes(&reclaimed(PvPhase::Bound));
    let live = Change::SetState {
        volume: id("prod/data"),
        state: State::Live,
    };
    let owner = Change::SetOwner {
        volume: id("prod/data"),
        owner: claim_ref("prod/new"),
    };
    assert_eq!(changes, [live, owner]);
}

#[test]
fn after_a_reclaim_the_first_owner_is_a_stranger() {
    let taken_back = volume().object(|p| p.ours(|o| o.owner_uid = Some(uid("prod/new"))));
    assert!(unexpected(&taken_back));
}

#[test]
fn a_claim_that_nobody_recorded_gets_a_warning_and_loses_nothing() {
    let stolen = |v: LiveVolume| {
        v.object(|p| p.bound_to("else/where"))
            .owners(&[testing::claim("else/where").bound_to("pvc-prod-data")])
    };
    for v in [
        volume(),
        orphaned().object(|p| p.phase(PvPhase::Bound)),
        volume().members(&["team/app"]),
    ] {
        assert!(unexpected(&stolen(v)));
    }
    assert!(
        rests(&volume().object(|p| p.with(|p| p.claim.as_mut().unwrap().uid = None))),
        "reserved by name"
    );
}

#[test]
fn an_edited_claim_ref_releases_nothing_while_the_claim_lives() {
    let edited = |owners: &[Claim]| orphaned().owners(owners).object(|p| p.bound_to("no/body"));
    assert!(rests(&edited(&[testing::claim("prod/data").bound()])));
    assert!(rests(&edited(&[testing::claim("prod/data").lost()])));
    assert!(deletes_object(&edited(&[])));
}

#[test]
fn a_volume_given_to_a_claim_is_expected_while_kubernetes_binds_it() {
    let given = |claim: &'static str| {
        orphaned().object(|p| {
            p.phase(PvPhase::Available)
                .bound_to(claim)
                .ours(|o| o.owner_uid = Some(uid("prod/new")))
        })
    };
    assert!(rests(&given("prod/new")));
    assert!(unexpected(&given("else/where")));
}
