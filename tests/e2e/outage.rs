//! A storage backend that is away, is not what it was, or is somebody else's: waiting, never guessing.

use kube::ResourceExt as _;
use serde_json::json;
use tombolo::api::storage_backend::StorageBackend;
use tombolo_harness::Cluster;
use tombolo_harness::wait::Look;

use crate::controller;
use crate::draft::claim;
use crate::see::{name_of, phase, shown};
use crate::world::{World, cannot};

/// Has the controller look at a backend now; it would by itself, after a while.
async fn look_at(w: &World<'_>, backend: &str) {
    let touch = json!({"metadata": {"annotations": {"example.com/look": w.id}}});
    w.patch(&w.all::<StorageBackend>(), backend, touch).await;
}

#[tokio::test]
async fn claims_and_deletions_wait_for_an_nfs_server_that_is_away() {
    if cannot("claims_and_deletions_wait_for_an_nfs_server_that_is_away") {
        return;
    }
    let cluster = Cluster::start(World::options()).await.unwrap();
    let w = World::own(&cluster, "away").await;
    let controller = controller::alone(&cluster, "away").await;
    let pair = w.pair().await;
    let (_, alone) = w.bound_claim(&pair.primary, claim("alone")).await;
    w.write(&pair.owner, "hello", "world").await;
    let nfs = cluster.nfs().unwrap();
    nfs.kill().await.unwrap();

    w.claim(&pair.primary, claim("new")).await;
    w.claim(&pair.secondary, claim("joining").sharing(&pair.primary, "data"))
        .await;
    w.held(&pair.primary, "new", "BackendUnavailable", "").await;
    w.delete(&w.claims(&pair.primary), "alone").await;
    w.delete(&w.claims(&pair.primary), "data").await;
    look_at(&w, &w.id).await;
    w.backend_degraded(&w.id, "Unreachable").await;
    w.backend_is(&w.id, "Ready", "False").await;
    // Claims are not held up by it, volumes are.
    w.gone(&w.claims(&pair.primary), "alone").await;
    let left = w
        .object("the volume to wait", &w.pvs(), name_of(&alone), |pv| {
            pv.metadata.deletion_timestamp.is_some()
        })
        .await;
    assert!(
        left.finalizers().iter().any(|f| f == "tombolo.dev/volume-protection"),
        "{:?}",
        shown(&left)
    );
    assert!(controller.is_alive(), "{}", controller.last_words());

    nfs.resume().await.unwrap();
    w.backend_is(&w.id, "Ready", "True").await;
    w.bound(&pair.primary, "new").await;
    w.nothing_left(&alone).await;
    assert_eq!(w.read(&pair.member, "hello").await, "world");
    // Who asked to join meanwhile was in time, or too late.
    let joined = w.until("the claim to be bound or refused", async || {
        let claim = w.claims(&pair.secondary).get("joining").await?;
        let events = w.events(&pair.secondary, "joining").await?;
        let refused = events.iter().any(|e| e.note.starts_with("NotShared: "));
        let bound = phase(&claim) == "Bound";
        Ok(Look::found(
            (bound || refused).then_some(bound),
            (shown(&claim), events),
        ))
    });
    if joined.await {
        let (_, joined) = w.bound(&pair.secondary, "joining").await;
        assert_eq!(w.read(&joined, "hello").await, "world");
    }

    // And once more, gently, with a controller that starts meanwhile.
    nfs.stop().await.unwrap();
    controller.kill().await.unwrap();
    controller.start().await.unwrap();
    w.delete(&w.claims(&pair.primary), "new").await;
    w.claim(&pair.primary, claim("newer")).await;
    w.held(&pair.primary, "newer", "BackendUnavailable", "").await;
    nfs.resume().await.unwrap();
    w.bound(&pair.primary, "newer").await;
    w.end_namespace(&pair.primary).await;
    w.end_namespace(&pair.secondary).await;
    w.nothing_left(&pair.owner).await;
    assert!(controller.is_alive(), "{}", controller.last_words());
}

