//! The matcher, row by row, as the external-provisioner and lib-volume-populator have it, and what neither of them tests.

use super::*;
use serde_json::json;

/// A claim of `ns2` that refers to a claim of `ns1`, and one grant of `ns1` to claims of `ns2` for all claims.
struct Scene {
    from_namespace: &'static str,
    to: (&'static str, &'static str),
    grants: Vec<Value>,
}

const SNAPSHOT: (&str, &str) = ("snapshot.storage.k8s.io", "VolumeSnapshot");
const OTHER: (&str, &str) = ("hello.k8s.io", "Hello");
const CLAIM: (&str, &str) = ("", "PersistentVolumeClaim");

fn from(namespace: &str) -> Value {
    json!({"group": "", "kind": "PersistentVolumeClaim", "namespace": namespace})
}

fn to((group, kind): (&str, &str)) -> Value {
    json!({"group": group, "kind": kind})
}

fn named((group, kind): (&str, &str), name: &str) -> Value {
    json!({"group": group, "kind": kind, "name": name})
}

fn grant(from: &[Value], to: &[Value]) -> Value {
    json!({"namespace": "ns1", "spec": {"from": from, "to": to}})
}

fn base() -> Scene {
    Scene {
        from_namespace: "ns2",
        to: CLAIM,
        grants: vec![grant(&[from("ns2")], &[to(CLAIM)])],
    }
}

impl Scene {
    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn to(self, to: (&'static str, &'static str)) -> Self {
        self.with(|s| s.to = to)
    }

    fn grants(self, grants: Vec<Value>) -> Self {
        self.with(|s| s.grants = grants)
    }

    fn edited(self, pointer: &str, value: Value) -> Self {
        self.with(|s| *s.grants[0].pointer_mut(pointer).unwrap() = value)
    }

    fn permits(&self) -> bool {
        let read = |(n, grant): (usize, &Value)| {
            let namespace = Namespace::new(grant["namespace"].as_str().unwrap());
            let terminating = grant.get("terminating").is_some();
            Grant::read(namespace, n.to_string(), terminating, grant.get("spec"))
        };
        let grants: Vec<Grant> = self.grants.iter().enumerate().map(read).collect();
        let (ns1, ns2) = (Namespace::new("ns1"), Namespace::new(self.from_namespace));
        let (group, kind) = self.to;
        let to = Referent {
            group,
            kind,
            namespace: &ns1,
            name: "test-dataSource",
        };
        permitted(&grants, Referrer::claims_of(&ns2), to).is_some()
    }
}

macro_rules! rows {
    ($($verdict:ident { $($row:ident => $scene:expr;)+ })+) => {
        $($(#[test] fn $row() {
            assert_eq!(if $scene.permits() { "allow" } else { "deny" }, stringify!($verdict));
        })+)+
    };
}

