//! `tombolo reclaim`: a volume whose owner has gone gets a new one, and its members stay.

use serde_json::json;

use crate::controller::{refused, said};
use crate::draft::{claim, reference};
use crate::see::{has_condition, name_of, pv_phase, shown};
use crate::world::{World, cannot};

#[tokio::test]
async fn a_reclaimed_volume_has_a_new_owner_who_is_asked_and_keeps_its_members() {
    if cannot("a_reclaimed_volume_has_a_new_owner_who_is_asked_and_keeps_its_members") {
        return;
    }
    let w = World::shared("reclaim").await;
    let pair = w.pair().await;
    w.write(&pair.owner, "hello", "world").await;
    w.owner_leaves(&pair).await;

    let third = w.namespace("third").await;
    w.claim(&third, claim("heir").spec("volumeName", json!(pair.volume())))
        .await;
    let to = format!("{third}/heir");
    let text = said(&["reclaim", pair.volume(), "--to", &to]).await;
    assert!(text.contains(&to), "{text}");
    let (_, owned) = w.bound(&third, "heir").await;
    assert_eq!(name_of(&owned), pair.volume());
    let shared = w
        .shared_volume("name the new owner", pair.volume(), |v| {
            let seen = serde_json::to_value(v).unwrap();
            seen["status"]["owner"]["namespace"] == json!(third) && !has_condition(v, "SoftDeleted")
        })
        .await;
    assert!(!has_condition(&shared, "ConsentWithdrawn"), "{:?}", shown(&shared));
    let (_, member) = w.bound(&pair.secondary, "data").await;
    assert_eq!(name_of(&member), name_of(&pair.member));
    assert_eq!(w.read(&member, "hello").await, "world");

    // It was made for another claim: once the new owner says anything about sharing, that counts.
    let fourth = w.namespace("fourth").await;
    w.refer(&fourth, reference("for-data", &third, "heir")).await;
    w.claim(&fourth, claim("data").sharing(&third, "heir")).await;
    w.held(&fourth, "data", "NotShared", "").await;
    w.annotate(&third, "heir", "tombolo.dev/shareToNamespace", json!(fourth))
        .await;
    w.bound(&fourth, "data").await;
    w.told(&pair.secondary, "data", "ConsentWithdrawn", "").await;
    assert_eq!(w.read(&member, "hello").await, "world");

    for (namespace, name) in [(&pair.secondary, "data"), (&fourth, "data"), (&third, "heir")] {
        w.delete(&w.claims(namespace), name).await;
    }
    w.nothing_left(&pair.owner).await;
}

#[tokio::test]
async fn what_is_going_or_does_not_fit_is_not_reclaimed() {
    if cannot("what_is_going_or_does_not_fit_is_not_reclaimed") {
        return;
    }
    let w = World::shared("misfit").await;
    let pair = w.pair().await;
    let third = w.namespace("third").await;
    let waiting = |name: &str| claim(name).spec("volumeName", json!(pair.volume()));
    w.claim(&third, waiting("heir")).await;
    w.claim(&third, waiting("large").size("2Mi")).await;
    w.claim(&third, claim("elsewhere").spec("volumeName", json!("pvc-another")))
        .await;
    let reclaim = async |name: &str| {
        let to = format!("{third}/{name}");
        refused(&["reclaim", pair.volume(), "--to", &to]).await
    };
    assert!(reclaim("heir").await.contains("is in use"));

    w.delete(&w.claims(&pair.primary), "data").await;
    w.object("the volume to be released", &w.pvs(), pair.volume(), |pv| {
        pv_phase(pv) == "Released"
    })
    .await;
    for (name, why) in [
        ("large", "asks for more than"),
        ("elsewhere", "spec.volumeName"),
        ("absent", "no claim"),
    ] {
        let text = reclaim(name).await;
        assert!(text.contains(why), "{name}: {text}");
    }

    w.delete(&w.pvs(), pair.volume()).await;
    let going = w
        .object("the volume to be going", &w.pvs(), pair.volume(), |pv| {
            pv.metadata.deletion_timestamp.is_some()
        })
        .await;
    assert!(reclaim("heir").await.contains("is being deleted"));
    let now = w.pvs().get(pair.volume()).await.unwrap();
    assert_eq!(now.spec.unwrap().claim_ref, going.spec.unwrap().claim_ref);
    w.delete(&w.claims(&pair.secondary), "data").await;
    w.nothing_left(&pair.owner).await;
}
