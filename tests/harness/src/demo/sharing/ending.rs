//! Steps 7 to 9: the owner goes, the controller crashes, the last consumer goes.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use super::super::looks::{Claim, SOON, Seen, Volume};
use super::super::stage::Stage;
use super::super::told;
use super::{FILE, GREETING, OLD_FILE, OLD_LINE, PRIMARY, READER, SECONDARY};
use crate::wait::{Look, until};

/// What the controller logs when it has no ledger that it trusts.
const REBUILDING: &str = "rebuilding the ledger from the cluster";

/// Where data of a volume could be, on the NFS server.
const ROOT: &str = "";
const TRASH: &str = ".tombolo/trash";

pub(super) async fn owner_leaves(stage: &Stage) -> Result<()> {
    let (owner, member) = (stage.looks.volume(PRIMARY).await?, stage.looks.volume(SECONDARY).await?);
    stage.kubectl("delete pvc primary-pvc -n primary --timeout=30s").await?;
    let released = stage.looks.pv_phase(&owner.pv, "Released");
    stage
        .expect("the claim goes, its PersistentVolume is Released", released)
        .await?;
    stage.kubectl("delete namespace primary --timeout=60s").await?;
    stage
        .expect("the namespace really goes", stage.looks.no_namespace("primary"))
        .await?;
    let deleted = stage.looks.shared_volume_phase(&owner.id, "SoftDeleted");
    stage
        .expect("the cluster knows that the volume lives on for its members", deleted)
        .await?;
    stage.show("get sharedvolumes").await?;
    stage
        .expect("the bytes are still there", stage.reads(&member, FILE, GREETING))
        .await
}

pub(super) async fn crash(stage: &Stage) -> Result<()> {
    let member = stage.looks.volume(SECONDARY).await?;
    let before = stage.looks.picture().await?;
    let process = stage
        .controller
        .process()
        .map(|process| process.pid)
        .unwrap_or_default();
    told::command(&format!(
        "kill -KILL {process}; rm -r {}",
        stage.controller.data_dir().display()
    ));
    stage.controller.kill().await?;
    stage.controller.forget_ledger()?;
    let read = stage.reads(&member, FILE, GREETING);
    stage.expect("nobody who uses the data notices", read).await?;
    stage
        .expect("it works again, from what it finds in the cluster", restart(stage))
        .await?;
    stage
        .expect("nothing changes", stage.looks.same_picture(&before))
        .await?;
    stage
        .expect("the bytes are still there", stage.reads(&member, FILE, GREETING))
        .await?;
    mistype(stage).await
}

/// Starts the controller again; both volumes are in the ledger that it makes for itself.
async fn restart(stage: &Stage) -> Result<Seen<()>> {
    let (typed, already) = (Instant::now(), stage.controller.log_text().len());
    stage.start_controller().await?;
    let took = typed.elapsed().as_secs_f64();
    let log = stage.controller.log_text();
    let news = log.get(already..).unwrap_or_default();
    let rebuilt = news
        .lines()
        .find_map(|line| line.find(REBUILDING).and_then(|at| line.get(at..)));
    let rebuilt = rebuilt.with_context(|| format!("its log does not say that it is {REBUILDING}: {news}"))?;
    ensure!(
        rebuilt.contains("volumes=2"),
        "its log says {rebuilt:?}, and there are 2 volumes"
    );
    Ok(Seen::new((), format!("ready after {took:.2} s; its log: {rebuilt}")))
}

/// A misspelt request must not give an empty volume, which looks like lost data.
async fn mistype(stage: &Stage) -> Result<()> {
    told::remark("Somebody who wants to share writes shareFromPvc for shareFromPVC:");
    stage
        .apply_text(
            "apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: mistyped
  namespace: secondary
  annotations: {trident.netapp.io/shareFromPvc: primary/primary-pvc}
spec: {storageClassName: trident, accessModes: [ReadWriteMany], resources: {requests: {storage: 1Gi}}}
",
        )
        .await?;
    let claim = Claim {
        namespace: "secondary",
        name: "mistyped",
    };
    let event = stage
        .looks
        .event(claim, &["UnknownAnnotation: ", "trident.netapp.io/shareFromPVC"]);
    stage.expect("an event names the right key", event).await?;
    stage
        .expect("no volume, least of all an empty one", stage.looks.stays_pending(claim))
        .await?;
    stage.kubectl("delete pvc mistyped -n secondary").await.map(|_| ())
}

pub(super) async fn consumer_leaves(stage: &Stage) -> Result<()> {
    let (volume, other) = (stage.looks.volume(SECONDARY).await?, stage.looks.volume(READER).await?);
    stage.kubectl("delete pvc secondary-pvc -n secondary").await?;
    let ids = [volume.id.as_str()];
    let gone = stage.looks.nothing_of(&ids);
    stage
        .expect("both PersistentVolumes and the SharedVolume go", gone)
        .await?;
    stage
        .expect(
            "and the data, purged at once (trashRetention: 0s)",
            no_data(stage, &[&volume]),
        )
        .await?;
    stage
        .expect(
            "the other volume, with a member still, is not touched",
            stage.reads(&other, OLD_FILE, OLD_LINE),
        )
        .await?;

    stage.kubectl("delete pvc ledgers-of-primary -n secondary").await?;
    stage
        .expect(
            "the other volume goes with its last member",
            stage.looks.nothing_of(&[&other.id]),
        )
        .await?;
    stage
        .expect("nothing is left on the NFS server", no_data(stage, &[&volume, &other]))
        .await?;
    stage.show("get pv,sharedvolumes").await
}

/// Neither the volumes' directories nor anything of them in the trash.
async fn no_data(stage: &Stage, volumes: &[&Volume]) -> Result<Seen<()>> {
    let mut names = Vec::new();
    for volume in volumes {
        names.extend([stage.exported(volume)?.trim_start_matches('/'), volume.id.as_str()]);
    }
    stage.lists(ROOT)?;
    stage.lists(TRASH)?;
    let look = async || {
        let (root, trash) = (stage.nfs.list(ROOT).await?, stage.nfs.list(TRASH).await?);
        let is_of_them = |found: &&String| names.iter().any(|name| found.contains(name));
        let left = root.iter().chain(&trash).any(|found| is_of_them(&found));
        let words = format!("in the export: {root:?}; in its trash: {trash:?}");
        Ok(Look::found((!left).then(|| words.clone()), words))
    };
    // What is renamed into the trash is purged beside the deletion that it belongs to.
    Ok(Seen::new((), until("the data to go", SOON, look).await?))
}
