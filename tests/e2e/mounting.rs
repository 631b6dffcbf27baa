//! Who mounts: classes with `mount: csi` beside those with `mount: kubelet`, and what becomes of volumes when a class is made again with
//! the other one.
//!
//! There is no kubelet here and so no node plugin. What it would mount is what stands on the PersistentVolume, and that is looked at;
//! the bytes, through an NFS client, at the path that stands there.

use k8s_openapi::api::core::v1::{CSIPersistentVolumeSource, PersistentVolume};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::ResourceExt as _;
use serde_json::{Value, json};
use tombolo::api::storage_backend::StorageBackend;

use crate::controller::said;
use crate::draft::{claim, read_only_reference, reference};
use crate::see::{Pair, name_of, shown};
use crate::world::{World, cannot, shared_name};

/// A place with a class of its own on the shared backend, whose volumes are mounted so.
async fn mounting(story: &str, mount: &str) -> World<'static> {
    let w = World::shared(story).await;
    w.with_class(json!({"parameters": {"mount": mount}})).await
}

/// Deletes the class and makes it again, then waits until new claims get what it says.
async fn class_again(w: &World<'_>, probes: &str, backend: &str, mount: &str) {
    let classes = w.all::<StorageClass>();
    w.delete(&classes, &w.class).await;
    w.gone(&classes, &w.class).await;
    let parameters = json!({"backend": backend, "mount": mount});
    w.storage_class(&w.class, json!({"parameters": parameters})).await;
    // The controller learns of it by its watch.
    for attempt in 0..50 {
        let (_, pv) = w.bound_claim(probes, claim(&format!("probe-{mount}-{attempt}"))).await;
        if mode(&pv) == mount {
            return;
        }
    }
    panic!("new claims of a class with mount: {mount} are not mounted so");
}

fn csi(pv: &PersistentVolume) -> Option<&CSIPersistentVolumeSource> {
    pv.spec.as_ref()?.csi.as_ref()
}

fn mode(pv: &PersistentVolume) -> &'static str {
    match (csi(pv), pv.spec.as_ref().unwrap().nfs.is_some()) {
        (Some(_), false) => "csi",
        (None, true) => "kubelet",
        other => panic!("{other:?}"),
    }
}

fn options(pv: &PersistentVolume) -> Vec<String> {
    pv.spec.as_ref().unwrap().mount_options.clone().unwrap()
}

/// Takes an object away by force, as if its finalizers did not matter, and waits until it has been made again.
async fn removed_by_force(w: &World<'_>, ns: &str, pv: &PersistentVolume) -> PersistentVolume {
    let uid = pv.uid().unwrap();
    w.delete(&w.pvs(), name_of(pv)).await;
    w.patch(&w.pvs(), name_of(pv), json!({"metadata": {"finalizers": null}}))
        .await;
    w.object("another object of that name", &w.pvs(), name_of(pv), |now| {
        now.uid().unwrap() != uid
    })
    .await;
    w.told(ns, "data", "VolumeRecreated", "").await;
    w.bound(ns, "data").await.1
}

