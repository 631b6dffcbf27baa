//! Kinds and gates of others, backends and classes.

use super::*;
use crate::doctor::examine::enabled;

#[test]
fn pods_that_mount_servers_past_all_consent_are_named_until_they_are_refused() {
    lacks("only warns", |seen| {
        seen.inline_nfs = Look::Saw(Some(vec!["Warn".to_owned()]))
    });
    lacks("is not installed", |seen| seen.inline_nfs = Look::Saw(None));
    let nodes_only = changed(|seen| {
        seen.inline_nfs = Look::Saw(None);
        seen.backends = Look::Saw(vec![local(condition("True", "Ready"))]);
    });
    assert!(nodes_only.is_empty(), "{nodes_only:?}");
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
    let selects = |tier: &str| {
        let classes = Look::Saw(vec![class(json!({"backendSelector": format!("tier={tier}")}))]);
        move |seen: &mut Seen| seen.classes = classes
    };
    fails(
        "there is no StorageBackend with the labels tier=silver",
        selects("silver"),
    );
    assert!(changed(selects("gold")).is_empty());
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
