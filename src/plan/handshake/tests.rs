//! The rows of the handshake: each alone, all pairs in order, and what is said before the owner has consented.

use super::*;
use crate::domain::ids::ClaimUid;
use crate::domain::pv::Joined;
use crate::plan::testing::{self, GI, backend, labels, pv, read_only, reference};
use strum::IntoEnumIterator;

mod agreeing;
mod fitting;
mod hostile;
mod words;

/// A claim `team/app` that may join `prod/data`; tests break it.
#[derive(Clone)]
struct Scene {
    claim: Claim,
    class: Option<Class>,
    labels: Labels,
    references: Vec<Reference>,
    source: Option<Claim>,
    grants: Vec<Grant>,
    source_namespace_terminating: bool,
    source_pv: Option<Pv>,
    backend: Option<Backend>,
}

fn scene() -> Scene {
    Scene {
        claim: testing::claim("team/app").asks("prod/data"),
        class: Some(testing::class("gold")),
        labels: labels(&[("tier", "gold")]),
        references: vec![reference("team/ref", "prod/data")],
        source: Some(testing::claim("prod/data").bound().shares("team")),
        grants: Vec::new(),
        source_namespace_terminating: false,
        source_pv: Some(pv("prod/data")),
        backend: Some(backend("nas1")),
    }
}

impl Scene {
    fn handshake(&self) -> Handshake<'_> {
        Handshake {
            claim: &self.claim,
            class: self.class.as_ref(),
            namespace_labels: &self.labels,
            references: &self.references,
            source: self.source.as_ref(),
            grants: &self.grants,
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

/// A row, its reason, and what fails it.
type Breaker = (Row, R, fn(&mut Scene));

/// For each row one way to fail it and nothing before it.
fn breakers() -> Vec<Breaker> {
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
