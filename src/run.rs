//! The composition root of `tombolo run`: connect, lead, load, watch, work; and end in the opposite order.
//!
//! The only place that starts tasks. Nothing is decided before the ledger is trusted or rebuilt and every cache is filled.

use crate::admin::{Admin, readiness::Readiness};
use crate::api::storage_backend::StorageBackend;
use crate::backends::Registry;
use crate::cli::{Common, RunArgs};
use crate::controllers::backends::wake_everything_that_waits;
use crate::controllers::context::{Context, Locks};
use crate::controllers::copies::{Copies, copy_on};
use crate::controllers::purges::{Purging, purge_on};
use crate::controllers::retry::Retries;
use crate::controllers::work_on;
use crate::domain::backend::Limits;
use crate::domain::ids::BackendName;
use crate::domain::record::State;
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
use crate::observe::roots::{Root, RootState, Roots};
use crate::observe::watches::{Feed, watch_each};
use crate::observe::work::Work;
use crate::plan::rebuild;
use crate::report::events::Publisher;
use crate::report::memory::Memory;
use crate::telemetry::LogLevel;
use anyhow::Context as _;
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, ResourceExt};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tombolo_backend_api::{BackendId, Capabilities};

/// How long claims wait at the start for backends to answer.
const FIRST_LOOK: std::time::Duration = std::time::Duration::from_secs(5);

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
            told_to_end().await;
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

async fn told_to_end() {
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        return std::future::pending().await;
    };
    tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
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
    let lease = KubeLease::connect(config, &args.lease_namespace())?;
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
    let mut synced = watch_everything(&mut tasks, client, args, &feed);
    for one in &mut synced {
        one.wait_for(|synced| *synced).await.context("a watch ended")?;
    }
    settle_ledger(&*ledger, &*cluster, leadership, metrics).await?;

    let clock: Arc<dyn Clock> = Arc::new(WallClock);
    let (publisher, publishing) = Publisher::new(client.clone(), args.process_name(), clock.clone(), metrics.clone());
    let roots = Arc::new(Roots::default());
    tasks.spawn(publishing);
    let ctx = Context {
        ports: Ports {
            cluster,
            ledger: ledger.clone(),
            storage: roots.clone(),
            audience: Arc::new(Memory::before(Arc::new(publisher), clock.clone())),
            clock: clock.clone(),
        },
        caches,
        roots,
        drivers: Arc::new(Registry),
        queue: queue.clone(),
        locks: Arc::new(Locks::default()),
        purges: Arc::default(),
        copies: Arc::new(Copies::new(args.copies(leadership))),
        reservations: Arc::default(),
        verdicts: Arc::default(),
        publication: Arc::new(Statuses::new(client.clone(), clock)),
        metrics: metrics.clone(),
        cluster_id: cluster_id(client).await?,
        retries: Arc::new(Retries::default()),
        hopeless: CancellationToken::new(),
        sweep_interval: args.sweep_interval,
    };
    watch_backends(&mut tasks, client, &ctx).await?;
    first_look_at_backends(&ctx).await;
    ctx.wake(Work::Sweep);
    for _ in 0..args.workers {
        tasks.spawn(work_on(ctx.clone()));
    }
    tasks.spawn(purge_on(Purging::of(&ctx)));
    tasks.spawn(copy_on(ctx.clone()));
    tasks.spawn(gauge(ctx.clone()));
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

