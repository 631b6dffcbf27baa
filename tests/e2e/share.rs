//! The handshake: who has to agree before a claim joins another's volume, and what each hears until then.

use std::time::Instant;

use futures::future::join_all;
use k8s_openapi::api::core::v1::{Namespace, PersistentVolume};
use kube::ResourceExt;
use serde_json::json;
use tombolo_harness::{Cluster, Controller};

use crate::controller;
use crate::draft::{claim, read_only_reference, reference, trident_reference};
use crate::see::{name_of, shown};
use crate::world::{World, cannot};

#[tokio::test]
async fn a_member_sees_the_owners_bytes_through_a_volume_of_its_own() {
    if cannot("a_member_sees_the_owners_bytes_through_a_volume_of_its_own") {
        return;
    }
    let w = World::shared("bytes").await;
    let pair = w.pair().await;
    w.write(&pair.owner, "hello", "from the owner").await;
    assert_eq!(w.read(&pair.member, "hello").await, "from the owner");

    let seen = serde_json::to_value(&pair.member).unwrap();
    let (metadata, spec) = (&seen["metadata"], &seen["spec"]);
    assert_ne!(name_of(&pair.owner), name_of(&pair.member));
    assert_eq!(spec["nfs"], serde_json::to_value(&pair.owner).unwrap()["spec"]["nfs"]);
    assert_eq!(spec["persistentVolumeReclaimPolicy"], "Delete");
    assert_eq!(spec["claimRef"]["namespace"], json!(pair.secondary));
    assert_eq!(
        metadata["labels"]["tombolo.dev/volume"],
        json!(pair.volume()),
        "{seen:#}"
    );
    assert_eq!(metadata["labels"]["tombolo.dev/role"], "member");
    let annotations = &metadata["annotations"];
    assert_eq!(
        annotations["pv.kubernetes.io/provisioned-by"], "tombolo.dev",
        "{seen:#}"
    );
    assert_eq!(annotations["tombolo.dev/access"], "ReadWrite");
    assert_eq!(annotations["tombolo.dev/onRevoke"], "Keep");
    assert!(
        annotations["tombolo.dev/via"].as_str().unwrap().contains("for-data"),
        "{seen:#}"
    );
    let source = w.claims(&pair.primary).get("data").await.unwrap();
    assert_eq!(annotations["tombolo.dev/sourceUID"], json!(source.uid().unwrap()));
    assert!(
        metadata["finalizers"]
            .as_array()
            .unwrap()
            .contains(&json!("tombolo.dev/volume-protection"))
    );

    // The token comes off last, and Kubernetes may have bound the claim before.
    let token = |f: &String| f.starts_with("tombolo.dev/joining-");
    let without = |pv: &PersistentVolume| !pv.finalizers().iter().chain(pv.annotations().keys()).any(token);
    w.object("the token to come off", &w.pvs(), name_of(&pair.owner), without)
        .await;

    w.told(&pair.secondary, "data", "ProvisioningSucceeded", "").await;
    w.told(&pair.primary, "data", "MemberJoined", &pair.secondary).await;
    let shared = w.shared_volume("count the member", pair.volume(), |v| {
        v.status
            .as_ref()
            .is_some_and(|s| s.member_count == Some(1) && !s.members.is_empty())
    });
    let seen = serde_json::to_value(shared.await).unwrap();
    assert_eq!(seen["status"]["phase"], "Shared", "{seen:#}");
    assert_eq!(seen["status"]["owner"]["namespace"], json!(pair.primary));
    assert_eq!(seen["status"]["members"][0]["namespace"], json!(pair.secondary));
}

#[tokio::test]
async fn each_of_the_three_has_to_agree_and_the_last_one_lets_the_claim_go_on() {
    if cannot("each_of_the_three_has_to_agree_and_the_last_one_lets_the_claim_go_on") {
        return;
    }
    let w = World::shared("agree").await;
    let (primary, secondary) = (w.namespace("primary").await, w.namespace("secondary").await);
    w.bound_claim(&primary, claim("data")).await;
    w.claim(&secondary, claim("data").sharing(&primary, "data")).await;
    w.held(&secondary, "data", "ReferenceMissing", &format!("names {primary}/data"))
        .await;

    w.refer(&secondary, reference("ref", &primary, "data")).await;
    w.held(&secondary, "data", "NotShared", "shareToNamespace").await;
    let accepted = |reason: &'static str| {
        move |r: &tombolo::api::volume_reference::VolumeReference| {
            r.status
                .iter()
                .flat_map(|s| &s.conditions)
                .any(|c| c.type_ == "Accepted" && c.reason == reason)
        }
    };
    w.object(
        "the reference to have no effect yet",
        &w.references(&secondary),
        "ref",
        accepted("NotShared"),
    )
    .await;

    // An existing claim is annotated in place.
    w.annotate(&primary, "data", "tombolo.dev/shareToNamespace", json!(secondary))
        .await;
    w.bound(&secondary, "data").await;
    w.object(
        "the reference to be accepted",
        &w.references(&secondary),
        "ref",
        accepted("Accepted"),
    )
    .await;
}

