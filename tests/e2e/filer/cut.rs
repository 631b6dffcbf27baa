//! `onRevoke: Cut`: access that ends with consent, and comes back with it.

use serde_json::json;

use super::lacks_filer;
use crate::draft::{claim, reference};
use crate::see::{has_condition, name_of, phase, shown};
use crate::world::World;

const ON_REVOKE: &str = "tombolo.dev/onRevoke";

#[tokio::test]
async fn access_ends_with_consent_and_comes_back_with_it() {
    if lacks_filer("access_ends_with_consent_and_comes_back_with_it") {
        return;
    }
    let w = World::on_filer("cut").await;
    let (primary, secondary, other) = (
        w.namespace("primary").await,
        w.namespace("secondary").await,
        w.namespace("other").await,
    );
    let list = format!("{secondary},{other}");
    let draft = claim("data").shared_to(&list).annotated(ON_REVOKE, "Cut");
    let (_, owner) = w.bound_claim(&primary, draft).await;
    w.write(&owner, "hello", "world").await;
    let member = w.member(&secondary, "data", &primary, "data").await;
    let neighbour = w.member(&other, "data", &primary, "data").await;
    assert_eq!(w.read(&member, "hello").await, "world");

    w.annotate(&primary, "data", "tombolo.dev/shareToNamespace", json!(other))
        .await;
    w.told(&secondary, "data", "ConsentWithdrawn", "").await;
    let said = w.told(&secondary, "data", "AccessCut", "").await;
    assert_eq!(said.type_, "Warning", "{said:#?}");
    w.shut_out(&member, "hello").await;
    // Nobody else notices, and nothing else of the member changes.
    assert_eq!(w.read(&neighbour, "hello").await, "world");
    w.write(&owner, "owners", "still").await;
    let kept = w.claims(&secondary).get("data").await.unwrap();
    assert_eq!(phase(&kept), "Bound", "{:?}", shown(&kept));
    let cut = w.pvs().get(name_of(&member)).await.unwrap();
    assert_eq!(cut.spec.as_ref().unwrap().nfs, member.spec.as_ref().unwrap().nfs);
    assert!(w.try_read(&member, "hello").await.is_err());
    w.shared_volume("say so", name_of(&owner), |v| has_condition(v, "ConsentWithdrawn"))
        .await;

    w.annotate(&primary, "data", "tombolo.dev/shareToNamespace", json!(list))
        .await;
    w.told(&secondary, "data", "AccessRestored", "").await;
    assert_eq!(w.read(&member, "hello").await, "world", "at the same path");
    w.shared_volume("be at peace again", name_of(&owner), |v| {
        !has_condition(v, "ConsentWithdrawn")
    })
    .await;
}

#[tokio::test]
async fn an_admin_cuts_by_deleting_the_reference() {
    if lacks_filer("an_admin_cuts_by_deleting_the_reference") {
        return;
    }
    let w = World::on_filer("dereferenced").await;
    let (primary, secondary) = (w.namespace("primary").await, w.namespace("secondary").await);
    let draft = claim("data").shared_to("*").annotated(ON_REVOKE, "Cut");
    let (_, owner) = w.bound_claim(&primary, draft).await;
    w.write(&owner, "hello", "world").await;
    let member = w.member(&secondary, "data", &primary, "data").await;
    // Soft deletion is no withdrawal; the admin's word still counts afterwards.
    w.delete(&w.claims(&primary), "data").await;
    w.shared_volume("be soft-deleted", name_of(&owner), |v| has_condition(v, "SoftDeleted"))
        .await;
    assert_eq!(w.read(&member, "hello").await, "world");
    w.delete(&w.references(&secondary), "for-data").await;
    w.shut_out(&member, "hello").await;
    w.refer(&secondary, reference("again", &primary, "data")).await;
    assert_eq!(w.read(&member, "hello").await, "world");
    w.delete(&w.claims(&secondary), "data").await;
    w.gone(&w.pvs(), name_of(&owner)).await;
}

#[tokio::test]
async fn two_claims_of_one_namespace_share_a_way_until_the_last_has_no_consent() {
    if lacks_filer("two_claims_of_one_namespace_share_a_way_until_the_last_has_no_consent") {
        return;
    }
    let w = World::on_filer("twice").await;
    let (primary, secondary) = (w.namespace("primary").await, w.namespace("secondary").await);
    let draft = claim("data").shared_to("*").annotated(ON_REVOKE, "Cut");
    let (_, owner) = w.bound_claim(&primary, draft).await;
    w.write(&owner, "hello", "world").await;
    let one = w.member(&secondary, "one", &primary, "data").await;
    let two = w.member(&secondary, "two", &primary, "data").await;
    assert_eq!(w.path(&one), w.path(&two));
    w.annotate(&primary, "data", "tombolo.dev/shareToNamespace", json!("somebody-else"))
        .await;
    w.shut_out(&one, "hello").await;
    w.shut_out(&two, "hello").await;
    assert_eq!(w.read(&owner, "hello").await, "world");
}
