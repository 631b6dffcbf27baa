//! What is measured on: a cluster with an audit log, Tombolo installed from `deploy/` and running with the rights it has there.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use crate::bench::crowd::Crowd;
use crate::{Audit, Cluster, ClusterOptions, Controller, ControllerOptions, directories};

/// The service account of an installation.
const CONTROLLER: (&str, &str) = ("tombolo-system", "tombolo-controller");
/// The class of the claims.
pub const CLASS: &str = "bench";
/// The namespace of the owners.
pub const OWNERS: &str = "owners";
/// The namespace of those who join.
pub const CONSUMERS: &str = "consumers";
/// What goes on with time rather than with claims: it is no part of a claim's cost.
pub const CLOCKWORK: [&str; 3] = ["storagebackends", "storagebackends/status", "leases"];

/// A cluster on which Tombolo is installed.
pub struct Stage {
    /// The cluster.
    pub cluster: Cluster,
    /// What the controller asks of its API server.
    pub audit: Audit,
    /// A client without limits.
    pub client: kube::Client,
}

impl Stage {
    /// Starts a cluster and installs Tombolo. The controller does not run yet.
    pub async fn set_up(options: ClusterOptions) -> Result<Self> {
        let (namespace, name) = CONTROLLER;
        let options = options
            .with_nfs()
            // As good as none: what is to be measured is not the controller manager's patience.
            .controller_manager_limits(5000, 10_000)
            .auditing(&format!("system:serviceaccount:{namespace}:{name}"));
        let cluster = Cluster::start(options).await?;
        let base = directories::repository()?.join("deploy/kustomize/base");
        cluster.kubectl(&["apply", "-k", &base.to_string_lossy()]).await?;
        let wait = "wait --for=condition=Established --timeout=60s crd -l app.kubernetes.io/part-of=tombolo";
        cluster.kubectl(&wait.split(' ').collect::<Vec<_>>()).await?;
        for namespace in [OWNERS, CONSUMERS] {
            cluster.kubectl(&["create", "namespace", namespace]).await?;
        }
        let nfs = cluster.nfs()?.endpoint();
        let backend = json!({
            "apiVersion": "tombolo.dev/v1alpha1", "kind": "StorageBackend", "metadata": {"name": "bench"},
            "spec": {"nfs": {"server": nfs.server, "export": nfs.export, "port": nfs.port, "mountPort": nfs.mount_port}},
        });
        cluster.apply(&backend.to_string()).await?;
        Ok(Self {
            audit: cluster.audit()?,
            client: cluster.client().await?,
            cluster,
        })
    }

    /// Makes a class of our volumes.
    pub async fn make_class(&self, name: &str) -> Result<()> {
        let class = json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name},
            "provisioner": "tombolo.dev", "parameters": {"backend": "bench"},
        });
        self.cluster.apply(&class.to_string()).await
    }

    /// Starts the controller and waits until its backend is ready and it rests.
    pub async fn start_controller(&self, options: ControllerOptions) -> Result<Controller> {
        let (namespace, name) = CONTROLLER;
        let identity = self.cluster.kubeconfig_of_service_account(namespace, name).await?;
        let options = ControllerOptions {
            trident_references: false,
            ..options.with_kubeconfig(identity)
        };
        let controller = Controller::launch(&self.cluster, options).await?;
        let wait = ["wait", "--for=condition=Ready", "--timeout=60s", "storagebackend/bench"];
        self.cluster.kubectl(&wait).await?;
        self.rest().await?;
        Ok(controller)
    }

    /// Waits until the controller asks nothing any more: what it does after a claim is bound counts too.
    pub async fn rest(&self) -> Result<()> {
        let (calm, within) = (Duration::from_millis(2500), Duration::from_secs(120));
        self.audit.until_quiet(calm, within, &CLOCKWORK).await
    }

    /// The reference by which consumers may ask for the volume of an owner's claim.
    pub async fn refer_to(&self, claims: &[String]) -> Result<()> {
        let reference = |claim: &String| {
            json!({
                "apiVersion": "tombolo.dev/v1alpha1", "kind": "VolumeReference",
                "metadata": {"name": claim, "namespace": CONSUMERS},
                "spec": {"pvcNamespace": OWNERS, "pvcName": claim},
            })
        };
        let items: Vec<_> = claims.iter().map(reference).collect();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
        self.cluster.apply(&list.to_string()).await
    }

    /// Claims to be made.
    pub fn crowd(&self) -> Crowd {
        Crowd::new(self.client.clone(), CLASS)
    }
}
