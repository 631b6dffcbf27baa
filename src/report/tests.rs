//! What people are told when a plan stops, and what they are never told.

use super::*;
use crate::execute::cluster::{ApiError, Fault};
use crate::ledger::LedgerError;
use crate::plan::testing::{claim_ref, pv};
use tombolo_backend_api::{BackendError, Certainty};

/// In every error here: what no tenant may read.
const SECRET: &str = "10.1.2.3:/exports/k8s/pvc-of-somebody-else";

fn backend(class: BackendClass, certainty: Certainty) -> Failure {
    let error = match certainty {
        Certainty::NotDone => BackendError::not_done(class, SECRET),
        Certainty::MaybeDone => BackendError::maybe_done(class, SECRET),
    };
    error.into()
}

fn api(fault: Fault) -> Failure {
    ApiError::new(fault, SECRET).into()
}

const CLASSES: [BackendClass; 6] = [
    BackendClass::Invalid,
    BackendClass::Denied,
    BackendClass::Waiting,
    BackendClass::Transient,
    BackendClass::Full,
    BackendClass::Bug,
];

/// Every kind of failure.
fn failures() -> Vec<Failure> {
    let faults = [
        Fault::NotFound,
        Fault::Conflict,
        Fault::Exists,
        Fault::Terminating,
        Fault::Forbidden,
        Fault::Refused,
        Fault::Unknown,
        Fault::Away,
    ];
    let backends = CLASSES
        .into_iter()
        .flat_map(|class| [Certainty::NotDone, Certainty::MaybeDone].map(|certainty| backend(class, certainty)));
    let others = [
        Failure::NoBackend,
        Failure::Short { asked: 2, given: 1 },
        Failure::TimedOut,
        Failure::Rule(SECRET.into()),
        Failure::Ledger(LedgerError::Ended),
    ];
    faults.into_iter().map(api).chain(backends).chain(others).collect()
}

fn reason(failure: &Failure, in_a_row: u32) -> Option<(ClaimReason, String)> {
    let told = failed(&claim_ref("team/app"), failure, in_a_row)?;
    match told.reason {
        Told::Refused(reason) => Some((reason, told.text)),
        other => panic!("a claim is told {other:?}"),
    }
}

#[test]
fn no_error_s_text_reaches_a_tenant() {
    for failure in failures() {
        for in_a_row in [1, 3, 100] {
            let text = reason(&failure, in_a_row).map(|(_, text)| text).unwrap_or_default();
            assert!(
                !text.contains("10.1.2.3") && !text.contains("exports"),
                "{failure}: {text}"
            );
            let of_pv = failed_delete(&pv("prod/data").released(), &failure).map(|a| a.text);
            assert!(!of_pv.unwrap_or_default().contains("10.1.2.3"), "{failure}");
        }
    }
}

#[test]
fn a_failure_is_told_by_its_class() {
    use Certainty::{MaybeDone, NotDone};
    for (failure, expected, words) in [
        (
            backend(BackendClass::Full, NotDone),
            ClaimReason::BackendUnavailable,
            "no room",
        ),
        (
            backend(BackendClass::Waiting, NotDone),
            ClaimReason::BackendUnavailable,
            "cannot be used now",
        ),
        (
            Failure::NoBackend,
            ClaimReason::BackendUnavailable,
            "cannot be used now",
        ),
        (
            backend(BackendClass::Waiting, MaybeDone),
            ClaimReason::OutcomeUnknown,
            "did not answer",
        ),
        (Failure::TimedOut, ClaimReason::OutcomeUnknown, "did not answer"),
        (api(Fault::Unknown), ClaimReason::OutcomeUnknown, "did not answer"),
        (api(Fault::Forbidden), ClaimReason::InternalError, "ask your admin"),
        (
            backend(BackendClass::Invalid, NotDone),
            ClaimReason::InternalError,
            "ask your admin",
        ),
        (
            Failure::Rule(String::new()),
            ClaimReason::InternalError,
            "ask your admin",
        ),
    ] {
        let (reason, text) = reason(&failure, 1).unwrap();
        assert_eq!(reason, expected, "{failure}");
        assert!(text.contains(words), "{failure}: {text}");
    }
}

#[test]
fn a_hiccup_is_told_from_the_third_in_a_row() {
    let away = api(Fault::Away);
    assert_eq!(reason(&away, 1), None);
    assert_eq!(reason(&away, 2), None);
    assert_eq!(reason(&away, 3).unwrap().0, ClaimReason::OutcomeUnknown);
}

#[test]
fn nobody_is_told_that_the_world_has_moved_on() {
    for fault in [Fault::NotFound, Fault::Conflict, Fault::Exists, Fault::Terminating] {
        assert_eq!(reason(&api(fault), 100), None);
        assert_eq!(failed_delete(&pv("prod/data").released(), &api(fault)), None);
    }
}

#[test]
fn a_clean_up_that_fails_is_told_on_the_object_that_waits_for_it() {
    let waits = failed_delete(&pv("prod/data").released(), &Failure::NoBackend).unwrap();
    assert_eq!(waits.reason, Told::Claim(ClaimReason::VolumeFailedDelete));
    assert!(matches!(waits.subject, Subject::Pv(..)));
    assert!(failed_delete(&pv("prod/data").terminating(), &Failure::TimedOut).is_some());
    assert_eq!(
        failed_delete(&pv("prod/data"), &Failure::NoBackend),
        None,
        "nothing is being removed"
    );
}

#[test]
fn a_refusal_is_told_in_the_words_in_which_it_was_decided() {
    let refusal = Refusal {
        reason: ClaimReason::TooLarge,
        text: "ask for 10Gi at most".into(),
    };
    let told = refused(&claim_ref("team/app"), &refusal);
    assert_eq!(told.subject, Subject::Claim(claim_ref("team/app")));
    assert_eq!(
        (told.reason, told.text.as_str()),
        (Told::Refused(ClaimReason::TooLarge), "ask for 10Gi at most")
    );
}
