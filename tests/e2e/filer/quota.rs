//! A claim's size is a limit.

use tombolo_harness::NfsVersion;

use super::{lacks_filer, shared_filer};
use crate::draft::claim;
use crate::world::World;

const MIB: usize = 1 << 20;

#[tokio::test]
async fn a_full_volume_stops_its_own_writers_and_nobody_else() {
    if lacks_filer("a_full_volume_stops_its_own_writers_and_nobody_else") {
        return;
    }
    let w = World::on_filer("quota").await;
    let ns = w.namespace("primary").await;
    let (_, small) = w.bound_claim(&ns, claim("small").size("16Mi").shared_to("*")).await;
    let (_, neighbour) = w.bound_claim(&ns, claim("neighbour").size("64Mi")).await;
    let secondary = w.namespace("secondary").await;
    let member = w.member(&secondary, "data", &ns, "small").await;
    w.write(&small, "hello", "world").await;

    let files = shared_filer().await.client(NfsVersion::V3);
    let at = |pv, name: &str| format!("{}/{name}", w.path(pv));
    // The client does not say why a long write failed; of the short ones after it, it does.
    files.write(&at(&small, "much"), &vec![7; 24 * MIB]).await.unwrap_err();
    for pv in [&small, &member] {
        // It is one volume with one limit, whoever writes.
        let why = w.refused_to_write(pv).await;
        assert!(why.contains("DQUOT") || why.contains("NOSPC"), "{why}");
    }
    // A neighbour on the same disk has what it was promised.
    files.write(&at(&neighbour, "much"), &vec![7; 24 * MIB]).await.unwrap();
    assert_eq!(w.read(&small, "hello").await, "world");
}

#[tokio::test]
async fn what_is_promised_is_there() {
    if lacks_filer("what_is_promised_is_there") {
        return;
    }
    let w = World::on_filer("promise").await;
    let ns = w.namespace("primary").await;
    // More than nine tenths of the filer's disk.
    w.claim(&ns, claim("huge").size("100Gi")).await;
    w.held(&ns, "huge", "LimitReached", "by its limits").await;
}
