//! Sizes that are promised, told and granted.

use super::*;
use crate::plan::resize::ResizeMark;
use crate::plan::testing::GI;

fn counted(bytes: u64) -> Action {
    let volume = testing::id("prod/data");
    Action::Record(vec![Change::SetBytes { volume, bytes }])
}

fn told(bytes: u64) -> Action {
    Action::ResizeData {
        backend: crate::domain::ids::BackendName::new("nas1"),
        handle: testing::handle(&testing::pv_name("prod/data")),
        bytes,
    }
}

fn of(pv: &str, granted: bool, bytes: u64) -> Action {
    let pv = (&testing::pv(pv)).into();
    match granted {
        true => Action::Grant { pv, bytes },
        false => Action::Promise { pv, bytes },
    }
}

fn finished() -> Action {
    Action::MarkResize {
        claim: testing::claim_ref("prod/data"),
        version: crate::domain::ids::ResourceVersion::new("7"),
        mark: ResizeMark::Finished { bytes: 20 * GI },
    }
}

#[test]
fn a_size_is_on_disk_before_anybody_is_told_of_it() {
    let all = [
        told(20 * GI),
        of("prod/data", false, 20 * GI),
        of("prod/data", true, 20 * GI),
    ];
    for action in all {
        assert_eq!(check(&[counted(20 * GI), action.clone()]), Ok(()));
        assert_eq!(check(&[counted(30 * GI), action.clone()]), Ok(()));
        for before in [vec![], vec![counted(19 * GI)]] {
            let plan = [before, vec![action.clone(), finished()]].concat();
            assert!(check(&plan).is_err(), "{plan:?}");
        }
    }
    let other = [counted(20 * GI), of("else/where", true, 20 * GI)];
    assert!(check(&other).is_err(), "that one is not counted");
}

#[test]
fn a_member_is_granted_its_size_alone() {
    assert_eq!(check(&[of("team/app", true, 20 * GI)]), Ok(()));
}

#[test]
fn a_claim_is_told_last() {
    assert_eq!(check(&[counted(20 * GI), told(20 * GI), finished()]), Ok(()));
    assert!(check(&[finished(), counted(20 * GI), told(20 * GI)]).is_err());
}
