//! Steps 1 to 4: a snapshot, a claim in another namespace, and the grant between them.

use std::time::Instant;

use anyhow::{Result, ensure};

use super::super::looks::{SOON, Seen};
use super::super::stage::Stage;
use super::{DATA, FILE, LATER, MANIFESTS, ORDERS, RESTORED, SNAPSHOT};

pub(super) async fn offer(stage: &Stage) -> Result<()> {
    stage
        .apply_text(
            "apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: example}
provisioner: tombolo.dev
parameters: {backend: nas1}
---
apiVersion: snapshot.storage.k8s.io/v1
kind: VolumeSnapshotClass
metadata: {name: example}
driver: tombolo.dev
deletionPolicy: Delete
",
        )
        .await?;
    stage.apply(&format!("{MANIFESTS}/00-namespaces.yaml")).await
}

pub(super) async fn take(stage: &Stage) -> Result<()> {
    stage
        .apply_text(
            "apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: prod}
spec: {storageClassName: example, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
",
        )
        .await?;
    let done = Instant::now();
    let volume = stage
        .expect("prod/data is Bound", stage.looks.bound(DATA, done, SOON))
        .await?;
    stage.write(&volume, FILE, ORDERS).await?;
    stage
        .apply_text(&format!(
            "apiVersion: snapshot.storage.k8s.io/v1
kind: VolumeSnapshot
metadata: {{name: {SNAPSHOT}, namespace: prod}}
spec: {{volumeSnapshotClassName: example, source: {{persistentVolumeClaimName: data}}}}
"
        ))
        .await?;
    let ready = async {
        let condition = "--for=jsonpath={.status.readyToUse}=true --timeout=30s";
        stage
            .kubectl(&format!("wait {condition} volumesnapshot/{SNAPSHOT} -n prod"))
            .await?;
        stage.show("get volumesnapshot -n prod").await?;
        Ok(Seen::new((), "readyToUse is true"))
    };
    stage
        .expect("the snapshot-controller calls it ready to use", ready)
        .await?;
    stage.write(&volume, LATER, ORDERS).await
}

pub(super) async fn ask(stage: &Stage) -> Result<()> {
    stage.apply(&format!("{MANIFESTS}/11-claim-dev.yaml")).await?;
    let event = stage.looks.event(RESTORED, &["NotGranted: ", "prod"]);
    stage
        .expect("an event says whose word is missing, and how it is given", event)
        .await?;
    stage
        .expect("the claim stays Pending", stage.looks.stays_pending(RESTORED))
        .await
}

pub(super) async fn grant(stage: &Stage) -> Result<()> {
    stage.apply(&format!("{MANIFESTS}/10-grant-prod.yaml")).await?;
    let done = Instant::now();
    let volume = stage
        .expect("dev/example-pvc is Bound", stage.looks.bound(RESTORED, done, SOON))
        .await?;
    let as_taken = stage.reads(&volume, FILE, ORDERS);
    stage
        .expect("it has what was there when the snapshot was taken", as_taken)
        .await?;
    let nothing_more = async {
        let found = stage.nfs.read(&format!("{}/{LATER}", stage.exported(&volume)?)).await;
        ensure!(found.is_err(), "{LATER} is in the snapshot");
        Ok(Seen::new((), format!("{LATER} is not there")))
    };
    stage.expect("and nothing that came later", nothing_more).await
}
