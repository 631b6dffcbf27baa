//! A claim that begins as a copy of another one of its namespace, with real data on a real server.

use k8s_openapi::api::core::v1::PersistentVolume;
use kube::Api;
use kube::api::DeleteParams;
use serde_json::{Value, json};

use crate::draft::{Draft, claim};
use crate::world::{World, cannot};

pub mod held;
pub mod midway;
pub mod yard;

fn of(source: &str) -> Value {
    json!({"kind": "PersistentVolumeClaim", "name": source})
}

fn copy(name: &str, source: &str) -> Draft {
    claim(name).spec("dataSource", of(source))
}

#[tokio::test]
async fn a_copy_has_what_its_source_had_and_each_goes_its_own_way() {
    if cannot("a_copy_has_what_its_source_had_and_each_goes_its_own_way") {
        return;
    }
    let w = World::shared("copied").await;
    let ns = w.namespace("primary").await;
    let (_, source) = w.bound_claim(&ns, claim("data")).await;
    w.write(&source, "file", "as it was").await;

    let (_, made) = w.bound_claim(&ns, copy("copy", "data")).await;
    assert_eq!(w.read(&made, "file").await, "as it was");
    w.told(&ns, "copy", "Provisioning", "Copying claim data").await;
    w.told(&ns, "copy", "ProvisioningSucceeded", "a copy").await;

    // `nfs-cp` opens no file that exists.
    let export = &w.cluster.nfs().unwrap().endpoint().export_dir;
    let on_server = |pv: &PersistentVolume| export.join(w.path(pv)).join("file");
    std::fs::write(on_server(&made), "edited").unwrap();
    w.write(&made, "more", "new").await;
    assert!(!w.exists(&format!("{}/more", w.path(&source))).await);
    assert_eq!(w.read(&source, "file").await, "as it was");
    // Nothing keeps the source any more.
    w.object(
        "the source without a token",
        &w.pvs(),
        source.metadata.name.as_deref().unwrap(),
        |pv| pv.metadata.finalizers.iter().flatten().all(|f| !f.contains("copying")),
    )
    .await;
    w.delete(&w.claims(&ns), "data").await;
    w.nothing_left(&source).await;
    assert_eq!(w.read(&made, "file").await, "edited");
    w.delete(&w.claims(&ns), "copy").await;
    w.nothing_left(&made).await;
}

#[tokio::test]
async fn a_copy_waits_for_its_source_and_one_that_is_too_small_says_so() {
    if cannot("a_copy_waits_for_its_source_and_one_that_is_too_small_says_so") {
        return;
    }
    let w = World::shared("patient").await;
    let ns = w.namespace("primary").await;
    let by_reference = claim("copy").spec("dataSourceRef", of("data"));
    w.claim(&ns, by_reference).await;
    w.held(&ns, "copy", "SourceNotReady", "claim data").await;
    w.claim(&ns, claim("data").size("2Gi")).await;
    w.held(&ns, "copy", "SourceTooLarge", "2Gi").await;
    let claims: Api<_> = w.claims(&ns);
    claims.delete("copy", &DeleteParams::default()).await.unwrap();
    w.gone(&claims, "copy").await;
    w.bound_claim(&ns, copy("copy", "data").size("2Gi")).await;
}
