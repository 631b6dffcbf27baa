//! Leader election on a Lease: one works, another waits, and takes over when the first is gone.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use tombolo_harness::wait::Look;
use tombolo_harness::{Cluster, Controller};

use crate::controller;
use crate::draft::claim;
use crate::world::{World, cannot};

async fn leads(w: &World<'_>, controller: &Controller, within: Duration) {
    w.until_within("the controller to lead", within, async || {
        let (_, metrics) = controller.get("/metrics").await?;
        let found = metrics.lines().any(|line| line == "tombolo_leader 1");
        Ok(Look::holds(found, controller.last_words()))
    })
    .await;
}

async fn waits(controller: &Controller) {
    let (_, metrics) = controller.get("/metrics").await.unwrap();
    assert!(metrics.lines().any(|line| line == "tombolo_leader 0"), "{metrics}");
}

#[tokio::test]
async fn one_controller_leads_and_another_takes_over() {
    if cannot("one_controller_leads_and_another_takes_over") {
        return;
    }
    let cluster = Cluster::start(World::options()).await.unwrap();
    let w = World::own(&cluster, "leader").await;
    let lease_namespace = w.namespace("system").await;
    let candidate = async |name: &str| {
        let options = controller::options(name)
            .electing()
            .flag(format!("--namespace={lease_namespace}"));
        Controller::launch(&cluster, options).await.unwrap()
    };
    let patience = Duration::from_secs(60);
    let ns = w.namespace("primary").await;

    let first = candidate("first").await;
    leads(&w, &first, patience).await;
    let second = candidate("second").await;
    w.bound_claim(&ns, claim("a")).await;
    waits(&second).await;
    // Waiting is the job of one that waits: an upgrade would never end otherwise.
    assert_eq!(second.get("/readyz").await.unwrap().0, 200);

    // Told to end, it hands over at once; far sooner than its term would run out.
    let start = Instant::now();
    controller::ends_well(&first).await;
    leads(&w, &second, patience).await;
    let took = start.elapsed();
    println!("took over {took:?} after SIGTERM");
    assert!(took < Duration::from_secs(10), "{took:?}: {}", second.last_words());
    w.bound_claim(&ns, claim("b")).await;

    // Killed, its term has to run out.
    first.start().await.unwrap();
    let third = first;
    waits(&third).await;
    let start = Instant::now();
    second.kill().await.unwrap();
    leads(&w, &third, patience).await;
    println!("took over {:?} after SIGKILL", start.elapsed());
    let (_, pv) = w.bound_claim(&ns, claim("c")).await;
    w.delete(&w.claims(&ns), "c").await;
    w.nothing_left(&pv).await;

    // Somebody deletes the Lease: whoever leads cannot know that it still does, and ends.
    let leases: Api<Lease> = Api::namespaced(w.client.clone(), &lease_namespace);
    let found = leases.list(&Default::default()).await.unwrap();
    let [lease] = &found.items[..] else {
        panic!("one Lease: {found:?}")
    };
    w.delete(&leases, lease.metadata.name.as_deref().unwrap()).await;
    let status = third.ended(Duration::from_secs(20)).await.unwrap();
    assert!(!status.success(), "{}", third.last_words());
    let fourth = second;
    fourth.start().await.unwrap();
    leads(&w, &fourth, patience).await;
    w.bound_claim(&ns, claim("d")).await;
}
