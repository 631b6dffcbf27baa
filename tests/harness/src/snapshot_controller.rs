//! The unmodified snapshot-controller of kubernetes-csi.

use std::path::Path;

use anyhow::Result;

use crate::binaries::Binaries;
use crate::process::{Launch, Processes};

pub(crate) const NAME: &str = "snapshot-controller";

pub(crate) fn start(processes: &Processes, binaries: &Binaries, kubeconfig: &Path) -> Result<()> {
    let launch = Launch::new(NAME, &binaries.snapshot_controller)
        .argument(format!("--kubeconfig={}", kubeconfig.display()))
        .argument("--leader-election=false")
        .argument("--kube-api-qps=200")
        .argument("--kube-api-burst=400");
    processes.spawn(launch)?;
    Ok(())
}
