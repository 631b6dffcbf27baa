//! What is said of a cluster as it should be, and of what can be wrong or missing, one thing at a time.

use super::examine::{FOREIGN, Held, Look, Right, Seen};
use super::findings::{self, Outcome};
use crate::api::access::{ACCESS, Role};
use crate::api::conditions::READY;
use crate::api::storage_backend::StorageBackend;
use crate::api::{all_crds, names};
use crate::domain::class::Class;
use k8s_openapi::api::storage::v1::StorageClass;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::{Value, json};

mod others;

fn class(parameters: Value) -> Class {
    let class: StorageClass = serde_json::from_value(json!({
        "metadata": {"name": "shared"}, "provisioner": names::PROVISIONER, "parameters": parameters,
    }))
    .unwrap();
    Class::of(&class).unwrap()
}

fn object(spec: Value, conditions: Value) -> StorageBackend {
    serde_json::from_value(json!({
        "apiVersion": "tombolo.dev/v1alpha1", "kind": "StorageBackend", "metadata": {"name": "nas1", "labels": {"tier": "gold"}},
        "spec": spec, "status": {"conditions": conditions},
    }))
    .unwrap()
}

fn backend(conditions: Value) -> StorageBackend {
    object(
        json!({"nfs": {"server": "nas1.example.com", "export": "/export"}}),
        conditions,
    )
}

fn local(conditions: Value) -> StorageBackend {
    object(json!({"local": {"path": "/srv", "node": "n1"}}), conditions)
}

fn condition(status: &str, reason: &str) -> Value {
    json!([{"type": READY, "status": status, "reason": reason, "message": "as it is", "lastTransitionTime": "2026-01-01T00:00:00Z"}])
}

fn established(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    let status = json!({"conditions": [{"type": "Established", "status": "True"}]});
    crd.status = serde_json::from_value(status).unwrap();
    crd
}

fn held(holder: &str, renewed: bool) -> Look<Option<Held>> {
    let holder = holder.to_owned();
    Look::Saw(Some(Held { holder, renewed }))
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
        lease: held("pod-1_start", true),
        inline_nfs: Look::Saw(Some(vec!["Deny".to_owned(), "Audit".to_owned()])),
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
        let older = match name.as_str() {
            names::TRIDENT_VOLUME_REFERENCES => "does not serve version",
            _ => "it has no version",
        };
        fails(older, |seen| {
            let (ours, theirs) = &mut seen.definitions[number];
            let mut old = established(ours.clone());
            old.spec.versions.iter_mut().for_each(|v| v.name = "v0".to_owned());
            *theirs = Look::Saw(Some(old));
        });
        fails("is being deleted", |seen| {
            let (ours, theirs) = &mut seen.definitions[number];
            let mut going = established(ours.clone());
            going.metadata.deletion_timestamp = serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap();
            *theirs = Look::Saw(Some(going));
        });
    }
}

#[test]
fn a_definition_without_a_field_of_ours_is_too_old() {
    fails("it has no .spec.", |seen| {
        let (ours, theirs) = seen
            .definitions
            .iter_mut()
            .find(|(ours, _)| ours.spec.names.kind == "StorageBackend")
            .unwrap();
        let mut old = serde_json::to_value(established(ours.clone())).unwrap();
        let spec = old
            .pointer_mut("/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties")
            .unwrap();
        let first = spec.as_object().unwrap().keys().next().unwrap().clone();
        let _ = spec.as_object_mut().unwrap().remove(&first);
        *theirs = Look::Saw(serde_json::from_value(old).unwrap());
    });
}

#[test]
fn a_lease_that_nobody_renews_fails_and_what_was_written_by_its_holder_is_no_news() {
    for (holder, said) in [
        ("", "nobody leads by Lease tombolo-system/tombolo-controller"),
        ("pod-1", "pod-1 held Lease"),
    ] {
        let found = changed(|seen| seen.lease = held(holder, false));
        let outcomes: Vec<_> = found.iter().map(|(outcome, _)| *outcome).collect();
        assert_eq!(outcomes, [Outcome::Failed, Outcome::Unknown], "{found:?}");
        assert!(
            found[0].1.contains(said) && found[1].1.contains("was ready when"),
            "{found:?}"
        );
    }
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
    fails(
        "may not list, watch referencegrants",
        take(|right| right.row.resource == "referencegrants"),
    );
    let all = changed(take(|right| right.row.role == Role::Controller));
    assert!(
        matches!(&all[..], [(Outcome::Failed, said)] if said.contains("none for the controller, in the cluster")),
        "{all:?}"
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
        inline_nfs: Look::Unseen(why()),
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
    let unknown = changed(|seen| seen.backends = Look::Unseen(why()));
    let unknown: Vec<_> = unknown
        .iter()
        .map(|(outcome, text)| (*outcome, text.as_str()))
        .collect();
    assert_eq!(
        unknown,
        [
            (Outcome::Unknown, "you may not read it"),
            (Outcome::Unknown, "shared: you may not read it")
        ]
    );
}
