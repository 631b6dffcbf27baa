//! Rows 3 and 5 to 7: which references count, and which claims are sources.

use super::*;
use crate::domain::pv::ReclaimPolicy;
use crate::plan::testing::{going, member_pv};

#[test]
fn a_reference_names_the_source_exactly_and_a_near_miss_is_named() {
    for (near, hint) in [
        (
            Some(reference("team/ref", "prod/date")),
            Some("VolumeReference team/ref names prod/date instead"),
        ),
        (
            Some(reference("team/ref", "prd/data")),
            Some("VolumeReference team/ref names prd/data instead"),
        ),
        (Some(reference("team/ref", "other/thing")), None),
        (Some(going(reference("team/ref", "prod/date"))), None),
        (None, None),
    ] {
        let scene = scene().with(|s| s.references = near.clone().into_iter().collect());
        assert_eq!(scene.outcome(), Err(R::ReferenceMissing), "{near:?}");
        let text = scene.text();
        assert!(
            text.contains("no reference in namespace team names prod/data"),
            "{text}"
        );
        match hint {
            Some(hint) => assert!(text.contains(hint), "{text}"),
            None => assert!(!text.contains("instead"), "{text}"),
        }
    }
}

#[test]
fn a_terminating_reference_counts_no_more() {
    assert_eq!(
        scene()
            .with(|s| s.references = vec![going(reference("team/ref", "prod/data"))])
            .outcome(),
        Err(R::ReferenceMissing)
    );
    let one_left = scene().with(|s| {
        s.references = vec![
            going(reference("team/wide", "prod/data")),
            read_only(reference("team/narrow", "prod/data")),
        ];
        s.claim = s.claim.clone().modes(&["ROX"]);
    });
    assert_eq!(one_left.outcome(), Ok(Access::ReadOnly));
}

#[test]
fn of_several_references_the_widest_counts_and_is_recorded() {
    let both = scene().with(|s| {
        s.references = vec![
            read_only(reference("team/a", "prod/data")),
            reference("team/c", "prod/data"),
            reference("team/b", "prod/data"),
            reference("team/z", "other/claim"),
        ];
    });
    let admission = examine(&both.handshake()).verdict.map(|a| (a.access, a.via)).unwrap();
    assert_eq!(
        admission,
        (
            Access::ReadWrite,
            "VolumeReference team/b; annotation of prod/data".to_owned()
        )
    );
    let duplicates = scene().with(|s| s.references = vec![reference("team/a", "prod/data"); 3]);
    assert_eq!(duplicates.outcome(), Ok(Access::ReadWrite));
}

#[test]
fn a_terminating_or_rebound_pv_of_the_source_gives_no_volume() {
    for (what, expected, broken) in [
        (
            "the claim names no volume",
            R::SourceNotBound,
            (|s| s.source().volume_name = None) as fn(&mut Scene),
        ),
        ("there is no such volume", R::SourceNotBound, |s| s.source_pv = None),
        ("the volume is another claim's by UID", R::SourceNotBound, |s| {
            s.pv().claim.as_mut().unwrap().uid = Some(ClaimUid::new("earlier"));
        }),
        ("the volume is reserved by name only", R::SourceNotBound, |s| {
            s.pv().claim.as_mut().unwrap().uid = None
        }),
        ("the volume is free", R::SourceNotBound, |s| {
            (s.pv().phase, s.pv().claim) = (PvPhase::Available, None)
        }),
        ("the volume is not bound yet", R::SourceNotBound, |s| {
            s.pv().phase = PvPhase::Pending
        }),
        ("the volume was let go", R::SourceNotBound, |s| {
            s.pv().phase = PvPhase::Released
        }),
        ("the source is lost", R::SourceNotBound, |s| {
            s.source().phase = ClaimPhase::Lost
        }),
        ("the volume is deleted by hand", R::SourceTerminating, |s| {
            s.pv().terminating = true
        }),
        ("the namespace is going away", R::SourceTerminating, |s| {
            s.source_namespace_terminating = true
        }),
        (
            "somebody's volume that this claim got hold of",
            R::SourceNotBound,
            |s| {
                s.pv().ours.as_mut().unwrap().owner_uid = Some(ClaimUid::new("rightful"));
            },
        ),
    ] {
        assert_eq!(scene().with(broken).outcome(), Err(expected), "{what}");
    }
}

#[test]
fn a_volume_given_to_another_claim_is_shared_by_that_one() {
    let reclaimed = scene().with(|s| {
        s.source = Some(testing::claim("prod/new").bound_to("pvc-prod-data").shares("team"));
        s.claim = s.claim.clone().asks("prod/new");
        s.references = vec![reference("team/ref", "prod/new")];
        *s.pv() = pv("prod/data").bound_to("prod/new").policy(ReclaimPolicy::Retain);
    });
    assert_eq!(
        reclaimed.outcome(),
        Err(R::SourceNotBound),
        "before the new owner is recorded"
    );
    let recorded = reclaimed.with(|s| s.pv().ours.as_mut().unwrap().owner_uid = Some(testing::uid("prod/new")));
    assert_eq!(recorded.outcome(), Ok(Access::ReadWrite));
}

#[test]
fn a_chain_and_a_stranger_s_volume_are_refused() {
    let member = scene().with(|s| s.source_pv = Some(member_pv("prod/data", "root/origin")));
    assert_eq!(member.outcome(), Err(R::SourceIsMember));
    assert!(
        !member.text().contains("origin"),
        "where it comes from is not the asker's to know"
    );
    let foreign = scene().with(|s| s.pv().ours = None);
    assert_eq!(foreign.outcome(), Err(R::NotAdoptable));
}

#[test]
fn a_grant_to_references_shares_read_only_and_says_so_in_via() {
    let granted = || {
        scene().with(|s| {
            s.shared(&[]);
            s.grants = vec![testing::share_grant("prod", "team")];
            s.claim = s.claim.clone().modes(&["ROX"]);
        })
    };
    assert_eq!(granted().outcome(), Ok(Access::ReadOnly));
    let via = examine(&granted().handshake()).verdict.unwrap().via;
    assert_eq!(via, "VolumeReference team/ref; ReferenceGrant share of prod/data");
    let writing = granted().with(|s| s.claim = s.claim.clone().modes(&["RWX"]));
    assert_eq!(writing.outcome(), Err(R::AccessModeMismatch));
    let annotated = granted().with(|s| {
        s.shared(&[("tombolo.dev/shareToNamespace", "team")]);
        s.claim = s.claim.clone().modes(&["RWX"]);
    });
    assert_eq!(annotated.outcome(), Ok(Access::ReadWrite), "the annotation gives more");
    assert_eq!(
        granted().with(|s| s.references.clear()).outcome(),
        Err(R::ReferenceMissing)
    );
}

#[test]
fn a_grant_for_copies_or_to_others_shares_nothing() {
    for grant in [
        testing::grant("prod", "team"),
        testing::share_grant("prod", "other"),
        testing::share_grant("else", "team"),
    ] {
        let s = scene().with(|s| {
            s.shared(&[]);
            s.grants = vec![grant.clone()];
        });
        assert_eq!(s.outcome(), Err(R::NotShared), "{grant:?}");
    }
}