#[tokio::test]
async fn a_claim_that_is_missing_and_one_that_is_not_shared_give_the_same_answer() {
    if cannot("a_claim_that_is_missing_and_one_that_is_not_shared_give_the_same_answer") {
        return;
    }
    let w = World::shared("same").await;
    let (primary, secondary) = (w.namespace("primary").await, w.namespace("secondary").await);
    w.bound_claim(&primary, claim("private").shared_to("somebody-else"))
        .await;
    w.claim(&primary, claim("unbound").class("no-such-class")).await;
    let mut notes = Vec::new();
    for name in ["private", "missing", "unbound"] {
        w.refer(&secondary, reference(name, &primary, name)).await;
        // Whatever else is wrong with the claim is not said before its owner has agreed.
        let draft = claim(name)
            .sharing(&primary, name)
            .size("1Ti")
            .modes(&["ReadWriteOncePod"]);
        w.claim(&secondary, draft).await;
        let said = w.held(&secondary, name, "NotShared", "").await;
        notes.push(said.note.replace(&format!("{primary}/{name}"), "SOURCE"));
    }
    assert!(notes.windows(2).all(|two| two[0] == two[1]), "{notes:#?}");
}

#[tokio::test]
async fn a_reference_to_the_wrong_name_is_named_and_the_right_one_binds() {
    if cannot("a_reference_to_the_wrong_name_is_named_and_the_right_one_binds") {
        return;
    }
    let w = World::shared("near").await;
    let (primary, secondary) = (w.namespace("primary").await, w.namespace("secondary").await);
    w.bound_claim(&primary, claim("primary-pvc").shared_to(&secondary))
        .await;
    // As a blog post had it: the name of the namespace where the name of the claim should be.
    w.refer(&secondary, trident_reference("my-first-tvr", &primary, "primary"))
        .await;
    let draft = claim("secondary-pvc").annotated("trident.netapp.io/shareFromPVC", &format!("{primary}/primary-pvc"));
    w.claim(&secondary, draft).await;
    w.held(
        &secondary,
        "secondary-pvc",
        "ReferenceMissing",
        &format!("my-first-tvr names {primary}/primary instead"),
    )
    .await;

    w.refer(&secondary, trident_reference("corrected", &primary, "primary-pvc"))
        .await;
    w.bound(&secondary, "secondary-pvc").await;
}

#[tokio::test]
async fn read_only_consent_gives_read_only_volumes_to_claims_that_ask_for_no_more() {
    if cannot("read_only_consent_gives_read_only_volumes_to_claims_that_ask_for_no_more") {
        return;
    }
    let w = World::shared("read").await;
    let (primary, secondary) = (w.namespace("primary").await, w.namespace("secondary").await);
    let granted = claim("granted").annotated("tombolo.dev/shareReadOnlyToNamespace", &secondary);
    w.bound_claim(&primary, granted).await;
    w.bound_claim(&primary, claim("open").shared_to(&secondary)).await;
    w.refer(&secondary, reference("granted", &primary, "granted")).await;
    w.refer(&secondary, read_only_reference("open", &primary, "open")).await;
    for source in ["granted", "open"] {
        let asks = |name: &str| claim(&format!("{source}-{name}")).sharing(&primary, source);
        w.claim(&secondary, asks("writes")).await;
        w.held(
            &secondary,
            &format!("{source}-writes"),
            "AccessModeMismatch",
            "ReadOnlyMany",
        )
        .await;
        let (_, pv) = w.bound_claim(&secondary, asks("reads").modes(&["ReadOnlyMany"])).await;
        let spec = pv.spec.clone().unwrap();
        assert_eq!(spec.access_modes.unwrap(), ["ReadOnlyMany"]);
        assert!(
            spec.mount_options.unwrap().contains(&"ro".to_owned()),
            "{:?}",
            shown(&pv)
        );
        assert_eq!(spec.nfs.unwrap().read_only, Some(true));
        assert_eq!(pv.annotations()["tombolo.dev/access"], "ReadOnly");
        let said = w
            .told(&secondary, &format!("{source}-reads"), "ReadOnlyNotEnforced", "")
            .await;
        assert_eq!(said.type_, "Normal");
    }
    // Of several references the widest counts, and a claim that asks to read only is a reader.
    w.refer(&secondary, reference("open-too", &primary, "open")).await;
    w.bound(&secondary, "open-writes").await;
    let (_, reader) = w
        .bound_claim(
            &secondary,
            claim("reader").sharing(&primary, "open").modes(&["ReadOnlyMany"]),
        )
        .await;
    assert_eq!(reader.annotations()["tombolo.dev/access"], "ReadOnly");
}

