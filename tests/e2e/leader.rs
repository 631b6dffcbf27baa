//! Leader election on a Lease: one works, another waits, and takes over when the first is gone, or may not lead any more.

use std::time::{Duration, Instant};

use futures::future::join_all;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::Api;
use tombolo_harness::wait::Look;
use tombolo_harness::{Cluster, Controller, report_skipped};

use crate::controller;
use crate::draft::{claim, reference};
use crate::race::hesitate;
use crate::restart::rebuilds;
use crate::see::{has_condition, name_of, phase, shown};
use crate::world::{World, cannot};

/// Long enough for a term that has to run out, and a start.
const TERM: Duration = Duration::from_secs(90);

async fn candidate(cluster: &Cluster, lease_namespace: &str, name: &str) -> Controller {
    let options = controller::options(name)
        .electing()
        .flag(format!("--namespace={lease_namespace}"));
    Controller::launch(cluster, options).await.unwrap()
}

async fn leads(w: &World<'_>, controller: &Controller) {
    w.until_within("the controller to lead", TERM, async || {
        let (_, metrics) = controller.get("/metrics").await?;
        let found = metrics.lines().any(|line| line == "tombolo_leader 1");
        let ready = controller.get("/readyz").await?.0 == 200;
        Ok(Look::holds(found && ready, controller.last_words()))
    })
    .await;
}

async fn waits(controller: &Controller) {
    let (_, metrics) = controller.get("/metrics").await.unwrap();
    assert!(metrics.lines().any(|line| line == "tombolo_leader 0"), "{metrics}");
}

fn leases(w: &World<'_>, namespace: &str) -> Api<Lease> {
    Api::namespaced(w.client.clone(), namespace)
}

async fn lease(w: &World<'_>, namespace: &str) -> Lease {
    let found = leases(w, namespace).list(&Default::default()).await.unwrap();
    let [lease] = &found.items[..] else {
        panic!("one Lease: {found:?}")
    };
    lease.clone()
}

async fn term(w: &World<'_>, namespace: &str) -> LeaseSpec {
    lease(w, namespace).await.spec.unwrap()
}

#[tokio::test]
async fn one_controller_leads_and_another_takes_over() {
    if cannot("one_controller_leads_and_another_takes_over") {
        return;
    }
    let cluster = Cluster::start(World::options()).await.unwrap();
    let w = World::own(&cluster, "leader").await;
    let system = w.namespace("system").await;
    let (ns, secondary) = (w.namespace("primary").await, w.namespace("secondary").await);

    let first = candidate(&cluster, &system, "first").await;
    leads(&w, &first).await;
    let second = candidate(&cluster, &system, "second").await;
    let (_, owner) = w.bound_claim(&ns, claim("a").shared_to("*")).await;
    w.write(&owner, "hello", "world").await;
    waits(&second).await;
    // Waiting is the job of one that waits: an upgrade would never end otherwise.
    assert_eq!(second.get("/readyz").await.unwrap().0, 200);

    // Told to end, it hands over: whoever looks at the Lease need not wait until the term has run out.
    second.pause().await.unwrap();
    let before = term(&w, &system).await;
    first.end_well().await.unwrap();
    let handed = term(&w, &system).await;
    assert_eq!(handed.holder_identity, before.holder_identity);
    assert_eq!(
        (before.lease_duration_seconds, handed.lease_duration_seconds),
        (Some(15), Some(1))
    );
    second.resume().unwrap();
    leads(&w, &second).await;
    w.bound_claim(&ns, claim("b")).await;
    let member = w.member(&secondary, "a", &ns, "a").await;

    // Killed, its term has to run out. The next one has a ledger that knows nothing of the member.
    let known = rebuilds(&first);
    first.start().await.unwrap();
    let third = first;
    waits(&third).await;
    let start = Instant::now();
    second.kill().await.unwrap();
    leads(&w, &third).await;
    println!("took over {:?} after SIGKILL", start.elapsed());
    assert_eq!(rebuilds(&third), known + 1, "{}", third.last_words());
    w.delete(&w.claims(&ns), "a").await;
    w.shared_volume("be soft-deleted", name_of(&owner), |v| has_condition(v, "SoftDeleted"))
        .await;
    let (_, pv) = w.bound_claim(&ns, claim("c")).await;
    w.delete(&w.claims(&ns), "c").await;
    w.nothing_left(&pv).await;
    assert_eq!(w.read(&member, "hello").await, "world");

    // Somebody deletes the Lease: whoever leads cannot know that it still does, and ends.
    let gone = lease(&w, &system).await;
    w.delete(&leases(&w, &system), gone.metadata.name.as_deref().unwrap())
        .await;
    let status = third.ended(TERM).await.unwrap();
    assert!(!status.success(), "{}", third.last_words());
    let fourth = second;
    fourth.start().await.unwrap();
    leads(&w, &fourth).await;
    w.bound_claim(&ns, claim("d")).await;
    w.delete(&w.claims(&secondary), "a").await;
    w.nothing_left(&owner).await;
}

