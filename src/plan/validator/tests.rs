//! The rows of volume-data-source-validator's own tests, and those in which ours is to be better.

use super::*;
use crate::domain::source::{DropCause, Source};
use crate::plan::testing::{self, key};

fn from(source: DataSource) -> Claim {
    testing::claim("team/app").with(|c| c.source = source)
}

fn hello() -> Claim {
    from(DataSource::Populator {
        group: "hello.example.com".into(),
        kind: "Hello".into(),
    })
}

fn said(claim: &Claim, registration: Registration) -> Option<Refusal> {
    recognized(claim, registration).err()
}

const ALL: [Registration; 4] = [
    Registration::Unknown,
    Registration::Registered,
    Registration::Unregistered,
    Registration::NotInstalled,
];

#[test]
fn va_01_a_claim_without_a_source_is_empty() {
    for source in [DataSource::None, DataSource::Dropped(DropCause::GateOff)] {
        for registration in ALL {
            assert_eq!(judge(&from(source.clone()), registration), Some(Validity::Empty));
            assert_eq!(said(&from(source.clone()), registration), None);
        }
    }
}

#[test]
fn va_02_va_03_claims_and_snapshots_are_known_without_anybody_s_registration() {
    let claim = DataSource::Object(Source::claim(key("team/data")));
    let snapshot = DataSource::Object(Source {
        kind: SourceKind::Snapshot,
        ..Source::claim(key("team/data"))
    });
    for registration in ALL {
        assert_eq!(judge(&from(claim.clone()), registration), Some(Validity::Pvc));
        assert_eq!(judge(&from(snapshot.clone()), registration), Some(Validity::Snapshot));
        assert_eq!(said(&from(claim.clone()), registration), None);
        assert_eq!(said(&from(snapshot.clone()), registration), None);
    }
}

#[test]
fn our_own_kind_is_known_even_where_it_could_not_be_registered() {
    for source in [
        DataSource::Indirect { name: "s".into() },
        DataSource::Misplaced { name: "s".into() },
    ] {
        for registration in ALL {
            assert_eq!(judge(&from(source.clone()), registration), Some(Validity::Populator));
            assert_eq!(said(&from(source.clone()), registration), None);
        }
    }
}

#[test]
fn va_04_a_kind_that_is_registered_is_its_populator_s_business() {
    assert_eq!(judge(&hello(), Registration::Registered), Some(Validity::Populator));
    assert_eq!(said(&hello(), Registration::Registered), None);
}

#[test]
fn va_05_a_kind_that_nobody_registered_is_said() {
    let refusal = said(&hello(), Registration::Unregistered).unwrap();
    assert_eq!(judge(&hello(), Registration::Unregistered), Some(Validity::Invalid));
    assert_eq!(refusal.reason, R::UnrecognizedDataSourceKind);
    assert!(refusal.text.contains("Hello.hello.example.com"), "{}", refusal.text);
}

#[test]
fn va_06_where_registrations_cannot_be_read_nothing_is_said() {
    assert_eq!(judge(&hello(), Registration::Unknown), Some(Validity::Error));
    assert_eq!(said(&hello(), Registration::Unknown), None);
}

#[test]
fn va_10_a_claim_that_has_its_volume_or_is_going_away_is_not_judged() {
    for claim in [
        hello().bound(),
        hello().lost(),
        hello().terminating(),
        hello().bound().terminating(),
    ] {
        for registration in ALL {
            assert_eq!(judge(&claim, registration), None);
            assert_eq!(said(&claim, registration), None);
        }
    }
}

#[test]
fn va_14_a_registered_kind_of_another_namespace_is_not_warned_of_whatever_is_granted() {
    let reference =
        serde_json::json!({"apiGroup": "hello.example.com", "kind": "Hello", "name": "h", "namespace": "prod"});
    let claim =
        serde_json::json!({"metadata": {"namespace": "team", "name": "app"}, "spec": {"dataSourceRef": reference}});
    let claim = from(DataSource::of(&serde_json::from_value(claim).unwrap()));
    assert_eq!(claim.source, hello().source);
    assert_eq!(judge(&claim, Registration::Registered), Some(Validity::Populator));
    assert_eq!(said(&claim, Registration::Registered), None);
}

#[test]
fn va_12_without_the_definition_no_kind_is_registered_and_that_is_why() {
    let refusal = said(&hello(), Registration::NotInstalled).unwrap();
    assert_eq!(judge(&hello(), Registration::NotInstalled), Some(Validity::Invalid));
    assert!(refusal.text.contains("not installed"), "{}", refusal.text);
}
