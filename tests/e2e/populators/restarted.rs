//! A controller that ends while a volume changes hands.

use super::*;
use crate::controller;
use tombolo_harness::{Cluster, report_skipped};

#[tokio::test]
async fn lp_p7_a_controller_that_starts_anew_while_a_volume_changes_hands_clears_nothing_away() {
    const STORY: &str = "lp_p7_a_controller_that_starts_anew_while_a_volume_changes_hands_clears_nothing_away";
    if cannot(STORY) {
        return;
    }
    let cluster = Cluster::start(World::options()).await.unwrap();
    if cluster.is_external() {
        return report_skipped(STORY, "the controller manager of E2E_KUBECONFIG is not ours to stop");
    }
    let w = World::own(&cluster, "handover").await;
    w.install_populators().await;
    let controller = controller::alone(&cluster, "handover").await;
    let filler = Filler::start(&w).await;
    let team = w.namespace("team").await;
    for ledger_lost in [false, true] {
        let name = if ledger_lost { "forgotten" } else { "known" };
        let target = w.claim(&team, wanted(name)).await;
        let helper = filler.help(&target).await;
        let pv = filler.fill(&helper, "hello").await;
        cluster.stop_controller_manager().await.unwrap();
        controller.kill().await.unwrap();
        if ledger_lost {
            controller.forget_ledger().unwrap();
        }
        filler.hand_over(&target, &pv).await;
        controller.start().await.unwrap();
        // An ordinary look at everything comes before this one, which somebody asks for.
        w.annotate(&team, name, "tombolo.dev/shareFromPvc", json!("a/b")).await;
        w.held(&team, name, "UnknownAnnotation", "").await;
        w.annotate(&team, name, "tombolo.dev/shareFromPvc", Value::Null).await;
        assert_eq!(w.read(&pv, "greeting").await, "hello");
        let still = w.pvs().get(name_of(&pv)).await.unwrap();
        assert!(
            still.metadata.deletion_timestamp.is_none() && owner_of(&still).is_none(),
            "{:?}",
            shown(&still)
        );

        cluster.resume_controller_manager().unwrap();
        let (_, pv) = w.bound(&team, name).await;
        filler.is_lost(&helper).await;
        filler.end(&helper).await;
        filler.lets_go(&target).await;
        w.object("the new owner to be recorded", &w.pvs(), name_of(&pv), |pv| {
            owner_of(pv) == target.uid().as_deref()
        })
        .await;
        assert_eq!(w.read(&pv, "greeting").await, "hello");
        w.until("nobody to be alarmed", async || {
            let events = w.events_on("default", "PersistentVolume", name_of(&pv)).await?;
            let warned: Vec<_> = events.into_iter().filter(|e| e.type_ == "Warning").collect();
            Ok(Look::holds(warned.is_empty(), warned))
        })
        .await;
        w.delete(&w.claims(&team), name).await;
        w.nothing_left(&pv).await;
    }
}
