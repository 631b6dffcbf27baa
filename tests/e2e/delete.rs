//! Deleting: soft delete and who is counted, Hold, Retain, and deletions by hand in every order.

use k8s_openapi::api::storage::v1::StorageClass;
use kube::ResourceExt as _;
use serde_json::json;
use tombolo_harness::wait::Look;

use crate::draft::{claim, reference};
use crate::see::{has_condition, name_of, phase, pv_phase, shown};
use crate::world::{World, cannot};

#[tokio::test]
async fn the_data_outlives_its_owners_namespace_until_the_last_member_has_gone() {
    if cannot("the_data_outlives_its_owners_namespace_until_the_last_member_has_gone") {
        return;
    }
    let w = World::shared("soft").await;
    let pair = w.pair().await;
    w.write(&pair.owner, "hello", "world").await;
    let third = w.namespace("third").await;
    let other = w.member(&third, "data", &pair.primary, "data").await;

    w.end_namespace(&pair.primary).await;
    let owner = w
        .object("the owner's volume to be released", &w.pvs(), pair.volume(), |pv| {
            pv_phase(pv) == "Released"
        })
        .await;
    assert!(owner.metadata.deletion_timestamp.is_none(), "{:?}", shown(&owner));
    let soft = w
        .shared_volume("be soft-deleted", pair.volume(), |v| has_condition(v, "SoftDeleted"))
        .await;
    let seen = serde_json::to_value(&soft).unwrap();
    assert_eq!(seen["status"]["phase"], "SoftDeleted", "{seen:#}");
    assert_eq!(seen["status"]["owner"]["namespace"], json!(pair.primary));
    assert_eq!(seen["status"]["memberCount"], 2);

    // New members are refused, with the answer that a claim which does not exist gets.
    w.claim(&third, claim("late").sharing(&pair.primary, "data")).await;
    w.held(&third, "late", "NotShared", "").await;

    w.delete(&w.claims(&pair.secondary), "data").await;
    w.gone(&w.pvs(), name_of(&pair.member)).await;
    // Where that was the last member, the data has gone by now.
    let control = w.control().await;
    w.delete(&w.claims(&control.primary), "data").await;
    w.delete(&w.claims(&control.secondary), "data").await;
    w.nothing_left(&control.owner).await;
    assert_eq!(w.read(&other, "hello").await, "world");

    w.end_namespace(&third).await;
    w.nothing_left(&pair.owner).await;
    w.gone(&w.pvs(), name_of(&other)).await;
}

#[tokio::test]
async fn a_member_leaves_and_the_owner_stays() {
    if cannot("a_member_leaves_and_the_owner_stays") {
        return;
    }
    let w = World::shared("stay").await;
    let pair = w.pair().await;
    w.write(&pair.member, "hello", "from the member").await;
    w.delete(&w.claims(&pair.secondary), "data").await;
    w.gone(&w.pvs(), name_of(&pair.member)).await;
    w.gone(&w.shared_volumes(), pair.volume()).await;
    w.told(&pair.primary, "data", "MemberLeft", &pair.secondary).await;
    assert_eq!(w.read(&pair.owner, "hello").await, "from the member");
    w.delete(&w.claims(&pair.primary), "data").await;
    w.nothing_left(&pair.owner).await;
}

#[tokio::test]
async fn owner_and_members_deleted_together_leave_nothing() {
    if cannot("owner_and_members_deleted_together_leave_nothing") {
        return;
    }
    let w = World::shared("together").await;
    let pair = w.pair().await;
    tokio::join!(w.end_namespace(&pair.primary), w.end_namespace(&pair.secondary));
    w.nothing_left(&pair.owner).await;
    w.gone(&w.pvs(), name_of(&pair.member)).await;
}

