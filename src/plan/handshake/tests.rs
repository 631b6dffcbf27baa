//! The rows of the handshake: each alone, all pairs in order, and what is said before the owner has consented.

use super::*;
use crate::domain::ids::ClaimUid;
use crate::domain::pv::{Joined, ReclaimPolicy};
use crate::plan::testing::{self, GI, backend, going, labels, member_pv, pv, read_only, reference};
use strum::IntoEnumIterator;

mod fitting;
mod hostile;
mod words;

/// A claim `team/app` that may join `prod/data`; tests break it.
#[derive(Clone)]
struct Scene {
    claim: Claim,
    labels: Labels,
    references: Vec<Reference>,
    source: Option<Claim>,
    source_namespace_terminating: bool,
    source_pv: Option<Pv>,
    backend: Option<Backend>,
}

fn scene() -> Scene {
    Scene {
        claim: testing::claim("team/app").asks("prod/data"),
        labels: labels(&[("tier", "gold")]),
        references: vec![reference("team/ref", "prod/data")],
        source: Some(testing::claim("prod/data").bound().shares("team")),
        source_namespace_terminating: false,
        source_pv: Some(pv("prod/data")),
        backend: Some(backend("nas1")),
    }
}

impl Scene {
    fn handshake(&self) -> Handshake<'_> {
        Handshake {
            claim: &self.claim,
            namespace_labels: &self.labels,
            references: &self.references,
            source: self.source.as_ref(),
            source_namespace_terminating: self.source_namespace_terminating,
            source_pv: self.source_pv.as_ref(),
            backend: self.backend.as_ref(),
        }
    }

    fn with(mut self, edit: impl FnOnce(&mut Self)) -> Self {
        edit(&mut self);
        self
    }

    fn source(&mut self) -> &mut Claim {
        self.source.as_mut().unwrap()
    }

    fn pv(&mut self) -> &mut Pv {
        self.source_pv.as_mut().unwrap()
    }

    fn backend(&mut self) -> &mut Backend {
        self.backend.as_mut().unwrap()
    }

    fn shared(&mut self, pairs: &[(&str, &str)]) {
        self.source = Some(testing::claim("prod/data").bound().annotated(pairs));
    }

    /// The access it gets, or why not.
    fn outcome(&self) -> Result<Access, R> {
        let verdict = examine(&self.handshake()).verdict;
        verdict.map(|a| a.access).map_err(|refusal| refusal.reason)
    }

    fn text(&self) -> String {
        examine(&self.handshake()).verdict.map(|a| a.via).unwrap_err().text
    }
}

/// For each row one way to fail it and nothing before it.
fn breakers() -> Vec<(Row, R, fn(&mut Scene))> {
    vec![
        (Row::Unbound, R::ShareFromChanged, |s| s.claim = s.claim.clone().bound()),
        (Row::WellFormed, R::UnknownAnnotation, |s| {
            s.claim = s.claim.clone().annotated(&[
                ("tombolo.dev/shareFromPVC", "prod/data"),
                ("tombolo.dev/sharefrompvc", "prod/data"),
            ]);
        }),
        (Row::NoConflict, R::ConflictingSource, |s| s.claim.selector = true),
        (Row::Referenced, R::ReferenceMissing, |s| s.references.clear()),
        (Row::Granted, R::NotShared, |s| {
            s.source().annotations = Default::default()
        }),
        (Row::SourceBound, R::SourceNotBound, |s| {
            s.source().phase = ClaimPhase::Pending
        }),
        (Row::SourceStays, R::SourceTerminating, |s| {
            s.source().terminating = true
        }),
        (Row::SourceOwns, R::SourceIsMember, |s| {
            s.pv().ours.as_mut().unwrap().role = Role::Member(Joined {
                via: String::new(),
                source_uid: ClaimUid::new("other"),
                on_revoke: OnRevoke::Keep,
            });
        }),
        (Row::SameClass, R::ClassMismatch, |s| s.claim.class = None),
        (Row::ModesFit, R::AccessModeMismatch, |s| s.claim.modes.rwop = true),
        (Row::SizeFits, R::TooLarge, |s| s.claim.request = Some(11 * GI)),
        (Row::BackendServes, R::BackendUnavailable, |s| s.backend = None),
    ]
}

