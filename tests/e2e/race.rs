//! Joining and deleting one volume at the same moment, on a real API server: with our protocol nobody's data goes, in whatever order,
//! and whatever else happens to the owner's claim; with the obvious one it does ([`obvious`]), which shows that this can fail.
//!
//! Most races are between two controllers made of the product's parts ([`rival`]), one volume at a time ([`contest`]), in a cluster
//! whose controller manager is stopped, so that claims and volumes change at the moments that the race chooses. The last one is
//! between two whole processes.

mod contest;
mod obvious;
mod rival;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use tokio::sync::OnceCell;
use tombolo_harness::wait::Look;
use tombolo_harness::{Cluster, report_skipped};

use crate::controller;
use crate::draft::{claim, reference};
use crate::see::{name_of, phase, pv_name, shown};
use crate::world::{World, cannot};
use contest::{Contest, Twist};
use rival::Joined;
pub use rival::hesitate;

/// Races at a time: enough to keep two cores busy, few enough that each is fast.
const LANES: usize = 8;

/// How long a deletion hesitates: about as many come before the join as after it, however fast the machine is.
pub struct Spread(AtomicU64);

impl Spread {
    /// Twice as long at the most as a join took that nobody disturbed.
    fn over(join: Duration) -> Self {
        Self(AtomicU64::new(
            u64::try_from(join.as_millis() * 2).unwrap_or(u64::MAX).max(8),
        ))
    }

    async fn hesitate(&self) {
        hesitate(self.0.load(Ordering::Relaxed)).await;
    }

    /// After a join that won, deletions come sooner, and the other way round. By much: one that a machine's pause made slow misleads all.
    fn learn(&self, joined: bool) {
        let now = self.0.load(Ordering::Relaxed);
        let next = if joined { now / 2 } else { now + now / 2 };
        self.0.store(next.max(8), Ordering::Relaxed);
    }
}

/// A cluster in which nobody but these tests touches claims and volumes.
async fn still_cluster(story: &str) -> Option<&'static Cluster> {
    static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
    let start = async || {
        let cluster = Cluster::start(Default::default()).await.unwrap();
        if !cluster.is_external() {
            cluster.stop_controller_manager().await.unwrap();
            World::of(&cluster, "race").await.install_kinds().await;
        }
        cluster
    };
    let cluster = CLUSTER.get_or_init(start).await;
    if cluster.is_external() {
        report_skipped(
            story,
            "the controller manager of a cluster given by E2E_KUBECONFIG is not ours to stop",
        );
        return None;
    }
    Some(cluster)
}

