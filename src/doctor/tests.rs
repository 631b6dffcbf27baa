//! What is said of a cluster as it should be, and of what can be wrong or missing, one thing at a time.

use super::examine::{FOREIGN, Look, Right, Seen, enabled};
use super::findings::{self, Outcome};
use crate::api::access::{ACCESS, Role};
use crate::api::conditions::READY;
use crate::api::storage_backend::StorageBackend;
use crate::api::{all_crds, names};
use crate::domain::class::Class;
use k8s_openapi::api::coordination::v1::LeaseSpec;
use k8s_openapi::api::storage::v1::StorageClass;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::{Value, json};

fn class(parameters: Value) -> Class {
    let class: StorageClass = serde_json::from_value(json!({
        "metadata": {"name": "shared"}, "provisioner": names::PROVISIONER, "parameters": parameters,
    }))
    .unwrap();
    Class::of(&class).unwrap()
}

fn backend(conditions: Value) -> StorageBackend {
    serde_json::from_value(json!({
        "apiVersion": "tombolo.dev/v1alpha1", "kind": "StorageBackend", "metadata": {"name": "nas1"},
        "spec": {"local": {"path": "/srv", "nodes": ["n1"]}}, "status": {"conditions": conditions},
    }))
    .unwrap()
}

fn condition(status: &str, reason: &str) -> Value {
    json!([{"type": READY, "status": status, "reason": reason, "message": "as it is", "lastTransitionTime": "2026-01-01T00:00:00Z"}])
}

fn established(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    let status = json!({"conditions": [{"type": "Established", "status": "True"}]});
    crd.status = serde_json::from_value(status).unwrap();
    crd
}

/// A cluster with everything.
fn whole() -> Seen {
    let rights = ACCESS
        .iter()
        .flat_map(|row| row.verbs.iter().map(move |verb| (row, *verb)));
    Seen {
        namespace: "tombolo-system".to_owned(),
        version: ("1".to_owned(), "36".to_owned()),
        definitions: all_crds()
            .into_iter()
            .map(|crd| (crd.clone(), Look::Saw(Some(established(crd)))))
            .collect(),
        lease: Look::Saw(Some(LeaseSpec {
            holder_identity: Some("pod-1_start".to_owned()),
            ..LeaseSpec::default()
        })),
        rights: rights
            .map(|(row, verb)| Right {
                row,
                verb,
                given: Look::Saw(true),
            })
            .collect(),
        foreign: FOREIGN.map(|kind| (kind, Look::Saw(Some("v1".to_owned())))).into(),
        gate: Look::Saw(Some(true)),
        validators: Look::Saw(Vec::new()),
        classes: Look::Saw(vec![class(json!({"backend": "nas1", "mount": "csi"}))]),
        driver: Look::Saw(true),
        snapshot_classes: Look::Saw(1),
        backends: Look::Saw(vec![backend(condition("True", "Ready"))]),
    }
}

/// What has changed by a change of what is seen: how each came out, its text and the next step.
fn changed(change: impl FnOnce(&mut Seen)) -> Vec<(Outcome, String)> {
    let mut seen = whole();
    change(&mut seen);
    let before = findings::of(&whole());
    let now = findings::of(&seen);
    now.into_iter()
        .filter(|one| !before.contains(one))
        .map(|one| {
            assert_eq!(one.next.is_some(), one.outcome == Outcome::Failed, "{one:?}");
            (one.outcome, one.text)
        })
        .collect()
}

fn only(change: impl FnOnce(&mut Seen)) -> (Outcome, String) {
    let found = changed(change);
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().unwrap()
}

fn fails(about: &str, change: impl FnOnce(&mut Seen)) {
    let (outcome, text) = only(change);
    assert!(outcome == Outcome::Failed && text.contains(about), "{outcome:?} {text}");
}

fn lacks(about: &str, change: impl FnOnce(&mut Seen)) {
    let (outcome, text) = only(change);
    assert!(outcome == Outcome::Absent && text.contains(about), "{outcome:?} {text}");
}

