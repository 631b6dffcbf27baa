//! Steps 1 to 4: an owner, a consumer, and the reference between them.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::super::looks::{SOON, Seen};
use super::super::stage::Stage;
use super::super::told;
use super::{FILE, GREETING, MANIFESTS, PRIMARY, SECONDARY};

/// What is promised of a join is a second; a busy machine may take longer before the demo gives up.
const JOINED: Duration = Duration::from_secs(3);

pub(super) async fn install(stage: &Stage) -> Result<()> {
    stage.apply("crds").await?;
    let crds = "crd/storagebackends.tombolo.dev crd/volumereferences.tombolo.dev crd/sharedvolumes.tombolo.dev \
                crd/tridentvolumereferences.trident.netapp.io";
    stage
        .kubectl(&format!("wait --for=condition=Established --timeout=30s {crds}"))
        .await?;

    stage.start_controller().await?;
    told::remark(
        "(Without a Lease, because step 8 kills it: the Lease of a killed leader has to expire first, which takes about 17 s.)",
    );

    let nfs = stage.cluster.nfs()?.endpoint();
    stage
        .apply_text(&format!(
            "apiVersion: tombolo.dev/v1alpha1
kind: StorageBackend
metadata: {{name: nas1}}
spec:
  nfs: {{server: {}, export: {}, version: \"4.1\", port: {}}}
  trashRetention: 0s
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {{name: trident}}
provisioner: tombolo.dev
parameters: {{backend: nas1}}
",
            nfs.server, nfs.export, nfs.port
        ))
        .await?;
    stage
        .expect("the NFS server can be used", async {
            stage
                .kubectl("wait --for=condition=Ready --timeout=30s storagebackend/nas1")
                .await?;
            stage.show("get storagebackend nas1").await?;
            Ok(Seen::new((), "StorageBackend nas1 is Ready"))
        })
        .await
}

pub(super) async fn own(stage: &Stage) -> Result<()> {
    stage.apply(&format!("{MANIFESTS}/00-namespaces.yaml")).await?;
    stage.apply(&format!("{MANIFESTS}/10-primary-pvc.yaml")).await?;
    let done = Instant::now();
    let volume = stage
        .expect("primary/primary-pvc is Bound", stage.looks.bound(PRIMARY, done, SOON))
        .await?;
    stage
        .expect(
            "a file can be written and read through NFS, where the PersistentVolume says",
            async {
                stage.write(&volume, FILE, GREETING).await?;
                stage.reads(&volume, FILE, GREETING).await
            },
        )
        .await
}

pub(super) async fn ask(stage: &Stage) -> Result<()> {
    stage.apply(&format!("{MANIFESTS}/11-secondary-pvc.yaml")).await?;
    let event = stage
        .looks
        .event(SECONDARY, &["ReferenceMissing: ", "primary/primary-pvc"]);
    stage.expect("an event says what is missing", event).await?;
    stage
        .expect(
            "the claim stays Pending, without any volume",
            stage.looks.stays_pending(SECONDARY),
        )
        .await?;
    stage
        .expect("`explain` shows which check it is", async {
            let text = stage.tombolo("explain pvc secondary-pvc -n secondary").await?;
            told::lines(&text);
            let failed: Vec<_> = text.lines().filter(|line| line.trim_start().starts_with('✗')).collect();
            let verdict = text
                .lines()
                .find(|line| line.starts_with("Verdict"))
                .unwrap_or_default();
            ensure!(failed.len() == 1, "not one check failed, but {}", failed.len());
            ensure!(verdict.contains("ReferenceMissing"), "its verdict is {verdict:?}");
            Ok(Seen::new((), format!("one check failed, {}", failed.concat().trim())))
        })
        .await
}

pub(super) async fn refer(stage: &Stage) -> Result<()> {
    stage
        .apply(&format!("{MANIFESTS}/20-reference-as-printed.yaml"))
        .await?;
    let near_miss = [
        "ReferenceMissing: ",
        "tvr-secondary-to-primary",
        "primary/primary instead",
    ];
    let event = stage.looks.event(SECONDARY, &near_miss);
    stage
        .expect(
            "an event points at the reference, and says what it names instead",
            event,
        )
        .await?;
    stage
        .expect("the claim stays Pending", stage.looks.stays_pending(SECONDARY))
        .await?;

    stage.apply(&format!("{MANIFESTS}/21-reference-corrected.yaml")).await?;
    let done = Instant::now();
    let bound = stage.looks.bound(SECONDARY, done, JOINED);
    let volume = stage
        .expect(
            "secondary/secondary-pvc is Bound within a second (3 s on a busy machine)",
            bound,
        )
        .await?;
    let same = stage.reads(&volume, FILE, GREETING);
    stage
        .expect("the same bytes, where the consumer's own PersistentVolume says", same)
        .await?;
    let owner = stage.looks.volume(PRIMARY).await?;
    ensure!(
        owner.id == volume.id && owner.pv != volume.pv,
        "both claims do not share one volume, each by its own PV"
    );
    let shared = stage.looks.shared_volume_phase(&volume.id, "Shared");
    stage
        .expect("the cluster knows that the volume is shared", shared)
        .await?;
    stage.show("get sharedvolumes").await
}