/// Figures that nothing else brings up to date.
async fn gauge(ctx: Context) {
    let mut tick = tokio::time::interval(std::time::Duration::from_secs(10));
    loop {
        tick.tick().await;
        let records = ctx.ports.ledger.all();
        let members = records.iter().map(|r| r.members.len()).sum();
        let soft_deleted = records.iter().filter(|r| r.state == State::SoftDeleted).count();
        ctx.metrics
            .ledger(members, soft_deleted, ctx.ports.ledger.open_intents().len());
        let (running, waiting) = ctx.copies.figures();
        ctx.metrics.copies(running, waiting);
        ctx.metrics.stuck(crate::controllers::shared_volumes::stuck(&ctx));
        for (subject, depth) in crate::controllers::depths(&ctx.queue) {
            ctx.metrics.queue_depth(subject, depth);
        }
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

fn watch_everything(
    tasks: &mut JoinSet<()>,
    client: &Client,
    args: &RunArgs,
    feed: &Feed,
) -> Vec<watch::Receiver<bool>> {
    let mut waiting = Vec::new();
    let mut synced = || {
        let (sender, receiver) = watch::channel(false);
        waiting.push(receiver);
        sender
    };
    tasks.spawn(feed.clone().claims(client.clone(), synced()));
    tasks.spawn(feed.clone().pvs(client.clone(), synced()));
    tasks.spawn(feed.clone().classes(client.clone(), synced()));
    tasks.spawn(feed.clone().namespaces(client.clone(), synced()));
    tasks.spawn(feed.clone().volume_references(client.clone(), synced()));
    if args.trident_references {
        // Not waited for: its definition may never be installed.
        tasks.spawn(feed.clone().trident_references(client.clone(), watch::channel(false).0));
    }
    waiting
}

async fn watch_backends(tasks: &mut JoinSet<()>, client: &Client, ctx: &Context) -> anyhow::Result<()> {
    let (sender, mut synced) = watch::channel(false);
    let seen = ctx.clone();
    let each = move |object: StorageBackend, there: bool| {
        let name = BackendName::new(object.name_any());
        if there {
            let before = seen.roots.get(&name);
            let now = root(&object, before.clone());
            let admits = before
                .as_ref()
                .is_some_and(|b| b.labels != now.labels || b.limits != now.limits);
            // Most events are our own statuses, and a look at a backend writes one.
            let news = before.as_ref().is_none_or(|before| !before.is_written_as(&now));
            let ages = before.is_some_and(|before| before.retention != now.retention);
            seen.roots.put(name.clone(), now);
            if admits {
                wake_everything_that_waits(&seen);
            }
            if ages {
                seen.wake(Work::Trash(name.clone()));
            }
            if news {
                seen.wake(Work::Backend(name));
            }
        } else {
            seen.roots.remove(&name);
            seen.metrics.forget_backend(&name);
        }
    };
    let gone = {
        let seen = ctx.clone();
        move |there: &BTreeSet<String>| {
            for name in seen
                .roots
                .names()
                .into_iter()
                .filter(|name| !there.contains(name.as_str()))
            {
                seen.roots.remove(&name);
                seen.metrics.forget_backend(&name);
            }
        }
    };
    tasks.spawn(watch_each(client.clone(), each, gone, sender));
    synced
        .wait_for(|synced| *synced)
        .await
        .context("the watch of StorageBackends ended")?;
    Ok(())
}

/// Before the first claim is looked at, so that none is told of a backend that nobody has asked yet. One that does not answer
/// soon is told of, and looked at again like everything else.
async fn first_look_at_backends(ctx: &Context) {
    let looks = ctx.roots.names().into_iter().map(|name| async move {
        let look = crate::controllers::backends::reconcile(ctx, &name);
        if let Ok(Err(error)) = tokio::time::timeout(FIRST_LOOK, look).await {
            tracing::warn!(backend = %name, %error, "the first look at a backend failed");
        }
    });
    futures::future::join_all(looks).await;
}

/// A backend as its object describes it, with what is known of it already.
fn root(object: &StorageBackend, before: Option<Root>) -> Root {
    let spec = &object.spec;
    let limits = Limits::from(spec.limits.as_ref());
    let retention = spec.trash_retention().unwrap_or(std::time::Duration::MAX);
    let status = object.status.clone().unwrap_or_default();
    let id = status.backend_id.as_deref().and_then(BackendId::parse);
    let labels = object.metadata.labels.clone().unwrap_or_default();
    let terminating = object.metadata.deletion_timestamp.is_some();
    match before {
        Some(before) if before.spec.driver() == spec.driver() => Root {
            spec: spec.clone(),
            labels,
            limits,
            retention,
            terminating,
            id: before.id.clone().or(id),
            ..before
        },
        before => Root {
            spec: spec.clone(),
            driver: None,
            // A root has an id only if its driver was asked once.
            capabilities: id.is_some().then(|| Capabilities::of_names(&status.capabilities)),
            labels,
            limits,
            node: None,
            terminating,
            retention,
            id: before.and_then(|before| before.id).or(id),
            state: RootState::Degraded(crate::api::reasons::BackendReason::Degraded, "not looked at yet".into()),
            space: None,
            pinned: 0,
        },
    }
}

#[cfg(test)]
mod tests;
