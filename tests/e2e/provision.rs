//! A volume of its own for a claim: the external-provisioner protocol, and what is never provisioned.

use std::os::unix::fs::PermissionsExt as _;

use k8s_openapi::api::storage::v1::StorageClass;
use serde_json::json;
use tombolo_harness::NfsVersion;
use tombolo_harness::wait::Look;

use crate::draft::claim;
use crate::see::{name_of, phase, pv_name, shown};
use crate::world::{World, cannot, shared_name};

#[tokio::test]
async fn a_claim_gets_a_volume_that_carries_all_that_deleting_and_rebuilding_need() {
    if cannot("a_claim_gets_a_volume_that_carries_all_that_deleting_and_rebuilding_need") {
        return;
    }
    let w = World::shared("whole")
        .await
        .with_class(json!({"mountOptions": ["soft", "rsize=65536"]}))
        .await;
    let ns = w.namespace("primary").await;
    let (claim, pv) = w
        .bound_claim(
            &ns,
            claim("data").size("1500Ki").modes(&["ReadWriteMany", "ReadWriteOnce"]),
        )
        .await;

    let uid = claim.metadata.uid.clone().unwrap();
    assert_eq!(name_of(&pv), format!("pvc-{uid}"));
    let seen = serde_json::to_value(&pv).unwrap();
    let (metadata, spec) = (&seen["metadata"], &seen["spec"]);
    assert_eq!(spec["claimRef"]["uid"], json!(uid), "{seen:#}");
    assert_eq!(
        (&spec["claimRef"]["namespace"], &spec["claimRef"]["name"]),
        (&json!(ns), &json!("data"))
    );
    assert_eq!(spec["persistentVolumeReclaimPolicy"], "Delete");
    assert_eq!(spec["storageClassName"], json!(w.class));
    assert_eq!(spec["volumeMode"], "Filesystem");
    assert_eq!(spec["accessModes"], json!(["ReadWriteOnce", "ReadWriteMany"]));
    assert_eq!(spec["capacity"]["storage"], "1500Ki");
    assert_eq!(
        claim.status.as_ref().unwrap().capacity.as_ref().unwrap()["storage"].0,
        "1500Ki"
    );
    assert!(
        metadata["finalizers"]
            .as_array()
            .unwrap()
            .contains(&json!("tombolo.dev/volume-protection")),
        "{seen:#}"
    );
    let labels = &metadata["labels"];
    assert_eq!(labels["tombolo.dev/volume"], json!(name_of(&pv)), "{seen:#}");
    assert_eq!(labels["tombolo.dev/role"], "owner");
    assert_eq!(labels["tombolo.dev/backend"], json!(shared_name()));
    let annotations = &metadata["annotations"];
    assert_eq!(
        annotations["pv.kubernetes.io/provisioned-by"], "tombolo.dev",
        "{seen:#}"
    );
    assert!(
        annotations["tombolo.dev/handle"]
            .as_str()
            .unwrap()
            .ends_with(name_of(&pv)),
        "{seen:#}"
    );
    assert_eq!(annotations["tombolo.dev/onDelete"], "delete");
    assert_eq!(annotations["tombolo.dev/onOwnerDelete"], "Detach");
    assert_eq!(annotations["tombolo.dev/access"], "ReadWrite");

    let nfs = w.cluster.nfs().unwrap().endpoint();
    assert_eq!(spec["nfs"]["server"], json!(nfs.server));
    let options = json!(["soft", "rsize=65536", "nfsvers=4.1", format!("port={}", nfs.port)]);
    assert_eq!(spec["mountOptions"], options, "{seen:#}");
    let directory = nfs.export_dir.join(w.path(&pv));
    let mode = std::fs::metadata(&directory).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o777, "{mode:o}");
    let private = directory.parent().unwrap().join(".tombolo");
    assert_eq!(std::fs::metadata(private).unwrap().permissions().mode() & 0o777, 0o700);

    for (reason, by) in [
        ("Provisioning", "tombolo.dev"),
        ("ProvisioningSucceeded", "tombolo.dev"),
    ] {
        let said = w.told(&ns, "data", reason, "").await;
        assert_eq!(
            (said.type_.as_str(), said.by.as_str(), said.times),
            ("Normal", by, 1),
            "{said:#?}"
        );
    }
    w.write(&pv, "hello", "world").await;
    assert_eq!(w.read(&pv, "hello").await, "world");
}

#[tokio::test]
async fn an_unshared_volume_goes_with_its_claim() {
    if cannot("an_unshared_volume_goes_with_its_claim") {
        return;
    }
    let w = World::shared("alone").await;
    let ns = w.namespace("primary").await;
    let (_, pv) = w.bound_claim(&ns, claim("data")).await;
    w.write(&pv, "hello", "world").await;
    w.delete(&w.claims(&ns), "data").await;
    w.nothing_left(&pv).await;
}

