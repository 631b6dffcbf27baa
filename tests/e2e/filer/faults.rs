//! A filer whose processes end: what was promised holds again when they are back, and tenants who only read and write need none of ours.

use serde_json::json;

use super::lacks_filer;
use crate::draft::claim;
use crate::see::name_of;
use crate::world::World;

#[tokio::test]
async fn a_filer_that_was_killed_is_found_as_it_was() {
    if lacks_filer("a_filer_that_was_killed_is_found_as_it_was") {
        return;
    }
    let (w, filer) = World::on_own_filer("killed").await;
    let (primary, secondary, other) = (
        w.namespace("primary").await,
        w.namespace("secondary").await,
        w.namespace("other").await,
    );
    let both = format!("{secondary},{other}");
    let draft = claim("data").shared_to(&both).annotated("tombolo.dev/onRevoke", "Cut");
    let (_, owner) = w.bound_claim(&primary, draft).await;
    w.write(&owner, "hello", "world").await;
    let member = w.member(&secondary, "data", &primary, "data").await;
    let cut = w.member(&other, "data", &primary, "data").await;
    w.annotate(&primary, "data", "tombolo.dev/shareToNamespace", json!(secondary))
        .await;
    w.shut_out(&cut, "hello").await;

    // Without what looks after it, the server serves on; who asks for something new is told to wait.
    filer.kill_program().await.unwrap();
    w.write(&member, "meanwhile", "written").await;
    w.backend_is(&w.class, "Ready", "False").await;
    w.claim(&primary, claim("new")).await;
    w.held(&primary, "new", "BackendUnavailable", "").await;
    filer.resume().await.unwrap();
    w.bound(&primary, "new").await;
    assert_eq!(w.read(&member, "meanwhile").await, "written");
    assert!(w.try_read(&cut, "hello").await.is_err(), "what was cut stays cut");

    // Without the server nobody reads; afterwards everybody does who did before, at the same path.
    filer.kill_server().await.unwrap();
    assert!(w.try_read(&member, "hello").await.is_err());
    filer.resume().await.unwrap();
    assert_eq!(w.read(&member, "hello").await, "world");
    assert!(w.try_read(&cut, "hello").await.is_err(), "what was cut stays cut");
    w.annotate(&primary, "data", "tombolo.dev/shareToNamespace", json!(both))
        .await;
    assert_eq!(w.read(&cut, "hello").await, "world");

    // And the host, with everything that was mounted.
    filer.kill_host().await.unwrap();
    filer.resume().await.unwrap();
    assert_eq!(w.read(&member, "meanwhile").await, "written");
    for (namespace, name) in [(&secondary, "data"), (&other, "data"), (&primary, "data")] {
        w.delete(&w.claims(namespace), name).await;
    }
    w.gone(&w.pvs(), name_of(&owner)).await;
}
