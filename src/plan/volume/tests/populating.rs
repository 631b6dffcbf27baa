//! What a populator does to a volume, as lib-volume-populator does it: a helper claim gets an ordinary volume, which is filled, given to the
//! claim that asked for it by a rewrite of its claimRef, and keeps the name that it has from the helper.

use super::rewriting::unexpected;
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

/// The same when the new owner has been recorded, on the object and in the ledger.
fn settled() -> LiveVolume {
    populated()
        .owners(&[testing::claim("team/wanted").bound_to("pvc-pop-helper")])
        .object(|p| p.ours(|o| o.owner_uid = Some(uid("team/wanted"))))
        .record(|mut r| {
            r.owner = claim_ref("team/wanted");
            r
        })
}

/// The helper as it is before kube-controller-manager has seen the rewrite.
fn helper() -> Claim {
    testing::claim("pop/helper").bound()
}

fn takes_over(v: &LiveVolume) -> bool {
    let plan = planned(v);
    matches!(plan.actions.as_slice(), [Action::RecordOwner { owner, .. }] if *owner == uid("team/wanted"))
        && plan.verdict == Verdict::Continue
}

#[test]
fn lp_p2_a_volume_that_is_being_filled_is_like_any_other() {
    let filling = populated()
        .owners(&[helper()])
        .object(|p| p.bound_to("pop/helper").with(|p| p.populated = false));
    assert!(rests(&filling));
}

#[test]
fn lp_p3_a_populator_s_target_is_recorded_as_the_owner() {
    assert!(takes_over(&populated()));
    assert!(
        takes_over(&populated().owners(&[testing::claim("team/wanted").bound_to("pvc-pop-helper")])),
        "the helper is gone"
    );
    assert!(takes_over(&populated().unrecorded()));
    let quick = populated().record(|r| r.state(State::Creating).intends(Intent::Create));
    assert!(takes_over(&quick), "before the ledger has seen it live");
    assert!(rests(&settled()));
}

#[test]
fn lp_p3_lp_p7_until_kubernetes_has_seen_the_rewrite_nothing_is_done_or_said() {
    for helper in [helper(), helper().terminating()] {
        for target in [
            testing::claim("team/wanted"),
            testing::claim("team/wanted").bound_to("pvc-pop-helper"),
        ] {
            let between = populated().owners(&[helper.clone(), target]);
            assert!(rests(&between));
            assert!(
                rests(&between.unrecorded()),
                "as after a restart that remembers nothing"
            );
        }
    }
}

#[test]
fn lp_p4_when_the_target_goes_the_data_goes_by_the_handle_whatever_the_object_is_called() {
    let released = settled().owners(&[]).object(Pv::released);
    assert!(deletes_object(&released));
    let ending = released.object(Pv::terminating).record(|r| r.state(State::SoftDeleted));
    let handle = ending.pv.as_ref().unwrap().ours.as_ref().unwrap().handle.clone();
    let discards = |plan: &Plan| {
        let of = |action: &Action| matches!(action, Action::Discard { handle: h, .. } if *h == handle);
        plan.actions.iter().any(of)
    };
    assert!(discards(&planned(&ending)), "{}", planned(&ending));
    let used = ending.owners(&[testing::claim("team/wanted").bound_to("pvc-pop-helper")]);
    assert!(!discards(&planned(&used)), "the target is there");
}

#[test]
fn lp_p5_the_end_of_a_lost_helper_touches_nothing() {
    for helper in [
        testing::claim("pop/helper").lost(),
        testing::claim("pop/helper").lost().terminating(),
    ] {
        let both = [helper, testing::claim("team/wanted").bound_to("pvc-pop-helper")];
        assert!(rests(&settled().owners(&both)));
    }
    assert!(rests(&settled()));
}

#[test]
fn lp_p8_a_volume_whose_helper_goes_before_it_was_filled_is_deleted_like_any_other() {
    let filling = |owners: &[Claim]| {
        populated()
            .owners(owners)
            .object(|p| p.bound_to("pop/helper").with(|p| p.populated = false))
            .object(Pv::released)
    };
    assert!(rests(&filling(&[helper()])));
    assert!(deletes_object(&filling(&[])));
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
            "the old claim waits",
            populated().owners(&[testing::claim("pop/helper")]),
        ),
        (
            "the old claim has another volume",
            populated().owners(&[testing::claim("pop/helper").bound_to("pvc-else-where")]),
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