#[tokio::test]
async fn a_claim_that_waits_for_its_consumer_gets_a_volume_when_a_node_is_chosen() {
    if cannot("a_claim_that_waits_for_its_consumer_gets_a_volume_when_a_node_is_chosen") {
        return;
    }
    let w = World::shared("wait")
        .await
        .with_class(json!({"volumeBindingMode": "WaitForFirstConsumer"}))
        .await;
    let ns = w.namespace("primary").await;
    // The annotation is the volume controller's, and anybody may forge it: it says when, never whether.
    w.claim(
        &ns,
        claim("forged").annotated("volume.kubernetes.io/storage-provisioner", "tombolo.dev"),
    )
    .await;
    w.claim(&ns, claim("data")).await;
    // Of the same class, made later, and a node is chosen already: whoever gets a volume now has been looked at.
    let node = "volume.kubernetes.io/selected-node";
    w.bound_claim(&ns, claim("chosen").annotated(node, "node-1")).await;
    w.is_unserved(&ns, "data").await;
    w.is_unserved(&ns, "forged").await;

    // What the scheduler writes when a pod needs the claim.
    w.annotate(&ns, "data", node, json!("node-1")).await;
    w.bound(&ns, "data").await;
    w.is_unserved(&ns, "forged").await;
}

#[tokio::test]
async fn a_class_may_be_named_by_the_beta_annotation() {
    if cannot("a_class_may_be_named_by_the_beta_annotation") {
        return;
    }
    let w = World::shared("beta").await;
    let ns = w.namespace("primary").await;
    let draft = claim("data").annotated("volume.beta.kubernetes.io/storage-class", &w.class);
    let (_, pv) = w.bound_claim(&ns, draft).await;
    assert_eq!(pv.spec.unwrap().storage_class_name, Some(w.class.clone()));
}

#[tokio::test]
async fn claims_of_others_are_left_alone_whatever_their_annotations_say() {
    if cannot("claims_of_others_are_left_alone_whatever_their_annotations_say") {
        return;
    }
    let w = World::shared("others").await;
    let ns = w.namespace("primary").await;
    let class = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": w.id}, "provisioner": "example.com/other",
    });
    w.create::<StorageClass>(w.all(), class).await;
    let foreign = |name: &str| claim(name).class(&w.id);
    w.claim(
        &ns,
        foreign("forged").annotated("volume.kubernetes.io/storage-provisioner", "tombolo.dev"),
    )
    .await;
    w.claim(
        &ns,
        foreign("old").annotated("volume.beta.kubernetes.io/storage-provisioner", "tombolo.dev"),
    )
    .await;
    w.claim(&ns, foreign("typo").annotated("tombolo.dev/shareFromPvc", "a/b"))
        .await;
    w.claim(&ns, foreign("asking").sharing("a", "b")).await;
    w.claim(&ns, claim("nowhere").class("no-such-class").sharing("a", "b"))
        .await;
    w.claim(&ns, claim("none").class("").sharing("a", "b")).await;
    // The same of a class of ours, made later, is served or told what is wrong.
    let old = claim("our-old").annotated("volume.beta.kubernetes.io/storage-provisioner", "tombolo.dev");
    w.claim(&ns, claim("our-typo").annotated("tombolo.dev/shareFromPvc", "a/b"))
        .await;
    w.claim(&ns, claim("our-asking").sharing("a", "b")).await;
    w.bound_claim(&ns, old).await;
    w.held(&ns, "our-typo", "UnknownAnnotation", "").await;
    w.held(&ns, "our-asking", "ReferenceMissing", "").await;
    for name in ["forged", "old", "typo", "asking", "nowhere", "none"] {
        w.is_unserved(&ns, name).await;
        let events = w.events(&ns, name).await.unwrap();
        assert!(events.iter().all(|e| e.by != "tombolo.dev"), "{events:#?}");
        let claim = w.claims(&ns).get(name).await.unwrap();
        let ours = |f: &String| f.starts_with("tombolo.dev/");
        assert!(
            !claim.metadata.finalizers.iter().flatten().any(ours),
            "{:?}",
            shown(&claim)
        );
    }
}

#[tokio::test]
async fn a_claim_that_names_its_volume_is_never_provisioned() {
    if cannot("a_claim_that_names_its_volume_is_never_provisioned") {
        return;
    }
    let w = World::shared("named").await;
    let ns = w.namespace("primary").await;
    w.claim(&ns, claim("data").spec("volumeName", json!("no-such-volume")))
        .await;
    w.bound_claim(&ns, claim("free")).await;
    w.is_unserved(&ns, "data").await;
}

