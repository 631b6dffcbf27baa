//! `tombolo doctor`: on a bare cluster, beside an installation, with kinds of others that come, and a right that goes.

use std::path::Path;

use serde_json::{Value, json};
use tombolo_harness::{Cluster, CrdSet, report_skipped};

use crate::controller;
use crate::world::{World, cannot};

/// Runs the command with the rights of whose kubeconfig file it is: whether it called the cluster well, and each check with how it came
/// out and its text.
async fn examined(kubeconfig: &Path) -> (bool, Vec<Value>) {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_tombolo"));
    command
        .args(["doctor", "-o", "json", "-n", controller::NAMESPACE])
        .env("KUBECONFIG", kubeconfig)
        .kill_on_drop(true);
    let output = command.output().await.unwrap();
    let found = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    (output.status.success(), found)
}

/// Fails unless a check with this in its text came out so.
fn came_out(found: &[Value], check: &str, text: &str, outcome: &str) {
    let said = |one: &&Value| one["check"] == check && one["text"].as_str().is_some_and(|said| said.contains(text));
    let one = found.iter().find(said);
    let one = one.unwrap_or_else(|| panic!("no {check} says {text:?}: {found:#?}"));
    assert_eq!(one["outcome"], outcome, "{one}");
}

#[tokio::test]
async fn a_cluster_is_examined_before_and_after_the_installation() {
    const STORY: &str = "a_cluster_is_examined_before_and_after_the_installation";
    if cannot(STORY) {
        return;
    }
    let options = World::options().feature_gate("CrossNamespaceVolumeDataSource", true);
    let cluster = Cluster::start(options).await.unwrap();
    if cluster.is_external() {
        return report_skipped(STORY, "the cluster of E2E_KUBECONFIG has what is installed there");
    }
    let admin = cluster.kubeconfig();
    let (well, found) = examined(admin).await;
    assert!(!well);
    came_out(&found, "kubernetes", "version 1.", "passed");
    came_out(
        &found,
        "definition",
        "storagebackends.tombolo.dev is not installed",
        "failed",
    );
    came_out(&found, "rights", "none for the controller", "failed");
    came_out(
        &found,
        "controller",
        "no Lease tombolo-system/tombolo-controller",
        "unknown",
    );
    came_out(&found, "gate", "takes a namespace", "passed");

    let w = World::own(&cluster, "examined").await;
    let controller = controller::as_installed(&cluster, "examined").await.unwrap();
    w.backend_is(&w.id, "Ready", "True").await;
    let (well, found) = examined(admin).await;
    assert!(well, "{found:#?}");
    came_out(&found, "definition", "crossnamespacesources.tombolo.dev", "passed");
    came_out(&found, "controller", " leads", "passed");
    came_out(&found, "rights", "for the controller", "passed");
    came_out(&found, "rights", "for its election", "passed");
    came_out(&found, "backend", &format!("{} is ready", w.id), "passed");
    came_out(&found, "class", &w.id, "passed");
    came_out(
        &found,
        "kind",
        "ReferenceGrant of gateway.networking.k8s.io is not served",
        "absent",
    );
    came_out(&found, "kind", "VolumeSnapshot of", "absent");
    came_out(&found, "validator", "no other validator", "passed");
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "data-source-validator-leader", "namespace": "kube-system"}, "spec": {},
    });
    cluster.apply(&lease.to_string()).await.unwrap();

    cluster.install(CrdSet::ReferenceGrants).await.unwrap();
    cluster.install(CrdSet::Snapshots).await.unwrap();
    w.storage_class("csi", json!({"parameters": {"backend": w.id, "mount": "csi"}}))
        .await;
    let watching = r#"{"rules": []}"#;
    let role = [
        "patch",
        "clusterrole",
        "tombolo-controller-nodes",
        "--type=merge",
        "-p",
        watching,
    ];
    cluster.kubectl(&role).await.unwrap();
    let (well, found) = examined(admin).await;
    assert!(!well);
    came_out(
        &found,
        "kind",
        "ReferenceGrant of gateway.networking.k8s.io is served as v1",
        "passed",
    );
    came_out(&found, "snapshots", "no VolumeSnapshotClass", "absent");
    came_out(
        &found,
        "validator",
        "kube-system: start the controller with --validator=false",
        "absent",
    );
    came_out(&found, "class", "no CSIDriver", "failed");
    came_out(&found, "rights", "none for servers that let only nodes in", "absent");

    // Its last words stay, and are not taken for news.
    controller.kill().await.unwrap();
    let (well, found) = examined(admin).await;
    assert!(!well);
    came_out(&found, "controller", "does not renew it", "failed");
    came_out(&found, "backend", "was ready when a controller last looked", "unknown");
    came_out(&found, "policy", "is not installed", "absent");

    // Whoever may see nothing is told so, and nothing else.
    let nobody = cluster
        .kubeconfig_of_service_account("default", "default")
        .await
        .unwrap();
    let (well, found) = examined(&nobody).await;
    assert!(well, "{found:#?}");
    came_out(&found, "rights", "you may not read what others may do", "unknown");
    came_out(&found, "backend", "you may not read StorageBackends", "unknown");
    came_out(&found, "gate", "you may not read the API server's metrics", "unknown");
    came_out(&found, "kind", "ReferenceGrant", "passed");
}
