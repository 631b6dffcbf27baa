//! Steps 5 and 6: who is kept out, and how an owner lets somebody in later.

use std::time::Instant;

use anyhow::{Result, ensure};

use super::super::looks::{Claim, SOON, Seen};
use super::super::stage::Stage;
use super::super::told;
use super::{LEDGERS, OLD_FILE, OLD_LINE, READER, STRANGER};
use crate::wait::{Look, until};

pub(super) async fn keep_out(stage: &Stage) -> Result<()> {
    stage
        .kubectl("create rolebinding carol-edits -n secondary --clusterrole=edit --user=carol")
        .await?;
    stage
        .expect(
            "carol, who may edit `secondary`, can create claims",
            can(stage, "persistentvolumeclaims", "yes"),
        )
        .await?;
    for kind in [
        "tridentvolumereferences.trident.netapp.io",
        "volumereferences.tombolo.dev",
    ] {
        stage.expect("but no references", can(stage, kind, "no")).await?;
    }
    let kinds = "tridentvolumereferences.trident.netapp.io,volumereferences.tombolo.dev";
    stage
        .kubectl(&format!(
            "create role refers -n secondary --verb=create,delete --resource={kinds}"
        ))
        .await?;
    stage
        .kubectl("create rolebinding carol-refers -n secondary --role=refers --user=carol")
        .await?;
    let can = can(stage, "tridentvolumereferences.trident.netapp.io", "yes");
    stage
        .expect("with the role that an admin gives her, she can", can)
        .await?;
    same_answer(stage).await
}

/// Whether carol may create such an object in `secondary`.
async fn can(stage: &Stage, kind: &str, wanted: &str) -> Result<Seen<()>> {
    let command = format!("auth can-i create {kind} -n secondary --as=carol");
    let first = stage.ask(&command).await?;
    // Authorizers learn of a new binding by a watch, a moment later.
    let arguments: Vec<_> = command.split(' ').collect();
    let look = async || {
        let output = stage.cluster.kubectl_output(&arguments, None).await?;
        let answer = String::from_utf8(output.stdout)?;
        Ok(Look::found((answer.trim() == wanted).then_some(answer), output.stderr))
    };
    let answer = if first == wanted {
        first
    } else {
        until(&command, SOON, look).await?
    };
    Ok(Seen::new((), answer.trim()))
}

/// Nobody can find out by asking whether a claim exists that is not shared with them.
async fn same_answer(stage: &Stage) -> Result<()> {
    let (real, invented) = ("primary-pvc", "no-such-claim");
    let asks = |source: &str| {
        format!(
            "---
apiVersion: tombolo.dev/v1alpha1
kind: VolumeReference
metadata: {{name: to-{source}, namespace: {STRANGER}}}
spec: {{pvcNamespace: primary, pvcName: {source}}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: wants-{source}
  namespace: {STRANGER}
  annotations: {{tombolo.dev/shareFromPVC: primary/{source}}}
spec: {{storageClassName: trident, accessModes: [ReadWriteMany], resources: {{requests: {{storage: 1Gi}}}}}}
"
        )
    };
    stage.kubectl(&format!("create namespace {STRANGER}")).await?;
    stage
        .apply_text(&format!("{}{}", asks(real), asks(invented)).replacen("---\n", "", 1))
        .await?;
    let claim = |name| Claim {
        namespace: STRANGER,
        name,
    };
    let (to_real, to_invented) = (claim("wants-primary-pvc"), claim("wants-no-such-claim"));
    let texts = ["NotShared: ", real];
    let answer = stage.looks.event(to_real, &texts);
    let answer = stage
        .expect("no access for a namespace that is not on the list", answer)
        .await?;
    let texts = ["NotShared: ", invented];
    let other = stage.looks.event(to_invented, &texts);
    let other = stage
        .expect("and for a claim that does not exist, the very same answer", other)
        .await?;
    ensure!(
        answer.replace(real, "CLAIM") == other.replace(invented, "CLAIM"),
        "the answers differ in more than the name that was asked for"
    );
    stage
        .expect("nothing was made", stage.looks.stays_pending(to_real))
        .await?;
    stage
        .kubectl(&format!("delete namespace {STRANGER} --wait=false"))
        .await?;
    Ok(())
}

pub(super) async fn annotate(stage: &Stage) -> Result<()> {
    stage
        .apply_text(
            "apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: old-ledgers, namespace: primary}
spec: {storageClassName: trident, accessModes: [ReadWriteMany], resources: {requests: {storage: 5Gi}}}
",
        )
        .await?;
    let done = Instant::now();
    let bound = stage.looks.bound(LEDGERS, done, SOON);
    let before = stage
        .expect("an ordinary claim, with nothing said about sharing, is Bound", bound)
        .await?;
    stage.write(&before, OLD_FILE, OLD_LINE).await?;

    told::remark("Later somebody in `secondary` asks for it, with the reference that is Tombolo's own:");
    stage
        .apply_text(
            "apiVersion: tombolo.dev/v1alpha1
kind: VolumeReference
metadata: {name: to-old-ledgers, namespace: secondary}
spec: {pvcNamespace: primary, pvcName: old-ledgers}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: ledgers-of-primary
  namespace: secondary
  annotations: {tombolo.dev/shareFromPVC: primary/old-ledgers}
spec: {storageClassName: trident, accessModes: [ReadWriteMany], resources: {requests: {storage: 5Gi}}}
",
        )
        .await?;
    let refused = stage
        .looks
        .event(READER, &["NotShared: ", "tombolo.dev/shareToNamespace"]);
    stage
        .expect("not without the owner, whom the event tells what to write", refused)
        .await?;
    stage
        .kubectl("annotate pvc old-ledgers -n primary tombolo.dev/shareToNamespace=secondary")
        .await?;
    let done = Instant::now();
    let bound = stage.looks.bound(READER, done, SOON);
    let joined = stage.expect("the waiting claim is Bound at once", bound).await?;
    stage
        .expect("with the owner's data in it", stage.reads(&joined, OLD_FILE, OLD_LINE))
        .await?;
    let after = stage.looks.volume(LEDGERS).await?;
    ensure!(
        after.pv == before.pv && after.path == before.path && joined.id == before.id,
        "the owner's claim has another volume than before"
    );
    Ok(())
}
