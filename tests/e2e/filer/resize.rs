//! Sizes that change where they are limits.

use serde_json::json;
use tombolo::api::storage_backend::StorageBackend;
use tombolo_harness::NfsVersion;

use super::{lacks_filer, shared_filer};
use crate::draft::claim;
use crate::resize::expandable;
use crate::world::World;

const MIB: usize = 1 << 20;

#[tokio::test]
async fn a_full_volume_that_grows_takes_more_at_once_from_everybody_in_it() {
    if lacks_filer("a_full_volume_that_grows_takes_more_at_once_from_everybody_in_it") {
        return;
    }
    let w = World::on_filer("grow").await.with_class(expandable()).await;
    let (primary, secondary) = (w.namespace("primary").await, w.namespace("secondary").await);
    let (_, owner) = w.bound_claim(&primary, claim("data").size("16Mi").shared_to("*")).await;
    let member = w.member(&secondary, "data", &primary, "data").await;
    let files = shared_filer().await.client(NfsVersion::V3);
    let at = |pv, name: &str| format!("{}/{name}", w.path(pv));
    files.write(&at(&owner, "much"), &vec![7; 24 * MIB]).await.unwrap_err();
    w.refused_to_write(&member).await;

    w.ask_for(&primary, "data", "64Mi").await;
    w.has_size(&primary, "data", "64Mi").await;
    w.has_size(&secondary, "data", "64Mi").await;
    let end = w
        .told(&primary, "data", "VolumeResizeSuccessful", "it holds 64Mi")
        .await;
    assert!(!end.note.contains("does not enforce"), "{end:#?}");
    files.write(&at(&member, "more"), &vec![7; 24 * MIB]).await.unwrap();
    files
        .write(&at(&owner, "too-much"), &vec![7; 48 * MIB])
        .await
        .unwrap_err();
}

#[tokio::test]
async fn a_growth_that_the_filer_refuses_is_said_and_a_lowered_request_is_made() {
    if lacks_filer("a_growth_that_the_filer_refuses_is_said_and_a_lowered_request_is_made") {
        return;
    }
    let (mut w, _filer) = World::on_own_filer("grow-refused").await;
    let backend = w.class.clone();
    w.class = format!("{backend}-expandable");
    let class = json!({"allowVolumeExpansion": true, "parameters": {"backend": backend}});
    w.storage_class(&w.class, class).await;
    let ns = w.namespace("primary").await;
    w.bound_claim(&ns, claim("data").size("16Mi")).await;

    // Beyond what the disk has, by the limits of the backend: it waits.
    w.ask_for(&ns, "data", "100Gi").await;
    w.told(
        &ns,
        "data",
        "VolumeResizeFailed",
        "LimitReached: the storage backend is full by its limits",
    )
    .await;

    // With limits that promise more than there is, the filer itself says no.
    let overcommit = json!({"spec": {"limits": {"overcommit": true}}});
    w.patch(&w.all::<StorageBackend>(), &backend, overcommit).await;
    w.told(
        &ns,
        "data",
        "VolumeResizeFailed",
        "BackendUnavailable: the storage backend has no room left",
    )
    .await;
    let what = "the refusal to be in the claim's status";
    w.object(what, &w.claims(&ns), "data", |c| {
        let status = c.status.clone().unwrap_or_default();
        let failed = status.conditions.unwrap_or_default().into_iter();
        let step = status.allocated_resource_statuses.unwrap_or_default();
        let allocated = status.allocated_resources.unwrap_or_default();
        failed.into_iter().any(|c| c.type_ == "ControllerResizeError")
            && step.get("storage").map(String::as_str) == Some("ControllerResizeInProgress")
            && allocated.get("storage").is_some_and(|q| q.0 == "100Gi")
    })
    .await;
    w.ask_for(&ns, "data", "32Mi").await;
    w.has_size(&ns, "data", "32Mi").await;
}