#[tokio::test]
async fn a_namespace_that_gets_the_label_later_is_let_in() {
    if cannot("a_namespace_that_gets_the_label_later_is_let_in") {
        return;
    }
    let w = World::shared("label").await;
    let primary = w.namespace("primary").await;
    let near = w
        .labelled_namespace("near", json!({"team": w.id, "stage": "test"}))
        .await;
    let secondary = w.namespace("secondary").await;
    let selector = format!("team={}, stage=prod", w.id);
    w.bound_claim(
        &primary,
        claim("data").annotated("tombolo.dev/shareToNamespaceSelector", &selector),
    )
    .await;
    for ns in [&near, &secondary] {
        w.refer(ns, reference("ref", &primary, "data")).await;
        w.claim(ns, claim("data").sharing(&primary, "data")).await;
        w.held(ns, "data", "NotShared", "").await;
    }
    let labels = json!({"metadata": {"labels": {"team": w.id, "stage": "prod"}}});
    w.patch(&w.all::<Namespace>(), &secondary, labels).await;
    w.bound(&secondary, "data").await;
    w.is_unserved(&near, "data").await;
}

#[tokio::test]
async fn a_list_with_a_mistake_warns_its_owner_and_its_good_items_count() {
    if cannot("a_list_with_a_mistake_warns_its_owner_and_its_good_items_count") {
        return;
    }
    let w = World::shared("list").await;
    let (primary, secondary) = (w.namespace("primary").await, w.namespace("secondary").await);
    w.bound_claim(
        &primary,
        claim("data").shared_to(&format!("other, {secondary} ,, Not_A_Name")),
    )
    .await;
    w.member(&secondary, "data", &primary, "data").await;
    w.told(&primary, "data", "InvalidShareTo", "Not_A_Name").await;
}

#[tokio::test]
async fn a_share_waits_for_its_source_to_be_bound() {
    if cannot("a_share_waits_for_its_source_to_be_bound") {
        return;
    }
    let w = World::shared("unbound")
        .await
        .with_class(json!({"volumeBindingMode": "WaitForFirstConsumer"}))
        .await;
    let (primary, secondary) = (w.namespace("primary").await, w.namespace("secondary").await);
    w.refer(&secondary, reference("ref", &primary, "data")).await;
    w.claim(&secondary, claim("data").sharing(&primary, "data")).await;
    w.held(&secondary, "data", "NotShared", "").await;
    w.claim(&primary, claim("data").shared_to(&secondary)).await;
    let said = w.told(&secondary, "data", "SourceNotBound", "").await;
    assert_eq!(said.type_, "Normal");
    w.is_unserved(&secondary, "data").await;
    w.annotate(&primary, "data", "volume.kubernetes.io/selected-node", json!("node-1"))
        .await;
    w.bound(&primary, "data").await;
    // A share does not wait for a node of its own.
    w.bound(&secondary, "data").await;
}

#[tokio::test]
async fn a_claim_made_again_under_the_same_name_carries_nothing_over() {
    if cannot("a_claim_made_again_under_the_same_name_carries_nothing_over") {
        return;
    }
    let w = World::shared("again").await;
    let pair = w.pair().await;
    w.write(&pair.owner, "hello", "old").await;
    w.delete(&w.claims(&pair.primary), "data").await;
    w.gone(&w.claims(&pair.primary), "data").await;
    let (_, fresh) = w.bound_claim(&pair.primary, claim("data").shared_to("*")).await;
    assert_ne!(name_of(&fresh), pair.volume());
    assert!(!w.exists(&format!("{}/hello", w.path(&fresh))).await);
    // The member stays with the old data; another joins the new.
    assert_eq!(w.read(&pair.member, "hello").await, "old");
    let (_, newcomer) = w
        .bound_claim(&pair.secondary, claim("newcomer").sharing(&pair.primary, "data"))
        .await;
    assert_eq!(w.path(&newcomer), w.path(&fresh));
}

