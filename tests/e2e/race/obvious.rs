//! The obvious protocol, for comparison: it loses data, which shows that a test of this kind can fail.

use k8s_openapi::api::core::v1::PersistentVolume;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};

use super::rival::hesitate;
use super::still_cluster;

/// The obvious way: a join labels the owner's volume and creates the member's; a delete looks for members and deletes with the
/// resourceVersion it saw. But a label that is there already changes no resourceVersion.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_obvious_protocol_does_lose_data() {
    const TRIES: usize = 400;
    let Some(cluster) = still_cluster("the_obvious_protocol_does_lose_data").await else {
        return;
    };
    let pvs: Api<PersistentVolume> = Api::all(cluster.client().await.unwrap());
    for i in 0..TRIES {
        let id = format!("naive-{i}");
        pvs.create(&Default::default(), &naive(&id, &id, &["e2e.tombolo.dev/held"]))
            .await
            .unwrap();
        let (joined, deleted) = tokio::join!(naive_join(&pvs, &id), naive_delete(&pvs, &id));
        if joined && deleted {
            return println!("data was lost under a member in try {}", i + 1);
        }
    }
    panic!("{TRIES} tries lost nothing: then the test of the real protocol proves nothing");
}

fn naive(name: &str, volume: &str, finalizers: &[&str]) -> PersistentVolume {
    let value: Value = json!({
        "metadata": {"name": name, "finalizers": finalizers, "labels": {"e2e.tombolo.dev/volume": volume}},
        "spec": {"accessModes": ["ReadWriteMany"], "capacity": {"storage": "1Mi"}, "nfs": {"server": "nas", "path": "/x"}},
    });
    serde_json::from_value(value).unwrap()
}

async fn naive_join(pvs: &Api<PersistentVolume>, id: &str) -> bool {
    hesitate(10).await;
    let owner = pvs.get(id).await.unwrap();
    if owner.metadata.deletion_timestamp.is_some() {
        return false;
    }
    let version = owner.resource_version().unwrap();
    let label = json!({"metadata": {"resourceVersion": version, "labels": {"e2e.tombolo.dev/volume": id}}});
    if pvs
        .patch(id, &PatchParams::default(), &Patch::Merge(label))
        .await
        .is_err()
    {
        return false;
    }
    hesitate(5).await;
    pvs.create(&Default::default(), &naive(&format!("{id}-member"), id, &[]))
        .await
        .is_ok()
}

async fn naive_delete(pvs: &Api<PersistentVolume>, id: &str) -> bool {
    hesitate(10).await;
    let owner = pvs.get(id).await.unwrap();
    let of = kube::api::ListParams::default().labels(&format!("e2e.tombolo.dev/volume={id}"));
    if pvs.list(&of).await.unwrap().items.len() > 1 {
        return false;
    }
    hesitate(5).await;
    let preconditions = Preconditions {
        uid: owner.uid(),
        resource_version: owner.resource_version(),
    };
    let params = DeleteParams {
        preconditions: Some(preconditions),
        ..DeleteParams::default()
    };
    pvs.delete(id, &params).await.is_ok()
}
