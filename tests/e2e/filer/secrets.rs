//! The credentials of a backend elsewhere: rotated while in use, wrong, and gone.

use k8s_openapi::api::core::v1::Secret;
use kube::Api;

use super::{credit, lacks_filer};
use crate::controller::NAMESPACE;
use crate::draft::claim;
use crate::world::World;

const NEW: &str = "another-token-of-more-than-thirty-two-characters";
const WRONG: &str = "a-wrong-token-of-more-than-thirty-two-characters";

#[tokio::test]
async fn credentials_change_while_a_backend_is_in_use() {
    if lacks_filer("credentials_change_while_a_backend_is_in_use") {
        return;
    }
    let (w, filer) = World::on_own_filer("secrets").await;
    let ns = w.namespace("primary").await;
    w.bound_claim(&ns, claim("before")).await;
    let old = filer.token().unwrap();

    // Beside each other; then in the Secret; then the old one goes. The backend is ready all along.
    filer.set_tokens(&[&old, NEW]).unwrap();
    credit(&w, &w.class, NEW).await;
    w.bound_claim(&ns, claim("between")).await;
    filer.set_tokens(&[NEW]).unwrap();
    w.bound_claim(&ns, claim("after")).await;

    // A wrong one is said, names the Secret and shows nothing of it; claims wait for it to be mended.
    credit(&w, &w.class, WRONG).await;
    let degraded = w.backend_is(&w.class, "Ready", "False").await;
    let conditions = degraded.status.iter().flat_map(|s| &s.conditions);
    let said: String = conditions.map(|c| c.message.clone()).collect();
    assert!(!said.contains(WRONG) && !said.contains(NEW), "{said}");
    w.claim(&ns, claim("waits")).await;
    w.held(&ns, "waits", "BackendUnavailable", "").await;
    credit(&w, &w.class, NEW).await;
    w.bound(&ns, "waits").await;

    // A Secret that is gone is said as well.
    let secrets: Api<Secret> = Api::namespaced(w.client.clone(), NAMESPACE);
    w.delete(&secrets, &w.class).await;
    let gone = w.backend_is(&w.class, "Ready", "False").await;
    let conditions = gone.status.iter().flat_map(|s| &s.conditions);
    let said: String = conditions.map(|c| c.message.clone()).collect();
    assert!(said.contains(&w.class) && said.contains("does not exist"), "{said}");
    credit(&w, &w.class, NEW).await;
    w.backend_is(&w.class, "Ready", "True").await;
}
