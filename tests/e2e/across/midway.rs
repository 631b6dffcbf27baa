//! What happens while a copy of another namespace's claim is made: consent goes, the controller is killed, the claim goes.

use std::time::Duration;

use tombolo_harness::Cluster;
use tombolo_harness::wait::Look;

use super::{give, grants, name_source, through};
use crate::clones::held::is_in_use;
use crate::clones::midway::{LONG, planted};
use crate::clones::yard::{Yard, inodes, place, yards};
use crate::draft::{cross_source, grant};
use crate::see::{phase, pv_name};
use crate::world::{World, cannot};

/// Files of a source that takes a while to copy.
const MANY: usize = 1500;

/// A claim of `dev` whose copy of `prod-data` is under way: the name of its volume.
async fn amid(w: &World<'_>, yard: &Yard, dev: &str, name: &str, files: usize) -> String {
    let wanted = through(name, "prod-data").class(&yard.class).size("1Gi");
    let made = pv_name(&w.claim(dev, wanted).await);
    yard.amid_a_copy(w, files).await;
    made
}

async fn is_bound(w: &World<'_>, dev: &str, name: &str, within: Duration) {
    w.until_within(&format!("{name} to be bound"), within, async || {
        let claim = w.claims(dev).get(name).await?;
        Ok(Look::holds(phase(&claim) == "Bound", phase(&claim).to_owned()))
    })
    .await;
}

/// Nothing of any copy is left, neither on the server nor on its source.
async fn nothing_left_over(w: &World<'_>, yard: &Yard, prod: &str) {
    yard.let_go(w).await;
    yard.swept(w).await;
    w.object("the source to be free", &w.claims(prod), "data", |c| !is_in_use(c))
        .await;
}

#[tokio::test]
async fn xn_05_lp_25_consent_a_crash_and_a_change_of_mind_amid_a_copy_across_namespaces() {
    const STORY: &str = "xn_05_lp_25_consent_a_crash_and_a_change_of_mind_amid_a_copy_across_namespaces";
    if cannot(STORY) {
        return;
    }
    let cluster = Cluster::start(World::options().with_reference_grants()).await.unwrap();
    let w = place(&cluster, "abroad").await;
    let (controller, yards) = yards(&w, &[]).await;
    let yard = &yards[0];
    let (prod, dev) = (w.namespace("prod").await, w.namespace("dev").await);
    let source = planted(&w, yard, &prod, "data", MANY).await;
    let expected = yard.contents(&source);
    name_source(&w, &dev, cross_source("prod-data", &prod, "data")).await;

    // A grant that went before a copy gives none.
    give(&w, &prod, grant("to-dev", &dev)).await;
    w.delete(&grants(&w.client, &prod), "to-dev").await;
    w.claim(&dev, through("early", "prod-data").class(&yard.class).size("1Gi"))
        .await;
    w.held(&dev, "early", "NotGranted", "ReferenceGrant").await;
    assert!(yard.unfinished().is_empty(), "nothing was begun");
    w.delete(&w.claims(&dev), "early").await;
    w.gone(&w.claims(&dev), "early").await;

    // One that goes amid a copy stops the next one, and not this.
    give(&w, &prod, grant("to-dev", &dev)).await;
    let running = amid(&w, yard, &dev, "running", 100).await;
    w.object("the source to be in use", &w.claims(&prod), "data", is_in_use)
        .await;
    w.delete(&grants(&w.client, &prod), "to-dev").await;
    w.claim(&dev, through("late", "prod-data").class(&yard.class).size("1Gi"))
        .await;
    w.held(&dev, "late", "NotGranted", "ReferenceGrant").await;
    is_bound(&w, &dev, "running", LONG).await;
    assert!(yard.contents(&running) == expected, "it is whole");
    w.is_unserved(&dev, "late").await;
    nothing_left_over(&w, yard, &prod).await;

    // A controller that is killed amid one goes on with it.
    w.delete(&w.claims(&dev), "late").await;
    w.gone(&w.claims(&dev), "late").await;
    give(&w, &prod, grant("to-dev", &dev)).await;
    let crashed = amid(&w, yard, &dev, "crashed", 300).await;
    let before = yard.unfinished().pop().unwrap();
    controller.kill().await.unwrap();
    let written = inodes(&before.path);
    assert!(written.len() < MANY, "the copy was finished before the kill");
    w.is_unserved(&dev, "crashed").await;
    controller.spawn().unwrap();
    is_bound(&w, &dev, "crashed", LONG).await;
    assert!(yard.contents(&crashed) == expected, "it is whole");
    let kept = inodes(&yard.volume(&crashed)).intersection(&written).count();
    assert!(
        kept > 200,
        "{kept} of {} files came from before the kill",
        written.len()
    );
    nothing_left_over(&w, yard, &prod).await;

    // Whose claim goes, that copy stops, and what it had written is removed.
    let unwanted = amid(&w, yard, &dev, "unwanted", 100).await;
    w.delete(&w.claims(&dev), "unwanted").await;
    w.gone(&w.claims(&dev), "unwanted").await;
    nothing_left_over(&w, yard, &prod).await;
    assert!(!yard.volume(&unwanted).exists() && w.pvs().get_opt(&unwanted).await.unwrap().is_none());
    assert!(yard.contents(&source) == expected, "the source is as it was");
}
