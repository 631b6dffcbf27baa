//! The admin address: probes, and metrics under the names that dashboards know.

use tombolo_harness::wait::Look;

use crate::draft::claim;
use crate::world::{World, cannot, shared_controller};

#[tokio::test]
async fn probes_answer_and_metrics_have_the_names_that_dashboards_know() {
    if cannot("probes_answer_and_metrics_have_the_names_that_dashboards_know") {
        return;
    }
    let w = World::shared("metrics").await;
    let ns = w.namespace("alone").await;
    let (_, pv) = w.bound_claim(&ns, claim("data")).await;
    let pair = w.pair().await;
    w.delete(&w.claims(&ns), "data").await;
    w.nothing_left(&pv).await;
    w.end_namespace(&pair.primary).await;

    let controller = shared_controller().await;
    for (path, status) in [("/livez", 200), ("/readyz", 200), ("/no-such-page", 404)] {
        assert_eq!(controller.get(path).await.unwrap().0, status, "{path}");
    }
    // What the ledger holds is counted now and then; other stories add to it.
    let value = |metrics: &str, name: &str| -> Option<f64> {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name));
        line?.trim().parse().ok()
    };
    let metrics = w.until("a member and a soft-deleted volume to be counted", async || {
        let (_, metrics) = controller.get("/metrics").await?;
        let counted = |name| value(&metrics, name).is_some_and(|count| count >= 1.0);
        let all = counted("tombolo_members ") && counted("tombolo_soft_deleted_volumes ");
        Ok(Look::found(all.then(|| metrics.clone()), metrics))
    });
    let metrics = metrics.await;
    let names = [
        "controller_persistentvolumeclaim_provision_total{",
        "controller_persistentvolumeclaim_provision_duration_seconds_bucket{",
        "controller_persistentvolume_delete_total{",
        "controller_persistentvolume_delete_duration_seconds_bucket{",
        "tombolo_open_intents ",
        "tombolo_backend_request_duration_seconds_bucket{",
        "tombolo_reconcile_duration_seconds_bucket{",
        "tombolo_leader 1",
    ];
    for name in names {
        assert!(
            metrics.lines().any(|line| line.starts_with(name)),
            "{name} is not in\n{metrics}"
        );
    }
    // A name that tenants choose is in no label.
    assert!(
        !metrics.contains(&ns) && !metrics.contains(&pair.secondary),
        "{metrics}"
    );
}