#[test]
fn a_cluster_with_everything_passes_every_check() {
    let found = findings::of(&whole());
    assert!(
        found
            .iter()
            .all(|one| one.outcome == Outcome::Passed && one.next.is_none()),
        "{found:#?}"
    );
    assert!(found.len() > 12, "{found:#?}");
}

#[test]
fn an_old_kubernetes_fails_and_a_version_that_nobody_understands_is_unknown() {
    fails("version 1.32: data sources need 1.33", |seen| {
        seen.version.1 = "32".to_owned()
    });
    assert_eq!(only(|seen| seen.version.1 = "33+".to_owned()).0, Outcome::Passed);
    assert_eq!(only(|seen| seen.version.1 = "next".to_owned()).0, Outcome::Unknown);
}

#[test]
fn a_definition_may_be_missing_only_if_it_is_an_option() {
    for (number, ours) in all_crds().into_iter().enumerate() {
        let name = ours.metadata.name.unwrap();
        let missing = |seen: &mut Seen| seen.definitions[number].1 = Look::Saw(None);
        match name.as_str() {
            names::TRIDENT_VOLUME_REFERENCES => lacks(&name, missing),
            _ => fails(&name, missing),
        }
        fails("Established", |seen| {
            let (ours, theirs) = &mut seen.definitions[number];
            *theirs = Look::Saw(Some(ours.clone()));
        });
        fails("does not serve version", |seen| {
            let (ours, theirs) = &mut seen.definitions[number];
            let mut old = established(ours.clone());
            old.spec.versions.iter_mut().for_each(|v| v.name = "v0".to_owned());
            *theirs = Look::Saw(Some(old));
        });
    }
}

#[test]
fn a_lease_that_nobody_holds_fails_and_none_at_all_is_unknown() {
    fails("nobody leads by Lease tombolo-system/tombolo-controller", |seen| {
        seen.lease = Look::Saw(Some(LeaseSpec {
            holder_identity: Some(String::new()),
            ..LeaseSpec::default()
        }));
    });
    assert_eq!(only(|seen| seen.lease = Look::Saw(None)).0, Outcome::Unknown);
}

#[test]
fn a_right_that_is_missing_is_named_with_what_it_is_for() {
    let take = |of: fn(&Right) -> bool| {
        move |seen: &mut Seen| {
            for right in seen.rights.iter_mut().filter(|right| of(right)) {
                right.given = Look::Saw(false);
            }
        }
    };
    fails(
        "may not watch referencegrants.gateway.networking.k8s.io: The source's half of consent",
        take(|right| right.row.resource == "referencegrants" && right.verb == "watch"),
    );
    // Half of an option is no option.
    fails(
        "may not watch nodes",
        take(|right| right.row.resource == "nodes" && right.verb == "watch"),
    );
    for (role, option) in [
        (Role::TridentReferences, "trident"),
        (Role::Nodes, "nodes"),
        (Role::Secrets, "other machines"),
    ] {
        lacks(option, |seen| {
            for right in seen.rights.iter_mut().filter(|right| right.row.role == role) {
                right.given = Look::Saw(false);
            }
        });
    }
    let all = changed(take(|right| right.row.role == Role::Controller));
    assert!(
        all.len() > 30 && all.iter().all(|(outcome, _)| *outcome == Outcome::Failed),
        "{all:?}"
    );
}

#[test]
fn kinds_of_other_projects_may_be_missing_and_what_does_not_work_is_said() {
    lacks(
        "ReferenceGrant of gateway.networking.k8s.io is not served: nothing is copied",
        |seen| {
            seen.foreign[0].1 = Look::Saw(None);
        },
    );
    let older = only(|seen| seen.foreign[0].1 = Look::Saw(Some("v1beta1".to_owned())));
    assert!(older.0 == Outcome::Passed && older.1.ends_with("v1beta1"), "{older:?}");
    lacks("VolumeSnapshotContent of", |seen| seen.foreign[2].1 = Look::Saw(None));
    lacks("VolumePopulator of", |seen| seen.foreign[4].1 = Look::Saw(None));
    lacks("--validator=false", |seen| {
        seen.validators = Look::Saw(vec!["a".into()])
    });
    lacks("no VolumeSnapshotClass", |seen| seen.snapshot_classes = Look::Saw(0));
}

