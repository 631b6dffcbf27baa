//! Snapshots as claims name them, and the ReferenceGrants that are for them: both read as people write them.

use super::*;
use serde_json::{Value, json};

/// What a claim of this namespace is made from.
fn named(namespace: &str, spec: &Value) -> DataSource {
    let claim = json!({"metadata": {"namespace": namespace, "name": "app"}, "spec": spec});
    DataSource::of(&serde_json::from_value(claim).unwrap())
}

fn reference(edit: impl FnOnce(&mut Value)) -> Value {
    let mut source = json!({"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "before"});
    edit(&mut source);
    json!({"dataSourceRef": source})
}

/// `dev/app` is to be made from `team/before`, with a grant for exactly that, edited.
fn granting(edit: impl FnOnce(&mut Value)) -> Scene {
    let mut grant = json!({"namespace": "team", "spec": {
        "from": [{"group": "", "kind": "PersistentVolumeClaim", "namespace": "dev"}],
        "to": [{"group": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "before"}],
    }});
    edit(&mut grant);
    let namespace = testing::namespace(grant["namespace"].as_str().unwrap());
    let grant = Grant::read(namespace, "grant".into(), false, grant.get("spec"));
    elsewhere().with(|s| {
        s.claim.source = named("dev", &reference(|source| source["namespace"] = json!("team")));
        s.grants = vec![grant];
    })
}

#[test]
fn sn_04_sn_05_another_group_s_kind_and_this_group_s_other_kinds_are_a_populator_s() {
    for edit in [
        (|source| source["kind"] = json!("VolumeSnapshotContent")) as fn(&mut Value),
        |source| source["apiGroup"] = json!("example.com"),
        |source| source["apiGroup"] = Value::Null,
    ] {
        let s = restoring().with(|s| s.claim.source = named("team", &reference(edit)));
        assert_eq!(s.reason(), Some(R::WaitingForPopulator));
    }
}

#[test]
fn sn_23_sn_28_sn_29_within_a_namespace_nobody_is_asked_however_that_is_written() {
    let legacy = json!({"dataSource": reference(|_| {})["dataSourceRef"]});
    let mut spellings = vec![legacy, reference(|_| {})];
    for own in [json!("team"), json!(""), Value::Null] {
        spellings.push(reference(|source| source["namespace"] = own));
    }
    for spec in spellings {
        let s = restoring().with(|s| {
            s.claim.source = named("team", &spec);
            s.grants.clear();
        });
        assert!(begins_with_the_content(&s), "{spec}");
        let unread = s.with(|s| s.served = Served::NotInstalled);
        assert!(begins_with_the_content(&unread), "{spec}");
    }
}

#[test]
fn sn_24_to_27_a_grant_for_all_snapshots_or_for_this_one_is_enough() {
    assert!(begins_with_the_content(&granting(|_| {})), "sn_25 this one");
    let unnamed = granting(|g| drop(g["spec"]["to"][0].as_object_mut().unwrap().remove("name")));
    assert!(begins_with_the_content(&unnamed), "sn_24 left out");
    for (what, name) in [("sn_26", Value::Null), ("sn_27", json!(""))] {
        let s = granting(|g| g["spec"]["to"][0]["name"] = name);
        assert!(begins_with_the_content(&s), "{what}");
    }
}

#[test]
fn sn_30_sn_32_to_39_a_grant_that_is_not_for_this_gives_nothing() {
    type Edit = fn(&mut Value);
    let edits: [(&str, Edit); 11] = [
        ("sn_32 namespace", |g| g["namespace"] = json!("else")),
        ("sn_32 the asker's namespace", |g| g["namespace"] = json!("dev")),
        ("sn_33 from.group", |g| g["spec"]["from"][0]["group"] = json!("x")),
        ("sn_34 from.kind", |g| g["spec"]["from"][0]["kind"] = json!("X")),
        ("sn_35 from.namespace", |g| {
            g["spec"]["from"][0]["namespace"] = json!("x")
        }),
        ("sn_36 to.kind", |g| {
            g["spec"]["to"][0]["kind"] = json!("PersistentVolumeClaim")
        }),
        ("sn_37 to.group", |g| g["spec"]["to"][0]["group"] = json!("")),
        ("sn_37 to.group", |g| g["spec"]["to"][0]["group"] = json!("x")),
        ("claims only", |g| {
            g["spec"]["to"][0] = json!({"group": "", "kind": "PersistentVolumeClaim"})
        }),
        ("sn_38 to.name", |g| g["spec"]["to"][0]["name"] = json!("x")),
        ("sn_39 empty", |g| g["spec"] = json!({"from": [], "to": []})),
    ];
    for (what, edit) in edits {
        assert_eq!(granting(edit).reason(), Some(R::NotGranted), "{what}");
    }
    let none = granting(|_| {}).with(|s| s.grants.clear());
    assert_eq!(none.reason(), Some(R::NotGranted), "sn_30");
}
