//! What is read of `dataSource` and `dataSourceRef`, and what their managed fields betray.

use super::*;
use serde_json::json;

fn source(spec: serde_json::Value, managed: serde_json::Value) -> DataSource {
    let claim = json!({
        "metadata": {"name": "c", "managedFields": [{"manager": "kubectl", "fieldsV1": {"f:spec": managed}}]},
        "spec": spec,
    });
    DataSource::of(&serde_json::from_value(claim).unwrap())
}

#[test]
fn the_reference_wins_and_mirrored_fields_are_one() {
    let both = json!({
        "dataSource": {"apiGroup": "tombolo.dev", "kind": "CrossNamespaceSource", "name": "s"},
        "dataSourceRef": {"apiGroup": "tombolo.dev", "kind": "CrossNamespaceSource", "name": "s"},
    });
    assert_eq!(
        source(both, json!({"f:dataSourceRef": {"f:name": {}}})),
        DataSource::Indirect { name: "s".into() }
    );
}

fn referring(group: Option<&str>, kind: &str, namespace: serde_json::Value) -> DataSource {
    let source = json!({"apiGroup": group, "kind": kind, "name": "s", "namespace": namespace});
    let claim = json!({"metadata": {"name": "c", "namespace": "here"}, "spec": {"dataSourceRef": source}});
    DataSource::of(&serde_json::from_value(claim).unwrap())
}

#[test]
fn fn_16_what_is_made_from_a_snapshot_is_known_by_either_field_and_by_group_and_kind() {
    let snapshots = "snapshot.storage.k8s.io";
    let rows = [
        ("dataSource", Some(snapshots), "VolumeSnapshot", true),
        ("dataSourceRef", Some(snapshots), "VolumeSnapshot", true),
        ("dataSource", None, "PersistentVolumeClaim", false),
        ("dataSourceRef", None, "PersistentVolumeClaim", false),
        ("dataSource", Some("example.com"), "VolumeSnapshot", false),
        ("dataSourceRef", Some("example.com"), "VolumeSnapshot", false),
    ];
    for (field, group, kind, expected) in rows {
        let found = source(
            json!({field: {"apiGroup": group, "kind": kind, "name": "s"}}),
            json!({}),
        );
        let is = matches!(&found, DataSource::Object(source) if source.kind == SourceKind::Snapshot);
        assert_eq!(is, expected, "{field} {group:?} {kind}: {found:?}");
    }
    assert_eq!(source(json!({}), json!({})), DataSource::None);
}

#[test]
fn fn_17_a_snapshot_of_another_namespace_is_that_one_s() {
    let found = referring(Some("snapshot.storage.k8s.io"), "VolumeSnapshot", json!("there"));
    let DataSource::Object(source) = found else {
        panic!("{found:?}");
    };
    let key = source.as_snapshot().unwrap();
    assert_eq!((key.namespace.as_str(), key.name.as_str()), ("there", "s"));
}

#[test]
fn a_namespace_that_is_empty_or_spelt_out_is_the_claim_s_own() {
    let of = |namespace: &str, kind| {
        DataSource::Object(Source {
            namespace: Namespace::new(namespace),
            kind,
            name: "s".into(),
        })
    };
    let snapshots = Some("snapshot.storage.k8s.io");
    for here in [json!(null), json!(""), json!("here")] {
        for core in [None, Some("")] {
            let found = referring(core, "PersistentVolumeClaim", here.clone());
            assert_eq!(found, of("here", SourceKind::Claim));
        }
        let found = referring(snapshots, "VolumeSnapshot", here);
        assert_eq!(found, of("here", SourceKind::Snapshot));
    }
    let there = || json!("there");
    assert_eq!(
        referring(None, "PersistentVolumeClaim", there()),
        of("there", SourceKind::Claim)
    );
    assert_eq!(
        referring(snapshots, "VolumeSnapshot", there()),
        of("there", SourceKind::Snapshot)
    );
    let legacy = json!({"dataSource": {"kind": "PersistentVolumeClaim", "name": "s"}});
    assert_eq!(source(legacy, json!({})), of("", SourceKind::Claim));
    assert_eq!(
        referring(Some("tombolo.dev"), "CrossNamespaceSource", there()),
        DataSource::Misplaced { name: "s".into() }
    );
}

#[test]
fn a_kind_of_another_group_is_a_populator_s_whatever_its_name() {
    for (group, kind) in [
        (Some("example.com"), "PersistentVolumeClaim"),
        (Some("example.com"), "VolumeSnapshot"),
        (None, "VolumeSnapshot"),
        (Some("example.com"), "CrossNamespaceSource"),
    ] {
        let found = referring(group, kind, json!(null));
        let expected = DataSource::Populator {
            group: group.unwrap_or_default().into(),
            kind: kind.into(),
        };
        assert_eq!(found, expected);
    }
}

#[test]
fn kinds_of_populators_are_not_ours() {
    let spec = json!({"dataSourceRef": {"apiGroup": "example.com", "kind": "Hello", "name": "s"}});
    assert_eq!(
        source(spec, json!({})),
        DataSource::Populator {
            group: "example.com".into(),
            kind: "Hello".into()
        }
    );
}

#[test]
fn a_dropped_source_is_seen_in_the_managed_fields() {
    let gate = json!({"f:dataSourceRef": {"f:kind": {}, "f:namespace": {}}});
    assert_eq!(source(json!({}), gate.clone()), DataSource::Dropped(DropCause::GateOff));
    let refilled = json!({"dataSource": {"kind": "PersistentVolumeClaim", "name": "x"},
                          "dataSourceRef": {"kind": "PersistentVolumeClaim", "name": "x"}});
    assert_eq!(source(refilled, gate), DataSource::Dropped(DropCause::GateOff));
    let custom = json!({"f:dataSource": {"f:kind": {}}});
    assert_eq!(
        source(json!({}), custom),
        DataSource::Dropped(DropCause::CustomKindInDataSource)
    );
    assert_eq!(source(json!({}), json!({"f:resources": {}})), DataSource::None);
}

#[test]
fn rg_36_an_empty_namespace_was_dropped_by_nobody() {
    let spec = |namespace: serde_json::Value| json!({"dataSourceRef": {"kind": "PersistentVolumeClaim", "name": "s", "namespace": namespace}});
    let managed = || json!({"f:dataSourceRef": {"f:kind": {}, "f:name": {}, "f:namespace": {}}});
    assert!(matches!(source(spec(json!("")), managed()), DataSource::Object(_)));
    assert_eq!(
        source(spec(json!(null)), managed()),
        DataSource::Dropped(DropCause::GateOff)
    );
}
