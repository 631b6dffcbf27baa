//! What the API server makes of data sources before we see them. None of this is our code; much of ours rests on it.

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use serde_json::{Value, json};

use crate::draft::claim;
use crate::world::{World, cannot};

/// A kind and a name, as `dataSource` and `dataSourceRef` have it.
fn of(group: Option<&str>, kind: &str, name: &str) -> Value {
    json!({"apiGroup": group, "kind": kind, "name": name})
}

fn pvc() -> Value {
    of(None, "PersistentVolumeClaim", "s")
}

fn snapshot() -> Value {
    of(Some("snapshot.storage.k8s.io"), "VolumeSnapshot", "s")
}

fn custom() -> Value {
    of(Some("hello.example.com"), "Hello", "s")
}

fn core() -> Value {
    of(None, "Pod", "s")
}

/// The kinds of what is stored of both fields.
fn kinds(claim: &PersistentVolumeClaim) -> (Option<&str>, Option<&str>) {
    let spec = claim.spec.as_ref().unwrap();
    (
        spec.data_source.as_ref().map(|d| d.kind.as_str()),
        spec.data_source_ref.as_ref().map(|r| r.kind.as_str()),
    )
}

/// Sends a claim of a class that nobody serves.
async fn sent(w: &World<'_>, ns: &str, row: &str, fields: &[(&str, Value)]) -> kube::Result<PersistentVolumeClaim> {
    let draft = claim(row).class("nobody-s");
    let draft = fields
        .iter()
        .fold(draft, |draft, (field, value)| draft.spec(field, value.clone()));
    w.try_claim(ns, draft).await
}

pub async fn kept(w: &World<'_>, ns: &str, row: &str, fields: &[(&str, Value)]) -> PersistentVolumeClaim {
    sent(w, ns, row, fields)
        .await
        .unwrap_or_else(|error| panic!("{row}: {error}"))
}

pub async fn refused(w: &World<'_>, ns: &str, row: &str, fields: &[(&str, Value)]) {
    let answer = sent(w, ns, row, fields).await;
    assert!(
        matches!(&answer, Err(kube::Error::Api(status)) if status.code == 422),
        "{row}: {answer:?}"
    );
}

#[tokio::test]
async fn ap_01_to_12_ap_19_to_21_a_source_is_mirrored_dropped_or_refused_by_its_kind() {
    if cannot("ap_01_to_12_ap_19_to_21_a_source_is_mirrored_dropped_or_refused_by_its_kind") {
        return;
    }
    let w = World::shared("api").await;
    let ns = w.namespace("primary").await;
    let both = |kind| (Some(kind), Some(kind));
    for (row, fields, stored) in [
        ("ap-01", vec![], (None, None)),
        ("ap-02", vec![("dataSource", pvc())], both("PersistentVolumeClaim")),
        ("ap-03", vec![("dataSource", snapshot())], both("VolumeSnapshot")),
        (
            "ap-04",
            vec![("dataSource", pvc()), ("dataSourceRef", pvc())],
            both("PersistentVolumeClaim"),
        ),
        ("ap-06", vec![("dataSource", core())], (None, None)),
        ("ap-07", vec![("dataSource", custom())], (None, None)),
        ("ap-10", vec![("dataSourceRef", pvc())], both("PersistentVolumeClaim")),
        ("ap-11", vec![("dataSourceRef", snapshot())], both("VolumeSnapshot")),
        ("ap-12", vec![("dataSourceRef", custom())], both("Hello")),
        (
            "ap-19",
            vec![("dataSource", of(Some("x.example.com"), "PersistentVolumeClaim", "s"))],
            (None, None),
        ),
        (
            "ap-20",
            vec![("dataSource", of(Some(""), "PersistentVolumeClaim", "s"))],
            both("PersistentVolumeClaim"),
        ),
    ] {
        let made = kept(&w, &ns, row, &fields).await;
        assert_eq!(kinds(&made), stored, "{row}");
    }
    for (row, fields) in [
        ("ap-05", vec![("dataSource", pvc()), ("dataSourceRef", snapshot())]),
        ("ap-08", vec![("dataSource", core()), ("dataSourceRef", pvc())]),
        ("ap-09", vec![("dataSourceRef", core())]),
    ] {
        refused(&w, &ns, row, &fields).await;
    }
    let edit = json!({"spec": {"dataSourceRef": custom()}});
    let patch = kube::api::Patch::Merge(edit);
    let answer = w.claims(&ns).patch("ap-02", &Default::default(), &patch).await;
    assert!(
        matches!(&answer, Err(kube::Error::Api(status)) if status.code == 422),
        "ap-21: {answer:?}"
    );
}

#[tokio::test]
async fn ap_15_without_the_gate_a_namespace_takes_the_whole_source_away() {
    if cannot("ap_15_without_the_gate_a_namespace_takes_the_whole_source_away") {
        return;
    }
    let w = World::shared("nogate").await;
    let ns = w.namespace("primary").await;
    let mut elsewhere = pvc();
    elsewhere["namespace"] = json!("prod");
    let made = kept(&w, &ns, "ap-15", &[("dataSourceRef", elsewhere)]).await;
    assert_eq!(kinds(&made), (None, None));
}

/// With the gate: see `across::gate`.
pub async fn with_the_gate(w: &World<'_>, ns: &str) {
    for (row, mut source) in [("ap-13-a", pvc()), ("ap-13-b", snapshot()), ("ap-13-c", custom())] {
        source["namespace"] = json!("prod");
        let kind = source["kind"].as_str().unwrap().to_owned();
        let made = kept(w, ns, row, &[("dataSourceRef", source.clone())]).await;
        assert_eq!(kinds(&made), (None, Some(kind.as_str())), "{row}");
        refused(w, ns, "ap-14", &[("dataSourceRef", source), ("dataSource", pvc())]).await;
    }
}

#[tokio::test]
async fn sn_03_lp_06_a_source_without_a_name_is_refused() {
    if cannot("sn_03_lp_06_a_source_without_a_name_is_refused") {
        return;
    }
    let w = World::shared("api-unnamed").await;
    let ns = w.namespace("primary").await;
    let snapshot = of(Some("snapshot.storage.k8s.io"), "VolumeSnapshot", "");
    for field in ["dataSource", "dataSourceRef"] {
        refused(&w, &ns, "unnamed", &[(field, snapshot.clone())]).await;
        refused(&w, &ns, "unnamed", &[(field, of(None, "PersistentVolumeClaim", ""))]).await;
    }
    let custom = of(Some("hello.example.com"), "Hello", "");
    refused(&w, &ns, "unnamed", &[("dataSourceRef", custom)]).await;
}
