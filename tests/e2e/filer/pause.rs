//! Many cuts at once wait for a person.

use futures::future::join_all;
use serde_json::json;
use tombolo::api::storage_backend::StorageBackend;
use tombolo_harness::wait::{Look, never};

use super::lacks_filer;
use crate::controller::REVOKE_GRACE;
use crate::draft::claim;
use crate::world::World;

const MEMBERS: usize = 12;

#[tokio::test]
async fn many_cuts_at_once_wait_for_an_admins_word() {
    if lacks_filer("many_cuts_at_once_wait_for_an_admins_word") {
        return;
    }
    let (w, _) = World::on_own_filer("pause").await;
    let primary = w.namespace("primary").await;
    let draft = claim("data").shared_to("*").annotated("tombolo.dev/onRevoke", "Cut");
    let (_, owner) = w.bound_claim(&primary, draft).await;
    w.write(&owner, "hello", "world").await;
    let join = async |n: usize| {
        let namespace = w.namespace(&format!("member{n}")).await;
        let pv = w.member(&namespace, "data", &primary, "data").await;
        (namespace, pv)
    };
    let members = join_all((0..MEMBERS).map(join)).await;

    w.annotate(&primary, "data", "tombolo.dev/shareToNamespace", json!(null))
        .await;
    let paused = w.backend_is(&w.class, "MassRevocation", "True").await;
    for (_, pv) in &members {
        assert_eq!(w.try_read(pv, "hello").await.unwrap(), "world");
    }
    // The condition says what to write; a wrong word opens nothing.
    let conditions = paused.status.iter().flat_map(|s| &s.conditions);
    let message = conditions
        .into_iter()
        .find(|c| c.type_ == "MassRevocation")
        .map(|c| c.message.clone())
        .unwrap();
    assert!(message.contains("tombolo.dev/confirmRevocation"), "{message}");
    let backends = w.all::<StorageBackend>();
    let id = paused.status.as_ref().and_then(|s| s.revocation.as_ref());
    let id = id.and_then(|r| r.paused.as_ref()).map(|p| p.id.clone()).unwrap();
    assert!(message.contains(&id), "{message}");
    let confirm = |word: &str| json!({"metadata": {"annotations": {"tombolo.dev/confirmRevocation": word}}});
    w.patch(&backends, &w.class, confirm("yes")).await;
    let reads = async || {
        let read = w.try_read(&members[0].1, "hello").await?;
        let now = backends.get(&w.class).await?;
        let paused = now.status.and_then(|s| s.revocation).and_then(|r| r.paused);
        Ok(match paused {
            Some(paused) if paused.id == id && read == "world" => Look::NotYet(read),
            other => Look::Done(format!("{other:?}")),
        })
    };
    never("a wrong word to change anything", 2 * REVOKE_GRACE, reads)
        .await
        .unwrap();

    w.patch(&backends, &w.class, confirm(&id)).await;
    for (namespace, pv) in &members {
        w.told(namespace, "data", "AccessCut", "").await;
        w.shut_out(pv, "hello").await;
    }
    assert_eq!(w.read(&owner, "hello").await, "world");
    w.backend_is(&w.class, "MassRevocation", "False").await;
    // Giving access back waits for nobody.
    w.annotate(&primary, "data", "tombolo.dev/shareToNamespace", json!("*"))
        .await;
    for (_, pv) in &members {
        assert_eq!(w.read(pv, "hello").await, "world");
    }
}
