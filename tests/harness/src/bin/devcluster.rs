//! `devcluster`: the development cluster of `make cluster` and `make cluster-down`.
//!
//! Only what a shell may evaluate goes to standard output.

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use tombolo_harness::{Cluster, ClusterOptions, DEFAULT_NAME};

/// A real Kubernetes control plane and a real NFS server, as processes on this machine.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// Where an installed controller is, and its Secrets.
const CONTROLLER_NAMESPACE: &str = "tombolo-system";

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the cluster, or use the one that runs, and print how to use it.
    Up(Up),
    /// End the cluster and remove its data.
    Down(Name),
    /// Install packages and build the control plane, so that nothing is left to fetch.
    Prepare,
}

#[derive(Debug, Args)]
struct Name {
    /// Which cluster; several run side by side.
    #[arg(long, env = "DEVCLUSTER_NAME", default_value = DEFAULT_NAME)]
    name: String,
}

#[derive(Debug, Args)]
struct Up {
    #[command(flatten)]
    name: Name,
    /// Feature gates of the API server and the controller manager, like A=true,B=false.
    #[arg(long, env = "DEVCLUSTER_FEATURE_GATES", value_delimiter = ',')]
    feature_gates: Vec<String>,
    /// Requests per second which the controller manager allows itself.
    #[arg(long, env = "DEVCLUSTER_CONTROLLER_MANAGER_QPS", default_value_t = ClusterOptions::default().controller_manager_qps)]
    controller_manager_qps: u32,
    /// The burst that goes with it.
    #[arg(long, env = "DEVCLUSTER_CONTROLLER_MANAGER_BURST", default_value_t = ClusterOptions::default().controller_manager_burst)]
    controller_manager_burst: u32,
    /// Start a filer too: needs root and a loop device.
    #[arg(long, env = "DEVCLUSTER_FILER")]
    filer: bool,
    /// Let etcd flush every write to disk, as it does in production.
    #[arg(long, env = "DEVCLUSTER_DURABLE_ETCD")]
    durable_etcd: bool,
}

impl Up {
    fn options(self) -> ClusterOptions {
        ClusterOptions {
            // An empty variable is no gate.
            feature_gates: self.feature_gates.into_iter().filter(|gate| !gate.is_empty()).collect(),
            controller_manager_qps: self.controller_manager_qps,
            controller_manager_burst: self.controller_manager_burst,
            durable_etcd: self.durable_etcd,
            filer: self.filer,
            ..ClusterOptions::everything()
        }
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Up(up) => {
            let name = up.name.name.clone();
            let cluster = Cluster::up(&name, up.options()).await?;
            print!("{}", instructions(&cluster)?);
        }
        Command::Down(Name { name }) => {
            let ended = tokio::task::spawn_blocking({
                let name = name.clone();
                move || Cluster::down(&name)
            });
            eprintln!(
                "cluster {name}: {}",
                if ended.await?? { "ended" } else { "there was none" }
            );
        }
        Command::Prepare => tokio::task::spawn_blocking(Cluster::prepare).await??,
    }
    Ok(())
}

fn instructions(cluster: &Cluster) -> Result<String> {
    let nfs = cluster.nfs()?.endpoint();
    let filer = match cluster.filer() {
        Ok(filer) => {
            let file = cluster.directory().join("filer.json");
            let [secret, backend] = filer.manifests("filer", CONTROLLER_NAMESPACE)?;
            let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": [secret, backend]});
            std::fs::write(&file, serde_json::to_vec_pretty(&list)?)?;
            format!(
                "# filer, for a controller in the namespace {CONTROLLER_NAMESPACE}: kubectl apply -f {}\n",
                file.display()
            )
        }
        Err(_) => String::new(),
    };
    Ok(format!(
        "export KUBECONFIG={}\n# NFS: {}:{} port {} (mount port {}), directory {}\n{filer}# all of it for scripts: {}\n",
        cluster.kubeconfig().display(),
        nfs.server,
        nfs.export,
        nfs.port,
        nfs.mount_port,
        nfs.export_dir.display(),
        cluster.directory().join("env").display(),
    ))
}
