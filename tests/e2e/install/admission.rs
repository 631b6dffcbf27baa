//! The two admission policies, both ways: what they refuse, and what they must let through.

use super::{SOON, deploy, installed, silent};
use anyhow::Result;
use k8s_openapi::api::admissionregistration::v1::ValidatingAdmissionPolicy;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use std::fs;
use tombolo::api::names;
use tombolo_harness::Cluster;
use tombolo_harness::wait::{Look, until};

#[tokio::test]
async fn the_expressions_fit_the_types() {
    let Some(cluster) = installed("the_expressions_fit_the_types").await else {
        return;
    };
    let policies: Api<ValidatingAdmissionPolicy> = Api::all(cluster.client().await.unwrap());
    for name in ["tombolo-inline-nfs", "tombolo-persistent-volumes"] {
        let checked = until("the types to be checked", SOON, async || {
            let status = policies.get(name).await?.status;
            Ok(Look::found(status.and_then(|s| s.type_checking), "not checked"))
        });
        assert_eq!(checked.await.unwrap().expression_warnings, None, "{name}");
    }
}

/// Tries to create a pod with such a volume: whether it is let through, and what the API server remarked.
async fn try_pod(cluster: &Cluster, namespace: &str, volumes: &[Value]) -> Result<(bool, String)> {
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "trial", "namespace": namespace},
        "spec": {"containers": [{"name": "c", "image": "c"}], "volumes": volumes},
    });
    let output = cluster
        .kubectl_output(&["create", "--dry-run=server", "-f", "-"], Some(&pod.to_string()))
        .await?;
    Ok((output.status.success(), String::from_utf8(output.stderr)?))
}

#[tokio::test]
async fn inline_nfs_volumes_are_told_about_and_then_refused() {
    let Some(cluster) = installed("inline_nfs_volumes_are_told_about_and_then_refused").await else {
        return;
    };
    let inline = [
        json!({"name": "scratch", "emptyDir": {}}),
        json!({"name": "direct", "nfs": {"server": "192.0.2.10", "path": "/exports/k8s"}}),
    ];
    let claimed = [
        json!({"name": "scratch", "emptyDir": {}}),
        json!({"name": "claimed", "persistentVolumeClaim": {"claimName": "data"}}),
    ];
    for (namespace, label) in [("pods", ""), ("exempt", "true"), ("half-exempt", "yes")] {
        cluster.kubectl(&["create", "namespace", namespace]).await.unwrap();
        cluster
            .kubectl(&["create", "serviceaccount", "default", "-n", namespace])
            .await
            .ok();
        if !label.is_empty() {
            let label = format!("tombolo.dev/allow-inline-nfs={label}");
            cluster
                .kubectl(&["label", "namespace", namespace, &label])
                .await
                .unwrap();
        }
    }
    let about = "inline nfs volume direct";
    let told = async || {
        let (passes, remarks) = try_pod(cluster, "pods", &inline).await?;
        Ok(Look::holds(
            passes && remarks.starts_with("Warning: ") && remarks.contains(about),
            remarks,
        ))
    };
    until("the policy to warn", SOON, told).await.unwrap();
    let passes_silently = async |namespace: &str, volumes: &[Value]| {
        assert_eq!(
            try_pod(cluster, namespace, volumes).await.unwrap(),
            (true, String::new()),
            "{namespace}"
        );
    };
    passes_silently("pods", &claimed).await;
    passes_silently("pods", &[]).await;
    passes_silently("exempt", &inline).await;
    assert!(
        try_pod(cluster, "half-exempt", &inline)
            .await
            .unwrap()
            .1
            .contains(about)
    );

    let strict = cluster.directory().join("strict");
    fs::create_dir_all(&strict).unwrap();
    // Kustomize takes no absolute paths.
    std::os::unix::fs::symlink(deploy("kustomize"), strict.join("kustomize")).unwrap();
    let kustomization =
        json!({"resources": ["kustomize/overlays/trident"], "components": ["kustomize/components/deny-inline-nfs"]});
    fs::write(strict.join("kustomization.yaml"), kustomization.to_string()).unwrap();
    let apply = cluster
        .kubectl_output(&["apply", "-k", strict.to_str().unwrap()], None)
        .await;
    let applied = silent(apply.unwrap()).unwrap();
    let changed: Vec<_> = applied.lines().filter(|line| !line.ends_with(" unchanged")).collect();
    assert_eq!(
        changed,
        ["validatingadmissionpolicybinding.admissionregistration.k8s.io/tombolo-inline-nfs configured"]
    );

    let refused = async || {
        let (passes, remarks) = try_pod(cluster, "pods", &inline).await?;
        Ok(Look::holds(
            !passes && remarks.contains("(Forbidden)") && remarks.contains(about),
            remarks,
        ))
    };
    until("the policy to refuse", SOON, refused).await.unwrap();
    passes_silently("pods", &claimed).await;
    passes_silently("pods", &[]).await;
    passes_silently("exempt", &inline).await;
    assert!(!try_pod(cluster, "half-exempt", &inline).await.unwrap().0);
}

