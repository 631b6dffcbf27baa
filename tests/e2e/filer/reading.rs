//! Reading only, by the server.

use serde_json::json;

use super::lacks_filer;
use crate::draft::{claim, read_only_reference};
use crate::see::{has_condition, name_of};
use crate::world::World;

#[tokio::test]
async fn who_may_only_read_is_refused_by_the_server() {
    if lacks_filer("who_may_only_read_is_refused_by_the_server") {
        return;
    }
    let w = World::on_filer("reading").await;
    let (primary, readers, writers) = (
        w.namespace("primary").await,
        w.namespace("readers").await,
        w.namespace("writers").await,
    );
    let (_, owner) = w.bound_claim(&primary, claim("data").shared_to("*")).await;
    w.write(&owner, "hello", "world").await;
    w.refer(&readers, read_only_reference("for-data", &primary, "data"))
        .await;
    let draft = claim("data").sharing(&primary, "data").modes(&["ReadOnlyMany"]);
    let (_, reader) = w.bound_claim(&readers, draft).await;
    let writer = w.member(&writers, "data", &primary, "data").await;

    assert_eq!(w.read(&reader, "hello").await, "world");
    let why = w.refused_to_write(&reader).await;
    assert!(why.contains("ROFS") || why.contains("Read-only"), "{why}");
    assert!(!w.exists(&format!("{}/attempt-0", w.path(&owner))).await);
    w.write(&writer, "from-writer", "more").await;
    assert_eq!(w.read(&reader, "from-writer").await, "more");

    // Three ways to one directory, each a path of its own.
    let paths = [&owner, &reader, &writer].map(|pv| w.path(pv));
    assert!(
        paths[0] != paths[1] && paths[1] != paths[2] && paths[0] != paths[2],
        "{paths:?}"
    );
    let options = |pv: &k8s_openapi::api::core::v1::PersistentVolume| {
        pv.spec
            .as_ref()
            .and_then(|s| s.mount_options.clone())
            .unwrap_or_default()
    };
    assert!(options(&reader).iter().any(|o| o == "ro"), "{:?}", options(&reader));
    // The event of backends that cannot refuse is not said here.
    let events = w.events(&readers, "data").await.unwrap();
    assert!(!events.iter().any(|e| e.reason == "ReadOnlyNotEnforced"), "{events:#?}");
}

#[tokio::test]
async fn consent_that_shrinks_takes_writing_away_where_that_was_agreed() {
    if lacks_filer("consent_that_shrinks_takes_writing_away_where_that_was_agreed") {
        return;
    }
    let w = World::on_filer("shrinks").await;
    let primary = w.namespace("primary").await;
    let cutting = claim("data").shared_to("*").annotated("tombolo.dev/onRevoke", "Cut");
    let (_, owner) = w.bound_claim(&primary, cutting).await;
    let (_, kept) = w.bound_claim(&primary, claim("kept").shared_to("*")).await;
    w.write(&owner, "hello", "world").await;
    let secondary = w.namespace("secondary").await;
    let member = w.member(&secondary, "data", &primary, "data").await;
    let keeper = w.member(&secondary, "kept", &primary, "kept").await;
    for name in ["data", "kept"] {
        w.annotate(&primary, name, "tombolo.dev/shareReadOnlyToNamespace", json!("*"))
            .await;
        w.annotate(&primary, name, "tombolo.dev/shareToNamespace", json!(null))
            .await;
    }
    let why = w.refused_to_write(&member).await;
    assert!(why.contains("ROFS") || why.contains("Read-only"), "{why}");
    assert_eq!(w.read(&member, "hello").await, "world");
    w.write(&owner, "owners", "still").await;
    // Whoever joined under Keep keeps writing, and an admin sees it.
    w.shared_volume("say that access was not reduced", name_of(&kept), |v| {
        has_condition(v, "AccessNotReduced")
    })
    .await;
    w.write(&keeper, "late", "written").await;
    // Writing comes back with consent.
    w.annotate(&primary, "data", "tombolo.dev/shareToNamespace", json!("*"))
        .await;
    w.annotate(&primary, "data", "tombolo.dev/shareReadOnlyToNamespace", json!(null))
        .await;
    w.write(&member, "again", "written").await;
}
