//! Steps 1 and 2: a filer, and two namespaces that share a volume on it, each in its own way.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use super::super::looks::{SOON, Seen};
use super::super::stage::Stage;
use super::super::told;
use super::{AT_PRESS, BACKEND, FILE, IN_GALLERY, NAMESPACE, POSTER, PRINTS, reads, refused, write};
use crate::{Filer, ReachedBy};

pub(super) async fn offer(stage: &Stage) -> Result<()> {
    told::command("mkfs.btrfs --mixed disk; mount disk /srv/tombolo; tombolo-filer serve & ganesha.nfsd");
    let filer = Filer::prepare_in(stage.cluster.directory(), BACKEND, stage.lifetime, ReachedBy::Loopback).await?;
    filer.resume().await?;
    stage.kubectl(&format!("create namespace {NAMESPACE}")).await?;
    told::command(&format!(
        "kubectl create secret generic {BACKEND} -n {NAMESPACE} --from-file=token"
    ));
    let [secret, mut backend] = filer.manifests(BACKEND, NAMESPACE)?;
    stage.cluster.apply(&secret.to_string()).await?;
    stage.cluster.apply(&backend.to_string()).await?;
    if let Some(bundle) = backend.pointer_mut("/spec/remote/caBundle") {
        *bundle = json!("LS0tLS1CRUdJTi…");
    }
    told::command("kubectl apply -f - <<EOF");
    told::lines(&format!("{backend}\nEOF"));
    stage
        .apply_text(&format!(
            "apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {{name: filer}}
provisioner: tombolo.dev
parameters: {{backend: {BACKEND}}}
"
        ))
        .await?;
    ensure!(stage.filer.set(filer).is_ok(), "the filer was started before");
    stage
        .expect("the filer can be used, and says what it can do", async {
            stage
                .kubectl(&format!(
                    "wait --for=condition=Ready --timeout=30s storagebackend/{BACKEND}"
                ))
                .await?;
            let asked = format!("get storagebackend {BACKEND} -o jsonpath={{.status.capabilities}}");
            let capabilities = stage.ask(&asked).await?;
            for needed in ["revoke", "readOnlyEnforced", "clone", "quota"] {
                ensure!(capabilities.contains(needed), "{capabilities}");
            }
            Ok(Seen::new((), capabilities))
        })
        .await
}

pub(super) async fn share(stage: &Stage) -> Result<()> {
    for namespace in [PRINTS.namespace, IN_GALLERY.namespace, AT_PRESS.namespace] {
        stage.kubectl(&format!("create namespace {namespace}")).await?;
    }
    stage
        .apply_text(
            "apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: prints
  namespace: studio
  annotations:
    tombolo.dev/shareToNamespace: press
    tombolo.dev/shareReadOnlyToNamespace: gallery
    tombolo.dev/onRevoke: Cut
spec: {storageClassName: filer, accessModes: [ReadWriteMany], resources: {requests: {storage: 1Gi}}}
",
        )
        .await?;
    let typed = Instant::now();
    let bound = stage.looks.bound(PRINTS, typed, SOON);
    let owner = stage.expect("studio/prints is Bound", bound).await?;
    write(stage, &owner, FILE, POSTER).await?;
    let consumer = |namespace: &str, mode: &str| {
        format!(
            "apiVersion: tombolo.dev/v1alpha1
kind: VolumeReference
metadata: {{name: prints, namespace: {namespace}}}
spec: {{pvcNamespace: studio, pvcName: prints}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: prints, namespace: {namespace}, annotations: {{tombolo.dev/shareFromPVC: studio/prints}}}}
spec: {{storageClassName: filer, accessModes: [{mode}], resources: {{requests: {{storage: 1Gi}}}}}}
"
        )
    };
    stage.apply_text(&consumer("gallery", "ReadOnlyMany")).await?;
    stage.apply_text(&consumer("press", "ReadWriteMany")).await?;
    let typed = Instant::now();
    let bound = stage.looks.bound(IN_GALLERY, typed, SOON);
    let reader = stage.expect("gallery/prints is Bound", bound).await?;
    let bound = stage.looks.bound(AT_PRESS, typed, SOON);
    let writer = stage.expect("press/prints is Bound", bound).await?;
    let paths = [&owner.path, &reader.path, &writer.path];
    ensure!(
        paths[0] != paths[1] && paths[1] != paths[2],
        "one way for all of them: {paths:?}"
    );
    let read = reads(stage, &reader, POSTER);
    stage.expect("`gallery` reads, by an export of its own", read).await?;
    let written = refused(stage, &reader, "graffiti.txt", &["NFS4ERR_ROFS"]);
    stage
        .expect(
            "it cannot write, whatever its mount options: the server refuses",
            written,
        )
        .await?;
    write(stage, &writer, "proof.txt", "looks good")
        .await
        .context("`press` could not write")
}