rows! {
    allow {
    rg_01_claims_of_a_namespace_to_all_claims => base();
    rg_02_a_name_that_is_the_source_s => base().edited("/spec/to/0", named(CLAIM, "test-dataSource"));
    rg_04_a_name_that_is_null => base().edited("/spec/to/0", json!({"group": "", "kind": "PersistentVolumeClaim", "name": null}));
    rg_05_an_empty_name_is_no_name => base().edited("/spec/to/0", named(CLAIM, ""));
    rg_06_snapshots => base().to(SNAPSHOT).edited("/spec/to/0", to(SNAPSHOT));
    rg_07_objects_of_a_populator => base().to(OTHER).edited("/spec/to/0", to(OTHER));
    rg_24_the_second_of_two_namespaces => base().edited("/spec/from", json!([from("ns3"), from("ns2")]));
    rg_25_the_second_of_two_kinds => base().edited("/spec/to", json!([to(SNAPSHOT), to(CLAIM)]));
    rg_27_the_second_of_two_grants =>
        base().grants(vec![grant(&[from("ns3")], &[to(CLAIM)]), grant(&[from("ns2")], &[to(CLAIM)])]);
    rg_28_every_from_goes_with_every_to_of_one_grant => base()
        .with(|s| s.from_namespace = "ns3")
        .to(SNAPSHOT)
        .grants(vec![grant(&[from("ns2"), from("ns3")], &[to(CLAIM), to(SNAPSHOT)])]);
    rg_29_a_wrong_name_before_the_right_one =>
        base().edited("/spec/to", json!([named(CLAIM, "wrong"), named(CLAIM, "test-dataSource")]));
    }
    deny {
    rg_08_a_claim_without_any_grant => base().grants(vec![]);
    rg_09_a_snapshot_without_any_grant => base().to(SNAPSHOT).grants(vec![]);
    rg_10_an_object_of_a_populator_without_any_grant => base().to(OTHER).grants(vec![]);
    rg_11_a_grant_of_another_namespace => base().edited("/namespace", json!("ns3"));
    rg_12_a_wrong_group_that_refers => base().edited("/spec/from/0/group", json!("wrong"));
    rg_13_a_wrong_kind_that_refers => base().edited("/spec/from/0/kind", json!("Wrong"));
    rg_14_a_wrong_namespace_that_refers => base().edited("/spec/from/0/namespace", json!("wrong"));
    rg_15_a_wrong_group_that_is_given => base().edited("/spec/to/0/group", json!("wrong"));
    rg_16_a_wrong_kind_that_is_given => base().edited("/spec/to/0/kind", json!("Wrong"));
    rg_17_a_wrong_name_that_is_given => base().edited("/spec/to/0", named(CLAIM, "wrong"));
    rg_18_a_claim_by_a_grant_for_snapshots => base().edited("/spec/to/0", to(SNAPSHOT));
    rg_19_a_snapshot_of_the_core_group => base().to(("", "VolumeSnapshot")).edited("/spec/to/0", to(SNAPSHOT));
    rg_20_a_snapshot_by_a_grant_for_claims => base().to(SNAPSHOT);
    rg_21_nobody_refers => base().edited("/spec/from", json!([]));
    rg_22_nothing_is_given => base().edited("/spec/to", json!([]));
    rg_23_neither => base().edited("/spec", json!({"from": [], "to": []}));
    rg_26_halves_of_two_grants_make_none =>
        base().grants(vec![grant(&[from("ns2")], &[to(SNAPSHOT)]), grant(&[from("ns3")], &[to(CLAIM)])]);
    rg_30_there_are_no_wildcards_in_names => base().edited("/spec/to/0", named(CLAIM, "*"));
    rg_30_there_are_no_wildcards_in_namespaces => base().edited("/spec/from/0/namespace", json!("*"));
    rg_31_case_counts => base().edited("/spec/to/0/kind", json!("persistentvolumeclaim"));
    rg_32_a_group_has_no_version =>
        base().to(SNAPSHOT).edited("/spec/to/0", to(("snapshot.storage.k8s.io/v1", "VolumeSnapshot")));
    rg_34_a_grant_that_is_going_away => base().with(|s| s.grants[0]["terminating"] = json!(true));
    }
}

/// A group that is absent is the core group already when a claim is read.
#[test]
fn rg_03_a_reference_without_a_group_is_to_the_core_group() {
    use crate::domain::source::{DataSource, SourceKind};
    let claim = json!({"metadata": {"namespace": "ns2", "name": "c"}, "spec": {"dataSourceRef":
        {"kind": "PersistentVolumeClaim", "name": "test-dataSource", "namespace": "ns1"}}});
    let DataSource::Object(source) = DataSource::of(&serde_json::from_value(claim).unwrap()) else {
        panic!("no object")
    };
    assert_eq!(source.kind, SourceKind::Claim);
    let ns2 = Namespace::new("ns2");
    let spec = json!({"from": [from("ns2")], "to": [to(CLAIM)]});
    let grant = Grant::read(Namespace::new("ns1"), "g".into(), false, Some(&spec));
    assert!(grant.permits(Referrer::claims_of(&ns2), Referent::source(&source)));
}

#[test]
fn what_cannot_be_read_gives_nothing() {
    let half =
        json!({"from": [1, {"group": "", "kind": "PersistentVolumeClaim"}, from("ns2")], "to": ["x", to(CLAIM)]});
    assert!(base().edited("/spec", half).permits());
    for spec in [
        json!(null),
        json!("x"),
        json!({"from": {}, "to": 3}),
        json!({"from": [from("ns2")], "to": [named(CLAIM, "x"), {"group": "", "kind": "PersistentVolumeClaim", "name": 3}]}),
    ] {
        assert!(!base().edited("/spec", spec.clone()).permits(), "{spec}");
    }
    assert!(!base().with(|s| s.grants[0] = json!({"namespace": "ns1"})).permits());
}
