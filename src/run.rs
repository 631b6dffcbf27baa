//! The composition root of `tombolo run`: connect, lead, load, watch, work; and end in the opposite order.
//!
//! The only place that starts tasks. Nothing is decided before the ledger is trusted or rebuilt and every cache is filled.

use crate::admin::{Admin, readiness::Readiness};
use crate::backends::{Registry, Secrets};
use crate::cli::{Common, RunArgs};
use crate::controllers::contents::take_on;
use crate::controllers::context::{Context, Locks};
use crate::controllers::copies::{Copies, copy_on};
use crate::controllers::purges::{Purging, purge_on};
use crate::controllers::retry::Retries;
use crate::controllers::work_on;
use crate::execute::api_server::ApiServer;
use crate::execute::cluster::Cluster;
use crate::execute::publication::Statuses;
use crate::execute::{Clock, Ports, gate};
use crate::leader::elect::{Elector, Term};
use crate::leader::store::KubeLease;
use crate::leader::{Leadership, Timing};
use crate::ledger::{self, Ledger, sled::SledLedger};
use crate::metrics::Metrics;
use crate::observe::queue::Queue;
use crate::observe::roots::Roots;
use crate::observe::watches::Feed;
use crate::observe::work::Work;
use crate::plan::rebuild;
use crate::report::events::Publisher;
use crate::report::memory::Memory;
use crate::telemetry::LogLevel;
use anyhow::Context as _;
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, ResourceExt};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

mod backends;
mod ending;
mod gauges;
mod registering;
mod watching;

/// Time of day.
struct WallClock;

impl Clock for WallClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the clock")]
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::now()
    }
}

/// Runs the controller until it is told to end, or may no longer lead.
///
/// # Errors
/// Whatever makes it impossible to begin or to go on.
pub async fn run(common: &Common, args: &RunArgs, log: LogLevel) -> anyhow::Result<()> {
    let stop = CancellationToken::new();
    let config = common.kube_config().await.context("no cluster to talk to")?;
    let client = gate::client(config.clone())?;
    let (readiness, metrics) = (Readiness::new(), Metrics::new());
    metrics.started(WallClock.now());
    let mut tasks = JoinSet::new();
    let listener = TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("cannot listen on {}", args.listen))?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    let admin = Admin {
        readiness: readiness.clone(),
        metrics: metrics.clone(),
        log,
    };
    let (served, admin_stop) = (stop.clone(), stop.clone());
    tasks.spawn(async move {
        if let Err(error) = admin.serve(listener, admin_stop).await {
            tracing::error!(%error, "the admin address failed");
        }
        served.cancel();
    });
    let ending = CancellationToken::new();
    tasks.spawn({
        let ending = ending.clone();
        async move {
            ending::told().await;
            tracing::info!("told to end");
            ending.cancel();
        }
    });
    let ended = tokio::select! {
        ended = lead(&client, &config, args, &readiness, &metrics, &ending) => ended,
        () = stop.cancelled() => Err(anyhow::anyhow!("the admin address failed")),
    };
    metrics.leading(false);
    stop.cancel();
    tasks.shutdown().await;
    ended
}

async fn lead(
    client: &Client,
    config: &kube::Config,
    args: &RunArgs,
    readiness: &Readiness,
    metrics: &Metrics,
    ending: &CancellationToken,
) -> anyhow::Result<()> {
    if !args.leader_election {
        return tokio::select! {
            ended = work(client, args, &Leadership::Alone, readiness, metrics) => ended,
            () = ending.cancelled() => Ok(()),
        };
    }
    let lease = KubeLease::connect(config, &args.own_namespace())?;
    let timing = Timing::default();
    tracing::info!("waiting for the Lease");
    // To wait is the job of one that waits. An upgrade waits for the new pod to be ready, which waits for the old one to go.
    readiness.ready("election");
    let mut term: Term<_> = tokio::select! {
        term = Elector::new(lease, args.new_identity(), timing).acquire() => term,
        () = ending.cancelled() => return Ok(()),
    };
    let leadership = term.leadership().clone();
    let ended = tokio::select! {
        lost = term.keep() => return Err(anyhow::Error::new(lost).context("the Lease was lost")),
        ended = work(client, args, &leadership, readiness, metrics) => ended,
        () = ending.cancelled() => Ok(()),
    };
    // Nothing of ours runs any more, and the next one need not wait until the term runs out.
    if let Err(error) = term.release().await {
        tracing::warn!(%error, "the Lease was not released");
    }
    ended
}

