//! Hands on PersistentVolumes: whatever is edited, nobody's data goes, nobody gets what is another's, and what can be put right is.

use k8s_openapi::api::core::v1::PersistentVolume;
use kube::ResourceExt as _;
use serde_json::json;

use crate::draft::claim;
use crate::see::{has_condition, name_of, phase, pv_phase, shown};
use crate::world::{World, cannot};

#[tokio::test]
async fn a_bound_volume_whose_claim_reference_is_edited_keeps_its_data() {
    if cannot("a_bound_volume_whose_claim_reference_is_edited_keeps_its_data") {
        return;
    }
    let w = World::shared("uid").await;
    let ns = w.namespace("primary").await;
    let (_, pv) = w.bound_claim(&ns, claim("data")).await;
    w.write(&pv, "hello", "world").await;
    // kube-controller-manager says Released at once, while the claim is still bound.
    let other = json!({"spec": {"claimRef": {"uid": "00000000-0000-0000-0000-000000000000", "resourceVersion": null}}});
    w.patch(&w.pvs(), name_of(&pv), other).await;
    w.object("the volume to be released", &w.pvs(), name_of(&pv), |pv| {
        pv_phase(pv) == "Released"
    })
    .await;
    // One that was released by the end of its claim, and later, is gone.
    let (_, other) = w.bound_claim(&ns, claim("other")).await;
    w.delete(&w.claims(&ns), "other").await;
    w.nothing_left(&other).await;
    let now = w.pvs().get(name_of(&pv)).await.unwrap();
    assert!(now.metadata.deletion_timestamp.is_none(), "{:?}", shown(&now));
    assert_eq!(w.read(&pv, "hello").await, "world");
    w.delete(&w.claims(&ns), "data").await;
    w.nothing_left(&pv).await;
}

#[tokio::test]
async fn failed_is_as_good_as_released() {
    if cannot("failed_is_as_good_as_released") {
        return;
    }
    let w = World::shared("failed").await;
    let pair = w.pair().await;
    w.write(&pair.owner, "hello", "world").await;
    w.delete(&w.claims(&pair.primary), "data").await;
    w.object("the volume to be released", &w.pvs(), pair.volume(), |pv| {
        pv_phase(pv) == "Released"
    })
    .await;
    // Another one, of which no member is left when it fails.
    let control = w.control().await;
    w.delete(&w.claims(&control.primary), "data").await;
    w.object("the volume to be released", &w.pvs(), control.volume(), |pv| {
        pv_phase(pv) == "Released"
    })
    .await;
    for volume in [pair.volume(), control.volume()] {
        // As kube-controller-manager leaves it when it tried to reclaim by itself.
        let params = kube::api::PatchParams::default();
        let failed = kube::api::Patch::Merge(json!({"status": {"phase": "Failed"}}));
        w.pvs().patch_status(volume, &params, &failed).await.unwrap();
    }
    w.delete(&w.claims(&control.secondary), "data").await;
    w.nothing_left(&control.owner).await;
    let now = w.pvs().get(pair.volume()).await.unwrap();
    assert_eq!(pv_phase(&now), "Failed", "{:?}", shown(&now));
    assert!(now.metadata.deletion_timestamp.is_none(), "{:?}", shown(&now));
    assert_eq!(w.read(&pair.member, "hello").await, "world");
    w.delete(&w.claims(&pair.secondary), "data").await;
    w.nothing_left(&pair.owner).await;
}

#[tokio::test]
async fn recycle_is_set_back_before_anybody_scrubs() {
    if cannot("recycle_is_set_back_before_anybody_scrubs") {
        return;
    }
    let w = World::shared("recycle").await;
    let pair = w.pair().await;
    for name in [pair.volume(), name_of(&pair.member)] {
        let recycle = json!({"spec": {"persistentVolumeReclaimPolicy": "Recycle"}});
        w.patch(&w.pvs(), name, recycle).await;
        w.object("the policy to be set back", &w.pvs(), name, |pv| {
            pv.spec
                .as_ref()
                .and_then(|s| s.persistent_volume_reclaim_policy.as_deref())
                == Some("Retain")
        })
        .await;
        let said = w
            .told_on("default", "PersistentVolume", name, "RecycleRefused", "erase")
            .await;
        assert_eq!(said.type_, "Warning");
    }
}