/// A PersistentVolume for the claim `primary/<claim>`, bare.
fn volume(name: &str, claim: Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {names::ANNOTATION_PROVISIONED_BY: names::PROVISIONER}},
        "spec": {
            "storageClassName": "elsewhere", "accessModes": ["ReadWriteMany"], "capacity": {"storage": "1Mi"},
            "persistentVolumeReclaimPolicy": "Delete", "claimRef": claim,
            "nfs": {"server": "192.0.2.10", "path": "/exports/k8s/a"},
        },
    })
}

fn with(mut object: Value, patch: Value) -> Value {
    merge(&mut object, patch);
    object
}

/// RFC 7396, as far as it adds.
fn merge(into: &mut Value, patch: Value) {
    match (into, patch) {
        (Value::Object(into), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, patch) => *into = patch,
    }
}

fn labels() -> Value {
    json!({"metadata": {"labels": {names::LABEL_VOLUME: "pvc-a", names::LABEL_ROLE: "owner", names::LABEL_BACKEND: "nas1"}}})
}

fn finalizer() -> Value {
    json!({"metadata": {"finalizers": [names::FINALIZER_VOLUME]}})
}

/// PersistentVolumes as somebody sees them who may change them, on trial or in earnest.
struct Volumes {
    api: Api<PersistentVolume>,
}

impl Volumes {
    fn new(client: Client) -> Self {
        Self { api: Api::all(client) }
    }

    async fn create(&self, dry_run: bool, object: Value) -> Result<(), String> {
        let object: PersistentVolume = serde_json::from_value(object).unwrap();
        let params = PostParams {
            dry_run,
            ..PostParams::default()
        };
        self.api
            .create(&params, &object)
            .await
            .map(drop)
            .map_err(|error| error.to_string())
    }

    async fn patch(&self, dry_run: bool, name: &str, patch: &Value) -> Result<(), String> {
        let params = PatchParams {
            dry_run,
            ..PatchParams::default()
        };
        let answer = self.api.patch(name, &params, &Patch::Merge(patch)).await;
        answer.map(drop).map_err(|error| error.to_string())
    }

    /// Waits until the policy is in effect.
    async fn guarded(&self) {
        let recycled = json!({"spec": {"persistentVolumeReclaimPolicy": "Recycle"}});
        let object = with(with(volume("trial", json!(null)), labels()), recycled);
        let look = async || {
            let answer = self.create(true, object.clone()).await;
            Ok(Look::holds(
                answer.as_ref().is_err_and(|e| e.contains("would scrub the data")),
                answer,
            ))
        };
        until("the policy to be in effect", SOON, look).await.unwrap();
    }

