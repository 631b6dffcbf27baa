//! Claims with a data source: one that is not served yet, or cannot be, is held, and never given an empty volume.

use serde_json::json;

use crate::draft::claim;
use crate::see::shown;
use crate::world::{World, cannot};

pub mod api_server;
mod validator;

#[tokio::test]
async fn a_claim_with_a_data_source_is_held() {
    if cannot("a_claim_with_a_data_source_is_held") {
        return;
    }
    let w = World::shared("source").await;
    let ns = w.namespace("primary").await;
    let snapshot = json!({"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "s"});
    let ours = json!({"apiGroup": "tombolo.dev", "kind": "CrossNamespaceSource", "name": "s"});
    let clone = json!({"kind": "PersistentVolumeClaim", "name": "other"});
    w.claim(&ns, claim("restore").spec("dataSource", snapshot)).await;
    w.claim(&ns, claim("clone").spec("dataSource", clone.clone())).await;
    w.claim(&ns, claim("clone-ref").spec("dataSourceRef", clone)).await;
    // The API server keeps an empty namespace, gate or no gate, and takes it for the claim's own.
    let own = json!({"kind": "PersistentVolumeClaim", "name": "other", "namespace": ""});
    let made = w.claim(&ns, claim("own").spec("dataSourceRef", own)).await;
    assert!(
        made.spec.as_ref().unwrap().data_source_ref.is_some(),
        "{:?}",
        shown(&made)
    );
    w.claim(&ns, claim("cross").spec("dataSourceRef", ours)).await;
    w.claim(
        &ns,
        claim("annotated").annotated("trident.netapp.io/cloneFromPVC", "other"),
    )
    .await;
    for (name, reason, text) in [
        ("restore", "SourceNotReady", "VolumeSnapshot s"),
        ("clone", "SourceNotReady", "claim other"),
        ("clone-ref", "SourceNotReady", "claim other"),
        ("own", "SourceNotReady", "claim other"),
        ("cross", "SourceNotReady", "CrossNamespaceSource"),
        ("annotated", "SourceNotReady", "claim other"),
    ] {
        w.held(&ns, name, reason, text).await;
    }
}

#[tokio::test]
async fn xn_10_a_data_source_that_the_api_server_dropped_gives_no_empty_volume() {
    if cannot("xn_10_a_data_source_that_the_api_server_dropped_gives_no_empty_volume") {
        return;
    }
    let w = World::shared("dropped").await;
    let ns = w.namespace("primary").await;
    let ours = json!({"apiGroup": "tombolo.dev", "kind": "CrossNamespaceSource", "name": "s"});
    let made = w.claim(&ns, claim("custom-kind").spec("dataSource", ours)).await;
    let spec = made.spec.as_ref().unwrap();
    assert!(
        spec.data_source.is_none() && spec.data_source_ref.is_none(),
        "{:?}",
        shown(&made)
    );
    w.held(&ns, "custom-kind", "SourceDropped", "dataSourceRef").await;

    // The gate CrossNamespaceVolumeDataSource is off here.
    let elsewhere = json!({
        "apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "s", "namespace": "prod",
    });
    let made = w
        .claim(&ns, claim("gate-off").spec("dataSourceRef", elsewhere.clone()))
        .await;
    assert!(
        made.spec.as_ref().unwrap().data_source_ref.is_none(),
        "{:?}",
        shown(&made)
    );
    w.held(&ns, "gate-off", "SourceDropped", "CrossNamespaceVolumeDataSource")
        .await;

    // It drops the source's own namespace just as well, though that would need no gate.
    for (name, namespace) in [("own", ns.as_str()), ("gate-off-claim", "prod")] {
        let source = json!({"kind": "PersistentVolumeClaim", "name": "data", "namespace": namespace});
        let made = w.claim(&ns, claim(name).spec("dataSourceRef", source)).await;
        assert!(
            made.spec.as_ref().unwrap().data_source_ref.is_none(),
            "{:?}",
            shown(&made)
        );
        w.held(&ns, name, "SourceDropped", "CrossNamespaceVolumeDataSource")
            .await;
    }

    // The API server fills the reference from dataSource, which may be another source than the one that was meant.
    let local = json!({"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "s"});
    let draft = claim("refilled")
        .spec("dataSourceRef", elsewhere)
        .spec("dataSource", local);
    w.claim(&ns, draft).await;
    w.held(&ns, "refilled", "SourceDropped", "CrossNamespaceVolumeDataSource")
        .await;
}

#[tokio::test]
async fn a_claim_for_a_populator_gets_one_friendly_event_and_no_volume() {
    if cannot("a_claim_for_a_populator_gets_one_friendly_event_and_no_volume") {
        return;
    }
    let w = World::shared("populator").await;
    w.register("hello.example.com", "Hello").await;
    let ns = w.namespace("primary").await;
    let hello = json!({"apiGroup": "hello.example.com", "kind": "Hello", "name": "h"});
    w.claim(&ns, claim("data").spec("dataSourceRef", hello.clone())).await;
    w.claim(&ns, claim("control").spec("dataSourceRef", hello)).await;
    w.told(&ns, "control", "WaitingForPopulator", "").await;
    let said = w
        .told(&ns, "data", "WaitingForPopulator", "Hello.hello.example.com")
        .await;
    assert_eq!(said.type_, "Normal");
    // Looked at again, as the other one is after it, it is not said again.
    w.annotate(&ns, "data", "example.com/touched", json!("yes")).await;
    w.annotate(&ns, "control", "tombolo.dev/shareFromPvc", json!("a/b"))
        .await;
    w.held(&ns, "control", "UnknownAnnotation", "").await;
    w.is_unserved(&ns, "data").await;
    let ours: Vec<_> = w
        .events(&ns, "data")
        .await
        .unwrap()
        .into_iter()
        .filter(|e| e.by == "tombolo.dev")
        .collect();
    assert!(ours.len() == 1 && ours[0].times == 1, "{ours:#?}");
}