#[tokio::test]
async fn with_hold_the_owners_claim_waits_for_the_last_member() {
    if cannot("with_hold_the_owners_claim_waits_for_the_last_member") {
        return;
    }
    let parameters = json!({"parameters": {"onOwnerDelete": "Hold"}});
    let w = World::shared("hold").await.with_class(parameters).await;
    let (primary, secondary) = (w.namespace("primary").await, w.namespace("secondary").await);
    let claims = w.claims(&primary);
    let held =
        |c: &k8s_openapi::api::core::v1::PersistentVolumeClaim| c.finalizers().iter().any(|f| f == "tombolo.dev/hold");
    let (alone, owner) = w.bound_claim(&primary, claim("data").shared_to("*")).await;
    assert!(
        !held(&alone),
        "a volume without members is not held: {:?}",
        shown(&alone)
    );
    let member = w.member(&secondary, "data", &primary, "data").await;
    let now = claims.get("data").await.unwrap();
    assert!(held(&now), "{:?}", shown(&now));

    // Somebody strips it while the claim lives: it is put back.
    w.patch(
        &claims,
        "data",
        json!({"metadata": {"finalizers": ["kubernetes.io/pvc-protection"]}}),
    )
    .await;
    w.object("the hold to be put back", &claims, "data", held).await;

    w.delete(&w.all::<k8s_openapi::api::core::v1::Namespace>(), &primary)
        .await;
    w.object("the claim to be deleted", &claims, "data", |c| {
        c.metadata.deletion_timestamp.is_some()
    })
    .await;
    let shared = w
        .shared_volume("say what it waits for", name_of(&owner), |v| {
            has_condition(v, "HoldingOwner")
        })
        .await;
    assert!(!has_condition(&shared, "SoftDeleted"), "{:?}", shown(&shared));
    w.claim(&secondary, claim("late").sharing(&primary, "data")).await;
    w.held(&secondary, "late", "SourceTerminating", "").await;

    w.delete(&w.claims(&secondary), "data").await;
    w.gone(&w.pvs(), name_of(&member)).await;
    w.gone(&w.all::<k8s_openapi::api::core::v1::Namespace>(), &primary)
        .await;
    w.nothing_left(&owner).await;
}

#[tokio::test]
async fn with_hold_a_member_that_leaves_sets_a_living_owner_free() {
    if cannot("with_hold_a_member_that_leaves_sets_a_living_owner_free") {
        return;
    }
    let parameters = json!({"parameters": {"onOwnerDelete": "Hold"}});
    let w = World::shared("free").await.with_class(parameters).await;
    let pair = w.pair().await;
    w.delete(&w.claims(&pair.secondary), "data").await;
    let free =
        |c: &k8s_openapi::api::core::v1::PersistentVolumeClaim| !c.finalizers().iter().any(|f| f == "tombolo.dev/hold");
    w.object("the hold to come off", &w.claims(&pair.primary), "data", free)
        .await;
}

#[tokio::test]
async fn retained_data_is_never_deleted_not_even_with_its_volume() {
    if cannot("retained_data_is_never_deleted_not_even_with_its_volume") {
        return;
    }
    let w = World::shared("retain")
        .await
        .with_class(json!({"reclaimPolicy": "Retain"}))
        .await;
    let pair = w.pair().await;
    w.write(&pair.owner, "hello", "world").await;
    let member = serde_json::to_value(&pair.member).unwrap();
    assert_eq!(
        member["spec"]["persistentVolumeReclaimPolicy"], "Delete",
        "a member holds no data: {member:#}"
    );
    w.delete(&w.claims(&pair.primary), "data").await;
    w.delete(&w.claims(&pair.secondary), "data").await;
    w.gone(&w.pvs(), name_of(&pair.member)).await;
    let owner = w
        .object("the volume to be released", &w.pvs(), pair.volume(), |pv| {
            pv_phase(pv) == "Released"
        })
        .await;
    assert!(owner.metadata.deletion_timestamp.is_none(), "{:?}", shown(&owner));
    assert_eq!(w.read(&pair.owner, "hello").await, "world");
    // An admin who deletes the object gets rid of the object.
    w.delete(&w.pvs(), pair.volume()).await;
    w.gone(&w.pvs(), pair.volume()).await;
    assert_eq!(w.read(&pair.owner, "hello").await, "world");
}

