//! The manifests of `deploy/` on a real API server: accepted, admitted, and granting what they should and no more.
//!
//! These tests have a cluster of their own, since the policies they install hold for the whole of it.

mod admission;
mod node_plugin;
mod rights;
mod used;

use anyhow::{Context as _, Result};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::PostParams;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;
use tokio::sync::OnceCell;
use tombolo_harness::{Cluster, ClusterOptions, report_skipped};

use crate::controller::{ACCOUNT as CONTROLLER, NAMESPACE};

const SOON: Duration = Duration::from_secs(60);

fn deploy(path: &str) -> String {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    repository.join("deploy").join(path).to_str().unwrap().to_owned()
}

/// Installs Tombolo from the manifests, with or without the compatible reference kind, and waits until its kinds are served.
///
/// # Errors
/// If the API server refuses anything, or has anything to remark on it.
pub async fn install(cluster: &Cluster, kustomization: &str) -> Result<String> {
    let directory = deploy(kustomization);
    let said = silent(cluster.kubectl_output(&["apply", "-k", &directory], None).await?)?;
    let wait = [
        "wait",
        "--for=condition=Established",
        "--timeout=60s",
        "crd",
        "-l",
        "app.kubernetes.io/part-of=tombolo",
    ];
    cluster.kubectl(&wait).await?;
    Ok(said)
}

/// A kubeconfig file with the identity that the controller has in an installation, and so with its rights.
///
/// # Errors
/// If Tombolo is not installed.
pub async fn controller_kubeconfig(cluster: &Cluster) -> Result<PathBuf> {
    cluster.kubeconfig_of_service_account(NAMESPACE, CONTROLLER).await
}

/// What a command printed, if it succeeded and the API server gave no warning.
fn silent(output: Output) -> Result<String> {
    let remarks = String::from_utf8(output.stderr)?;
    anyhow::ensure!(
        output.status.success() && remarks.is_empty(),
        "{}: {remarks}",
        output.status
    );
    Ok(String::from_utf8(output.stdout)?)
}

/// The cluster of these tests; `None`, and a word about it, where it would be somebody else's.
async fn installed(test: &str) -> Option<&'static Cluster> {
    static INSTALLED: OnceCell<Result<Cluster, String>> = OnceCell::const_new();
    if std::env::var_os("E2E_KUBECONFIG").is_some_and(|value| !value.is_empty()) {
        report_skipped(
            test,
            "it installs policies for a whole cluster, and this one is not ours",
        );
        return None;
    }
    let start = async || {
        let cluster = Cluster::start(ClusterOptions::default().with_reference_grants().with_snapshots()).await?;
        install(&cluster, "kustomize/base").await.context("base")?;
        let foreign = cluster.kubectl(&["get", "crd", "-o", "name"]).await?;
        anyhow::ensure!(!foreign.contains("netapp"), "base has a foreign group: {foreign}");
        install(&cluster, "kustomize/overlays/trident")
            .await
            .context("overlays/trident")?;
        // What only backends on other machines need is a component of its own.
        for file in ["rbac.yaml", "binding.yaml"] {
            let file = deploy(&format!("kustomize/components/remote/{file}"));
            silent(cluster.kubectl_output(&["apply", "-f", &file], None).await?)?;
        }
        for namespace in ["primary", "secondary", "reporting"] {
            cluster.kubectl(&["create", "namespace", namespace]).await?;
        }
        Ok(cluster)
    };
    let started = INSTALLED
        .get_or_init(async || start().await.map_err(|error: anyhow::Error| format!("{error:#}")))
        .await;
    Some(started.as_ref().unwrap())
}

#[tokio::test]
async fn what_is_installed_stays_as_it_is_written() {
    let Some(cluster) = installed("what_is_installed_stays_as_it_is_written").await else {
        return;
    };
    // What the API server fills in must be written out, or every tool that compares would see a change for ever.
    let arguments = ["apply", "--dry-run=server", "-k", &deploy("kustomize/overlays/trident")];
    let again = cluster.kubectl(&arguments).await.unwrap();
    let changes = again
        .lines()
        .filter(|line| !line.ends_with(" unchanged (server dry run)"));
    // The one that another test changes.
    let changes: Vec<_> = changes
        .filter(|line| !line.contains("policybinding.admissionregistration.k8s.io/tombolo-inline-nfs "))
        .collect();
    assert!(changes.is_empty() && again.lines().count() > 20, "{again}");
}

#[tokio::test]
async fn examples_are_valid() {
    let Some(cluster) = installed("examples_are_valid").await else {
        return;
    };
    for entry in std::fs::read_dir(deploy("examples")).unwrap() {
        let file = entry.unwrap().path();
        let arguments = [
            "create",
            "--dry-run=server",
            "--validate=strict",
            "-f",
            file.to_str().unwrap(),
        ];
        let output = cluster.kubectl_output(&arguments, None).await.unwrap();
        silent(output).with_context(|| file.display().to_string()).unwrap();
    }
}

#[tokio::test]
async fn pod_security_restricted_admits_the_controller() {
    let Some(cluster) = installed("pod_security_restricted_admits_the_controller").await else {
        return;
    };
    let client = cluster.client().await.unwrap();
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), NAMESPACE);
    let template = deployments.get(CONTROLLER).await.unwrap().spec.template;
    let mut pod = Pod {
        metadata: template.metadata.unwrap_or_default(),
        spec: template.spec,
        status: None,
    };
    pod.metadata.name = Some("controller".into());
    let pods: Api<Pod> = Api::namespaced(client, NAMESPACE);
    let trial = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let admitted = pods.create(&trial, &pod).await.unwrap().spec.unwrap();
    let sysctls = admitted.security_context.unwrap().sysctls.unwrap();
    assert_eq!(sysctls[0].name, "net.ipv4.ip_unprivileged_port_start");

    // The namespace does look: the same with an unsafe setting is refused.
    pod.spec.as_mut().unwrap().containers[0].security_context = None;
    let error = pods.create(&trial, &pod).await.unwrap_err().to_string();
    assert!(error.contains("violates PodSecurity \"restricted:latest\""), "{error}");
}
