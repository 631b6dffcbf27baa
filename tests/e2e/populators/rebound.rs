//! What people do with a volume that a populator has given to their claim: everything.

use super::*;
use crate::snapshots::objects;

#[tokio::test]
async fn lp_p6_rz_29_a_filled_volume_grows_is_shared_snapshotted_and_copied_like_any_other() {
    const STORY: &str = "lp_p6_rz_29_a_filled_volume_grows_is_shared_snapshotted_and_copied_like_any_other";
    if cannot(STORY) {
        return;
    }
    let w = World::shared("rebound")
        .await
        .with_class(json!({"allowVolumeExpansion": true}))
        .await;
    let filler = Filler::start(&w).await;
    let (team, other) = (w.namespace("team").await, w.namespace("other").await);
    let (_, pv) = filler.populate(&team, wanted("data").shared_to("*"), "hello").await;

    w.ask_for(&team, "data", "2Mi").await;
    w.has_size(&team, "data", "2Mi").await;

    let member = w.member(&other, "shared", &team, "data").await;
    assert_eq!(w.path(&member), w.path(&pv));

    objects::class(&w, "Delete", false).await;
    objects::take(&w, &team, "taken", "data").await;
    objects::ready(&w, &team, "taken").await;
    let clone = json!({"kind": "PersistentVolumeClaim", "name": "data"});
    let restore = json!({"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "taken"});
    for (name, source) in [("cloned", clone), ("restored", restore)] {
        let draft = claim(name).size("2Mi").spec("dataSource", source);
        let (_, made) = w.bound_claim(&team, draft).await;
        assert_eq!(w.read(&made, "greeting").await, "hello", "{name}");
        assert_ne!(w.path(&made), w.path(&pv), "{name}");
    }

    // Its owner goes, and the member keeps it.
    w.delete(&w.claims(&team), "data").await;
    w.shared_volume("be soft-deleted", name_of(&pv), |v| has_condition(v, "SoftDeleted"))
        .await;
    assert_eq!(w.read(&member, "greeting").await, "hello");
    w.delete(&w.claims(&other), "shared").await;
    w.nothing_left(&pv).await;
}