#[tokio::test]
async fn a_class_may_keep_or_archive_what_is_deleted() {
    if cannot("a_class_may_keep_or_archive_what_is_deleted") {
        return;
    }
    let w = World::shared("archive").await;
    let ns = w.namespace("primary").await;
    for (name, on_delete) in [("kept", "retain"), ("archived", "archive")] {
        let class = format!("{name}-{}", w.id);
        w.storage_class(
            &class,
            json!({"parameters": {"backend": w.class, "onDelete": on_delete}}),
        )
        .await;
        let (_, pv) = w.bound_claim(&ns, claim(name).class(&class)).await;
        w.write(&pv, "hello", name).await;
        let path = w.path(&pv);
        // Another class of that name changes nothing for a volume that exists.
        w.delete(&w.all::<StorageClass>(), &class).await;
        w.storage_class(
            &class,
            json!({"parameters": {"backend": w.class, "onDelete": "delete"}}),
        )
        .await;
        w.delete(&w.claims(&ns), name).await;
        w.gone(&w.pvs(), name_of(&pv)).await;
        let (root, id) = path.rsplit_once('/').unwrap();
        let now = if on_delete == "archive" {
            format!("{root}/.tombolo/archive/{id}")
        } else {
            path.clone()
        };
        assert_eq!(w.read_at(&format!("{now}/hello")).await, name);
    }
}

#[tokio::test]
async fn trash_is_kept_for_its_time() {
    if cannot("trash_is_kept_for_its_time") {
        return;
    }
    let mut w = World::shared("trash").await;
    w.backend(&w.id, json!({"trashRetention": "1h"})).await;
    w.storage_class(&w.id, json!({"parameters": {"backend": w.id}})).await;
    w.class = w.id.clone();
    let ns = w.namespace("primary").await;
    let (_, pv) = w.bound_claim(&ns, claim("data")).await;
    w.write(&pv, "hello", "world").await;
    w.delete(&w.claims(&ns), "data").await;
    w.gone(&w.pvs(), name_of(&pv)).await;
    let trash = format!("{}/.tombolo/trash/{}", w.id, name_of(&pv));
    assert_eq!(w.read_at(&format!("{trash}/hello")).await, "world");
    assert!(!w.exists(&w.path(&pv)).await);
    // Retention that ends is looked at without anybody's asking.
    let backends = w.all::<tombolo::api::storage_backend::StorageBackend>();
    w.patch(&backends, &w.id, json!({"spec": {"trashRetention": "0s"}}))
        .await;
    w.nothing_left(&pv).await;
}

#[tokio::test]
async fn a_volume_deleted_by_hand_before_its_claim_waits_for_everybody() {
    if cannot("a_volume_deleted_by_hand_before_its_claim_waits_for_everybody") {
        return;
    }
    let w = World::shared("hand").await;
    let pair = w.pair().await;
    w.write(&pair.owner, "hello", "world").await;
    w.delete(&w.pvs(), pair.volume()).await;
    w.claim(&pair.secondary, claim("late").sharing(&pair.primary, "data"))
        .await;
    w.held(&pair.secondary, "late", "SourceTerminating", "").await;
    assert_eq!(w.read(&pair.owner, "hello").await, "world");

    w.delete(&w.claims(&pair.primary), "data").await;
    w.gone(&w.claims(&pair.primary), "data").await;
    // One that is deleted by hand in the same way, and has no member, goes with its claim.
    let (_, control) = w.bound_claim(&pair.secondary, claim("control")).await;
    w.delete(&w.pvs(), name_of(&control)).await;
    w.delete(&w.claims(&pair.secondary), "control").await;
    w.nothing_left(&control).await;
    assert_eq!(w.read(&pair.member, "hello").await, "world");
    w.delete(&w.claims(&pair.secondary), "data").await;
    w.nothing_left(&pair.owner).await;
}

