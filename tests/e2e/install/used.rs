//! The controller's rights against what it asks for, by the API server's audit log: it is refused nothing, and has nothing in vain.

use kube::{Api, ResourceExt as _};
use serde_json::json;
use tombolo::api::access::{ACCESS, Role};
use tombolo::api::cross_namespace_source::CrossNamespaceSource;
use tombolo::api::storage_backend::StorageBackend;
use tombolo_harness::wait::Look;
use tombolo_harness::{Answered, Cluster, Filer, Mark, report_skipped};

use crate::across::{give, grants};
use crate::controller;
use crate::draft::{claim, cross_source, grant, share_grant, trident_reference};
use crate::see::{has_condition, name_of};
use crate::snapshots::objects;
use crate::world::{World, cannot};

#[tokio::test]
async fn the_controller_is_refused_nothing_and_granted_nothing_in_vain() {
    const STORY: &str = "the_controller_is_refused_nothing_and_granted_nothing_in_vain";
    if cannot(STORY) {
        return;
    }
    let user = format!(
        "system:serviceaccount:{}:{}",
        controller::NAMESPACE,
        controller::ACCOUNT
    );
    let options = World::options()
        .with_reference_grants()
        .with_snapshots()
        .auditing(&user);
    let cluster = Cluster::start(options).await.unwrap();
    if cluster.is_external() {
        return report_skipped(STORY, "it needs the API server's audit log");
    }
    let w = World::own(&cluster, "verbs").await;
    w.install_populators().await;
    Box::pin(everything_is_done(&cluster, &w)).await;

    let answers = cluster.audit().unwrap().answers(Mark::default()).unwrap();
    let refused: Vec<_> = answers.iter().filter(|a| a.code == 403).collect();
    assert!(refused.is_empty(), "{refused:#?}");
    // Where there can be no backend on another machine, what only those need is not asked for.
    let needed = |role: Role| Filer::unavailable().is_none() || !matches!(role, Role::Nodes | Role::Secrets);
    for permission in ACCESS.iter().filter(|p| needed(p.role)) {
        for verb in permission.verbs {
            let asked = |a: &Answered| {
                a.verb == *verb
                    && a.group == permission.group
                    && a.resource == permission.resource
                    && permission.object.is_none_or(|object| a.name == object)
            };
            assert!(answers.iter().any(asked), "{verb} is never used of {permission:?}");
        }
    }
}