#[tokio::test]
async fn a_released_volume_with_a_member_is_not_scrubbed_either() {
    if cannot("a_released_volume_with_a_member_is_not_scrubbed_either") {
        return;
    }
    let w = World::shared("scrub").await;
    let pair = w.pair().await;
    w.write(&pair.owner, "hello", "world").await;
    w.owner_leaves(&pair).await;
    // Of a released volume kube-controller-manager recycles at once: it starts a pod that removes every file.
    let recycle = json!({"spec": {"persistentVolumeReclaimPolicy": "Recycle"}});
    w.patch(&w.pvs(), pair.volume(), recycle).await;
    w.object("the policy to be set back", &w.pvs(), pair.volume(), |pv| {
        let policy = pv
            .spec
            .as_ref()
            .and_then(|s| s.persistent_volume_reclaim_policy.as_deref());
        policy == Some("Retain")
    })
    .await;
    w.told_on("default", "PersistentVolume", pair.volume(), "RecycleRefused", "erase")
        .await;
    assert_eq!(w.read(&pair.member, "hello").await, "world");
    // What is retained is not deleted with its last member.
    w.delete(&w.claims(&pair.secondary), "data").await;
    w.gone(&w.pvs(), name_of(&pair.member)).await;
    let control = w.control().await;
    w.delete(&w.claims(&control.primary), "data").await;
    w.delete(&w.claims(&control.secondary), "data").await;
    w.nothing_left(&control.owner).await;
    assert_eq!(w.read(&pair.owner, "hello").await, "world");
}

#[tokio::test]
async fn what_is_stripped_from_a_volume_is_put_back() {
    if cannot("what_is_stripped_from_a_volume_is_put_back") {
        return;
    }
    let w = World::shared("strip").await;
    let pair = w.pair().await;
    w.write(&pair.owner, "hello", "world").await;
    for before in [&pair.owner, &pair.member] {
        let labels = json!({"tombolo.dev/volume": null, "tombolo.dev/role": null, "tombolo.dev/backend": null});
        let annotations = json!({"pv.kubernetes.io/provisioned-by": null});
        let strip = json!({"metadata": {"labels": labels, "annotations": annotations, "finalizers": ["kubernetes.io/pv-protection"]}});
        w.patch(&w.pvs(), name_of(before), strip).await;
        let ours = |pv: &PersistentVolume| {
            let labels = ["volume", "role", "backend"].map(|l| format!("tombolo.dev/{l}"));
            labels.iter().all(|l| pv.labels().get(l) == before.labels().get(l))
                && pv.finalizers().iter().any(|f| f == "tombolo.dev/volume-protection")
                && pv
                    .annotations()
                    .get("pv.kubernetes.io/provisioned-by")
                    .map(String::as_str)
                    == Some("tombolo.dev")
        };
        w.object("the marks to be put back", &w.pvs(), name_of(before), ours)
            .await;
    }
    w.owner_leaves(&pair).await;
    assert_eq!(w.read(&pair.member, "hello").await, "world");
    w.delete(&w.claims(&pair.secondary), "data").await;
    w.nothing_left(&pair.owner).await;
}

#[tokio::test]
async fn a_volume_removed_by_force_loses_no_data() {
    if cannot("a_volume_removed_by_force_loses_no_data") {
        return;
    }
    let w = World::shared("force").await;
    let pair = w.pair().await;
    w.write(&pair.owner, "hello", "world").await;
    for (ns, pv) in [(&pair.primary, &pair.owner), (&pair.secondary, &pair.member)] {
        let uid = pv.uid().unwrap();
        w.delete(&w.pvs(), name_of(pv)).await;
        w.patch(&w.pvs(), name_of(pv), json!({"metadata": {"finalizers": null}}))
            .await;
        // Kubernetes says Lost; the volume is made again under its name, and the claim comes back.
        w.object("another object of that name", &w.pvs(), name_of(pv), |now| {
            now.uid().unwrap() != uid
        })
        .await;
        w.bound(ns, "data").await;
        w.told(ns, "data", "VolumeRecreated", "").await;
    }
    assert_eq!(w.read(&pair.owner, "hello").await, "world");
    w.owner_leaves(&pair).await;
    assert_eq!(w.read(&pair.member, "hello").await, "world");
    w.delete(&w.claims(&pair.secondary), "data").await;
    w.nothing_left(&pair.owner).await;
}