    async fn phase(&self, name: &str, phase: &str) {
        let look = async || {
            let status = self.api.get(name).await?.status;
            Ok(Look::holds(
                status.as_ref().and_then(|s| s.phase.as_deref()) == Some(phase),
                &status,
            ))
        };
        until(&format!("{name} to be {phase}"), SOON, look).await.unwrap();
    }

    async fn refuses(&self, name: &str, patch: Value, why: &str) {
        let answer = self.patch(true, name, &patch).await;
        let says = |error: &String| error.contains("tombolo-persistent-volumes") && error.contains(why);
        assert!(answer.as_ref().is_err_and(says), "{patch}: {answer:?}");
    }

    async fn allows(&self, name: &str, patch: Value) {
        let answer = self.patch(true, name, &patch).await;
        assert!(answer.is_ok(), "{patch}: {answer:?}");
    }
}

#[tokio::test]
async fn volumes_of_ours_cannot_be_given_away() {
    let Some(cluster) = installed("volumes_of_ours_cannot_be_given_away").await else {
        return;
    };
    let admin = Volumes::new(cluster.client().await.unwrap());
    let nobodys = json!({"namespace": "primary", "name": "nobody", "uid": "u"});
    let handle = |value: Value| json!({"metadata": {"annotations": {names::ANNOTATION_HANDLE: value}}});
    let ours = with(with(volume("ours", nobodys.clone()), labels()), finalizer());
    let ours = with(ours, handle(json!("0b5c:pvc-a")));
    let recycled = json!({"spec": {"persistentVolumeReclaimPolicy": "Recycle"}});
    admin.guarded().await;

    admin.create(true, ours.clone()).await.unwrap();
    // Somebody else's volumes are none of our business, whatever is done to them.
    let foreign = with(
        volume("foreign", nobodys.clone()),
        json!({"metadata": {"labels": {"app": "db"}}}),
    );
    admin
        .create(true, with(foreign.clone(), recycled.clone()))
        .await
        .unwrap();
    admin.create(false, foreign).await.unwrap();
    for patch in [
        recycled.clone(),
        json!({"spec": {"claimRef": null}}),
        json!({"metadata": {"labels": null}}),
        labels(),
    ] {
        admin.allows("foreign", patch).await;
    }

    admin.create(false, ours).await.unwrap();
    let label = |key: &str, value: Value| json!({"metadata": {"labels": {key: value}}});
    for (patch, why) in [
        (recycled.clone(), "would scrub the data"),
        (json!({"spec": {"claimRef": null}}), "clearing claimRef"),
        (json!({"spec": {"claimRef": {"uid": null}}}), "clearing claimRef"),
        (json!({"spec": {"claimRef": {"uid": ""}}}), "clearing claimRef"),
        (label(names::LABEL_VOLUME, json!(null)), "says whose data"),
        (label(names::LABEL_VOLUME, json!("pvc-b")), "says whose data"),
        (label(names::LABEL_ROLE, json!(null)), "what deleting this volume means"),
        (
            label(names::LABEL_ROLE, json!("member")),
            "what deleting this volume means",
        ),
        (handle(json!(null)), "where the data of this volume is"),
        (handle(json!("0b5c:pvc-b")), "where the data of this volume is"),
        (json!({"metadata": {"labels": null}}), "says whose data"),
        (
            json!({"metadata": {"labels": null, "finalizers": null}}),
            "says whose data",
        ),
    ] {
        admin.refuses("ours", patch, why).await;
    }
    let through_status = label(names::LABEL_VOLUME, json!("pvc-b"));
    let trial = PatchParams {
        dry_run: true,
        ..PatchParams::default()
    };
    let answer = admin
        .api
        .patch_status("ours", &trial, &Patch::Merge(through_status))
        .await;
    assert!(answer.unwrap_err().to_string().contains("says whose data"));
    for patch in [
        json!({"spec": {"persistentVolumeReclaimPolicy": "Retain"}}),
        json!({"spec": {"claimRef": {"namespace": "reporting", "name": "other", "uid": "v"}}}),
        json!({"metadata": {"finalizers": null}}),
        labels(),
        label("app", json!("db")),
    ] {
        admin.allows("ours", patch).await;
    }

    // The controller puts right what was wrong before the policy came.
    let right = label(names::LABEL_VOLUME, json!("pvc-right"));
    controller(cluster).await.allows("ours", right).await;

    // One that has lost its labels, before the policy came or while it was away, is still ours by its finalizer.
    admin
        .create(false, with(volume("stripped", nobodys), finalizer()))
        .await
        .unwrap();
    admin.refuses("stripped", recycled, "would scrub the data").await;
    admin
        .refuses("stripped", json!({"spec": {"claimRef": null}}), "clearing claimRef")
        .await;
    let mended = controller(cluster).await.patch(false, "stripped", &labels()).await;
    mended.unwrap();
    admin
        .refuses("stripped", label(names::LABEL_ROLE, json!("member")), "what deleting")
        .await;
}

