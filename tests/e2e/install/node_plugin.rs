//! The component with the node plugin: the API server takes all of it, silently, and admits its pods where it puts them, and nowhere
//! else. There is no kubelet here, so that the plugin mounts a volume is upstream's word: what it reads of one, and that the flags and
//! sockets fit together, is compared with its source and by `tests/repo`.

use super::{NAMESPACE, deploy, installed, silent};
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{Pod, ServiceAccount};
use k8s_openapi::api::storage::v1::CSIDriver;
use kube::api::PostParams;
use kube::{Api, Client};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use tombolo::api::names;
use tombolo_harness::Cluster;

/// Its namespace, and the name of what is in it.
const NODE: &str = "tombolo-node";

/// A kustomization as an admin writes one.
fn with_the_component(cluster: &Cluster) -> PathBuf {
    let directory = cluster.directory().join("with-csi");
    fs::create_dir_all(&directory).unwrap();
    // Kustomize takes no absolute paths.
    symlink(deploy("kustomize"), directory.join("kustomize")).unwrap();
    let kustomization =
        serde_json::json!({"resources": ["kustomize/overlays/trident"], "components": ["kustomize/components/csi"]});
    fs::write(directory.join("kustomization.yaml"), kustomization.to_string()).unwrap();
    directory
}

/// What an apply on trial would do to this, or does.
async fn apply(cluster: &Cluster, arguments: &[&str]) -> Vec<String> {
    let said = silent(cluster.kubectl_output(arguments, None).await.unwrap()).unwrap();
    // The one that another test changes.
    let others = said
        .lines()
        .filter(|line| !line.contains("policybinding.admissionregistration.k8s.io/tombolo-inline-nfs "));
    others.map(str::to_owned).collect()
}

/// A pod of the plugin, or why it may not be one.
async fn try_pod(client: &Client, namespace: &str, plugin: &DaemonSet) -> Result<Pod, String> {
    let template = plugin.spec.template.clone();
    let mut pod = Pod {
        metadata: template.metadata.unwrap_or_default(),
        spec: template.spec,
        status: None,
    };
    pod.metadata.name = Some("trial".into());
    if namespace != NODE {
        // Whose account it has is another matter.
        pod.spec.as_mut().unwrap().service_account_name = Some("tombolo-controller".into());
    }
    let trial = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    pods.create(&trial, &pod).await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn the_node_plugin_is_installed_on_request_and_admitted_where_it_is_put() {
    let Some(cluster) = installed("the_node_plugin_is_installed_on_request_and_admitted_where_it_is_put").await else {
        return;
    };
    let client = cluster.client().await.unwrap();
    let drivers: Api<CSIDriver> = Api::all(client.clone());
    assert!(
        drivers.get_opt(names::PROVISIONER).await.unwrap().is_none(),
        "nobody asked for it"
    );

    let directory = with_the_component(cluster);
    let directory = directory.to_str().unwrap();
    let added = apply(cluster, &["apply", "-k", directory]).await;
    let added: Vec<_> = added.iter().filter(|line| !line.ends_with(" unchanged")).collect();
    let expected = [
        "namespace/tombolo-node created",
        "serviceaccount/tombolo-node created",
        "daemonset.apps/tombolo-node created",
        "csidriver.storage.k8s.io/tombolo.dev created",
    ];
    assert_eq!(added, expected);
    // What the API server fills in must be written out, or every tool that compares would see a change for ever.
    let again = apply(cluster, &["apply", "--dry-run=server", "-k", directory]).await;
    assert!(
        again.iter().all(|line| line.ends_with(" unchanged (server dry run)")),
        "{again:#?}"
    );

    let spec = drivers.get(names::PROVISIONER).await.unwrap().spec;
    assert_eq!(spec.attach_required, Some(false), "nothing attaches");
    assert_eq!(
        spec.volume_lifecycle_modes,
        Some(vec!["Persistent".to_owned()]),
        "no inline volumes"
    );
    assert_eq!(
        (spec.fs_group_policy.as_deref(), spec.pod_info_on_mount),
        (Some("None"), Some(false))
    );

    let plugin = Api::<DaemonSet>::namespaced(client.clone(), NODE)
        .get(NODE)
        .await
        .unwrap();
    let pod = try_pod(&client, NODE, &plugin).await.unwrap();
    let account = Api::<ServiceAccount>::namespaced(client.clone(), NODE)
        .get(NODE)
        .await
        .unwrap();
    assert_eq!(account.automount_service_account_token, Some(false));
    let spec = pod.spec.unwrap();
    // Not even the admission controller for service accounts gave it a token.
    let volumes = spec.volumes.unwrap();
    assert!(volumes.iter().all(|volume| volume.host_path.is_some()), "{volumes:#?}");
    let privileged = spec.containers.iter().filter(|c| {
        let context = c.security_context.as_ref().unwrap();
        context.privileged == Some(true) || context.allow_privilege_escalation != Some(false)
    });
    let privileged: Vec<_> = privileged.map(|c| c.name.as_str()).collect();
    assert_eq!(privileged, ["nfs"], "the one that mounts");

    let refused = try_pod(&client, NAMESPACE, &plugin).await.unwrap_err();
    assert!(
        refused.contains("violates PodSecurity \"restricted:latest\""),
        "{refused}"
    );
}
