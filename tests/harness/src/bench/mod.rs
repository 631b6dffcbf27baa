//! `make bench`: how many claims in a second, beside what the same API server takes from a client that does nothing else, and what
//! each claim costs it in requests.
//!
//! The controller runs as the service account of an installation, whose requests the API server writes down; so the counts are
//! exact. Begin with [`run`]; the tests of the request budget use [`Stage`] and [`Cost`] too.

mod cost;
mod crowd;
mod sightings;
mod stage;
mod timing;

use std::time::{Duration, Instant};

use anyhow::Result;

pub use cost::Cost;
pub use crowd::{AT_ONCE, Claims, Crowd};
pub use sightings::Sightings;
pub use stage::{CLASS, CLOCKWORK, CONSUMERS, OWNERS, Stage};
pub use timing::Timing;

use crate::{ClusterOptions, ControllerOptions, Requests};

/// Longer than any measurement takes; a part that hangs is an error.
const PATIENCE: Duration = Duration::from_secs(600);
const BACKLOG: &str = "bench-backlog";

/// Names of `count` objects.
pub fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix}-{n}")).collect()
}

/// Measures with `count` claims and prints what it finds.
pub async fn run(count: usize) -> Result<()> {
    let (volumes, members) = (count.div_ceil(3), count);
    println!("{count} claims at once, {members} members of one volume, {volumes} volumes with one member each;");
    println!("etcd flushes to disk, at most {AT_ONCE} requests of the bench at a time, everything on this machine.\n");
    let stage = Stage::set_up(ClusterOptions::default().with_durable_etcd()).await?;
    stage.make_class(CLASS).await?;
    let controller = stage.start_controller(ControllerOptions::default()).await?;
    let seen = Sightings::begin(&stage.client).await?;

    println!(
        "{:<44} {:>6} {:>9} {:>9} {:>9} {:>9}",
        "", "count", "per s", "p50 ms", "p90 ms", "p99 ms"
    );
    stage.cluster.stop_controller_manager().await?;
    let _warm_up = crowd::bare_volumes(&stage.client, count).await?;
    let before = crowd::bare_volumes(&stage.client, count).await?;
    line("bare client: PersistentVolumes accepted", &before);
    let (backlogged, backlog) = backlog(&stage, &seen, count).await?;
    line("controller alone, from a backlog: PV made", &backlog);
    let after = crowd::bare_volumes(&stage.client, count).await?;
    line("bare client again", &after);
    stage.cluster.resume_controller_manager()?;
    seen.bound(&backlogged.uids, PATIENCE).await?;
    stage.rest().await?;

    let mut costs = Vec::new();
    let claims = measure(&stage, &seen, async || {
        stage.crowd().ordinary(names("claim", count)).await
    })
    .await?;
    claims.print("claims");
    costs.push(("an ordinary claim", claims.cost()));

    let owner = stage.crowd().shared(names("owner", 1)).await?;
    seen.bound(&owner.uids, PATIENCE).await?;
    stage.refer_to(&names("owner", 1)).await?;
    stage.rest().await?;
    let pairs: Vec<_> = names("member", members)
        .into_iter()
        .map(|name| (name, "owner-0".to_owned()))
        .collect();
    let joins = measure(&stage, &seen, async || stage.crowd().joining(pairs.clone()).await).await?;
    joins.print("members of one volume");
    costs.push(("a join, all to one volume", joins.cost()));

    let owners = stage.crowd().shared(names("single", volumes)).await?;
    seen.bound(&owners.uids, PATIENCE).await?;
    stage.refer_to(&names("single", volumes)).await?;
    stage.rest().await?;
    let pairs: Vec<_> = names("joins", volumes)
        .into_iter()
        .zip(names("single", volumes))
        .collect();
    let singles = measure(&stage, &seen, async || stage.crowd().joining(pairs.clone()).await).await?;
    singles.print("members of a volume each");
    costs.push(("a join, each to its own volume", singles.cost()));

    println!(
        "\n{:<44} {:>9} {:>9} {:>9} {:>9}",
        "requests of the controller for", "PV writes", "events", "reads", "others"
    );
    for (what, cost) in &costs {
        println!("{what:<44} {cost}");
    }
    if std::env::var_os("VERBOSE").is_some() {
        for (what, cost) in &costs {
            println!("\n{what}:\n{}", cost.requests());
        }
    }
    let bare = f64::midpoint(before.per_second(), after.per_second());
    println!("\nPersistentVolumes in a second, ours to the bare client's ({bare:.1}):");
    println!(
        "  controller alone, from a backlog   {:.2}",
        backlog.per_second() / bare
    );
    println!(
        "  all at once, to the PV             {:.2}",
        claims.made.per_second() / bare
    );
    println!(
        "  all at once, to Bound              {:.2}",
        claims.bound.per_second() / bare
    );
    controller.stop(Duration::from_secs(10)).await?;
    stage.cluster.stop().await
}

fn line(what: &str, timing: &Timing) {
    println!("{what:<44} {timing}");
}

/// What was measured of some claims.
struct Measured {
    accepted: Timing,
    made: Timing,
    bound: Timing,
    requests: Requests,
}

impl Measured {
    fn print(&self, what: &str) {
        line(&format!("{what}: accepted"), &self.accepted);
        line(&format!("{what}: to the PV"), &self.made);
        line(&format!("{what}: to Bound"), &self.bound);
    }

    fn cost(&self) -> Cost {
        Cost::of(self.requests.clone(), self.made.count())
    }
}

async fn measure(stage: &Stage, seen: &Sightings, make: impl AsyncFn() -> Result<Claims>) -> Result<Measured> {
    let mark = stage.audit.mark()?;
    let claims = make().await?;
    let made = seen.volumes(&claims.uids, PATIENCE).await?;
    let bound = seen.bound(&claims.uids, PATIENCE).await?;
    stage.rest().await?;
    let since = |ends: Vec<Instant>| Timing::of(claims.from, claims.accepted.iter().copied().zip(ends));
    let asked = claims.accepted.iter().map(|end| (claims.from, *end));
    Ok(Measured {
        accepted: Timing::of(claims.from, asked),
        made: since(made),
        bound: since(bound),
        requests: stage.audit.since(mark)?,
    })
}

/// Claims that wait for nothing but their class, and no controller manager: the controller's own pace.
async fn backlog(stage: &Stage, seen: &Sightings, count: usize) -> Result<(Claims, Timing)> {
    let crowd = stage.crowd().of_class(BACKLOG);
    let claims = crowd.asked(names("backlog", count)).await?;
    let from = Instant::now();
    stage.make_class(BACKLOG).await?;
    let made = seen.volumes(&claims.uids, PATIENCE).await?;
    stage.rest().await?;
    Ok((claims, Timing::of(from, made.into_iter().map(|end| (from, end)))))
}