/// Everything a leader does.
async fn work(
    client: &Client,
    args: &RunArgs,
    leadership: &Leadership,
    readiness: &Readiness,
    metrics: &Metrics,
) -> anyhow::Result<()> {
    metrics.leading(true);
    readiness.not_ready("working", "the cluster is being read");
    let ledger = open_ledger(args).await?;
    let queue = Arc::new(Queue::default());
    let caches = crate::observe::gather::Caches::default();
    let feed = Feed::new(caches.clone(), queue.clone());
    let written = feed.clone();
    let cluster = Arc::new(ApiServer::new(client.clone()).echoing(move |pv| written.pv_written(pv)));
    let mut tasks = JoinSet::new();
    let populators = watching::begin(&mut tasks, client, args, &feed).await?;
    tasks.spawn(registering::follow(client.clone(), caches.clone(), populators));
    settle_ledger(&*ledger, &*cluster, leadership, metrics).await?;

    let clock: Arc<dyn Clock> = Arc::new(WallClock);
    let (publisher, publishing) = Publisher::new(client.clone(), args.process_name(), clock.clone(), metrics.clone());
    let roots = Arc::new(Roots::default());
    tasks.spawn(publishing);
    let statuses = Arc::new(Statuses::new(client.clone(), clock.clone()));
    let ctx = Context {
        ports: Ports {
            snapshots: cluster.clone(),
            cluster,
            ledger: ledger.clone(),
            storage: roots.clone(),
            audience: Arc::new(Memory::before(Arc::new(publisher), clock.clone())),
            clock: clock.clone(),
        },
        caches,
        roots,
        nodes: Arc::default(),
        drivers: Arc::new(Registry {
            secrets: Some(Secrets::of(client.clone(), args.own_namespace())),
        }),
        queue: queue.clone(),
        locks: Arc::new(Locks::default()),
        purges: Arc::default(),
        copies: Arc::new(Copies::new(args.copies(leadership))),
        takes: Arc::default(),
        refusals: Arc::default(),
        reservations: Arc::default(),
        verdicts: Arc::default(),
        revocations: statuses.clone(),
        publication: statuses,
        metrics: metrics.clone(),
        cluster_id: cluster_id(client).await?,
        retries: Arc::new(Retries::default()),
        hopeless: CancellationToken::new(),
        sweep_interval: args.sweep_interval,
        revoke_grace: args.revoke_grace,
        validates: args.validator,
        idle_exports: Arc::default(),
        given: Arc::default(),
    };
    backends::follow(&mut tasks, client, &ctx).await?;
    tasks.spawn(backends::follow_nodes(client.clone(), ctx.clone()));
    backends::first_look(&ctx).await;
    ctx.wake(Work::Sweep);
    for _ in 0..args.workers {
        tasks.spawn(work_on(ctx.clone()));
    }
    tasks.spawn(purge_on(Purging::of(&ctx)));
    tasks.spawn(copy_on(ctx.clone()));
    tasks.spawn(take_on(ctx.clone()));
    tasks.spawn(gauges::follow(ctx.clone()));
    tracing::info!(volumes = ledger.all().len(), "working");
    readiness.ready("working");
    tokio::select! {
        () = ctx.hopeless.cancelled() => Err(anyhow::anyhow!("the ledger's store has failed; it is opened anew at the next start")),
        ended = tasks.join_next() => match ended {
            Some(Err(error)) => Err(anyhow::Error::new(error).context("a task ended")),
            Some(Ok(())) | None => Err(anyhow::anyhow!("a task ended")),
        },
    }
}

async fn open_ledger(args: &RunArgs) -> anyhow::Result<Arc<dyn Ledger>> {
    let directory = args.data_dir.join("ledger");
    // Recovery reads the whole store.
    let opened = tokio::task::spawn_blocking(move || SledLedger::open(&directory))
        .await?
        .context("the ledger cannot be opened")?;
    if let ledger::Condition::Recovered { moved_to, why } = &opened.condition {
        tracing::warn!(%why, moved_to = %moved_to.display(), "the ledger could not be read; it will be rebuilt");
    }
    let (volumes, open_steps) = (opened.ledger.all().len(), opened.ledger.open_intents().len());
    tracing::info!(volumes, open_steps, "the ledger is open");
    Ok(Arc::new(opened.ledger))
}

/// Trusts the ledger, or rebuilds it from the cluster, and signs it: all before anything is decided.
async fn settle_ledger(
    ledger: &dyn Ledger,
    cluster: &dyn Cluster,
    leadership: &Leadership,
    metrics: &Metrics,
) -> anyhow::Result<()> {
    if let Some(doubt) = leadership.doubts(ledger) {
        let records = rebuild::records(&cluster.pvs().await?);
        tracing::info!(%doubt, volumes = records.len(), "rebuilding the ledger from the cluster");
        metrics.ledger_rebuilt(doubt.into());
        ledger.replace_all(records).await?;
    }
    Ok(ledger.set_epoch(leadership.signature()).await?)
}

/// Which cluster this is: the UID of namespace `kube-system`.
///
/// # Errors
/// If the namespace cannot be read.
pub async fn cluster_id(client: &Client) -> anyhow::Result<tombolo_backend_api::ClusterId> {
    let namespace = Api::<Namespace>::all(client.clone())
        .get("kube-system")
        .await
        .context("namespace kube-system")?;
    namespace
        .uid()
        .map(tombolo_backend_api::ClusterId)
        .context("namespace kube-system has no UID")
}

#[cfg(test)]
mod tests;