#[test]
fn a_claim_that_passes_every_row_may_join() {
    let scene = scene();
    let examination = examine(&scene.handshake());
    let admission = examination.verdict.unwrap();
    assert_eq!(admission.access, Access::ReadWrite);
    assert_eq!(admission.on_revoke, OnRevoke::Keep);
    assert_eq!(admission.via, "VolumeReference team/ref; annotation of prod/data");
    assert_eq!(
        examination.rows.iter().map(|(row, _)| *row).collect::<Vec<_>>(),
        Row::iter().collect::<Vec<_>>()
    );
    assert!(examination.rows.iter().all(|(_, o)| matches!(o, Outcome::Passed(_))));
}

#[test]
fn every_row_can_fail_alone_and_the_rows_after_it_are_not_reached() {
    let breakers = breakers();
    assert_eq!(
        breakers.iter().map(|b| b.0).collect::<Vec<_>>(),
        Row::iter().collect::<Vec<_>>()
    );
    for (at, (row, reason, broken)) in breakers.into_iter().enumerate() {
        let scene = scene().with(broken);
        let examination = examine(&scene.handshake());
        assert_eq!(scene.outcome(), Err(reason), "{row:?}");
        for (i, (_, outcome)) in examination.rows.iter().enumerate() {
            let fits = match outcome {
                Outcome::Passed(_) => i < at,
                Outcome::Failed(refusal) => i == at && refusal.reason == reason,
                Outcome::NotReached => i > at,
            };
            assert!(fits, "{row:?}: row {i} is {outcome:?}");
        }
    }
}

#[test]
fn of_several_rows_that_fail_the_first_gives_the_verdict() {
    let breakers = breakers();
    for (i, (first, reason, break_first)) in breakers.iter().enumerate() {
        for (second, _, break_second) in &breakers[i + 1..] {
            let scene = scene().with(break_second).with(break_first);
            assert_eq!(scene.outcome(), Err(*reason), "{first:?} before {second:?}");
        }
        let all = breakers[i..].iter().rev().fold(scene(), |s, b| s.with(b.2));
        assert_eq!(all.outcome(), Err(*reason), "{first:?} and all after it");
    }
}

/// A tenant who may create references and claims must not learn by them which claims exist elsewhere.
#[test]
fn before_consent_the_answer_is_one_and_the_same_whatever_the_source_is() {
    let missing = scene().with(|s| (s.source, s.source_pv) = (None, None));
    let text = missing.text();
    assert_eq!(missing.outcome(), Err(R::NotShared));
    let unshared = scene().with(|s| s.source().annotations = Default::default());
    assert_eq!(unshared.text(), text);
    let breakers: Vec<_> = breakers().into_iter().skip_while(|b| b.0 <= Row::Granted).collect();
    assert_eq!(breakers.len(), 7);
    for (row, _, broken) in &breakers {
        assert_eq!(unshared.clone().with(broken).text(), text, "{row:?}");
    }
    let everything = breakers.iter().fold(unshared, |s, b| s.with(b.2));
    assert_eq!(everything.text(), text);
    assert_eq!(everything.with(|s| s.source_namespace_terminating = true).text(), text);
    assert!(!text.contains("silver") && !text.contains("nas1"), "{text}");
}

#[test]
fn without_a_reference_nothing_of_the_source_is_said_at_all() {
    let missing = scene().with(|s| {
        s.references.clear();
        (s.source, s.source_pv, s.backend) = (None, None, None);
    });
    let text = missing.text();
    assert_eq!(scene().with(|s| s.references.clear()).text(), text, "shared and ready");
    for (row, _, broken) in breakers().into_iter().skip(4) {
        assert_eq!(
            scene().with(|s| s.references.clear()).with(broken).text(),
            text,
            "{row:?}"
        );
    }
}

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