#[tokio::test]
async fn a_class_with_a_mistake_says_so_on_every_claim() {
    if cannot("a_class_with_a_mistake_says_so_on_every_claim") {
        return;
    }
    let w = World::shared("mistake").await;
    let ns = w.namespace("primary").await;
    let good = w.class.clone();
    let rows = [
        (
            "unknown",
            json!({"parameters": {"backend": good, "server": "nas"}}),
            "unknown parameter \"server\"",
        ),
        (
            "later",
            json!({"parameters": {"backend": good, "pathPattern": "${pvc.name}"}}),
            "not served yet",
        ),
        (
            "adopt",
            json!({"parameters": {"backend": good, "adopt": "true"}}),
            "not served yet",
        ),
        ("none", json!({}), "neither backend nor backendSelector"),
        (
            "both",
            json!({"parameters": {"backend": good, "backendSelector": "a=b"}}),
            "both backend and backendSelector",
        ),
        (
            "word",
            json!({"parameters": {"backend": good, "onDelete": "Delete"}}),
            "onDelete",
        ),
        (
            "port",
            json!({"parameters": {"backend": good}, "mountOptions": ["port=1"]}),
            "port",
        ),
    ];
    for (name, class, text) in rows {
        let class_name = format!("{name}-{}", w.id);
        w.storage_class(&class_name, class).await;
        w.claim(&ns, claim(name).class(&class_name)).await;
        w.held(&ns, name, "InvalidParameters", text).await;
    }
}

#[tokio::test]
async fn what_an_nfs_volume_cannot_be_is_refused() {
    if cannot("what_an_nfs_volume_cannot_be_is_refused") {
        return;
    }
    let w = World::shared("cannot").await;
    let ns = w.namespace("primary").await;
    w.claim(&ns, claim("block").spec("volumeMode", json!("Block"))).await;
    w.claim(
        &ns,
        claim("attributes").spec("volumeAttributesClassName", json!("gold")),
    )
    .await;
    w.claim(
        &ns,
        claim("selector").spec("selector", json!({"matchLabels": {"a": "b"}})),
    )
    .await;
    w.held(&ns, "block", "AccessModeMismatch", "volumeMode: Filesystem")
        .await;
    w.held(
        &ns,
        "attributes",
        "AttributesClassNotSupported",
        "volumeAttributesClassName",
    )
    .await;
    w.held(&ns, "selector", "ConflictingSource", "label selector").await;
}

#[tokio::test]
async fn a_backend_of_version_three_serves_as_one_of_four() {
    if cannot("a_backend_of_version_three_serves_as_one_of_four") {
        return;
    }
    let mut w = World::shared("three").await;
    let backend = w.id.clone();
    w.backend(&backend, json!({"nfs": {"version": "3"}, "trashRetention": "0s"}))
        .await;
    w.storage_class(&backend, json!({"parameters": {"backend": backend}}))
        .await;
    w.class = backend;
    let ns = w.namespace("primary").await;
    let (_, pv) = w.bound_claim(&ns, claim("data")).await;
    let nfs = w.cluster.nfs().unwrap().endpoint();
    let options = pv.spec.as_ref().unwrap().mount_options.clone().unwrap();
    let expected = [
        "nfsvers=3".to_owned(),
        "hard".into(),
        format!("port={}", nfs.port),
        format!("mountport={}", nfs.mount_port),
    ];
    assert_eq!(options, expected);
    let file = format!("{}/hello", w.path(&pv));
    w.cluster
        .nfs()
        .unwrap()
        .client(NfsVersion::V3)
        .write(&file, b"three")
        .await
        .unwrap();
    assert_eq!(w.read(&pv, "hello").await, "three");
    w.delete(&w.claims(&ns), "data").await;
    w.nothing_left(&pv).await;
}

#[tokio::test]
async fn a_class_may_choose_among_backends_by_label_and_limits_are_kept() {
    if cannot("a_class_may_choose_among_backends_by_label_and_limits_are_kept") {
        return;
    }
    let w = World::shared("limits").await;
    let ns = w.namespace("primary").await;
    w.backend(
        &w.id,
        json!({"limits": {"volumes": 1, "bytes": "10Mi"}, "trashRetention": "0s"}),
    )
    .await;
    let labels = json!({"metadata": {"labels": {"tier": w.id}}});
    w.patch(&w.all::<tombolo::api::storage_backend::StorageBackend>(), &w.id, labels)
        .await;
    let class = json!({"parameters": {"backendSelector": format!("tier={}", w.id)}});
    w.storage_class(&w.id, class).await;

    w.claim(&ns, claim("large").class(&w.id).size("11Mi")).await;
    w.told(&ns, "large", "ProvisioningFailed", "LimitReached: ").await;
    let (_, first) = w.bound_claim(&ns, claim("first").class(&w.id).size("9Mi")).await;
    w.claim(&ns, claim("second").class(&w.id)).await;
    w.held(&ns, "second", "LimitReached", "").await;
    // Room that somebody makes is room for who waits.
    w.delete(&w.claims(&ns), "first").await;
    w.nothing_left(&first).await;
    w.bound(&ns, "second").await;
}

