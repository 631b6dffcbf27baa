//! What people see of a source while it is copied: its claim shows that it is in use, and waits when it is deleted.

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::ResourceExt as _;
use tombolo_harness::Cluster;
use tombolo_harness::wait::Look;

use super::copy;
use super::midway::{LONG, planted};
use super::yard::{Yard, place, yards};
use crate::draft::claim;
use crate::see::{phase, pv_name, shown};
use crate::world::{World, cannot};

/// Files of a source that takes a while to copy.
const MANY: usize = 1500;

/// Whether a claim shows that copies of it are being made.
pub fn is_in_use(claim: &PersistentVolumeClaim) -> bool {
    claim.finalizers().iter().any(|f| f == "tombolo.dev/source-in-use")
}

/// A source, and a claim whose copy of it is under way: the names of both volumes.
async fn amid(w: &World<'_>, yard: &Yard, ns: &str) -> (String, String) {
    let source = planted(w, yard, ns, "data", MANY).await;
    let wanted = copy("copy", "data").class(&yard.class).size("1Gi");
    let made = pv_name(&w.claim(ns, wanted).await);
    yard.amid_a_copy(w, 100).await;
    w.object("the source to be in use", &w.claims(ns), "data", is_in_use)
        .await;
    (source, made)
}

/// Deletes a source, which stays.
async fn delete_source(w: &World<'_>, ns: &str) {
    w.delete(&w.claims(ns), "data").await;
    let source = w.claims(ns).get("data").await.unwrap();
    let going = source.metadata.deletion_timestamp.is_some();
    assert!(going && is_in_use(&source), "{:?}", shown(&source));
}

#[tokio::test]
async fn a_source_that_is_deleted_amid_a_copy_shows_that_it_waits_and_is_freed_however_the_copy_ends() {
    const STORY: &str = "a_source_that_is_deleted_amid_a_copy_shows_that_it_waits_and_is_freed_however_the_copy_ends";
    if cannot(STORY) {
        return;
    }
    let cluster = Cluster::start(World::options()).await.unwrap();
    let w = place(&cluster, "held").await;
    let (controller, yards) = yards(&w, &[]).await;
    let yard = &yards[0];

    // The copy is made.
    let ns = w.namespace("made").await;
    let (source, made) = amid(&w, yard, &ns).await;
    let expected = yard.contents(&source);
    delete_source(&w, &ns).await;
    w.until_within("the source to be gone", LONG, async || {
        let found = w.claims(&ns).get_opt("data").await?;
        // In this order: it may not be gone before the copy has its object.
        let served = w.pvs().get_opt(&made).await?.is_some();
        assert!(found.is_some() || served, "it went before the copy was made");
        assert!(
            served || found.as_ref().is_some_and(is_in_use),
            "{:?}",
            found.as_ref().map(shown)
        );
        Ok(Look::holds(found.is_none(), served))
    })
    .await;
    let (copied, _) = w.bound(&ns, "copy").await;
    assert!(yard.contents(&pv_name(&copied)) == expected);
    w.gone(&w.pvs(), &source).await;

    // The target goes.
    let ns = w.namespace("unwanted").await;
    let (source, _) = amid(&w, yard, &ns).await;
    w.delete(&w.claims(&ns), "copy").await;
    w.object("the source to be free", &w.claims(&ns), "data", |c| !is_in_use(c))
        .await;
    assert!(w.pvs().get_opt(&source).await.unwrap().is_some());

    // The controller dies, and the target goes meanwhile.
    let ns = w.namespace("killed").await;
    let (source, made) = amid(&w, yard, &ns).await;
    controller.kill().await.unwrap();
    delete_source(&w, &ns).await;
    w.delete(&w.claims(&ns), "copy").await;
    w.gone(&w.claims(&ns), "copy").await;
    delete_source(&w, &ns).await;
    controller.forget_ledger().unwrap();
    controller.spawn().unwrap();
    w.gone(&w.claims(&ns), "data").await;
    w.gone(&w.pvs(), &source).await;
    assert!(!yard.volume(&made).exists() && w.pvs().get_opt(&made).await.unwrap().is_none());
    yard.let_go(&w).await;
    yard.swept(&w).await;
}

#[tokio::test]
async fn a_manifest_that_was_copied_with_the_finalizer_can_be_deleted_whoever_provisions_it() {
    const STORY: &str = "a_manifest_that_was_copied_with_the_finalizer_can_be_deleted_whoever_provisions_it";
    if cannot(STORY) {
        return;
    }
    let w = World::shared("stray").await;
    let ns = w.namespace("team").await;
    let stray = |mut draft: crate::draft::Draft| {
        draft.0["metadata"]["finalizers"] = serde_json::json!(["tombolo.dev/source-in-use", "tombolo.dev/hold"]);
        draft
    };
    let free = |c: &PersistentVolumeClaim| c.finalizers().iter().all(|f| !f.starts_with("tombolo.dev/"));
    w.claim(&ns, stray(claim("ours"))).await;
    w.bound(&ns, "ours").await;
    w.claim(&ns, stray(claim("theirs").class("somebody-else-s"))).await;
    for name in ["ours", "theirs"] {
        w.object("it to be free", &w.claims(&ns), name, free).await;
        assert_eq!(
            phase(&w.claims(&ns).get(name).await.unwrap()) == "Bound",
            name == "ours"
        );
        w.delete(&w.claims(&ns), name).await;
        w.gone(&w.claims(&ns), name).await;
    }
}