/// Holds that many races, and sees that they ended both ways: one that always ends the same way is none.
async fn races(story: &str, count: usize, twist: Twist) {
    let Some(cluster) = still_cluster(story).await else {
        return;
    };
    let w = World::of(cluster, "race").await;
    let (primary, secondary) = (w.namespace("primary").await, w.namespace("secondary").await);
    let lanes = (0..LANES).map(|lane| {
        let contest = Contest {
            client: w.client.clone(),
            primary: primary.clone(),
            secondary: secondary.clone(),
            twist,
        };
        tokio::spawn(async move {
            // Measured as the races run: beside those of the other lanes.
            let spread = Spread::over(contest.undisturbed(&format!("u-{lane}")).await);
            let mut ends = Vec::new();
            for i in 0..count / LANES {
                let end = contest.run(&format!("r-{lane}-{i}"), i, &spread).await;
                spread.learn(end == Joined::Yes);
                ends.push(end);
            }
            ends
        })
    });
    let mut ends = Vec::new();
    for lane in join_all(lanes).await {
        ends.extend(lane.unwrap());
    }
    let joined = ends.iter().filter(|end| **end == Joined::Yes).count();
    println!(
        "{} races: {joined} joined, {} came too late",
        ends.len(),
        ends.len() - joined
    );
    assert!(joined > 0 && joined < ends.len(), "{joined} of {}", ends.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_order_of_a_join_and_a_delete_loses_a_members_data() {
    races("no_order_of_a_join_and_a_delete_loses_a_members_data", 200, Twist::None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_order_of_a_join_and_a_delete_sets_free_an_owner_that_is_to_be_held() {
    races(
        "no_order_of_a_join_and_a_delete_sets_free_an_owner_that_is_to_be_held",
        48,
        Twist::Hold,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_order_of_a_join_and_a_delete_mistakes_a_claim_made_again_for_the_owner() {
    races(
        "no_order_of_a_join_and_a_delete_mistakes_a_claim_made_again_for_the_owner",
        48,
        Twist::MadeAgain,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_order_of_a_join_and_a_reclaim_loses_anybodys_data() {
    races(
        "no_order_of_a_join_and_a_reclaim_loses_anybodys_data",
        48,
        Twist::Reclaimed,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_join_whose_controller_dies_after_the_token_is_finished_by_the_other() {
    races(
        "a_join_whose_controller_dies_after_the_token_is_finished_by_the_other",
        48,
        Twist::JoinerDies,
    )
    .await;
}

#[tokio::test]
async fn two_controllers_that_both_believe_they_lead_lose_nothing() {
    const VOLUMES: usize = 6;
    /// Rounds that there are at least, and at most if all races ended the same way.
    const ROUNDS: [usize; 2] = [4, 12];
    if cannot("two_controllers_that_both_believe_they_lead_lose_nothing") {
        return;
    }
    let cluster = Cluster::start(World::options()).await.unwrap();
    let w = World::own(&cluster, "rivals").await;
    let _rivals = tokio::join!(controller::alone(&cluster, "one"), controller::alone(&cluster, "two"));
    let (primary, secondary) = (w.namespace("primary").await, w.namespace("secondary").await);
    w.bound_claim(&primary, claim("first").shared_to("*")).await;
    w.refer(&secondary, reference("first", &primary, "first")).await;
    let start = Instant::now();
    w.bound_claim(&secondary, claim("first").sharing(&primary, "first"))
        .await;
    let spread = Spread::over(start.elapsed());

    let (mut joined, mut late) = (0, 0);
    let [least, most] = ROUNDS;
    for round in 0..most {
        if round >= least && joined > 0 && late > 0 {
            break;
        }
        let names: Vec<_> = (0..VOLUMES).map(|i| format!("data-{round}-{i}")).collect();
        let won = round_of_rivals(&w, &primary, &secondary, &names, &spread).await;
        spread.learn(won * 2 > VOLUMES);
        joined += won;
        late += VOLUMES - won;
    }
    println!("{joined} joined, {late} came too late");
    assert!(joined > 0 && late > 0, "{joined} joined, {late} came too late");
}

/// Some volumes are joined and deleted at once; answers how many were joined. Nothing of any of them is left.
async fn round_of_rivals(w: &World<'_>, primary: &str, secondary: &str, names: &[String], spread: &Spread) -> usize {
    for name in names {
        w.claim(primary, claim(name).shared_to("*")).await;
        w.refer(secondary, reference(name, primary, name)).await;
    }
    let mut owners = Vec::new();
    for name in names {
        let (_, pv) = w.bound(primary, name).await;
        w.write(&pv, "hello", name).await;
        owners.push(pv);
    }
    let (claims, members) = (w.claims(primary), w.claims(secondary));
    let asked = join_all(names.iter().map(|name| async {
        let join = async { pv_name(&w.claim(secondary, claim(name).sharing(primary, name)).await) };
        let delete = async {
            spread.hesitate().await;
            w.delete(&claims, name).await;
        };
        tokio::join!(join, delete).0
    }));
    let asked = asked.await;
    let mut joined = 0;
    for ((name, owner), own) in names.iter().zip(&owners).zip(&asked) {
        w.gone(&claims, name).await;
        // Either it joined and has its bytes, or it is refused and nothing is left.
        let told = w.until("the claim to be bound or refused", async || {
            let member = members.get(name).await?;
            let events = w.events(secondary, name).await?;
            let refused = events.into_iter().any(|e| e.note.starts_with("NotShared: "));
            let served = w.pvs().get_opt(own).await?.is_some();
            let end = if phase(&member) == "Bound" {
                Some(true)
            } else {
                (refused && !served).then_some(false)
            };
            Ok(Look::found(end, shown(&member)))
        });
        if told.await {
            joined += 1;
            assert_eq!(w.read(owner, "hello").await, *name);
        }
        w.delete(&members, name).await;
        w.no_data_left(owner).await;
        w.gone(&w.pvs(), own).await;
        assert!(name_of(owner).starts_with("pvc-"));
    }
    joined
}