#[tokio::test]
async fn a_leader_that_stood_still_while_another_took_over_loses_nobodys_data_and_ends() {
    const VOLUMES: usize = 6;
    if cannot("a_leader_that_stood_still_while_another_took_over_loses_nobodys_data_and_ends") {
        return;
    }
    let cluster = Cluster::start(World::options()).await.unwrap();
    let w = World::own(&cluster, "still").await;
    let system = w.namespace("system").await;
    let (ns, secondary) = (w.namespace("primary").await, w.namespace("secondary").await);
    let first = candidate(&cluster, &system, "first").await;
    leads(&w, &first).await;
    let second = candidate(&cluster, &system, "second").await;
    let mut owners = Vec::new();
    for i in 0..VOLUMES {
        let (_, owner) = w.bound_claim(&ns, claim(&format!("data-{i}")).shared_to("*")).await;
        w.write(&owner, "hello", "world").await;
        owners.push(owner);
    }
    let pair = w.pair_in("kept", "keeping").await;
    w.write(&pair.owner, "hello", "world").await;

    // It is stopped amid all of this: half of the owners go, and to every volume comes a member.
    let names: Vec<_> = (0..VOLUMES).map(|i| format!("data-{i}")).collect();
    let work = join_all(names.iter().enumerate().map(|(i, name)| {
        let (w, ns, secondary) = (&w, &ns, &secondary);
        async move {
            w.refer(secondary, reference(name, ns, name)).await;
            w.claim(secondary, claim(name).sharing(ns, name)).await;
            if i % 2 == 0 {
                hesitate(60).await;
                w.delete(&w.claims(ns), name).await;
            }
        }
    }));
    let stop = async {
        hesitate(100).await;
        first.pause().await.unwrap();
    };
    tokio::join!(work, stop);
    leads(&w, &second).await;
    w.owner_leaves(&pair).await;

    // It goes on as if no time had passed, with requests that it had thought of before.
    first.resume().unwrap();
    let status = first.ended(TERM).await.unwrap();
    assert!(!status.success(), "{}", first.last_words());
    for (name, owner) in names.iter().zip(&owners) {
        let joined = w.until("the claim to be bound or refused", async || {
            let member = w.claims(&secondary).get(name).await?;
            let events = w.events(&secondary, name).await?;
            let refused = events.iter().any(|e| e.note.starts_with("NotShared: "));
            let bound = phase(&member) == "Bound";
            Ok(Look::found(
                (bound || refused).then_some(bound),
                (shown(&member), events),
            ))
        });
        if joined.await {
            assert_eq!(w.read(owner, "hello").await, "world", "{name}");
        } else {
            w.no_data_left(owner).await;
        }
    }
    assert_eq!(w.read(&pair.member, "hello").await, "world");
    w.end_namespace(&secondary).await;
    w.end_namespace(&ns).await;
    for owner in &owners {
        w.no_data_left(owner).await;
    }
    w.delete(&w.claims(&pair.secondary), "data").await;
    w.nothing_left(&pair.owner).await;
}

#[tokio::test]
async fn a_leader_whose_api_server_is_away_for_too_long_ends() {
    const STORY: &str = "a_leader_whose_api_server_is_away_for_too_long_ends";
    if cannot(STORY) {
        return;
    }
    let cluster = Cluster::start(World::options()).await.unwrap();
    if cluster.is_external() {
        return report_skipped(STORY, "the API server of E2E_KUBECONFIG is not ours to stop");
    }
    let w = World::own(&cluster, "mute").await;
    let system = w.namespace("system").await;
    let leader = candidate(&cluster, &system, "only").await;
    leads(&w, &leader).await;
    let pair = w.pair().await;
    w.write(&pair.owner, "hello", "world").await;
    cluster.stop_api_server().await.unwrap();
    let status = leader.ended(TERM).await.unwrap();
    assert!(!status.success(), "{}", leader.last_words());
    cluster.resume_api_server().await.unwrap();
    w.delete(&w.claims(&pair.primary), "data").await;
    leader.start().await.unwrap();
    leads(&w, &leader).await;
    w.shared_volume("be soft-deleted", pair.volume(), |v| has_condition(v, "SoftDeleted"))
        .await;
    assert_eq!(w.read(&pair.member, "hello").await, "world");
    w.delete(&w.claims(&pair.secondary), "data").await;
    w.nothing_left(&pair.owner).await;
}