#[tokio::test]
async fn a_freed_member_volume_is_removed_and_a_freed_owner_volume_is_not() {
    if cannot("a_freed_member_volume_is_removed_and_a_freed_owner_volume_is_not") {
        return;
    }
    // Of a class of its own: a volume that is free may be bound to any pending claim of its class.
    let w = World::shared("freed").await.with_class(json!({})).await;
    let pair = w.pair().await;
    // Made before any volume of the class is free to be bound.
    let control = w.control().await;
    w.write(&pair.owner, "hello", "world").await;
    // The usual recipe for reusing a volume gives it to anybody.
    w.patch(&w.pvs(), name_of(&pair.member), json!({"spec": {"claimRef": null}}))
        .await;
    let uid = pair.member.uid().unwrap();
    w.until("the member's volume to be removed", async || {
        let found = w.pvs().get_opt(name_of(&pair.member)).await?;
        let other = found.as_ref().is_none_or(|pv| pv.uid().as_deref() != Some(&uid));
        let given_back = found.as_ref().is_some_and(|pv| pv_phase(pv) == "Bound");
        Ok(tombolo_harness::wait::Look::holds(
            other || given_back,
            found.as_ref().map(shown),
        ))
    })
    .await;
    assert_eq!(w.read(&pair.owner, "hello").await, "world");

    w.delete(&w.claims(&pair.primary), "data").await;
    w.object("the volume to be released", &w.pvs(), pair.volume(), |pv| {
        pv_phase(pv) == "Released"
    })
    .await;
    w.patch(&w.pvs(), pair.volume(), json!({"spec": {"claimRef": null}}))
        .await;
    w.shared_volume("warn", pair.volume(), |v| has_condition(v, "UnexpectedClaim"))
        .await;
    w.delete(&w.claims(&pair.secondary), "data").await;
    // Nobody owns that volume any more. Of one that is merely released, the last member takes the data along.
    w.delete(&w.claims(&control.primary), "data").await;
    w.delete(&w.claims(&control.secondary), "data").await;
    w.nothing_left(&control.owner).await;
    let owner = w.pvs().get(pair.volume()).await.unwrap();
    assert!(owner.metadata.deletion_timestamp.is_none(), "{:?}", shown(&owner));
    assert_eq!(w.read(&pair.owner, "hello").await, "world");
}

#[tokio::test]
async fn a_claim_that_kubernetes_bound_to_a_leftover_volume_is_told() {
    if cannot("a_claim_that_kubernetes_bound_to_a_leftover_volume_is_told") {
        return;
    }
    let w = World::shared("leftover").await.with_class(json!({})).await;
    let (primary, secondary) = (w.namespace("primary").await, w.namespace("secondary").await);
    let leftover = json!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": format!("leftover-{}", w.id)},
        "spec": {
            "storageClassName": w.class, "accessModes": ["ReadWriteMany"], "capacity": {"storage": "1Mi"},
            "persistentVolumeReclaimPolicy": "Retain", "nfs": {"server": "127.0.0.1", "path": "/somewhere"},
        },
    });
    w.create::<PersistentVolume>(w.all(), leftover).await;
    w.claim(&secondary, claim("data").sharing(&primary, "data")).await;
    let bound = w
        .object("the claim to be bound", &w.claims(&secondary), "data", |c| {
            phase(c) == "Bound"
        })
        .await;
    assert_eq!(bound.spec.unwrap().volume_name, Some(format!("leftover-{}", w.id)));
    let said = w
        .told(&secondary, "data", "ProvisioningFailed", "BoundToOtherVolume: ")
        .await;
    assert_eq!(said.type_, "Warning");
    let theirs = w.pvs().get(&format!("leftover-{}", w.id)).await.unwrap();
    assert!(
        !theirs.finalizers().iter().any(|f| f.starts_with("tombolo.dev/")),
        "{:?}",
        shown(&theirs)
    );
}

#[tokio::test]
async fn a_stranger_who_names_a_volume_neither_gets_it_nor_keeps_it() {
    if cannot("a_stranger_who_names_a_volume_neither_gets_it_nor_keeps_it") {
        return;
    }
    let w = World::shared("stranger").await;
    let (primary, stranger) = (w.namespace("primary").await, w.namespace("stranger").await);
    let (_, pv) = w.bound_claim(&primary, claim("data")).await;
    w.claim(&stranger, claim("data").spec("volumeName", json!(name_of(&pv))))
        .await;
    let forged = claim("forged")
        .spec("volumeName", json!(name_of(&pv)))
        .annotated("pv.kubernetes.io/bind-completed", "yes")
        .annotated("pv.kubernetes.io/bound-by-controller", "yes");
    w.claim(&stranger, forged).await;
    w.object("the forged claim to be lost", &w.claims(&stranger), "forged", |c| {
        phase(c) == "Lost"
    })
    .await;
    w.delete(&w.claims(&primary), "data").await;
    w.nothing_left(&pv).await;
}