#[tokio::test]
async fn volumes_for_the_node_plugin_say_what_it_reads_and_members_have_handles_of_their_own() {
    if cannot("volumes_for_the_node_plugin_say_what_it_reads_and_members_have_handles_of_their_own") {
        return;
    }
    let w = mounting("plugin", "csi").await;
    let pair = w.pair().await;
    let third = w.namespace("third").await;
    w.refer(&third, read_only_reference("ref", &pair.primary, "data")).await;
    let reads = claim("data").sharing(&pair.primary, "data").modes(&["ReadOnlyMany"]);
    let (_, reader) = w.bound_claim(&third, reads).await;

    let nfs = w.cluster.nfs().unwrap().endpoint();
    let port = format!("port={}", nfs.port);
    let path = format!("{}/{}", nfs.export, w.path(&pair.owner));
    for (pv, read_only) in [
        (&pair.owner, Value::Null),
        (&pair.member, Value::Null),
        (&reader, json!(true)),
    ] {
        let seen = serde_json::to_value(csi(pv).unwrap()).unwrap();
        let attributes = json!({"server": nfs.server, "share": path});
        assert_eq!(
            (&seen["driver"], &seen["volumeAttributes"]),
            (&json!("tombolo.dev"), &attributes),
            "{seen:#}"
        );
        // Two of one handle would be one volume to kubelet.
        assert_eq!(seen["volumeHandle"], json!(name_of(pv)), "{seen:#}");
        assert_eq!(seen["readOnly"], read_only, "{seen:#}");
        // By these options, and not by `readOnly`, a pod may only read.
        assert_eq!(
            options(pv).contains(&"ro".to_owned()),
            read_only == json!(true),
            "{:?}",
            shown(pv)
        );
        assert!(options(pv).contains(&port), "{:?}", shown(pv));
        assert_eq!(mode(pv), "csi");
    }

    // All else is as with any other: shared, soft-deleted, and gone with the last.
    w.write(&pair.owner, "hello", "world").await;
    assert_eq!(w.read(&pair.member, "hello").await, "world");
    w.owner_leaves(&pair).await;
    assert_eq!(w.read(&reader, "hello").await, "world");
    w.delete(&w.claims(&pair.secondary), "data").await;
    w.delete(&w.claims(&third), "data").await;
    w.nothing_left(&pair.owner).await;
}

/// One volume whose owner is mounted in one way, and its member in the other; and what was begun in the other way round.
async fn made_before_and_joined_after(w: &World<'_>, probes: &str, before: &str, after: &str) -> Pair {
    let (primary, secondary) = (
        w.namespace(&format!("{before}-owner")).await,
        w.namespace(&format!("{after}-member")).await,
    );
    let (_, owner) = w.bound_claim(&primary, claim("data").shared_to("*")).await;
    assert_eq!(mode(&owner), before);
    class_again(w, probes, &shared_name(), after).await;
    let member = w.member(&secondary, "data", &primary, "data").await;
    assert_eq!(mode(&member), after, "its own class, whatever the owner's was");
    Pair {
        primary,
        secondary,
        owner,
        member,
    }
}

#[tokio::test]
async fn a_class_made_again_with_another_mount_counts_for_new_claims_and_changes_no_volume() {
    if cannot("a_class_made_again_with_another_mount_counts_for_new_claims_and_changes_no_volume") {
        return;
    }
    let w = mounting("again", "kubelet").await;
    let probes = w.namespace("probes").await;
    let first = made_before_and_joined_after(&w, &probes, "kubelet", "csi").await;
    let second = made_before_and_joined_after(&w, &probes, "csi", "kubelet").await;
    // By now the class says kubelet. Each object that is made again is what it was: its source is nobody's to change.
    for pair in [&first, &second] {
        w.write(&pair.owner, "hello", "world").await;
        for (ns, pv) in [(&pair.primary, &pair.owner), (&pair.secondary, &pair.member)] {
            let now = removed_by_force(&w, ns, pv).await;
            assert_eq!(mode(&now), mode(pv));
            assert_eq!(csi(&now), csi(pv));
            assert_eq!(options(&now), options(pv));
            assert_eq!(w.read(&now, "hello").await, "world");
        }
        w.owner_leaves(pair).await;
        w.delete(&w.claims(&pair.secondary), "data").await;
        w.nothing_left(&pair.owner).await;
    }
}