#[tokio::test]
async fn a_members_volume_deleted_by_hand_waits_for_its_claim() {
    if cannot("a_members_volume_deleted_by_hand_waits_for_its_claim") {
        return;
    }
    let w = World::shared("hand-member").await;
    let pair = w.pair().await;
    w.write(&pair.owner, "hello", "world").await;
    w.delete(&w.pvs(), name_of(&pair.member)).await;
    w.delete(&w.claims(&pair.primary), "data").await;
    w.gone(&w.claims(&pair.primary), "data").await;
    // With its claim, such an object goes, and what it was the last member of.
    let control = w.control().await;
    w.delete(&w.pvs(), name_of(&control.member)).await;
    w.delete(&w.claims(&control.primary), "data").await;
    w.delete(&w.claims(&control.secondary), "data").await;
    w.nothing_left(&control.owner).await;
    w.gone(&w.pvs(), name_of(&control.member)).await;
    assert_eq!(w.read(&pair.member, "hello").await, "world");
    let member = w.pvs().get(name_of(&pair.member)).await.unwrap();
    assert!(member.metadata.deletion_timestamp.is_some(), "{:?}", shown(&member));
    w.delete(&w.claims(&pair.secondary), "data").await;
    w.nothing_left(&pair.owner).await;
}

#[tokio::test]
async fn a_volume_is_deleted_as_it_was_made_though_its_class_is_gone() {
    if cannot("a_volume_is_deleted_as_it_was_made_though_its_class_is_gone") {
        return;
    }
    let w = World::shared("classless").await.with_class(json!({})).await;
    let pair = w.pair().await;
    w.delete(&w.all::<StorageClass>(), &w.id).await;
    w.claim(&pair.secondary, claim("late").sharing(&pair.primary, "data"))
        .await;
    w.owner_leaves(&pair).await;
    w.delete(&w.claims(&pair.secondary), "data").await;
    w.nothing_left(&pair.owner).await;
}

#[tokio::test]
async fn a_backend_under_deletion_takes_nothing_new_and_goes_with_its_last_volume() {
    if cannot("a_backend_under_deletion_takes_nothing_new_and_goes_with_its_last_volume") {
        return;
    }
    let mut w = World::shared("last").await;
    w.backend(&w.id, json!({"trashRetention": "0s"})).await;
    w.storage_class(&w.id, json!({"parameters": {"backend": w.id}})).await;
    w.class = w.id.clone();
    let pair = w.pair().await;
    let backends = w.all::<tombolo::api::storage_backend::StorageBackend>();
    w.delete(&backends, &w.id).await;
    w.object("the deletion to begin", &backends, &w.id, |b| {
        b.metadata.deletion_timestamp.is_some()
    })
    .await;
    // The controller may hear of a claim before it hears of the backend: from the first refusal on, it has.
    let tried = std::cell::Cell::new(0);
    w.until("a claim to be refused", async || {
        let name = format!("tried-{}", tried.get());
        if w.claims(&pair.primary).get_opt(&name).await?.is_none() {
            w.claim(&pair.primary, claim(&name)).await;
        }
        let events = w.events(&pair.primary, &name).await?;
        let refused = events.iter().any(|e| e.note.starts_with("BackendUnavailable: "));
        let bound = phase(&w.claims(&pair.primary).get(&name).await?) == "Bound";
        if refused || bound {
            w.delete(&w.claims(&pair.primary), &name).await;
            tried.set(tried.get() + 1);
        }
        Ok(Look::holds(refused, (name, events)))
    })
    .await;
    w.claim(&pair.primary, claim("new")).await;
    w.claim(&pair.secondary, claim("late").sharing(&pair.primary, "data"))
        .await;
    w.held(&pair.primary, "new", "BackendUnavailable", "").await;
    w.held(&pair.secondary, "late", "BackendUnavailable", "").await;
    w.delete(&w.claims(&pair.primary), "data").await;
    w.delete(&w.claims(&pair.secondary), "data").await;
    w.nothing_left(&pair.owner).await;
    w.gone(&backends, &w.id).await;
}

#[tokio::test]
async fn a_reference_deleted_with_the_last_member_is_no_hindrance() {
    if cannot("a_reference_deleted_with_the_last_member_is_no_hindrance") {
        return;
    }
    let w = World::shared("order").await;
    let pair = w.pair().await;
    w.refer(&pair.secondary, reference("spare", &pair.primary, "data"))
        .await;
    w.delete(&w.claims(&pair.primary), "data").await;
    w.delete(&w.references(&pair.secondary), "for-data").await;
    w.delete(&w.references(&pair.secondary), "spare").await;
    w.delete(&w.claims(&pair.secondary), "data").await;
    w.nothing_left(&pair.owner).await;
}
