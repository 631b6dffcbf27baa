//! `tombolo trash`, and what lies there: listed, given back, counted, purged.

use k8s_openapi::api::core::v1::PersistentVolume;
use serde_json::json;
use tombolo::api::storage_backend::StorageBackend;

use crate::controller::{refused, said};
use crate::draft::{Draft, claim};
use crate::see::{name_of, pv_name};
use crate::world::{World, cannot};

/// A place with a backend of its own that keeps its trash for an hour.
async fn keeping(story: &str, spec: serde_json::Value) -> World<'static> {
    let mut w = World::shared(story).await;
    w.backend(&w.id, json!({"trashRetention": "1h"})).await;
    w.patch(&w.all::<StorageBackend>(), &w.id, json!({"spec": spec})).await;
    w.storage_class(&w.id, json!({"parameters": {"backend": w.id}})).await;
    w.class = w.id.clone();
    w
}

/// A volume with a word in it, deleted.
async fn trashed(w: &World<'_>, namespace: &str) -> PersistentVolume {
    let (_, pv) = w.bound_claim(namespace, claim("data")).await;
    w.write(&pv, "hello", "world").await;
    w.delete(&w.claims(namespace), "data").await;
    w.gone(&w.pvs(), name_of(&pv)).await;
    pv
}

fn waiting_for(pv: &PersistentVolume, name: &str) -> Draft {
    claim(name).spec("volumeName", json!(name_of(pv)))
}

async fn listed(w: &World<'_>) -> String {
    said(&["trash", "list", "--backend", &w.id]).await
}

#[tokio::test]
async fn what_is_in_the_trash_is_listed_and_given_to_a_claim_with_its_bytes() {
    if cannot("what_is_in_the_trash_is_listed_and_given_to_a_claim_with_its_bytes") {
        return;
    }
    let w = keeping("restore", json!({})).await;
    let ns = w.namespace("primary").await;
    let old = trashed(&w, &ns).await;
    let list = listed(&w).await;
    let row = list
        .lines()
        .find(|line| line.contains(name_of(&old)))
        .unwrap_or_default();
    assert!(row.contains(&format!("{ns}/data")) && row.contains("1Mi"), "{list}");

    w.claim(&ns, waiting_for(&old, "large").size("2Mi")).await;
    w.claim(&ns, claim("other").spec("volumeName", json!("pvc-another")))
        .await;
    for (name, why) in [("large", "asks for more than"), ("other", "spec.volumeName")] {
        let to = format!("{ns}/{name}");
        let text = refused(&["trash", "restore", name_of(&old), "--to", &to]).await;
        assert!(text.contains(why), "{name}: {text}");
    }
    assert!(w.pvs().get_opt(name_of(&old)).await.unwrap().is_none());

    w.claim(&ns, waiting_for(&old, "again")).await;
    let to = format!("{ns}/again");
    let restore = ["trash", "restore", name_of(&old), "--to", &to, "--backend", &w.id];
    said(&restore).await;
    let (_, new) = w.bound(&ns, "again").await;
    assert_eq!(name_of(&new), name_of(&old));
    assert_ne!(
        w.path(&new),
        w.path(&old),
        "whoever still deletes the old one finds nothing"
    );
    assert_eq!(w.read(&new, "hello").await, "world");
    let list = listed(&w).await;
    assert!(!list.contains(name_of(&old)), "{list}");
    // Whoever never saw the answer asks again.
    said(&restore).await;
    assert_eq!(w.read(&new, "hello").await, "world");

    // It is a volume like any other: deleted again, it is in the trash again.
    w.delete(&w.claims(&ns), "again").await;
    w.gone(&w.pvs(), name_of(&new)).await;
    assert!(listed(&w).await.contains(name_of(&new)));
}