#[tokio::test]
async fn what_comes_out_of_the_trash_is_mounted_as_it_was_and_the_admin_is_told() {
    if cannot("what_comes_out_of_the_trash_is_mounted_as_it_was_and_the_admin_is_told") {
        return;
    }
    let mut w = World::shared("bin").await;
    w.backend(&w.id, json!({"trashRetention": "1h"})).await;
    w.storage_class(&w.id, json!({"parameters": {"backend": w.id, "mount": "csi"}}))
        .await;
    w.class = w.id.clone();
    let (ns, probes) = (w.namespace("primary").await, w.namespace("probes").await);
    let (_, old) = w.bound_claim(&ns, claim("data")).await;
    w.write(&old, "hello", "world").await;
    w.delete(&w.claims(&ns), "data").await;
    w.gone(&w.pvs(), name_of(&old)).await;

    class_again(&w, &probes, &w.id, "kubelet").await;
    w.claim(&ns, claim("again").spec("volumeName", json!(name_of(&old))))
        .await;
    let to = format!("{ns}/again");
    let text = said(&["trash", "restore", name_of(&old), "--to", &to, "--backend", &w.id]).await;
    assert!(
        text.contains("mounted as it was, mount: csi") && text.contains("says mount: kubelet"),
        "{text}"
    );
    let (_, new) = w.bound(&ns, "again").await;
    assert_eq!(mode(&new), "csi");
    assert_eq!(w.read(&new, "hello").await, "world");
}

#[tokio::test]
async fn a_mount_that_is_not_known_or_cannot_be_is_refused_with_what_to_write() {
    if cannot("a_mount_that_is_not_known_or_cannot_be_is_refused_with_what_to_write") {
        return;
    }
    let w = World::shared("odd").await;
    let (primary, secondary) = (w.namespace("primary").await, w.namespace("secondary").await);
    let (odd, local) = (format!("{}-odd", w.id), format!("{}-local", w.id));
    let parameters = json!({"backend": shared_name(), "mount": "fuse"});
    w.storage_class(&odd, json!({"parameters": parameters})).await;
    w.claim(&primary, claim("odd").class(&odd)).await;
    w.held(&primary, "odd", "InvalidParameters", "not one of kubelet, csi")
        .await;

    let path = w.cluster.directory().join(&local);
    std::fs::create_dir_all(&path).unwrap();
    let backend = json!({
        "apiVersion": "tombolo.dev/v1alpha1", "kind": "StorageBackend", "metadata": {"name": local},
        "spec": {"local": {"path": path, "node": "node1"}, "trashRetention": "0s"},
    });
    w.create::<StorageBackend>(w.all(), backend).await;
    w.backend_is(&local, "Ready", "True").await;
    let parameters = json!({"backend": local, "mount": "kubelet"});
    w.storage_class(&local, json!({"parameters": parameters})).await;
    w.bound_claim(&primary, claim("here").class(&local).shared_to("*"))
        .await;

    // Made again as what cannot be: neither new volumes nor members, and the first is what it was.
    let classes = w.all::<StorageClass>();
    w.delete(&classes, &local).await;
    w.gone(&classes, &local).await;
    w.storage_class(&local, json!({"parameters": {"backend": local, "mount": "csi"}}))
        .await;
    let why = "mount: csi is for NFS";
    for attempt in 0..50 {
        let name = format!("there-{attempt}");
        w.claim(&primary, claim(&name).class(&local)).await;
        let looked = w
            .until("an answer", async || {
                let bound = crate::see::phase(&w.claims(&primary).get(&name).await?) == "Bound";
                let events = w.events(&primary, &name).await?;
                let refused = events.iter().any(|said| said.note.contains(why));
                let answer = (bound || refused).then_some(refused);
                Ok(tombolo_harness::wait::Look::found(answer, &events))
            })
            .await;
        if looked {
            break;
        }
    }
    w.refer(&secondary, reference("ref", &primary, "here")).await;
    w.claim(&secondary, claim("data").class(&local).sharing(&primary, "here"))
        .await;
    let told = w.held(&secondary, "data", "InvalidParameters", why).await;
    assert!(told.note.contains("mount: kubelet"), "{told:#?}");
    w.bound(&primary, "here").await;
}
