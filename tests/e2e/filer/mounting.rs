//! Volumes that the node plugin mounts, on a filer: what stands there for it is the way of one tenant, and of nobody else.

use k8s_openapi::api::core::v1::PersistentVolume;
use serde_json::json;

use super::lacks_filer;
use crate::draft::claim;
use crate::see::name_of;
use crate::world::World;

#[tokio::test]
async fn the_node_plugin_is_given_a_tenant_s_own_way_which_is_cut_and_opened_like_any_other() {
    if lacks_filer("the_node_plugin_is_given_a_tenant_s_own_way_which_is_cut_and_opened_like_any_other") {
        return;
    }
    let w = World::on_filer("plugin")
        .await
        .with_class(json!({"parameters": {"mount": "csi"}}))
        .await;
    let (primary, secondary) = (w.namespace("primary").await, w.namespace("secondary").await);
    let draft = claim("data")
        .shared_to(&secondary)
        .annotated("tombolo.dev/onRevoke", "Cut");
    let (_, owner) = w.bound_claim(&primary, draft).await;
    w.write(&owner, "hello", "world").await;
    let member = w.member(&secondary, "data", &primary, "data").await;
    let source = |pv: &PersistentVolume| pv.spec.as_ref().unwrap().csi.clone().unwrap();
    let share = |pv: &PersistentVolume| source(pv).volume_attributes.unwrap()["share"].clone();
    assert_ne!(share(&owner), share(&member), "each namespace has an export of its own");
    assert_eq!(w.read(&member, "hello").await, "world");

    w.annotate(&primary, "data", "tombolo.dev/shareToNamespace", json!(null))
        .await;
    w.told(&secondary, "data", "AccessCut", "").await;
    w.shut_out(&member, "hello").await;
    assert_eq!(w.read(&owner, "hello").await, "world");
    w.annotate(&primary, "data", "tombolo.dev/shareToNamespace", json!(secondary))
        .await;
    w.told(&secondary, "data", "AccessRestored", "").await;
    assert_eq!(w.read(&member, "hello").await, "world", "at the same path");
    let now = w.pvs().get(name_of(&member)).await.unwrap();
    assert_eq!(source(&now), source(&member));
}
