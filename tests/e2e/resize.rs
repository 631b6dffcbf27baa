//! Claims that ask for more: on backends that only write sizes down, and as members. What a backend enforces is in `filer::resize`.

mod halfway;

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::ResourceExt as _;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tombolo::api::storage_backend::StorageBackend;

use crate::draft::claim;
use crate::see::{name_of, shown};
use crate::world::{World, cannot};

/// What a class needs so that its claims may ask for more.
pub fn expandable() -> Value {
    json!({"allowVolumeExpansion": true})
}

/// A claim's `status.capacity`.
fn capacity(claim: &PersistentVolumeClaim) -> Option<&str> {
    let all = claim.status.as_ref()?.capacity.as_ref()?;
    Some(all.get("storage")?.0.as_str())
}

/// Types of the conditions that a claim has.
fn conditions(claim: &PersistentVolumeClaim) -> Vec<&str> {
    let all = claim.status.iter().flat_map(|s| s.conditions.iter().flatten());
    all.map(|c| c.type_.as_str()).collect()
}

impl World<'_> {
    /// Asks for another size.
    pub async fn ask_for(&self, namespace: &str, name: &str, size: &str) {
        self.try_ask_for(namespace, name, size).await.unwrap();
    }

    /// The same, where the API server may refuse it.
    pub async fn try_ask_for(&self, namespace: &str, name: &str, size: &str) -> kube::Result<PersistentVolumeClaim> {
        let request = Patch::Merge(json!({"spec": {"resources": {"requests": {"storage": size}}}}));
        let claims = self.claims(namespace);
        claims.patch(name, &PatchParams::default(), &request).await
    }

    /// Waits until a claim and its object have a size, and nothing of a growth is left in the claim's status.
    pub async fn has_size(&self, namespace: &str, name: &str, size: &str) -> PersistentVolumeClaim {
        let what = format!("{namespace}/{name} to have {size}");
        let has = |claim: &PersistentVolumeClaim| {
            let open = claim
                .status
                .iter()
                .any(|s| s.allocated_resource_statuses.as_ref().is_some_and(|s| !s.is_empty()));
            let resizing = conditions(claim).iter().any(|c| c.contains("Resiz"));
            capacity(claim) == Some(size) && !open && !resizing
        };
        let claim = self.object(&what, &self.claims(namespace), name, has).await;
        let pv = claim.spec.as_ref().and_then(|s| s.volume_name.clone()).unwrap();
        let pv = self.pvs().get(&pv).await.unwrap();
        let of_pv = pv.spec.as_ref().and_then(|s| s.capacity.clone()).unwrap_or_default();
        assert_eq!(of_pv["storage"].0, size, "{:?}", shown(&pv));
        assert!(
            !pv.annotations().contains_key("tombolo.dev/promised"),
            "{:?}",
            shown(&pv)
        );
        claim
    }
}

/// A condition that somebody else keeps on a claim.
fn foreign() -> Value {
    json!({"status": {"conditions": [{"type": "example.com/Watched", "status": "True", "message": "not ours"}]}})
}

#[tokio::test]
async fn rz_23_rz_27_rz_28_a_claim_grows_where_sizes_are_only_written_down_and_its_member_follows() {
    if cannot("rz_23_rz_27_rz_28_a_claim_grows_where_sizes_are_only_written_down_and_its_member_follows") {
        return;
    }
    let w = World::shared("grow").await.with_class(expandable()).await;
    let pair = w.pair().await;
    let (primary, secondary) = (&pair.primary, &pair.secondary);
    let claims = w.claims(primary);
    let strategic = Patch::Strategic(foreign());
    claims
        .patch_status("data", &PatchParams::default(), &strategic)
        .await
        .unwrap();

    w.ask_for(primary, "data", "3Mi").await;
    let owner = w.has_size(primary, "data", "3Mi").await;
    assert_eq!(conditions(&owner), ["example.com/Watched"]);
    let allocated = owner.status.as_ref().and_then(|s| s.allocated_resources.clone());
    assert_eq!(allocated.unwrap_or_default()["storage"].0, "3Mi");
    let note = owner
        .annotations()
        .get("volume.kubernetes.io/node-expansion-not-required");
    assert_eq!(note.map(String::as_str), Some("true"));
    w.told(primary, "data", "Resizing", "to 3Mi").await;
    let end = w
        .told(primary, "data", "VolumeResizeSuccessful", "does not enforce sizes")
        .await;
    assert_eq!(end.type_, "Normal");
    // A class that lets claims grow is the consumer's, too; it asked for nothing.
    w.has_size(secondary, "data", "3Mi").await;
    let events = w.events(secondary, "data").await.unwrap();
    assert!(!events.iter().any(|e| e.reason.contains("Resiz")), "{events:#?}");
    // kube-controller-manager has no plugin for this volume, and waits for somebody like us.
    w.told(primary, "data", "ExternalExpanding", "").await;

    let shrinks = w.try_ask_for(primary, "data", "2Mi").await;
    assert!(shrinks.is_err(), "{shrinks:?}");
}

