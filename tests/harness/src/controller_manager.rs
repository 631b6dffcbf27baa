//! kube-controller-manager, with the controllers that concern claims, volumes, namespaces and admission policies.

use std::path::Path;

use anyhow::Result;

use crate::binaries::Binaries;
use crate::options::ClusterOptions;
use crate::process::{Launch, Processes};

pub(crate) const NAME: &str = "kube-controller-manager";

const CONTROLLERS: [&str; 9] = [
    "persistentvolume-binder-controller",
    "persistentvolume-expander-controller",
    "persistentvolume-protection-controller",
    "persistentvolumeclaim-protection-controller",
    "namespace-controller",
    "serviceaccount-controller",
    "validatingadmissionpolicy-status-controller",
    "garbage-collector-controller",
    // Without it the roles view, edit and admin are empty.
    "clusterrole-aggregation-controller",
];

pub(crate) fn start(
    processes: &Processes,
    binaries: &Binaries,
    options: &ClusterOptions,
    kubeconfig: &Path,
) -> Result<()> {
    let mut launch = Launch::new(NAME, &binaries.kube_controller_manager)
        .argument(format!("--kubeconfig={}", kubeconfig.display()))
        .argument("--leader-elect=false")
        // One identity for all controllers: the roles of their service accounts are not what is under test.
        .argument("--use-service-account-credentials=false")
        .argument("--secure-port=0")
        .argument(format!("--controllers={}", CONTROLLERS.join(",")))
        // Binding is driven by events; this is the retry after a conflict, fifteen seconds by default.
        .argument("--pvclaimbinder-sync-period=2s")
        .argument(format!("--kube-api-qps={}", options.controller_manager_qps))
        .argument(format!("--kube-api-burst={}", options.controller_manager_burst));
    if let Some(gates) = options.feature_gate_flag() {
        launch = launch.argument(gates);
    }
    processes.spawn(launch)?;
    Ok(())
}