#[tokio::test]
async fn a_token_left_by_nobody_is_taken_off_and_one_with_a_live_claim_is_completed() {
    if cannot("a_token_left_by_nobody_is_taken_off_and_one_with_a_live_claim_is_completed") {
        return;
    }
    let w = World::shared("token").await;
    let (primary, secondary) = (w.namespace("primary").await, w.namespace("secondary").await);
    let (source, pv) = w.bound_claim(&primary, claim("data")).await;
    let promise = |uid: &str, name: &str| {
        let key = format!("tombolo.dev/joining-{uid}");
        let note = json!({
            "claim": format!("{secondary}/{name}"), "access": "ReadWrite", "via": format!("by hand of {primary}/data"),
            "onRevoke": "Keep", "modes": ["ReadWriteMany"], "class": w.class, "sourceUID": source.uid().unwrap(),
        });
        json!({"metadata": {"annotations": {key.clone(): note.to_string()}, "finalizers": [key]}})
    };
    let token = |pv: &PersistentVolume| pv.finalizers().iter().any(|f| f.starts_with("tombolo.dev/joining-"));
    let put = async |patch: serde_json::Value| {
        let params = kube::api::PatchParams::default();
        w.pvs()
            .patch(name_of(&pv), &params, &kube::api::Patch::Strategic(patch))
            .await
            .unwrap();
    };
    put(promise("6f3e6d4c-0000-4000-8000-000000000000", "nobody")).await;
    w.object("the token to come off", &w.pvs(), name_of(&pv), |pv| !token(pv))
        .await;

    // Nothing of the handshake would let this claim in. But the token is the join, and whoever finds it completes it.
    let waiting = w.claim(&secondary, claim("data").sharing(&primary, "data")).await;
    w.held(&secondary, "data", "ReferenceMissing", "").await;
    put(promise(&waiting.uid().unwrap(), "data")).await;
    let (_, member) = w.bound(&secondary, "data").await;
    assert_eq!(w.path(&member), w.path(&pv));
    w.object("the token to come off", &w.pvs(), name_of(&pv), |pv| !token(pv))
        .await;
}

#[tokio::test]
async fn a_token_that_nobody_can_read_keeps_the_data_until_its_claim_is_gone() {
    if cannot("a_token_that_nobody_can_read_keeps_the_data_until_its_claim_is_gone") {
        return;
    }
    let w = World::shared("garbage").await;
    let (primary, secondary) = (w.namespace("primary").await, w.namespace("secondary").await);
    let (_, pv) = w.bound_claim(&primary, claim("data").shared_to("*")).await;
    w.write(&pv, "hello", "world").await;
    let waiting = w.claim(&secondary, claim("data").sharing(&primary, "data")).await;
    w.held(&secondary, "data", "ReferenceMissing", "").await;
    let key = format!("tombolo.dev/joining-{}", waiting.uid().unwrap());
    let token = json!({"metadata": {"annotations": {key.clone(): "{\"claim\": 7"}, "finalizers": [key.clone()]}});
    let params = kube::api::PatchParams::default();
    w.pvs()
        .patch(name_of(&pv), &params, &kube::api::Patch::Strategic(token))
        .await
        .unwrap();
    w.delete(&w.claims(&primary), "data").await;
    w.gone(&w.claims(&primary), "data").await;
    // One without a token goes meanwhile.
    let (_, control) = w.bound_claim(&primary, claim("control")).await;
    w.delete(&w.claims(&primary), "control").await;
    w.nothing_left(&control).await;
    let now = w.pvs().get(name_of(&pv)).await.unwrap();
    for finalizer in [key.as_str(), "tombolo.dev/volume-protection"] {
        assert!(now.finalizers().iter().any(|f| f == finalizer), "{:?}", shown(&now));
    }
    assert_eq!(w.read(&pv, "hello").await, "world");
    w.is_unserved(&secondary, "data").await;

    w.delete(&w.claims(&secondary), "data").await;
    w.nothing_left(&pv).await;
}