#[tokio::test]
async fn nothing_is_deleted_in_a_root_that_is_not_the_one() {
    if cannot("nothing_is_deleted_in_a_root_that_is_not_the_one") {
        return;
    }
    let cluster = Cluster::start(World::options()).await.unwrap();
    let w = World::own(&cluster, "root").await;
    let _controller = controller::alone(&cluster, "root").await;
    let pair = w.pair().await;
    let (_, alone) = w.bound_claim(&pair.primary, claim("alone")).await;
    w.write(&alone, "hello", "world").await;

    // What an unmounted disk looks like: another directory, without what was there.
    let root = cluster.nfs().unwrap().endpoint().export_dir.join(&w.id);
    let aside = root.with_extension("aside");
    // The server caches what it has looked up, and does not hear of changes behind its back: each change is a boot.
    let nfs = cluster.nfs().unwrap();
    nfs.stop().await.unwrap();
    std::fs::rename(&root, &aside).unwrap();
    std::fs::create_dir(&root).unwrap();
    nfs.resume().await.unwrap();
    look_at(&w, &w.id).await;
    w.backend_degraded(&w.id, "WrongRoot").await;
    w.delete(&w.claims(&pair.primary), "alone").await;
    w.claim(&pair.primary, claim("new")).await;
    w.held(&pair.primary, "new", "BackendUnavailable", "").await;
    let left = w
        .object("the volume to wait", &w.pvs(), name_of(&alone), |pv| {
            pv.metadata.deletion_timestamp.is_some()
        })
        .await;
    assert!(
        left.finalizers().iter().any(|f| f == "tombolo.dev/volume-protection"),
        "{:?}",
        shown(&left)
    );
    let strays: Vec<_> = std::fs::read_dir(&root)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(
        strays.is_empty(),
        "nothing is made in a root that is not ours: {strays:?}"
    );

    // Somebody else's disk.
    nfs.stop().await.unwrap();
    std::fs::create_dir(root.join(".tombolo")).unwrap();
    let id = w
        .all::<StorageBackend>()
        .get(&w.id)
        .await
        .unwrap()
        .status
        .unwrap()
        .backend_id
        .unwrap();
    let other = json!({"backendID": id, "clusterID": "another"}).to_string();
    std::fs::write(root.join(".tombolo/backend.json"), other).unwrap();
    nfs.resume().await.unwrap();
    look_at(&w, &w.id).await;
    w.backend_degraded(&w.id, "OwnedByOtherCluster").await;

    // Nothing at all.
    nfs.stop().await.unwrap();
    std::fs::remove_dir_all(&root).unwrap();
    nfs.resume().await.unwrap();
    look_at(&w, &w.id).await;
    let gone = |b: &StorageBackend| {
        let conditions = b.status.iter().flat_map(|s| &s.conditions);
        conditions
            .into_iter()
            .any(|c| c.type_ == "Degraded" && c.status == "True" && c.reason != "OwnedByOtherCluster")
    };
    w.object("the backend to miss its root", &w.all::<StorageBackend>(), &w.id, gone)
        .await;
    assert!(!root.exists(), "a root that was used is not made again");
    assert!(
        w.pvs()
            .get(name_of(&alone))
            .await
            .unwrap()
            .finalizers()
            .iter()
            .any(|f| f == "tombolo.dev/volume-protection")
    );

    nfs.stop().await.unwrap();
    std::fs::rename(&aside, &root).unwrap();
    nfs.resume().await.unwrap();
    w.backend_is(&w.id, "Ready", "True").await;
    w.nothing_left(&alone).await;
    w.bound(&pair.primary, "new").await;
}

#[tokio::test]
async fn a_root_of_another_cluster_is_left_alone() {
    if cannot("a_root_of_another_cluster_is_left_alone") {
        return;
    }
    let mut w = World::shared("foreign").await;
    let root = w.cluster.nfs().unwrap().endpoint().export_dir.join(&w.id);
    let mark = json!({"backendID": "theirs", "clusterID": "another"}).to_string();
    std::fs::create_dir_all(root.join(".tombolo")).unwrap();
    std::fs::write(root.join(".tombolo/backend.json"), &mark).unwrap();
    w.make_backend(&w.id, json!({})).await;
    w.storage_class(&w.id, json!({"parameters": {"backend": w.id}})).await;
    w.backend_degraded(&w.id, "OwnedByOtherCluster").await;
    w.class = w.id.clone();
    let ns = w.namespace("primary").await;
    w.claim(&ns, claim("data")).await;
    w.held(&ns, "data", "BackendUnavailable", "").await;
    assert_eq!(
        std::fs::read_to_string(root.join(".tombolo/backend.json")).unwrap(),
        mark
    );
    // Never used, it can go at once.
    w.delete(&w.all::<StorageBackend>(), &w.id).await;
    w.gone(&w.all::<StorageBackend>(), &w.id).await;
}