#[tokio::test]
async fn a_restore_that_stops_between_object_and_data_goes_on() {
    if cannot("a_restore_that_stops_between_object_and_data_goes_on") {
        return;
    }
    let w = keeping("resume", json!({})).await;
    let ns = w.namespace("primary").await;
    let old = trashed(&w, &ns).await;
    let again = w.claim(&ns, waiting_for(&old, "again")).await;
    // Something is in the way of the data, and not of the object.
    let uid = pv_name(&again).replace("pvc-", "");
    let obstacle = w.cluster.nfs().unwrap().endpoint().export_dir.join(&w.id);
    let obstacle = obstacle.join(format!("{}.{uid}", name_of(&old)));
    std::fs::create_dir(&obstacle).unwrap();
    std::fs::write(obstacle.join("file"), "").unwrap();
    let to = format!("{ns}/again");
    let restore = ["trash", "restore", name_of(&old), "--to", &to, "--backend", &w.id];
    let text = refused(&restore).await;
    assert!(text.contains("run the command again"), "{text}");
    // Kubernetes knows nothing of it.
    w.bound(&ns, "again").await;
    // The data waits for its object, however old it is; what nobody is restoring goes meanwhile.
    let at_once = json!({"spec": {"trashRetention": "0s"}});
    w.patch(&w.all::<StorageBackend>(), &w.id, at_once).await;
    let (_, other) = w.bound_claim(&ns, claim("other")).await;
    w.delete(&w.claims(&ns), "other").await;
    w.nothing_left(&other).await;
    assert!(listed(&w).await.contains(name_of(&old)));

    std::fs::remove_dir_all(&obstacle).unwrap();
    said(&restore).await;
    let (_, new) = w.bound(&ns, "again").await;
    assert_eq!(w.read(&new, "hello").await, "world");
}

#[tokio::test]
async fn what_is_purged_is_gone_and_what_is_being_purged_does_not_come_back() {
    if cannot("what_is_purged_is_gone_and_what_is_being_purged_does_not_come_back") {
        return;
    }
    let w = keeping("purge", json!({})).await;
    let ns = w.namespace("primary").await;
    let first = trashed(&w, &ns).await;
    let text = said(&["trash", "purge", name_of(&first)]).await;
    assert!(text.contains("1 files and 1 directories"), "{text}");
    w.nothing_left(&first).await;
    let text = refused(&["trash", "purge", name_of(&first), "--backend", &w.id]).await;
    assert!(text.contains("no backend has an entry"), "{text}");

    let second = trashed(&w, &ns).await;
    w.claim(&ns, waiting_for(&second, "again")).await;
    let trash = w
        .cluster
        .nfs()
        .unwrap()
        .endpoint()
        .export_dir
        .join(&w.id)
        .join(".tombolo/trash");
    let begun = trash.join(format!("purging-{}", name_of(&second)));
    std::fs::rename(trash.join(name_of(&second)), begun).unwrap();
    let to = format!("{ns}/again");
    let text = refused(&["trash", "restore", name_of(&second), "--to", &to, "--backend", &w.id]).await;
    // The controller may have finished it by now: it asks nobody.
    assert!(
        text.contains("is being purged") || text.contains("no backend has"),
        "{text}"
    );
    assert!(w.pvs().get_opt(name_of(&second)).await.unwrap().is_none());
    w.nothing_left(&second).await;
}

#[tokio::test]
async fn what_is_in_the_trash_counts_until_it_is_purged() {
    if cannot("what_is_in_the_trash_counts_until_it_is_purged") {
        return;
    }
    let w = keeping("counts", json!({"limits": {"perNamespace": {"volumes": 1}}})).await;
    let ns = w.namespace("primary").await;
    trashed(&w, &ns).await;
    w.claim(&ns, claim("second")).await;
    w.held(&ns, "second", "LimitReached", "in the trash").await;
    // Another namespace has its own.
    let other = w.namespace("other").await;
    w.bound_claim(&other, claim("data")).await;
    w.patch(
        &w.all::<StorageBackend>(),
        &w.id,
        json!({"spec": {"trashRetention": "0s"}}),
    )
    .await;
    w.bound(&ns, "second").await;
}