#[tokio::test]
async fn claims_that_come_at_once_do_not_go_beyond_a_limit_together() {
    if cannot("claims_that_come_at_once_do_not_go_beyond_a_limit_together") {
        return;
    }
    let mut w = World::shared("burst").await;
    let limits = json!({"limits": {"perNamespace": {"volumes": 3}}, "trashRetention": "0s"});
    w.backend(&w.id, limits).await;
    w.storage_class(&w.id, json!({"parameters": {"backend": w.id}})).await;
    w.class = w.id.clone();
    let ns = w.namespace("primary").await;
    let names: Vec<String> = (0..12).map(|i| format!("data-{i}")).collect();
    futures::future::join_all(names.iter().map(|name| w.claim(&ns, claim(name)))).await;
    let count = w.until("every claim to be bound or told", async || {
        let (mut bound, mut told) = (0, 0);
        for name in &names {
            let claim = w.claims(&ns).get(name).await?;
            let events = w.events(&ns, name).await?;
            bound += usize::from(phase(&claim) == "Bound");
            told += usize::from(events.iter().any(|e| e.note.starts_with("LimitReached: ")));
        }
        Ok(tombolo_harness::wait::Look::found(
            (bound >= 3 && bound + told >= names.len()).then_some(bound),
            (bound, told),
        ))
    });
    assert_eq!(count.await, 3);
}

#[tokio::test]
async fn a_claim_waits_for_its_class_and_its_backend_to_be_made() {
    if cannot("a_claim_waits_for_its_class_and_its_backend_to_be_made") {
        return;
    }
    let w = World::shared("later").await;
    let ns = w.namespace("primary").await;
    w.claim(&ns, claim("data").class(&w.id)).await;
    // Claims are seen in the order in which they were made.
    w.bound_claim(&ns, claim("later")).await;
    w.storage_class(&w.id, json!({"parameters": {"backend": w.id}})).await;
    w.held(&ns, "data", "BackendUnavailable", "").await;
    w.backend(&w.id, json!({})).await;
    w.bound(&ns, "data").await;
}

#[tokio::test]
async fn a_claim_deleted_while_it_waits_leaves_nothing() {
    if cannot("a_claim_deleted_while_it_waits_leaves_nothing") {
        return;
    }
    let w = World::shared("gone").await;
    let ns = w.namespace("primary").await;
    let mut names = Vec::new();
    for i in 0..10 {
        let made = w.claim(&ns, claim(&format!("data-{i}"))).await;
        names.push(pv_name(&made));
        w.delete(&w.claims(&ns), &format!("data-{i}")).await;
    }
    for i in 0..10 {
        w.gone(&w.claims(&ns), &format!("data-{i}")).await;
    }
    for name in &names {
        w.gone(&w.pvs(), name).await;
    }
    let root = shared_name();
    w.until("the directories to be gone", async || {
        let left: Vec<_> = w
            .files()
            .list(&root)
            .await?
            .into_iter()
            .filter(|entry| names.contains(entry))
            .collect();
        Ok(Look::holds(left.is_empty(), left))
    })
    .await;
}

#[tokio::test]
async fn fifty_claims_at_once_are_bound_and_told_of_it_in_two_events_each() {
    if cannot("fifty_claims_at_once_are_bound_and_told_of_it_in_two_events_each") {
        return;
    }
    let w = World::shared("fifty").await;
    let ns = w.namespace("primary").await;
    let names: Vec<_> = (0..50).map(|i| format!("data-{i}")).collect();
    for name in &names {
        w.claim(&ns, claim(name)).await;
    }
    for name in &names {
        w.bound(&ns, name).await;
    }
    // Events are published beside the work, in any order.
    w.until("two events for each", async || {
        let mut reasons = Vec::new();
        for name in &names {
            let events = w.events(&ns, name).await?;
            let mut ours: Vec<_> = events.into_iter().filter(|e| e.by == "tombolo.dev").collect();
            ours.sort_by(|a, b| a.reason.cmp(&b.reason));
            assert!(ours.len() <= 2 && ours.iter().all(|e| e.times == 1), "{ours:#?}");
            reasons.push(ours.into_iter().map(|e| e.reason).collect::<Vec<_>>());
        }
        let both = |said: &Vec<String>| said.iter().eq(["Provisioning", "ProvisioningSucceeded"]);
        Ok(Look::holds(reasons.iter().all(both), reasons))
    })
    .await;
}