#[tokio::test]
async fn roots_of_two_backends_do_not_overlap() {
    if cannot("roots_of_two_backends_do_not_overlap") {
        return;
    }
    let w = World::shared("overlap").await;
    // Below a directory of the story's own: no backend of another story is in it.
    let middle = format!("{}/middle", w.id);
    w.backend(&w.id, json!({"nfs": {"subdirectory": middle}})).await;
    for (name, subdirectory) in [
        ("same", middle.clone()),
        ("below", format!("{middle}/below")),
        ("above", w.id.clone()),
    ] {
        let name = format!("{name}-{}", w.id);
        w.make_backend(&name, json!({"nfs": {"subdirectory": subdirectory}}))
            .await;
        w.backend_degraded(&name, "RootOverlaps").await;
    }
}

#[tokio::test]
async fn a_backend_made_again_is_the_same_backend() {
    if cannot("a_backend_made_again_is_the_same_backend") {
        return;
    }
    let mut w = World::shared("again-backend").await;
    let id = |backend: &StorageBackend| backend.status.as_ref().and_then(|s| s.backend_id.clone()).unwrap();
    let first = w.backend(&w.id, json!({"trashRetention": "0s"})).await;
    w.storage_class(&w.id, json!({"parameters": {"backend": w.id}})).await;
    w.class = w.id.clone();
    let pair = w.pair().await;
    w.write(&pair.owner, "hello", "world").await;
    // By force, while it has volumes.
    let backends = w.all::<StorageBackend>();
    w.delete(&backends, &w.id).await;
    w.patch(&backends, &w.id, json!({"metadata": {"finalizers": null}}))
        .await;
    w.gone(&backends, &w.id).await;
    let second = w.backend(&w.id, json!({"trashRetention": "0s"})).await;
    assert_ne!(first.uid(), second.uid());
    assert_eq!(id(&first), id(&second));
    assert_eq!(w.read(&pair.member, "hello").await, "world");
    w.end_namespace(&pair.primary).await;
    w.end_namespace(&pair.secondary).await;
    w.nothing_left(&pair.owner).await;
}

#[tokio::test]
async fn a_server_that_does_not_exist_is_a_state_and_no_crash() {
    if cannot("a_server_that_does_not_exist_is_a_state_and_no_crash") {
        return;
    }
    let w = World::shared("nowhere").await;
    // Nobody listens on that port of loopback.
    w.make_backend(&w.id, json!({"nfs": {"port": 1, "export": "/nowhere"}}))
        .await;
    w.backend_degraded(&w.id, "Unreachable").await;
}