async fn controller(cluster: &Cluster) -> Volumes {
    Volumes::new(
        cluster
            .client_of_service_account(super::NAMESPACE, super::CONTROLLER)
            .await
            .unwrap(),
    )
}

/// A volume's life, with kube-controller-manager and the controller's own identity as the ones who write.
#[tokio::test]
async fn those_who_should_can_work_on_our_volumes() {
    let Some(cluster) = installed("those_who_should_can_work_on_our_volumes").await else {
        return;
    };
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(cluster.client().await.unwrap(), "primary");
    let volumes = controller(cluster).await;
    volumes.guarded().await;
    let claim = async |name: &str, volume: Option<&str>| {
        let claim = json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name, "namespace": "primary"},
            "spec": {
                "storageClassName": "elsewhere", "accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Mi"}},
                "volumeName": volume,
            },
        });
        let claim: PersistentVolumeClaim = serde_json::from_value(claim).unwrap();
        let uid = claims
            .create(&PostParams::default(), &claim)
            .await
            .unwrap()
            .metadata
            .uid
            .unwrap();
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": "primary", "name": name, "uid": uid})
    };

    // Provisioned and bound, and joined by somebody.
    let first = claim("first", None).await;
    let living = with(with(volume("living", first), labels()), finalizer());
    volumes.create(false, living).await.unwrap();
    volumes.phase("living", "Bound").await;
    let token = format!("{}{}", names::TOKEN_JOINING, "0");
    let join =
        json!({"metadata": {"finalizers": [names::FINALIZER_VOLUME, token], "annotations": {token.clone(): "{}"}}});
    volumes.patch(false, "living", &join).await.unwrap();
    let joined = json!({"metadata": {"finalizers": [names::FINALIZER_VOLUME], "annotations": {token: null}}});
    volumes.patch(false, "living", &joined).await.unwrap();

    // The owner goes; an admin gives the volume to another claim, which kube-controller-manager binds.
    claims.delete("first", &DeleteParams::default()).await.unwrap();
    volumes.phase("living", "Released").await;
    let second = claim("second", Some("living")).await;
    let admin = Volumes::new(cluster.client().await.unwrap());
    let reclaimed = json!({"spec": {"claimRef": with(second, json!({"resourceVersion": null}))}});
    admin.patch(false, "living", &reclaimed).await.unwrap();
    volumes.phase("living", "Bound").await;

    // And at the end it is deleted, and let go.
    claims.delete("second", &DeleteParams::default()).await.unwrap();
    volumes.phase("living", "Released").await;
    volumes.api.delete("living", &DeleteParams::default()).await.unwrap();
    let let_go = json!({"metadata": {"finalizers": null}});
    until("the volume to be gone", SOON, async || {
        // kube-controller-manager's own finalizer may go first or last, and the patch takes off both.
        volumes.patch(false, "living", &let_go).await.ok();
        Ok(Look::holds(
            volumes.api.get_opt("living").await?.is_none(),
            "still there",
        ))
    })
    .await
    .unwrap();
}
