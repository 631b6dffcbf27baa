//! Who owns a volume whose claimRef was rewritten: a reclaim's claim, or somebody unexpected. (A populator's target: `populating`.)

use super::*;

pub(super) fn unexpected(v: &LiveVolume) -> bool {
    said(v) == Some(SharedVolumeReason::UnexpectedClaim)
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
