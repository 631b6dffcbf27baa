//! The control plane of one cluster: its processes in the order in which they need each other.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Api;
use kube::config::Kubeconfig;
use serde::{Deserialize, Serialize};

use crate::binaries::Binaries;
use crate::certificates::Certificates;
use crate::options::ClusterOptions;
use crate::process::Processes;
use crate::wait::{Look, until};
use crate::{apiserver, controller_manager, etcd, kubeconfig, ports, snapshot_controller};

/// The ports of a control plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ControlPlanePorts {
    etcd: [u16; 2],
    api_server: u16,
}

impl ControlPlanePorts {
    pub(crate) fn reserve() -> Result<(Self, ports::Reserved)> {
        let reserved = ports::reserve(3)?;
        let [client, peer, api_server] = reserved.array()?;
        Ok((
            Self {
                etcd: [client, peer],
                api_server,
            },
            reserved,
        ))
    }
}

/// Where everything of a control plane is. It says nothing about what runs.
#[derive(Debug)]
pub(crate) struct ControlPlane {
    pub(crate) processes: Processes,
    pub(crate) binaries: Binaries,
    certificates: Certificates,
    options: ClusterOptions,
    pub(crate) ports: ControlPlanePorts,
}

impl ControlPlane {
    pub(crate) fn new(processes: Processes, options: ClusterOptions, ports: ControlPlanePorts) -> Result<Self> {
        let binaries = Binaries::ensure()?;
        binaries.link_into(&processes.directory().join("bin"))?;
        let certificates = Certificates::in_directory(&processes.directory().join("certificates"))?;
        let plane = Self {
            processes,
            binaries,
            certificates,
            options,
            ports,
        };
        kubeconfig::write(&plane.admin(), &plane.admin_kubeconfig())?;
        let manager = kubeconfig::for_certificate(
            plane.ports.api_server,
            &plane.certificates,
            &plane.certificates.controller_manager(),
        );
        kubeconfig::write(&manager, &plane.manager_kubeconfig())?;
        Ok(plane)
    }

    pub(crate) fn admin_kubeconfig(&self) -> PathBuf {
        self.processes.directory().join("kubeconfig")
    }

    fn manager_kubeconfig(&self) -> PathBuf {
        self.processes.directory().join("controller-manager.kubeconfig")
    }

    fn admin(&self) -> Kubeconfig {
        kubeconfig::for_certificate(self.ports.api_server, &self.certificates, &self.certificates.admin())
    }

    /// Starts what everything else needs, and waits until the API is served.
    pub(crate) async fn start_api(&self) -> Result<()> {
        etcd::start(&self.processes, &self.binaries, &self.options, self.ports.etcd)?;
        self.resume_api_server().await
    }

    /// Starts the controllers; the CRDs they need are installed by now.
    pub(crate) async fn start_controllers(&self) -> Result<()> {
        self.resume_controller_manager()?;
        if self.options.snapshots {
            snapshot_controller::start(&self.processes, &self.binaries, &self.admin_kubeconfig())?;
        }
        self.controllers_work().await
    }

    pub(crate) async fn resume_api_server(&self) -> Result<()> {
        self.resume_api_server_as(&self.options).await
    }

    /// The same with other options than the cluster's.
    pub(crate) async fn resume_api_server_as(&self, options: &ClusterOptions) -> Result<()> {
        if !self.processes.is_alive(apiserver::NAME) {
            let [etcd, _] = self.ports.etcd;
            let Self {
                processes,
                binaries,
                certificates,
                ports,
                ..
            } = self;
            apiserver::start(processes, binaries, certificates, options, etcd, ports.api_server)?;
        }
        apiserver::is_ready(&self.processes, &kubeconfig::client(self.admin()).await?).await
    }

    pub(crate) fn resume_controller_manager(&self) -> Result<()> {
        if self.processes.is_alive(controller_manager::NAME) {
            return Ok(());
        }
        controller_manager::start(
            &self.processes,
            &self.binaries,
            &self.options,
            &self.manager_kubeconfig(),
        )
    }

    pub(crate) async fn end(&self, name: &'static str, grace: Duration) -> Result<()> {
        let processes = self.processes.clone();
        tokio::task::spawn_blocking(move || processes.end(name, grace)).await?
    }

    /// Whether everything that was started still runs and the API is served.
    pub(crate) async fn is_healthy(&self) -> bool {
        let mut names = vec![etcd::NAME, apiserver::NAME, controller_manager::NAME];
        if self.options.snapshots {
            names.push(snapshot_controller::NAME);
        }
        let Ok(client) = kubeconfig::client(self.admin()).await else {
            return false;
        };
        names.iter().all(|name| self.processes.is_alive(name)) && apiserver::readyz(&client).await.is_ok()
    }

    /// The controller manager has no port here, so it is known by its work: every namespace gets a service account.
    async fn controllers_work(&self) -> Result<()> {
        let accounts: Api<ServiceAccount> = Api::namespaced(kubeconfig::client(self.admin()).await?, "default");
        let look = async || {
            for name in [
                Some(controller_manager::NAME),
                self.options.snapshots.then_some(snapshot_controller::NAME),
            ] {
                if let Some(Err(ended)) = name.map(|name| self.processes.still_runs(name)) {
                    return Ok(Look::Done(Err(ended)));
                }
            }
            let found = accounts.get_opt("default").await?;
            Ok(Look::found(
                found.map(|_| Ok(())),
                "no service account in the namespace default",
            ))
        };
        until("the controller manager to work", Duration::from_secs(60), look).await?
    }
}
