use super::*;
use crate::api::names;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use serde_json::json;

fn claim(name: &str, asks: Option<&str>) -> Claim {
    let annotations = asks.map(|source| json!({format!("{}shareFromPVC", names::PREFIX): source}));
    let object: PersistentVolumeClaim = serde_json::from_value(json!({
        "metadata": {"namespace": if asks.is_some() { "m" } else { "n" }, "name": name, "uid": name, "resourceVersion": "1", "annotations": annotations},
        "spec": {"storageClassName": "gold"}, "status": {"phase": "Pending"},
    }))
    .unwrap();
    Claim::of(&object).unwrap()
}

/// The volume of the claim `owner`, in some version, with the tokens of some claims.
fn pv(version: u32, phase: &str, tokens: &[&str]) -> Pv {
    let tokens = tokens.iter().map(|uid| Token::joining(ClaimUid::new(*uid)).finalizer());
    let object: PersistentVolume = serde_json::from_value(json!({
        "metadata": {
            "name": "pvc-owner", "uid": "pv", "resourceVersion": version.to_string(),
            "finalizers": tokens.collect::<Vec<_>>(),
            "annotations": {names::ANNOTATION_HANDLE: format!("{}:pvc-owner", "0".repeat(36))},
        },
        "spec": {"claimRef": {"namespace": "n", "name": "owner", "uid": "owner"}},
        "status": {"phase": phase},
    }))
    .unwrap();
    let pv = Pv::of(&object).unwrap();
    assert!(pv.is_owner());
    pv
}

fn crowd() -> Index {
    let mut index = Index::default();
    index.put_claim(claim("owner", None));
    for asker in ["a", "b", "c"] {
        index.put_claim(claim(asker, Some("n/owner")));
    }
    index
}

fn claims(wake: &Wake) -> Vec<&str> {
    wake.iter()
        .filter_map(|work| match work {
            Work::Claim(key) => Some(key.name.as_str()),
            _ => None,
        })
        .collect()
}

#[test]
fn what_a_write_answered_is_no_news_when_the_watch_brings_it() {
    let mut index = crowd();
    assert!(!index.pv_written(pv(2, "Pending", &[])).is_empty());
    assert!(index.put_pv(pv(2, "Pending", &[])).is_empty());
    assert!(!index.put_pv(pv(3, "Bound", &[])).is_empty());
}

#[test]
fn nothing_older_takes_the_place_of_something_newer() {
    let mut index = crowd();
    index.put_pv(pv(2, "Bound", &[]));
    index.pv_written(pv(10, "Bound", &["a"]));
    assert!(index.put_pv(pv(9, "Bound", &[])).is_empty());
    assert!(index.pv_written(pv(9, "Bound", &[])).is_empty());
    assert_eq!(index.pv(&PvName::new("pvc-owner")).unwrap().version.as_str(), "10");
    index.reset_pvs(vec![pv(5, "Bound", &[])]);
    let after_a_restore = index.pv(&PvName::new("pvc-owner")).unwrap();
    assert_eq!(after_a_restore.version.as_str(), "5", "a list is the last word");
}

#[test]
fn an_answer_that_comes_late_brings_nothing_back() {
    let mut index = crowd();
    index.put_pv(pv(2, "Bound", &[]));
    index.remove_pv(&PvName::new("pvc-owner"));
    assert!(index.pv_written(pv(3, "Bound", &[])).is_empty());
    assert!(index.pv(&PvName::new("pvc-owner")).is_none());
    index.put_pv(pv(4, "Bound", &[]));
    assert!(index.pv(&PvName::new("pvc-owner")).is_some(), "the watch is believed");
}

#[test]
fn a_token_concerns_its_own_claim_and_no_other_that_asks() {
    let mut index = crowd();
    assert_eq!(claims(&index.put_pv(pv(2, "Bound", &[]))), ["a", "b", "c", "owner"]);
    assert_eq!(claims(&index.put_pv(pv(3, "Bound", &["a"]))), ["a", "owner"]);
    assert_eq!(claims(&index.put_pv(pv(4, "Bound", &["a", "b"]))), ["b", "owner"]);
    assert_eq!(claims(&index.put_pv(pv(5, "Bound", &[]))), ["a", "b", "owner"]);
    assert_eq!(claims(&index.put_pv(pv(6, "Released", &[]))), ["a", "b", "c", "owner"]);
}

#[test]
fn references_are_found_by_namespace_and_by_what_they_name() {
    let mut index = crowd();
    let reference = |kind, namespace: &str, name: &str, source: &str| {
        let key = ReferenceKey {
            kind,
            namespace: Namespace::new(namespace),
            name: name.into(),
        };
        Reference::new(
            key,
            false,
            Some("n"),
            Some(source),
            crate::domain::access::Access::ReadWrite,
        )
    };
    for (namespace, name) in [("m", "z"), ("n", "a"), ("n", "b"), ("o", "a")] {
        for kind in [ReferenceKind::Volume, ReferenceKind::Trident] {
            index.put_reference(reference(kind, namespace, name, "owner"));
        }
    }
    assert_eq!(index.references_in(&Namespace::new("n")).count(), 4);
    assert_eq!(index.references_in(&Namespace::new("nobody")).count(), 0);
    let named = |wake: Wake| wake.into_iter().filter(|w| matches!(w, Work::Reference(_))).count();
    assert_eq!(named(index.remove_claim(&ClaimKey::new("n", "owner"))), 8);
    index.put_reference(reference(ReferenceKind::Volume, "n", "a", "another"));
    assert_eq!(named(index.put_claim(claim("owner", None))), 7);
    assert_eq!(named(index.put_claim(claim("another", None))), 1);
}
