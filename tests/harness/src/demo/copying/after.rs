//! Steps 5 to 7: a copy is its own; the way without the gate asks for the same word; and what is not ours to copy.

use std::time::Instant;

use anyhow::Result;

use super::super::looks::{Claim, SOON, Seen};
use super::super::stage::Stage;
use super::super::told;
use super::{FILE, LATE, MANIFESTS, ORDERS, POPULATED, RESTORED, SNAPSHOT, UNGATED};
use crate::wait::{Look, until};

pub(super) async fn withdraw(stage: &Stage) -> Result<()> {
    stage.kubectl("delete referencegrant allow-prod-pvc -n prod").await?;
    let source =
        format!("{{apiGroup: snapshot.storage.k8s.io, kind: VolumeSnapshot, name: {SNAPSHOT}, namespace: prod}}");
    claim(stage, LATE, &source).await?;
    let event = stage.looks.event(LATE, &["NotGranted: "]);
    stage.expect("the next copy is refused", event).await?;
    stage
        .kubectl(&format!(
            "delete volumesnapshot/{SNAPSHOT} pvc/data -n prod --timeout=30s"
        ))
        .await?;
    stage
        .expect("nothing of the snapshot is left", async {
            told::command("kubectl get volumesnapshotcontents");
            until("the VolumeSnapshotContent to go", SOON, async || {
                let asked = ["get", "volumesnapshotcontents", "-o", "name"];
                let output = stage.cluster.kubectl_output(&asked, None).await?;
                let left = String::from_utf8_lossy(&output.stdout).into_owned();
                Ok(Look::holds(output.status.success() && left.is_empty(), left))
            })
            .await?;
            Ok(Seen::new((), "no VolumeSnapshotContent exists"))
        })
        .await?;
    let volume = stage.looks.volume(RESTORED).await?;
    let whole = stage.reads(&volume, FILE, ORDERS);
    stage.expect("dev keeps what it got", whole).await
}

pub(super) async fn ungated(stage: &Stage) -> Result<()> {
    stage
        .apply_text(&format!(
            "apiVersion: tombolo.dev/v1alpha1
kind: CrossNamespaceSource
metadata: {{name: orders, namespace: prod}}
spec: {{source: {{kind: PersistentVolumeClaim, name: {}, namespace: {}}}}}
",
            RESTORED.name, RESTORED.namespace
        ))
        .await?;
    claim(
        stage,
        UNGATED,
        "{apiGroup: tombolo.dev, kind: CrossNamespaceSource, name: orders}",
    )
    .await?;
    let event = stage.looks.event(UNGATED, &["NotGranted: "]);
    stage.expect("without a grant it is refused, too", event).await?;
    stage
        .apply_text(
            "apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: {name: back-to-prod, namespace: dev}
spec:
  from: [{group: \"\", kind: PersistentVolumeClaim, namespace: prod}]
  to: [{group: \"\", kind: PersistentVolumeClaim}]
",
        )
        .await?;
    let done = Instant::now();
    let volume = stage
        .expect("with one, the claim is Bound", stage.looks.bound(UNGATED, done, SOON))
        .await?;
    let same = stage.reads(&volume, FILE, ORDERS);
    stage.expect("and has the same files", same).await?;
    stage.show("get crossnamespacesources -n prod").await
}

pub(super) async fn populated(stage: &Stage) -> Result<()> {
    stage.apply(&format!("{MANIFESTS}/30-populated-pvc.yaml")).await?;
    let event = stage.looks.event(POPULATED, &["ExampleDataSource"]);
    stage
        .expect("it is left to its populator, and an event says so", event)
        .await?;
    stage
        .expect(
            "it gets no empty volume meanwhile",
            stage.looks.stays_pending(POPULATED),
        )
        .await?;
    stage.kubectl("delete pvc populated-pvc --timeout=30s").await.map(drop)
}

async fn claim(stage: &Stage, claim: Claim, source: &str) -> Result<()> {
    let Claim { namespace, name } = claim;
    stage
        .apply_text(&format!(
            "apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  storageClassName: example
  accessModes: [ReadWriteOnce]
  resources: {{requests: {{storage: 1Gi}}}}
  dataSourceRef: {source}
"
        ))
        .await
}
