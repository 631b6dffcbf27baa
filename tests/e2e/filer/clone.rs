//! Copies on a filer: made by the file system, as a whole and at once.

use serde_json::json;

use super::lacks_filer;
use crate::clones::held::is_in_use;
use crate::draft::{Draft, claim};
use crate::see::name_of;
use crate::world::World;

fn copy_of(source: &str, name: &str) -> Draft {
    claim(name).spec("dataSource", json!({"kind": "PersistentVolumeClaim", "name": source}))
}

#[tokio::test]
async fn a_copy_is_a_volume_of_its_own_with_all_of_its_source() {
    if lacks_filer("a_copy_is_a_volume_of_its_own_with_all_of_its_source") {
        return;
    }
    let w = World::on_filer("clone").await;
    let ns = w.namespace("primary").await;
    let (_, source) = w.bound_claim(&ns, claim("data").size("16Mi")).await;
    for n in 0..50 {
        w.write(&source, &format!("file-{n}"), &n.to_string()).await;
    }
    let (_, copy) = w.bound_claim(&ns, copy_of("data", "copy").size("32Mi")).await;
    assert_ne!(w.path(&source), w.path(&copy));
    for n in [0, 49] {
        assert_eq!(w.read(&copy, &format!("file-{n}")).await, n.to_string());
    }
    // Each goes its own way from then on.
    w.write(&source, "later", "in the source").await;
    w.write(&copy, "later", "in the copy").await;
    assert_eq!(w.read(&source, "later").await, "in the source");
    assert_eq!(w.read(&copy, "later").await, "in the copy");

    // The source goes, the copy stays; then nothing of either is left.
    w.delete(&w.claims(&ns), "data").await;
    w.gone(&w.pvs(), name_of(&source)).await;
    assert_eq!(w.read(&copy, "file-49").await, "49");
    w.delete(&w.claims(&ns), "copy").await;
    w.gone(&w.pvs(), name_of(&copy)).await;
}

#[tokio::test]
async fn a_member_gets_no_copy_of_what_it_only_uses_until_its_owner_lets_it() {
    if lacks_filer("a_member_gets_no_copy_of_what_it_only_uses_until_its_owner_lets_it") {
        return;
    }
    let w = World::on_filer("no-clone").await;
    let (primary, secondary) = (w.namespace("primary").await, w.namespace("secondary").await);
    let (_, owner) = w.bound_claim(&primary, claim("data").shared_to("*")).await;
    w.write(&owner, "hello", "world").await;
    w.member(&secondary, "data", &primary, "data").await;
    w.claim(&secondary, copy_of("data", "copy")).await;
    w.held(&secondary, "copy", "SourceIsMember", "cloneToNamespace").await;
    w.annotate(&primary, "data", "tombolo.dev/cloneToNamespace", json!(secondary))
        .await;
    let (_, copy) = w.bound(&secondary, "copy").await;
    assert_ne!(w.path(&owner), w.path(&copy));
    w.object("the owner to be free", &w.claims(&primary), "data", |c| !is_in_use(c))
        .await;
    assert_eq!(w.read(&copy, "hello").await, "world");
}