#[test]
fn the_gate_may_be_off_and_what_to_write_instead_is_said() {
    lacks("named by a CrossNamespaceSource", |seen| {
        seen.gate = Look::Saw(Some(false))
    });
    lacks("no gate", |seen| seen.gate = Look::Saw(None));
}

#[test]
fn a_gate_is_read_from_the_metrics() {
    let text = "# TYPE kubernetes_feature_enabled gauge\n\
                kubernetes_feature_enabled{name=\"CrossNamespaceVolumeDataSourceX\",stage=\"ALPHA\"} 0\n\
                kubernetes_feature_enabled{name=\"CrossNamespaceVolumeDataSource\",stage=\"ALPHA\"} 1\n\
                kubernetes_feature_enabled{name=\"Other\",stage=\"\"} 0\n";
    assert_eq!(enabled(text, "CrossNamespaceVolumeDataSource"), Some(true));
    assert_eq!(enabled(text, "Other"), Some(false));
    assert_eq!(enabled(text, "None"), None);
    assert_eq!(enabled("", "Other"), None);
}

#[test]
fn backends_and_classes_that_lead_nowhere_fail() {
    fails("nas1: RootNotFound: as it is", |seen| {
        seen.backends = Look::Saw(vec![backend(condition("False", "RootNotFound"))]);
    });
    fails("has not looked at it yet", |seen| {
        seen.backends = Look::Saw(vec![backend(json!([]))])
    });
    fails("there is no StorageBackend nas2", |seen| {
        seen.classes = Look::Saw(vec![class(json!({"backend": "nas2"}))]);
    });
    fails("unknown parameter", |seen| {
        seen.classes = Look::Saw(vec![class(json!({"bakcend": "nas1"}))])
    });
    fails("no CSIDriver", |seen| seen.driver = Look::Saw(false));
    lacks("no StorageClass", |seen| seen.classes = Look::Saw(vec![]));
    let none = changed(|seen| seen.backends = Look::Saw(vec![]));
    assert_eq!(
        none.iter().map(|(outcome, _)| *outcome).collect::<Vec<_>>(),
        [Outcome::Absent, Outcome::Failed]
    );
}

#[test]
fn what_may_not_be_read_is_unknown_and_never_well() {
    let why = || "you may not read it".to_owned();
    let blind = Seen {
        definitions: all_crds().into_iter().map(|crd| (crd, Look::Unseen(why()))).collect(),
        lease: Look::Unseen(why()),
        rights: whole()
            .rights
            .into_iter()
            .map(|right| Right {
                given: Look::Unseen(why()),
                ..right
            })
            .collect(),
        foreign: FOREIGN.map(|kind| (kind, Look::Unseen(why()))).into(),
        gate: Look::Unseen(why()),
        validators: Look::Unseen(why()),
        classes: Look::Unseen(why()),
        driver: Look::Unseen(why()),
        snapshot_classes: Look::Unseen(why()),
        backends: Look::Unseen(why()),
        ..whole()
    };
    let mut found = findings::of(&blind).into_iter();
    assert_eq!(found.next().unwrap().check, "kubernetes");
    for one in found {
        assert_eq!(
            (one.outcome, one.text.as_str()),
            (Outcome::Unknown, "you may not read it"),
            "{}",
            one.check
        );
    }
    let (outcome, text) = only(|seen| seen.driver = Look::Unseen(why()));
    assert_eq!(
        (outcome, text.as_str()),
        (Outcome::Unknown, "shared: you may not read it")
    );
}