#[tokio::test]
async fn a_backend_deleted_by_force_is_waited_for() {
    if cannot("a_backend_deleted_by_force_is_waited_for") {
        return;
    }
    let mut w = World::shared("forced").await;
    w.backend(&w.id, json!({"trashRetention": "0s"})).await;
    w.storage_class(&w.id, json!({"parameters": {"backend": w.id}})).await;
    w.class = w.id.clone();
    let pair = w.pair().await;
    w.write(&pair.owner, "hello", "world").await;
    let (_, alone) = w.bound_claim(&pair.primary, claim("alone")).await;
    let backends = w.all::<StorageBackend>();
    w.delete(&backends, &w.id).await;
    w.patch(&backends, &w.id, json!({"metadata": {"finalizers": null}}))
        .await;
    w.gone(&backends, &w.id).await;

    w.delete(&w.claims(&pair.primary), "alone").await;
    w.delete(&w.claims(&pair.secondary), "data").await;
    w.claim(&pair.secondary, claim("joining").sharing(&pair.primary, "data"))
        .await;
    w.claim(&pair.primary, claim("new")).await;
    w.held(&pair.primary, "new", "BackendUnavailable", "").await;
    w.held(&pair.secondary, "joining", "BackendUnavailable", "").await;
    // A member that leaves needs no backend; data that is to go does.
    w.gone(&w.pvs(), name_of(&pair.member)).await;
    let left = w
        .object("the volume to wait", &w.pvs(), name_of(&alone), |pv| {
            pv.metadata.deletion_timestamp.is_some()
        })
        .await;
    assert!(
        left.finalizers().iter().any(|f| f == "tombolo.dev/volume-protection"),
        "{:?}",
        shown(&left)
    );
    assert!(w.exists(&w.path(&alone)).await);
    assert_eq!(w.read(&pair.owner, "hello").await, "world");

    w.backend(&w.id, json!({"trashRetention": "0s"})).await;
    w.nothing_left(&alone).await;
    w.bound(&pair.primary, "new").await;
    let (_, joined) = w.bound(&pair.secondary, "joining").await;
    assert_eq!(w.read(&joined, "hello").await, "world");
    w.end_namespace(&pair.primary).await;
    w.end_namespace(&pair.secondary).await;
    w.nothing_left(&pair.owner).await;
}

#[tokio::test]
async fn a_start_that_remembers_nothing_does_nothing_while_the_disk_is_away() {
    if cannot("a_start_that_remembers_nothing_does_nothing_while_the_disk_is_away") {
        return;
    }
    let cluster = Cluster::start(World::options()).await.unwrap();
    let w = World::own(&cluster, "amnesia").await;
    let controller = controller::alone(&cluster, "amnesia").await;
    let pair = w.pair().await;
    let (_, alone) = w.bound_claim(&pair.primary, claim("alone")).await;
    w.write(&pair.owner, "hello", "world").await;
    w.write(&alone, "hello", "alone").await;
    let id = |backend: &StorageBackend| backend.status.as_ref().and_then(|s| s.backend_id.clone());
    let backends = w.all::<StorageBackend>();
    let before = id(&backends.get(&w.id).await.unwrap());

    // All at once: no ledger, no status, and an empty directory where the disk was mounted. Only the volumes say whose root it was.
    controller.kill().await.unwrap();
    controller.forget_ledger().unwrap();
    let nothing = kube::api::Patch::Merge(json!({"status": null}));
    backends
        .patch_status(&w.id, &Default::default(), &nothing)
        .await
        .unwrap();
    assert_eq!(id(&backends.get(&w.id).await.unwrap()), None);
    let nfs = cluster.nfs().unwrap();
    let root = nfs.endpoint().export_dir.join(&w.id);
    let aside = root.with_extension("aside");
    nfs.stop().await.unwrap();
    std::fs::rename(&root, &aside).unwrap();
    std::fs::create_dir(&root).unwrap();
    nfs.resume().await.unwrap();
    w.delete(&w.claims(&pair.primary), "alone").await;
    controller.start().await.unwrap();
    w.backend_degraded(&w.id, "WrongRoot").await;
    w.claim(&pair.primary, claim("new")).await;
    w.held(&pair.primary, "new", "BackendUnavailable", "").await;
    let left = w
        .object("the volume to wait", &w.pvs(), name_of(&alone), |pv| {
            pv.metadata.deletion_timestamp.is_some()
        })
        .await;
    assert!(
        left.finalizers().iter().any(|f| f == "tombolo.dev/volume-protection"),
        "{:?}",
        shown(&left)
    );
    let made = std::fs::read_dir(&root).unwrap().count();
    assert_eq!(made, 0, "nothing is made in a root that is not the one");

    nfs.stop().await.unwrap();
    std::fs::remove_dir(&root).unwrap();
    std::fs::rename(&aside, &root).unwrap();
    nfs.resume().await.unwrap();
    let after = w.backend_is(&w.id, "Ready", "True").await;
    assert_eq!(id(&after), before);
    w.nothing_left(&alone).await;
    w.bound(&pair.primary, "new").await;
    assert_eq!(w.read(&pair.member, "hello").await, "world");
}