#[tokio::test]
async fn twenty_members_join_at_once() {
    if cannot("twenty_members_join_at_once") {
        return;
    }
    let w = World::shared("twenty").await;
    let primary = w.namespace("primary").await;
    let (_, owner) = w.bound_claim(&primary, claim("data").shared_to("*")).await;
    let namespaces = join_all(["a", "b", "c", "d"].map(|name| w.namespace(name))).await;
    for ns in &namespaces {
        w.refer(ns, reference("ref", &primary, "data")).await;
    }
    let members: Vec<_> = namespaces
        .iter()
        .flat_map(|ns| (0..5).map(move |i| (ns, format!("data-{i}"))))
        .collect();
    let start = Instant::now();
    join_all(
        members
            .iter()
            .map(|(ns, name)| w.claim(ns, claim(name).sharing(&primary, "data"))),
    )
    .await;
    for (ns, name) in &members {
        let (_, pv) = w.bound(ns, name).await;
        assert_eq!(w.path(&pv), w.path(&owner));
    }
    println!("twenty members bound within {:?}", start.elapsed());
    w.shared_volume("count them", name_of(&owner), |v| {
        v.status.as_ref().is_some_and(|s| s.member_count == Some(20))
    })
    .await;
    let owner = w.pvs().get(name_of(&owner)).await.unwrap();
    assert!(
        !owner.finalizers().iter().any(|f| f.starts_with("tombolo.dev/joining-")),
        "{:?}",
        shown(&owner)
    );
}

/// In a cluster where nothing else wakes a claim that was refused: there is no other backend that becomes ready, and what the sweep
/// would find it finds after an hour. So every claim that is bound here was woken by the change before.
#[tokio::test]
async fn whatever_could_change_a_refusal_wakes_the_claim() {
    if cannot("whatever_could_change_a_refusal_wakes_the_claim") {
        return;
    }
    let cluster = Cluster::start(World::options()).await.unwrap();
    let w = World::own(&cluster, "wake").await;
    let options = controller::options("wake").flag("--sweep-interval=1h");
    let _controller = Controller::launch(&cluster, options).await.unwrap();
    w.backend_is(&w.id, "Ready", "True").await;
    let (primary, secondary) = (w.namespace("primary").await, w.namespace("secondary").await);
    let asks = async |name: &str, reason: &str| {
        w.claim(&secondary, claim(name).sharing(&primary, name)).await;
        w.held(&secondary, name, reason, "").await;
    };

    // A reference, of either kind.
    for name in ["by-reference", "by-trident"] {
        w.bound_claim(&primary, claim(name).shared_to("*")).await;
        asks(name, "ReferenceMissing").await;
    }
    w.refer(&secondary, reference("by-reference", &primary, "by-reference"))
        .await;
    w.bound(&secondary, "by-reference").await;
    w.refer(&secondary, trident_reference("by-trident", &primary, "by-trident"))
        .await;
    w.bound(&secondary, "by-trident").await;

    // The owner's consent; the label by which the owner's selector lets in.
    let selector = ("tombolo.dev/shareToNamespaceSelector", "team=ours");
    w.bound_claim(&primary, claim("by-consent")).await;
    w.bound_claim(&primary, claim("by-label").annotated(selector.0, selector.1))
        .await;
    for name in ["by-consent", "by-label"] {
        w.refer(&secondary, reference(name, &primary, name)).await;
        asks(name, "NotShared").await;
    }
    w.annotate(&primary, "by-consent", "tombolo.dev/shareToNamespace", json!("*"))
        .await;
    w.bound(&secondary, "by-consent").await;
    let labels = json!({"metadata": {"labels": {"team": "ours"}}});
    w.patch(&w.all::<Namespace>(), &secondary, labels).await;
    w.bound(&secondary, "by-label").await;

    // The source itself, made and bound later.
    w.refer(&secondary, reference("by-source", &primary, "by-source")).await;
    asks("by-source", "NotShared").await;
    w.claim(&primary, claim("by-source").shared_to("*")).await;
    w.bound(&secondary, "by-source").await;

    // Its class.
    let class = format!("later-{}", w.id);
    w.claim(&primary, claim("by-class").class(&class)).await;
    w.storage_class(&class, json!({"parameters": {"backend": w.id}})).await;
    w.bound(&primary, "by-class").await;
}