/// A life with everything in it that the controller does.
async fn everything_is_done(cluster: &Cluster, w: &World<'_>) {
    let controller = controller::as_installed(cluster, "installed").await.unwrap();
    let hold = format!("hold-{}", w.id);
    let parameters = json!({"backend": w.id, "onOwnerDelete": "Hold"});
    w.storage_class(&hold, json!({"parameters": parameters, "allowVolumeExpansion": true}))
        .await;
    let (held, soft) = (w.namespace("held").await, w.namespace("soft").await);
    let secondary = w.namespace("secondary").await;

    // A backend on another machine, which lets only nodes in.
    if Filer::unavailable().is_none() {
        let filer = Filer::start_for_nodes(cluster, "guarded").await.unwrap();
        let [secret, backend] = filer.manifests("guarded", controller::NAMESPACE).unwrap();
        cluster.apply(&secret.to_string()).await.unwrap();
        w.create::<StorageBackend>(w.all(), backend).await;
        w.backend_is("guarded", "Ready", "True").await;
        let backends = w.all::<StorageBackend>();
        w.delete(&backends, "guarded").await;
        w.gone(&backends, "guarded").await;
    }

    // Shared in both ways, and by both kinds of reference.
    let (_, waits) = w.bound_claim(&held, claim("data").class(&hold).shared_to("*")).await;
    w.refer(&secondary, trident_reference("for-held", &held, "data")).await;
    let joining = claim("held").class(&hold).sharing(&held, "data");
    w.bound_claim(&secondary, joining).await;
    let (_, owner) = w.bound_claim(&soft, claim("data").shared_to("*")).await;
    let member = w.member(&secondary, "soft", &soft, "data").await;
    w.write(&owner, "hello", "world").await;

    // Copied from another namespace, and read by one that a grant lets in.
    let sources = Api::<CrossNamespaceSource>::namespaced(w.client.clone(), &secondary);
    w.create(sources, cross_source("soft", &soft, "data")).await;
    give(w, &soft, grant("copies", &secondary)).await;
    give(w, &soft, share_grant("reads", &secondary)).await;
    let copy = json!({"apiGroup": "tombolo.dev", "kind": "CrossNamespaceSource", "name": "soft"});
    w.bound_claim(&secondary, claim("copy").spec("dataSourceRef", copy))
        .await;
    w.delete(&grants(&w.client, &soft), "reads").await;

    // Taken by the default class, restored, and removed.
    objects::class(w, "Delete", true).await;
    let snapshots = objects::snapshots(w, &soft);
    let of = json!({"source": {"persistentVolumeClaimName": "data"}});
    let mut before = objects::snapshot("before", of);
    // As a manifest that was copied while it was restored: what it carries for nothing is taken off.
    before["metadata"]["finalizers"] = json!(["tombolo.dev/source-in-use"]);
    objects::create(&snapshots, before).await;
    objects::ready(w, &soft, "before").await;
    let from = json!({"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "before"});
    let (_, restored) = w.bound_claim(&soft, claim("restored").spec("dataSource", from)).await;
    w.delete_dynamic(&snapshots, "before").await;
    w.dynamic_gone(&snapshots, "before").await;
    w.delete(&w.claims(&soft), "restored").await;
    w.nothing_left(&restored).await;

    // Growing, and a member with it.
    w.ask_for(&held, "data", "2Mi").await;
    w.has_size(&held, "data", "2Mi").await;
    w.has_size(&secondary, "held", "2Mi").await;

    // Said, and said again by a controller that cannot remember it.
    w.claim(&secondary, claim("asking").sharing(&soft, "nothing")).await;
    w.held(&secondary, "asking", "ReferenceMissing", "").await;
    controller.end_well().await.unwrap();
    controller.start().await.unwrap();
    w.until("it to be said again", async || {
        let events = w.events(&secondary, "asking").await?;
        Ok(Look::holds(events.iter().any(|e| e.times > 1), events))
    })
    .await;

    // Edited by hand.
    let recycle = json!({"spec": {"persistentVolumeReclaimPolicy": "Recycle"}});
    w.patch(&w.pvs(), name_of(&member), recycle).await;
    w.told_on("default", "PersistentVolume", name_of(&member), "RecycleRefused", "")
        .await;
    // It was set to Retain, which would keep it a member for ever.
    let delete = json!({"spec": {"persistentVolumeReclaimPolicy": "Delete"}});
    w.patch(&w.pvs(), name_of(&member), delete).await;

    // Consent goes, then the owners, then the members.
    w.delete(&w.references(&secondary), "for-soft").await;
    w.told(&secondary, "soft", "ConsentWithdrawn", "reference").await;
    cluster
        .kubectl(&["delete", "tridentvolumereference", "for-held", "-n", &secondary])
        .await
        .unwrap();
    w.told(&secondary, "held", "ConsentWithdrawn", "reference").await;
    for ns in [&held, &soft] {
        w.delete(&w.claims(ns), "data").await;
    }
    w.shared_volume("be soft-deleted", name_of(&owner), |v| has_condition(v, "SoftDeleted"))
        .await;
    w.shared_volume("hold its owner", name_of(&waits), |v| has_condition(v, "HoldingOwner"))
        .await;
    w.end_namespace(&secondary).await;
    w.nothing_left(&owner).await;
    w.nothing_left(&waits).await;

    // And the backend.
    let backends = w.all::<StorageBackend>();
    let backend = backends.get(&w.id).await.unwrap();
    assert!(backend.finalizers().iter().any(|f| f == "tombolo.dev/in-use"));
    w.delete(&backends, &w.id).await;
    w.gone(&backends, &w.id).await;
    controller.end_well().await.unwrap();
}