#[tokio::test]
async fn a_member_gets_as_much_as_its_owner_has_and_the_rest_when_that_grows() {
    if cannot("a_member_gets_as_much_as_its_owner_has_and_the_rest_when_that_grows") {
        return;
    }
    let w = World::shared("grow-member").await.with_class(expandable()).await;
    let pair = w.pair().await;
    let (primary, secondary) = (&pair.primary, &pair.secondary);

    w.ask_for(secondary, "data", "4Mi").await;
    let said = w.told(
        secondary,
        "data",
        "VolumeResizeFailed",
        "TooLarge: the claim asks for 4Mi, the shared volume has 1Mi",
    );
    assert_eq!(said.await.type_, "Warning");
    let refused = |c: &PersistentVolumeClaim| {
        let step = c.status.as_ref().and_then(|s| s.allocated_resource_statuses.clone());
        let infeasible = step.is_some_and(|s| s.get("storage").is_some_and(|s| s == "ControllerResizeInfeasible"));
        infeasible && conditions(c).contains(&"ControllerResizeError")
    };
    let what = "the member to be refused";
    w.object(what, &w.claims(secondary), "data", refused).await;

    w.ask_for(primary, "data", "4Mi").await;
    w.has_size(primary, "data", "4Mi").await;
    w.has_size(secondary, "data", "4Mi").await;
    w.told(secondary, "data", "VolumeResizeSuccessful", "the shared volume has 4Mi")
        .await;
}

#[tokio::test]
async fn a_claim_that_another_resizer_sees_to_is_left_alone_until_it_does_not() {
    if cannot("a_claim_that_another_resizer_sees_to_is_left_alone_until_it_does_not") {
        return;
    }
    let w = World::shared("grow-other").await.with_class(expandable()).await;
    let ns = w.namespace("primary").await;
    let resizer = "volume.kubernetes.io/storage-resizer";
    for (name, by) in [("theirs", "csi.example.com"), ("ours", "tombolo.dev")] {
        w.bound_claim(&ns, claim(name).annotated(resizer, by)).await;
        w.ask_for(&ns, name, "2Mi").await;
    }
    w.has_size(&ns, "ours", "2Mi").await;
    let theirs = w.claims(&ns).get("theirs").await.unwrap();
    assert_eq!((capacity(&theirs), conditions(&theirs).len()), (Some("1Mi"), 0));
    w.annotate(&ns, "theirs", resizer, Value::Null).await;
    w.has_size(&ns, "theirs", "2Mi").await;
}

#[tokio::test]
async fn a_directory_of_a_node_grows_within_its_limits_and_waits_beyond_them() {
    if cannot("a_directory_of_a_node_grows_within_its_limits_and_waits_beyond_them") {
        return;
    }
    let mut w = World::shared("grow-local").await;
    let root = w.cluster.directory().join(&w.id);
    std::fs::create_dir_all(&root).unwrap();
    let backend = json!({
        "apiVersion": "tombolo.dev/v1alpha1", "kind": "StorageBackend", "metadata": {"name": w.id},
        "spec": {"local": {"path": root, "node": "node-1"}, "trashRetention": "0s", "limits": {"perNamespace": {"bytes": "5Mi"}}},
    });
    w.create::<StorageBackend>(w.all(), backend).await;
    w.backend_is(&w.id, "Ready", "True").await;
    let class = json!({"allowVolumeExpansion": true, "parameters": {"backend": w.id}});
    w.storage_class(&w.id, class).await;
    w.class = w.id.clone();
    let ns = w.namespace("primary").await;
    let (_, first) = w.bound_claim(&ns, claim("first").size("2Mi")).await;
    let (_, second) = w.bound_claim(&ns, claim("second").size("2Mi")).await;

    w.ask_for(&ns, "first", "3Mi").await;
    w.has_size(&ns, "first", "3Mi").await;
    w.ask_for(&ns, "second", "4Mi").await;
    let why = "LimitReached: namespace ";
    let said = w.told(&ns, "second", "VolumeResizeFailed", why).await;
    assert!(said.note.contains("has 5Mi of the 5Mi"), "{said:#?}");
    let waits = w.claims(&ns).get("second").await.unwrap();
    assert_eq!((capacity(&waits), conditions(&waits).len()), (Some("2Mi"), 0));
    // It goes on when there is room.
    w.delete(&w.claims(&ns), "first").await;
    w.gone(&w.pvs(), name_of(&first)).await;
    w.has_size(&ns, "second", "4Mi").await;

    w.delete(&w.claims(&ns), "second").await;
    w.gone(&w.pvs(), name_of(&second)).await;
    let backends = w.all::<StorageBackend>();
    w.delete(&backends, &w.id).await;
    w.gone(&backends, &w.id).await;
}
