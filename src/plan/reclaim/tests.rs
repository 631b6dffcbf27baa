//! Which volume may be given to which claim.

use super::*;
use crate::plan::testing::{self, claim_ref, member_pv, pv, pv_name};

fn wanting() -> Claim {
    testing::claim("prod/new").with(|c| c.volume_name = Some(pv_name("prod/data")))
}

#[test]
fn a_volume_that_nobody_owns_is_given_to_the_claim_that_waits_for_it() {
    for phase in [PvPhase::Released, PvPhase::Failed, PvPhase::Available] {
        let pv = pv("prod/data").phase(phase);
        let gift = decide(&pv, &wanting(), false).unwrap();
        assert_eq!((gift.pv, gift.to), (Exactly::from(&pv), claim_ref("prod/new")));
    }
}

#[test]
fn a_volume_in_use_or_going_or_not_ours_is_not_given_away() {
    let released = || pv("prod/data").released();
    for (what, pv, lives) in [
        ("bound", pv("prod/data"), false),
        ("about to be bound", pv("prod/data").phase(PvPhase::Pending), false),
        ("being deleted", released().terminating(), false),
        ("a member's", member_pv("prod/data", "x/y").released(), false),
        ("a stranger's", released().with(|p| p.ours = None), false),
        ("its owner lives", released(), true),
    ] {
        assert!(decide(&pv, &wanting(), lives).is_err(), "{what}");
    }
}

#[test]
fn a_claim_must_wait_for_exactly_this_volume_and_fit() {
    let pv = pv("prod/data").released();
    assert!(fits(&pv, &wanting()).is_ok());
    assert!(fits(&pv, &wanting().with(|c| c.request = Some(1))).is_ok());
    for (what, claim) in [
        ("bound", wanting().bound_to("pvc-prod-data")),
        ("terminating", wanting().terminating()),
        ("names none", wanting().with(|c| c.volume_name = None)),
        (
            "names another",
            wanting().with(|c| c.volume_name = Some(pv_name("x/y"))),
        ),
        ("another class", wanting().with(|c| c.class = None)),
        ("too large", wanting().with(|c| c.request = Some(pv.capacity + 1))),
        ("no size", wanting().with(|c| c.request = None)),
        ("a mode that it has not", wanting().modes(&["RWX", "RWOP"])),
        ("a block device", wanting().with(|c| c.block = true)),
    ] {
        assert!(fits(&pv, &claim).is_err(), "{what}");
    }
}
