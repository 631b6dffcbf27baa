//! etcd, the API server's store.

use anyhow::Result;

use crate::binaries::Binaries;
use crate::options::ClusterOptions;
use crate::process::{Launch, Processes};

pub(crate) const NAME: &str = "etcd";

pub(crate) fn start(
    processes: &Processes,
    binaries: &Binaries,
    options: &ClusterOptions,
    ports: [u16; 2],
) -> Result<()> {
    let [client, peer] = ports.map(|port| format!("http://127.0.0.1:{port}"));
    let mut launch = Launch::new(NAME, &binaries.etcd)
        .argument("--name=tombolo")
        .argument(format!("--data-dir={}", processes.directory().join("etcd").display()))
        .argument(format!("--listen-client-urls={client}"))
        .argument(format!("--advertise-client-urls={client}"))
        .argument(format!("--listen-peer-urls={peer}"))
        .argument(format!("--initial-advertise-peer-urls={peer}"))
        .argument(format!("--initial-cluster=tombolo={peer}"))
        .argument("--log-level=warn");
    if !options.durable_etcd {
        launch = launch.argument("--unsafe-no-fsync");
    }
    processes.spawn(launch)?;
    Ok(())
}
