//! Before the first step and after the last: servers, and what is left of the story.
//!
//! On a cluster of its own the demo may leave everything to the end of the cluster. One that it was given (`E2E_KUBECONFIG`) has to look
//! as before, so it is refused if anything in it has a name of the story's.

use anyhow::{Context as _, Result, bail};

use super::filer::REVOKE_GRACE;
use super::looks::Looks;
use super::stage::Stage;
use super::{ACTS, Afterwards, told};
use crate::cluster::external;
use crate::process::Lifetime;
use crate::{Cluster, ClusterOptions, Controller, ControllerOptions, NfsVersion};

/// The name of the cluster that is kept.
const KEPT: &str = "demo";

/// Starts the servers, and prepares a controller.
pub(super) async fn rise(afterwards: Afterwards) -> Result<Stage> {
    // Before the servers start, which would only wait for it.
    Controller::build().await?;
    match (external(), afterwards) {
        (None, _) => told::remark(
            "Starting etcd, kube-apiserver, kube-controller-manager, snapshot-controller and NFS-Ganesha …",
        ),
        (Some(given), Afterwards::Cleared) => told::remark(&format!("Starting NFS-Ganesha, for {} …", given.display())),
        (Some(_), Afterwards::Kept) => bail!("KEEP=1 needs a cluster of the demo's own: unset E2E_KUBECONFIG"),
    }
    let servers = ClusterOptions::everything().feature_gate("CrossNamespaceVolumeDataSource", true);
    // Consent that has ended cuts after half a minute where nothing is said; nobody watches a demo that long.
    let hasty = |options: ControllerOptions| options.flag(format!("--revoke-grace={}s", REVOKE_GRACE.as_secs()));
    // One name and one process: the crash in the story is then over at once, where a Lease would have to expire first.
    let (cluster, options) = match afterwards {
        Afterwards::Cleared => (Cluster::start(servers).await?, hasty(ControllerOptions::default())),
        Afterwards::Kept => {
            // What an earlier story left would be in the way of this one.
            tokio::task::spawn_blocking(|| Cluster::down(KEPT)).await??;
            (
                Cluster::up(KEPT, servers).await?,
                hasty(ControllerOptions::default().detached()),
            )
        }
    };
    if cluster.is_external() {
        is_free(&cluster).await?;
    }
    Ok(Stage {
        controller: Controller::prepare(&cluster, options).await?,
        filer: tokio::sync::OnceCell::new(),
        lifetime: match afterwards {
            Afterwards::Cleared => Lifetime::Owned,
            Afterwards::Kept => Lifetime::Detached,
        },
        nfs: cluster.nfs()?.client(NfsVersion::V4),
        looks: Looks(cluster.client().await?),
        cluster,
    })
}

/// Removes everything, or says how to go on.
pub(super) async fn fall(stage: Stage, afterwards: Afterwards) -> Result<()> {
    if afterwards == Afterwards::Kept {
        return explain(&stage);
    }
    if stage.cluster.is_external() {
        if !stage.controller.is_alive() {
            stage.controller.start().await?;
        }
        for object in objects() {
            stage
                .kubectl(&format!("delete {object} --ignore-not-found --timeout=60s"))
                .await?;
        }
    }
    let Stage {
        controller, cluster, ..
    } = stage;
    controller.kill().await?;
    cluster.stop().await?;
    told::remark("Everything was ended and removed. KEEP=1 make demo leaves it running.");
    Ok(())
}

/// What the acts make in the cluster that are played: what the last one makes goes first.
fn objects() -> impl Iterator<Item = &'static str> {
    let played = ACTS.iter().rev().filter(|act| (act.cannot)().is_none());
    played.flat_map(|act| act.objects.iter().copied())
}

fn explain(stage: &Stage) -> Result<()> {
    let (cluster, controller) = (&stage.cluster, &stage.controller);
    let nfs = cluster.nfs()?.endpoint();
    let env = cluster.env();
    let tools = [Some(env.bin_dir.as_path()), controller.program().parent()];
    let tools = tools.into_iter().flatten().map(|path| path.display().to_string());
    let process = controller
        .process()
        .map_or("none".to_owned(), |process| process.pid.to_string());
    told::remark("Kept, because of KEEP=1. To go on by hand:");
    told::lines(&format!(
        "export KUBECONFIG={} PATH={}:$PATH\n\
         kubectl get storagebackends,storageclasses,pv\n\
         nfs-ls 'nfs://{}{}?version=4&nfsport={}&uid=0&gid=0'\n\
         # controller: process {process}, log {}\n\
         # metrics: http://{}/metrics\n\
         # to end it all: make cluster-down DEVCLUSTER_NAME={KEPT}",
        cluster.kubeconfig().display(),
        tools.collect::<Vec<_>>().join(":"),
        nfs.server,
        nfs.export,
        nfs.port,
        controller.log().display(),
        controller.address(),
    ));
    Ok(())
}

/// Refuses a cluster in which something has a name of the story's.
async fn is_free(cluster: &Cluster) -> Result<()> {
    for object in objects() {
        let asked = ["get", object, "--ignore-not-found", "-o", "name"];
        let output = cluster.kubectl_output(&asked, None).await?;
        let found = String::from_utf8(output.stdout).context("kubectl's output")?;
        if !found.trim().is_empty() {
            bail!("{object} exists in this cluster already: the demo needs the name, and would delete it");
        }
    }
    Ok(())
}
